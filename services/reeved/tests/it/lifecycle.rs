//! Starting beside another, stopping, and a sidecar in a process of its own.

use std::fs;
use std::time::Duration;

use reeve_api::admission::{AdmitRequest, Verdict, admission_service_client::AdmissionServiceClient};
use reeve_api::identity::{
    CreateRobotRequest, CreateTokenRequest, WhoAmIRequest, robot_service_client::RobotServiceClient,
    token_service_client::TokenServiceClient,
};
use reeve_api::policy::{WorkloadConfig, workload_config::Form};
use tokio::time::timeout;
use tonic::transport::Endpoint;

use crate::client::{Client, PASSWORD};
use crate::process::{Running, ended, reeved, up};

/// How long a drain may take that has nothing to wait for.
const DRAIN: Duration = Duration::from_secs(5);

#[tokio::test]
async fn a_second_one_on_the_same_folder_is_refused_with_the_reason_and_the_first_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut command = up(&data);
    command.env("REEVE_INITIAL_PASSWORD", PASSWORD);
    let mut first = Running::start(command).await;
    let admin = Client::sign_in(first.address(), "admin", PASSWORD).await.unwrap();
    for attempt in 0..3 {
        let second = ended(up(&data));
        assert_eq!(second.status.code(), Some(1), "{second:?}");
        assert!(second.err.contains(&*data.to_string_lossy()), "{second:?}");
        assert!(second.err.contains("is already open"), "{second:?}");
        assert!(!second.out.contains("ready"), "{second:?}");
        admin.make_user(&format!("meanwhile-{attempt}")).await.unwrap();
    }
    assert!(first.is_running());
    admin.make_workspace("vision").await.unwrap();
    assert!(first.socket().exists(), "the socket is still the first one's");
    first.terminate();
    assert!(first.end().await.status.success());
    Running::start(up(&data)).await;
}

#[tokio::test]
async fn asked_to_stop_it_drains_and_ends_well() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = up(&folder.path().join("data"));
    command.env("REEVE_INITIAL_PASSWORD", PASSWORD);
    let running = Running::start(command).await;
    let admin = Client::sign_in(running.address(), "admin", PASSWORD).await.unwrap();
    // a feed is open, which would never end by itself
    let watch = reeve_api::feed::WatchRequest::default();
    let channel = Endpoint::from_shared(format!("http://{}", running.address())).unwrap().connect().await.unwrap();
    let mut feed = reeve_api::feed::feed_service_client::FeedServiceClient::new(channel);
    let mut feed = feed.watch(admin.bearing(watch)).await.unwrap().into_inner();
    feed.message().await.unwrap().unwrap();
    running.terminate();
    let ended = timeout(DRAIN, running.end()).await.expect("a drain without anything to wait for");
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
}

#[tokio::test]
async fn an_address_in_use_is_refused_with_the_address() {
    let folder = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let mut command = reeved(["up", "--listen", &address, "--data"]);
    command.arg(folder.path().join("data"));
    let refused = ended(command);
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    assert!(refused.err.contains(&address), "{refused:?}");
}

#[tokio::test]
async fn a_sidecar_in_its_own_process_answers_from_the_feed() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = up(&folder.path().join("data"));
    command.env("REEVE_INITIAL_PASSWORD", PASSWORD);
    let running = Running::start(command).await;
    let admin = Client::sign_in(running.address(), "admin", PASSWORD).await.unwrap();
    let channel = Endpoint::from_shared(format!("http://{}", running.address())).unwrap().connect().await.unwrap();
    let robot = CreateRobotRequest { name: "beside".to_owned(), ..Default::default() };
    RobotServiceClient::new(channel.clone()).create_robot(admin.bearing(robot)).await.unwrap();
    admin.bind("robot:beside", "sidecar", "cluster").await.unwrap();
    let token = CreateTokenRequest { robot: "beside".to_owned(), ttl: None };
    let token = TokenServiceClient::new(channel).create_token(admin.bearing(token)).await.unwrap().into_inner().token;

    let (socket, file) = (folder.path().join("sidecar.sock"), folder.path().join("sidecar.toml"));
    fs::write(folder.path().join("token"), format!("{token}\n")).unwrap();
    let [socket_text, token_file] = [&socket, &folder.path().join("token")].map(|path| path.display().to_string());
    let address = running.address();
    let config = format!(
        "[sidecar]\nsocket = {socket_text:?}\nupstreams = [\"http://{address}\"]\ntoken_file = {token_file:?}\n"
    );
    fs::write(&file, config).unwrap();
    let mut command = reeved(["sidecar", "--config"]);
    command.arg(&file);
    let sidecar = Running::start(command).await;
    assert_eq!(sidecar.ready, format!("ready socket={socket_text}"));
    let beside = Endpoint::from_shared(format!("unix:{socket_text}")).unwrap().connect().await.unwrap();
    let request = AdmitRequest {
        workspace: "default".to_owned(),
        workload_type: "experiment".to_owned(),
        config: Some(WorkloadConfig { form: Some(Form::Text("name: x".to_owned())) }),
        ..Default::default()
    };
    let answer = AdmissionServiceClient::new(beside).admit(admin.bearing(request)).await.unwrap().into_inner();
    assert_eq!((answer.verdict(), answer.principal.as_str()), (Verdict::Allow, "user:admin"));
    // what it does not answer it forwards
    let beside = Endpoint::from_shared(format!("unix:{socket_text}")).unwrap().connect().await.unwrap();
    let mut sessions = reeve_api::identity::session_service_client::SessionServiceClient::new(beside);
    let known = sessions.who_am_i(admin.bearing(WhoAmIRequest::default())).await.unwrap().into_inner();
    assert_eq!(known.principal, "user:admin");
    sidecar.terminate();
    assert_eq!(timeout(DRAIN, sidecar.end()).await.unwrap().status.code(), Some(0));
}
