//! What a stranger's tools find: reflection in both versions, and the main job with nothing but a bearer token.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use tokio_stream::StreamExt as _;
use tonic_reflection::pb::{v1, v1alpha};

use crate::cluster::{Cluster, PASSWORD};
use crate::deployment::Deployment;
use crate::raw;

tests! {
    [
        buf_lists_every_service_and_does_the_main_job_with_a_bearer_token,
        both_versions_of_reflection_list_exactly_what_is_served,
        both_versions_of_reflection_find_the_file_of_every_service,
        a_sidecar_lists_what_it_answers_or_passes_on_and_no_more,
    ]
    on up = Deployment::Up, apart = Deployment::Apart(Door::Agentmap),
}

/// The services of every server beside those of the contract.
const OWN: &[&str] =
    &["grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"];

fn expected(on: Deployment) -> BTreeSet<String> {
    // apart, services speak with each other as well
    let services = if on == Deployment::Up { raw::services() } else { raw::contract().services().collect() };
    let services = services.iter().map(|service| service.full_name().to_owned()).collect::<Vec<_>>();
    services.into_iter().chain(OWN.iter().map(|name| (*name).to_owned())).collect()
}

/// The buf that `package-lock.json` pins.
fn buf() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let machine = if cfg!(target_arch = "aarch64") { "aarch64" } else { "x64" };
    let buf = root.join(format!("node_modules/@bufbuild/buf-linux-{machine}/bin/buf"));
    assert!(buf.is_file(), "{} is missing: run `scripts/setup.sh test`", buf.display());
    buf
}

/// Calls a method with buf, which knows nothing but what reflection says.
async fn curl(cluster: &Cluster, method: &str, token: &str, request: Value) -> Value {
    let mut command = Command::new(buf());
    command.args(["curl", "--protocol", "grpc", "--http2-prior-knowledge", "--data", &request.to_string()]);
    if !token.is_empty() {
        // reflection needs no token: only the call carries it
        command.args(["--header", &format!("authorization: Bearer {token}")]);
    }
    command.arg(format!("{}/{method}", cluster.url()));
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let (said, failed) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{method}: {failed}{said}");
    serde_json::from_str(&said).unwrap_or_else(|error| panic!("{method}: {error}: {said}"))
}

async fn buf_lists_every_service_and_does_the_main_job_with_a_bearer_token(on: Deployment) {
    let cluster = Cluster::start(on).await;
    let url = cluster.url();
    let mut command = Command::new(buf());
    command.args(["curl", "--protocol", "grpc", "--http2-prior-knowledge", "--list-services", &url]);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let listed: BTreeSet<String> = String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect();
    let of_reeve =
        |all: &BTreeSet<String>| all.iter().filter(|name| name.starts_with("reeve.")).cloned().collect::<Vec<_>>();
    assert_eq!(of_reeve(&listed), of_reeve(&expected(on)));

    let info = curl(&cluster, "reeve.identity.v1.AccessService/GetServerInfo", "", json!({})).await;
    assert_eq!(
        (info["accessState"].as_str(), info["storeKind"].as_str()),
        (Some("ACCESS_STATE_ACTIVE"), Some(cluster.store_kind()))
    );
    let login = json!({"username": "admin", "password": PASSWORD});
    let login = curl(&cluster, "reeve.identity.v1.SessionService/Login", "", login).await;
    let token = login["tokens"]["accessToken"].as_str().unwrap();
    let made = json!({"name": "vision", "description": "the vision team"});
    let made = curl(&cluster, "reeve.policy.v1.WorkspaceService/CreateWorkspace", token, made).await;
    assert_eq!(made["workspace"]["name"], "vision");
    let grants = json!({"grants": [{"principal": "user:reeve", "role": "editor", "resource": "workspaces/vision"}]});
    let bound = curl(&cluster, "reeve.policy.v1.BindingService/Bind", token, grants).await;
    let check = json!({
        "principal": "user:reeve", "permission": "workload.submit", "resource": "workspaces/vision",
        "consistency": {"atLeastAsFresh": bound["consistencyToken"]},
    });
    let check = curl(&cluster, "reeve.policy.v1.DecisionService/Check", token, check).await;
    assert_eq!((&check["allowed"], &check["reason"]["role"]), (&json!(true), &json!("editor")));
    let submission = json!({
        "workspace": "vision", "workloadType": "experiment",
        "config": {"text": "name: digits\nresources: {slots_per_trial: 2}\n"},
    });
    let answer = curl(&cluster, "reeve.admission.v1.AdmissionService/Admit", token, submission).await;
    assert_eq!((answer["verdict"].as_str(), answer["principal"].as_str()), (Some("VERDICT_ALLOW"), Some("user:admin")));
    assert_eq!(answer["effectiveConfig"]["text"], "name: digits\nresources: {slots_per_trial: 2}\n");
    assert_eq!(answer["agentUser"]["dockerUser"], "0:0");
}

macro_rules! listed_by {
    ($version:ident, $channel:expr, $request:expr) => {{
        use $version::server_reflection_client::ServerReflectionClient;
        let request = $version::ServerReflectionRequest { host: String::new(), message_request: Some($request) };
        let mut client = ServerReflectionClient::new($channel);
        let stream = client.server_reflection_info(tokio_stream::once(request)).await.unwrap();
        stream.into_inner().next().await.unwrap().unwrap().message_response.unwrap()
    }};
}

async fn both_versions_of_reflection_list_exactly_what_is_served(on: Deployment) {
    let cluster = Cluster::start(on).await;
    let channel = cluster.nobody().await.channel;
    let list = v1::server_reflection_request::MessageRequest::ListServices(String::new());
    let v1::server_reflection_response::MessageResponse::ListServicesResponse(found) =
        listed_by!(v1, channel.clone(), list)
    else {
        panic!("no list")
    };
    assert_eq!(found.service.into_iter().map(|service| service.name).collect::<BTreeSet<_>>(), expected(on));

    let list = v1alpha::server_reflection_request::MessageRequest::ListServices(String::new());
    let v1alpha::server_reflection_response::MessageResponse::ListServicesResponse(found) =
        listed_by!(v1alpha, channel, list)
    else {
        panic!("no list")
    };
    assert_eq!(found.service.into_iter().map(|service| service.name).collect::<BTreeSet<_>>(), expected(on));
}

async fn both_versions_of_reflection_find_the_file_of_every_service(on: Deployment) {
    let cluster = Cluster::start(on).await;
    let channel = cluster.nobody().await.channel;
    for name in expected(on) {
        let find = v1::server_reflection_request::MessageRequest::FileContainingSymbol(name.clone());
        let answer = listed_by!(v1, channel.clone(), find);
        let found = matches!(answer, v1::server_reflection_response::MessageResponse::FileDescriptorResponse(_));
        assert!(found, "{name}: {answer:?}");
        let find = v1alpha::server_reflection_request::MessageRequest::FileContainingSymbol(name.clone());
        let answer = listed_by!(v1alpha, channel.clone(), find);
        let found = matches!(answer, v1alpha::server_reflection_response::MessageResponse::FileDescriptorResponse(_));
        assert!(found, "{name}: {answer:?}");
    }
}

async fn a_sidecar_lists_what_it_answers_or_passes_on_and_no_more(on: Deployment) {
    let cluster = Cluster::start(on).await;
    let admin = cluster.admin().await;
    let sidecar = cluster.sidecar(&admin).await;
    let list = async |channel| -> BTreeSet<String> {
        let list = v1::server_reflection_request::MessageRequest::ListServices(String::new());
        let v1::server_reflection_response::MessageResponse::ListServicesResponse(found) =
            listed_by!(v1, channel, list)
        else {
            panic!("no list")
        };
        found.service.into_iter().map(|service| service.name).filter(|name| name.starts_with("reeve.")).collect()
    };
    let of_clients = raw::services().iter().map(|service| service.full_name().to_owned()).collect::<Vec<_>>();
    let passed_on = of_clients.into_iter().filter(|name| !name.starts_with("reeve.feed."));
    assert_eq!(list(sidecar.nobody().await.channel).await, passed_on.collect());
    if on == Deployment::Up {
        // its services are in the same process, at an address of their own
        let answered = ["reeve.admission.v1.AdmissionService", "reeve.policy.v1.DecisionService"];
        assert_eq!(list(cluster.beside().await.channel).await, answered.map(str::to_owned).into());
    }
}
