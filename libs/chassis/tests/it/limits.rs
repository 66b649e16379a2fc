//! What is too much, too late or unreadable.

use std::time::Duration;

use reeve_api::identity::access_service_client::AccessServiceClient;
use reeve_api::identity::{CreateRobotResponse, GetServerInfoRequest, GetServerInfoResponse, ListRobotsRequest};
use reeve_chassis::MAX_MESSAGE_BYTES;
use reeve_chassis::config::ServerConfig;
use tonic::{Code, Request, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tonic_types::StatusExt as _;

use crate::stand::{CREATE, INFO, Running, bearing, reason, robot};

#[tokio::test]
async fn a_message_that_cannot_be_decoded_is_the_callers_fault() {
    let running = Running::start().await;
    let mut grpc = tonic::client::Grpc::new(running.channel.clone());
    grpc.ready().await.unwrap();
    // A number where the method's message has a text.
    let wrong = ListRobotsRequest { page_size: 7, ..Default::default() };
    let codec = tonic_prost::ProstCodec::<ListRobotsRequest, CreateRobotResponse>::default();
    let status = grpc.unary(bearing("admin", wrong), CREATE.method.parse().unwrap(), codec).await.unwrap_err();
    assert_refused(&status, "cannot be decoded");
    assert!(!format!("{status:?}").contains("CreateRobotRequest"), "{status:?}");
}

#[tokio::test]
async fn a_message_that_is_too_large_is_refused_with_the_limit() {
    let running = Running::start().await;
    let status =
        running.robots().create_robot(bearing("admin", robot(&"a".repeat(MAX_MESSAGE_BYTES)))).await.unwrap_err();
    assert_refused(&status, "4194304");
    running.robots().create_robot(bearing("admin", robot(&"a".repeat(MAX_MESSAGE_BYTES - 16)))).await.unwrap();
}

fn assert_refused(status: &Status, text: &str) {
    assert_eq!((status.code(), reason(status).as_str()), (Code::InvalidArgument, "INVALID_ARGUMENT"), "{status:?}");
    assert!(status.message().contains(text), "{status:?}");
    assert!(status.get_details_bad_request().is_some());
}

#[tokio::test]
async fn beyond_the_limit_calls_are_refused_but_probes_are_answered() {
    let running = Running::with(ServerConfig { concurrency_limit: 1, ..Default::default() }).await;
    let mut robots = running.robots();
    let first = tokio::spawn(async move { robots.create_robot(bearing("admin", robot("hang"))).await });
    running.hanging(1).await;
    let status = running.robots().create_robot(bearing("admin", robot("ci"))).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::ResourceExhausted, "TOO_BUSY"));
    assert!(status.get_details_retry_info().is_some());
    HealthClient::new(running.channel.clone()).check(HealthCheckRequest::default()).await.unwrap();
    running.stand.release.add_permits(1);
    first.await.unwrap().unwrap();
    running.robots().create_robot(bearing("admin", robot("ci"))).await.unwrap();
}

#[tokio::test]
async fn a_call_that_takes_too_long_is_given_up_and_frees_its_place() {
    let config = ServerConfig { concurrency_limit: 1, request_timeout: "20ms".parse().unwrap(), ..Default::default() };
    let running = Running::with(config).await;
    for _ in 0..2 {
        let mut robots = running.robots();
        let call = robots.create_robot(bearing("admin", robot("hang")));
        let status = tokio::time::timeout(Duration::from_secs(20), call).await.unwrap().unwrap_err();
        assert_eq!((status.code(), reason(&status).as_str()), (Code::DeadlineExceeded, "DEADLINE_EXCEEDED"));
    }
}

#[tokio::test]
async fn calls_without_a_token_leave_room_for_those_with_one() {
    let running = Running::with(ServerConfig { concurrency_limit: 4, ..Default::default() }).await;
    // it never sends its message, so it holds its place until it is given up
    let (_never, silence) = tokio::sync::mpsc::channel::<GetServerInfoRequest>(1);
    let mut grpc = tonic::client::Grpc::new(running.channel.clone());
    grpc.ready().await.unwrap();
    let messages = Request::new(tokio_stream::wrappers::ReceiverStream::new(silence));
    let codec = tonic_prost::ProstCodec::<GetServerInfoRequest, GetServerInfoResponse>::default();
    let held =
        tokio::spawn(
            async move { grpc.client_streaming(messages, INFO.method.parse().unwrap(), codec).await.map(|_| ()) },
        );
    let mut info = AccessServiceClient::new(running.channel.clone());
    let refused = loop {
        if let Err(status) = info.get_server_info(GetServerInfoRequest {}).await {
            break status;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::ResourceExhausted, "TOO_BUSY"));
    running.robots().create_robot(bearing("admin", robot("ci"))).await.unwrap();
    held.abort();
}
