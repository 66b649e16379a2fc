//! How a server ends.

use std::time::Duration;

use reeve_api::feed::WatchRequest;
use reeve_api::feed::feed_service_client::FeedServiceClient;
use reeve_chassis::ServeError;
use reeve_chassis::config::{Period, ServerConfig};
use tokio::io::AsyncReadExt as _;
use tonic::transport::Endpoint;

use crate::stand::{Running, bearing, robot};

/// How long a test waits for what must happen before it calls it a failure.
const PATIENCE: Duration = Duration::from_secs(20);

/// A server that gives up no call by itself.
fn patient() -> ServerConfig {
    ServerConfig { request_timeout: Period::from_secs(3600), ..Default::default() }
}

#[tokio::test]
async fn a_drain_ends_open_streams_and_then_the_server() {
    let running = Running::start().await;
    let mut client = FeedServiceClient::new(running.channel.clone());
    let mut stream = client.watch(bearing("admin", WatchRequest::default())).await.unwrap().into_inner();
    stream.message().await.unwrap().unwrap();
    running.stand.drain.cancel();
    assert_eq!(stream.message().await.unwrap(), None);
    tokio::time::timeout(PATIENCE, running.served).await.unwrap().unwrap().unwrap();
    client.watch(bearing("admin", WatchRequest::default())).await.unwrap_err();
}

#[tokio::test]
async fn a_drain_lets_running_calls_finish() {
    let running = Running::start().await;
    let mut robots = running.robots();
    let call = tokio::spawn(async move { robots.create_robot(bearing("admin", robot("hang"))).await });
    running.hanging(1).await;
    running.stand.drain.cancel();
    running.stand.release.add_permits(1);
    call.await.unwrap().unwrap();
    tokio::time::timeout(PATIENCE, running.served).await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn a_drain_that_takes_too_long_cuts_off_what_is_left() {
    let running = Running::with(ServerConfig { drain_timeout: "20ms".parse().unwrap(), ..patient() }).await;
    let mut robots = running.robots();
    let call = tokio::spawn(async move { robots.create_robot(bearing("admin", robot("hang"))).await });
    running.hanging(1).await;
    running.stand.drain.cancel();
    let ended = tokio::time::timeout(PATIENCE, running.served).await.unwrap().unwrap();
    assert!(matches!(ended, Err(ServeError::CutOff(_))), "{ended:?}");
    tokio::time::timeout(PATIENCE, call).await.unwrap().unwrap().unwrap_err();
}

#[tokio::test]
async fn a_server_that_is_dropped_cuts_off_its_calls() {
    let running = Running::with(patient()).await;
    let mut robots = running.robots();
    let call = tokio::spawn(async move { robots.create_robot(bearing("admin", robot("hang"))).await });
    running.hanging(1).await;
    running.served.abort();
    tokio::time::timeout(PATIENCE, call).await.unwrap().unwrap().unwrap_err();
}

#[tokio::test]
async fn a_connection_that_has_said_nothing_holds_up_no_drain() {
    let running = Running::with(patient()).await;
    let address = running.address.strip_prefix("http://").unwrap().to_owned();
    let mut silent = tokio::net::TcpStream::connect(address).await.unwrap();
    // once a later connection is answered, the silent one was accepted
    let client = Endpoint::try_from(running.address.clone()).unwrap().connect().await.unwrap();
    let mut robots = reeve_api::identity::robot_service_client::RobotServiceClient::new(client);
    robots.create_robot(bearing("admin", robot("ci"))).await.unwrap();
    running.stand.drain.cancel();
    tokio::time::timeout(PATIENCE, running.served).await.unwrap().unwrap().unwrap();
    let mut rest = Vec::new();
    // closed, or reset: either way it has ended
    let _ = silent.read_to_end(&mut rest).await;
    assert!(rest.len() < 1024, "{rest:?}");
}
