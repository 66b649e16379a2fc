//! All of the state, moved: from a folder into etcd and back, every answer the same.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use reeve_api::admission::{AdmitRequest, admission_service_client::AdmissionServiceClient};
use reeve_api::agentmap::agent_user_service_client::AgentUserServiceClient;
use reeve_api::agentmap::{AgentUser, LinkUserRequest, ResolveAgentUserRequest};
use reeve_api::api::{Consistency, consistency::Requirement};
use reeve_api::identity::{ListUsersRequest, LoginRequest, RefreshRequest};
use reeve_api::policy::decision_service_client::DecisionServiceClient;
use reeve_api::policy::{
    CheckRequest, ListBindingsRequest, ListWorkspacesRequest, WorkloadConfig, workload_config::Form,
};
use reeve_chassis::{OsEntropy, SystemClock};
use reeve_store::{Embedded, EmbeddedOptions, Store};
use tonic::Code;

use crate::apart::{Ground, reason};
use crate::client::{Client, PASSWORD};
use crate::process::{Running, ended, reeved, up};

/// `reeved state …` on a folder.
pub(crate) fn on_folder(what: &str, data: &Path) -> Command {
    let mut command = reeved(["state", what, "--data"]);
    command.arg(data);
    command
}

/// Runs a command that does what it should.
pub(crate) fn done(command: Command) -> String {
    let ended = ended(command);
    assert!(ended.status.success(), "{ended:?}");
    ended.out
}

/// Every key of a folder's store with its value.
pub(crate) async fn content(data: &Path) -> BTreeMap<String, Vec<u8>> {
    let (clock, entropy) = (Arc::new(SystemClock::new()), Arc::new(OsEntropy));
    let store = Embedded::open(data, clock, entropy, EmbeddedOptions::default()).unwrap();
    let mut found = BTreeMap::new();
    let mut after = None;
    loop {
        let page = store.list("", after.as_ref(), 1000, None).await.unwrap();
        after = page.items.last().map(|item| item.key.clone());
        found.extend(page.items.into_iter().map(|item| (item.key.to_string(), item.value.to_vec())));
        if !page.more {
            return found;
        }
    }
}

/// A session as somebody keeps it.
struct Kept {
    refresh_token: String,
    consistency_token: String,
}

async fn kept(client: &Client) -> Kept {
    let request = LoginRequest { username: "ada".to_owned(), password: PASSWORD.to_owned(), ..Default::default() };
    let answer = client.sessions().login(request).await.unwrap().into_inner();
    let refresh_token = answer.tokens.unwrap().refresh_token;
    Kept { refresh_token, consistency_token: answer.consistency_token }
}

/// Users, workspaces, bindings, a link.
async fn fill(client: &Client) {
    for name in ["ada", "bob", "eve"] {
        client.make_user(name).await.unwrap();
    }
    for name in ["vision", "speech"] {
        client.make_workspace(name).await.unwrap();
    }
    client.bind("user:ada", "editor", "workspaces/vision").await.unwrap();
    client.bind("user:bob", "viewer", "workspaces/speech").await.unwrap();
    let agent_user = AgentUser {
        uid: Some(4711),
        user: "ada".to_owned(),
        gid: Some(4712),
        group: "science".to_owned(),
        ..Default::default()
    };
    let link = LinkUserRequest { username: "ada".to_owned(), agent_user: Some(agent_user), allow_shared: false };
    AgentUserServiceClient::new(client.channel()).link_user(client.bearing(link)).await.unwrap();
}

/// What is answered, without what says when and from where.
async fn answers(client: &Client) -> Vec<String> {
    let mut said = Vec::new();
    let mut users = client.users().list_users(client.bearing(ListUsersRequest::default())).await.unwrap().into_inner();
    users.revision = 0;
    said.push(format!("{users:?}"));
    let request = client.bearing(ListWorkspacesRequest::default());
    let mut workspaces = client.workspaces().list_workspaces(request).await.unwrap().into_inner();
    workspaces.revision = 0;
    said.push(format!("{workspaces:?}"));
    for resource in ["workspaces/vision", "workspaces/speech", "workspaces/default"] {
        let request = ListBindingsRequest { resource: resource.to_owned(), ..Default::default() };
        let mut bindings = client.bindings().list_bindings(client.bearing(request)).await.unwrap().into_inner();
        bindings.revision = 0;
        said.push(format!("{bindings:?}"));
        for principal in ["user:ada", "user:bob", "user:eve", "user:admin"] {
            let request = CheckRequest {
                principal: principal.to_owned(),
                permission: "workload.submit".to_owned(),
                resource: resource.to_owned(),
                ..Default::default()
            };
            let decisions = &mut DecisionServiceClient::new(client.channel());
            let mut decided = decisions.check(client.bearing(request)).await.unwrap().into_inner();
            (decided.revision, decided.age) = (0, None);
            said.push(format!("{decided:?}"));
        }
    }
    let ada = client.as_user("ada").await;
    for (who, workspace) in [(&ada, "vision"), (&ada, "speech")] {
        let request = ResolveAgentUserRequest { workspace: workspace.to_owned(), ..Default::default() };
        let resolved = AgentUserServiceClient::new(client.channel()).resolve_agent_user(who.bearing(request)).await;
        said.push(format!(
            "{:?}",
            resolved.map(|answer| answer.into_inner().agent_user).map_err(|status| status.code())
        ));
        let request = AdmitRequest {
            workspace: workspace.to_owned(),
            workload_type: "experiment".to_owned(),
            config: Some(WorkloadConfig { form: Some(Form::Text("name: x".to_owned())) }),
            ..Default::default()
        };
        let admissions = &mut AdmissionServiceClient::new(client.channel());
        let mut admitted = admissions.admit(who.bearing(request)).await.unwrap().into_inner();
        (admitted.revision, admitted.age) = (0, None);
        said.push(format!("{admitted:?}"));
    }
    said
}

/// What was given out goes on; a consistency token is of another store now.
async fn is_continued(client: &Client, kept: &Kept) -> String {
    let request = RefreshRequest { refresh_token: kept.refresh_token.clone() };
    let refreshed = client.sessions().refresh(request).await.unwrap().into_inner();
    is_foreign(client, &kept.consistency_token).await;
    refreshed.tokens.unwrap().refresh_token
}

async fn is_foreign(client: &Client, token: &str) {
    let consistency = Some(Consistency { requirement: Some(Requirement::AtLeastAsFresh(token.to_owned())) });
    let request = ListUsersRequest { consistency, ..Default::default() };
    let refused = client.users().list_users(client.bearing(request)).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::FailedPrecondition, "FOREIGN_TOKEN"), "{refused:?}");
}

#[tokio::test]
async fn from_a_folder_into_etcd_and_back_every_answer_is_the_same() {
    let ground = Ground::new(1).await;
    let folder = tempfile::tempdir().unwrap();
    let [first, second, there, back] = ["first", "second", "there", "back"].map(|name| folder.path().join(name));
    let up_on = |data: &Path| {
        let mut command = up(data);
        command.env("REEVE_CLUSTER_KEY", &ground.key).env("REEVE_INITIAL_PASSWORD", PASSWORD);
        command.env("REEVE_ROOT_TOKEN", &ground.root_token);
        command
    };
    let running = Running::start(up_on(&first)).await;
    let root = Client::with_token(running.address(), &ground.root_token).await;
    fill(&root).await;
    let mut kept = kept(&root).await;
    let expected = answers(&root).await;
    running.terminate();
    assert!(running.end().await.status.success());

    let mut export = on_folder("export", &first);
    export.env("REEVE_CLUSTER_KEY", &ground.key).arg("--out").arg(&there);
    done(export);
    assert_eq!(fs::metadata(&there).unwrap().permissions().mode() & 0o777, 0o600);
    done(ground.state(&["import", "--in", there.to_str().unwrap()]));
    done(ground.state(&["export", "--out", back.to_str().unwrap()]));
    let mut import = on_folder("import", &second);
    import.env("REEVE_CLUSTER_KEY", &ground.key).arg("--in").arg(&back);
    done(import);
    assert_eq!(content(&first).await, content(&second).await);

    // the services on etcd, all of them through one address
    let (policy, agentmap) = (ground.start("policy").await, ground.start("agentmap").await);
    let mut identity = ground.later("identity");
    for (owner, at) in [("POLICY", policy.address()), ("AGENTMAP", agentmap.address())] {
        identity.env(format!("REEVE_SERVICES__{owner}"), format!("[\"http://{at}\"]"));
    }
    let identity = Running::start(identity).await;
    let root = Client::with_token(identity.address(), &ground.root_token).await;
    assert_eq!(answers(&root).await, expected);
    is_continued(&root, &kept).await;
    // and the folder that came back; its session is as it was exported
    let running = Running::start(up_on(&second)).await;
    let root = Client::with_token(running.address(), &ground.root_token).await;
    assert_eq!(answers(&root).await, expected);
    kept.refresh_token = is_continued(&root, &kept).await;
    assert!(!kept.refresh_token.is_empty());
}

#[tokio::test]
async fn after_a_new_epoch_tokens_of_before_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let start = || {
        let mut command = up(&data);
        command.env("REEVE_INITIAL_PASSWORD", PASSWORD);
        command
    };
    let running = Running::start(start()).await;
    let admin = Client::sign_in(running.address(), "admin", PASSWORD).await.unwrap();
    admin.make_user("ada").await.unwrap();
    let before = kept(&admin).await;
    running.terminate();
    assert!(running.end().await.status.success());
    assert!(done(on_folder("new-epoch", &data)).contains("epoch 1"));
    let running = Running::start(start()).await;
    // sessions go on
    let request = RefreshRequest { refresh_token: before.refresh_token };
    let admin = Client::sign_in(running.address(), "admin", PASSWORD).await.unwrap();
    admin.sessions().refresh(request).await.unwrap();
    is_foreign(&admin, &before.consistency_token).await;
}
