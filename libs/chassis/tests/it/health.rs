//! Health and reflection.

use std::time::Duration;

use reeve_chassis::config::ServerConfig;
use reeve_chassis::{LIVE, Serving};
use tonic::Code;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};
use tonic_reflection::pb::{v1, v1alpha};

use crate::stand::{Running, reason};

const FEED: &str = "reeve.feed.v1.FeedService";
const ROBOTS: &str = "reeve.identity.v1.RobotService";

async fn check(running: &Running, service: &str) -> ServingStatus {
    let mut client = HealthClient::new(running.channel.clone());
    let request = HealthCheckRequest { service: service.to_owned() };
    client.check(request).await.unwrap().into_inner().status()
}

#[tokio::test]
async fn a_server_is_not_serving_until_it_is_said_to_be() {
    let running = Running::start().await;
    assert_eq!(check(&running, "").await, ServingStatus::NotServing);
    assert_eq!(check(&running, LIVE).await, ServingStatus::Serving);
    running.readiness.set_service(FEED, Serving::Yes);
    assert_eq!(check(&running, FEED).await, ServingStatus::Serving);
    assert_eq!(check(&running, ROBOTS).await, ServingStatus::NotServing);
    running.readiness.set(Serving::Yes);
    running.readiness.serving().await;
    assert!(running.readiness.is_serving());
    assert_eq!(check(&running, "").await, ServingStatus::Serving);
    assert_eq!(check(&running, ROBOTS).await, ServingStatus::Serving);
    running.readiness.set(Serving::No("the store is gone".to_owned()));
    assert_eq!(check(&running, "").await, ServingStatus::NotServing);
}

#[tokio::test]
async fn the_health_of_a_service_that_is_not_there_is_not_found() {
    let running = Running::start().await;
    let mut client = HealthClient::new(running.channel.clone());
    let status = client.check(HealthCheckRequest { service: "nothing".to_owned() }).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::NotFound, "NOT_FOUND"));
}

#[tokio::test]
async fn a_watch_says_every_change_and_ends_with_the_drain() {
    let running = Running::start().await;
    let mut client = HealthClient::new(running.channel.clone());
    let mut watch = client.watch(HealthCheckRequest::default()).await.unwrap().into_inner();
    let status = |answer: Option<HealthCheckResponse>| answer.map(|answer| answer.status());
    assert_eq!(status(watch.message().await.unwrap()), Some(ServingStatus::NotServing));
    running.readiness.set(Serving::Yes);
    assert_eq!(status(watch.message().await.unwrap()), Some(ServingStatus::Serving));
    let mut live = client.watch(HealthCheckRequest { service: LIVE.to_owned() }).await.unwrap().into_inner();
    running.stand.drain.cancel();
    assert_eq!(status(live.message().await.unwrap()), Some(ServingStatus::Serving));
    assert_eq!(status(live.message().await.unwrap()), None);
    assert_eq!(status(watch.message().await.unwrap()), Some(ServingStatus::NotServing));
    assert_eq!(status(watch.message().await.unwrap()), None);
    tokio::time::timeout(Duration::from_secs(10), running.served).await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn reflection_lists_what_is_served_in_both_versions() {
    let running = Running::start().await;
    let expected = [
        "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection",
        "reeve.admission.v1.AdmissionService",
        FEED,
        "reeve.identity.v1.AccessService",
        ROBOTS,
        "reeve.identity.v1.TokenService",
    ];
    macro_rules! list {
        ($version:ident) => {{
            use $version::server_reflection_request::MessageRequest;
            use $version::server_reflection_response::MessageResponse;
            let mut client = $version::server_reflection_client::ServerReflectionClient::new(running.channel.clone());
            let ask =
                |message| $version::ServerReflectionRequest { host: String::new(), message_request: Some(message) };
            let asked = tokio_stream::iter([
                ask(MessageRequest::ListServices(String::new())),
                ask(MessageRequest::FileContainingSymbol(ROBOTS.to_owned())),
            ]);
            let mut answers = client.server_reflection_info(asked).await.unwrap().into_inner();
            let Some(MessageResponse::ListServicesResponse(list)) =
                answers.message().await.unwrap().unwrap().message_response
            else {
                panic!("no list")
            };
            let mut names: Vec<_> = list.service.into_iter().map(|service| service.name).collect();
            names.sort();
            assert_eq!(names, expected);
            let file = answers.message().await.unwrap().unwrap().message_response;
            assert!(matches!(file, Some(MessageResponse::FileDescriptorResponse(_))), "{file:?}");
        }};
    }
    list!(v1);
    list!(v1alpha);
}

#[tokio::test]
async fn reflection_can_be_switched_off() {
    let running = Running::with(ServerConfig { reflection: false, ..Default::default() }).await;
    let mut client = v1::server_reflection_client::ServerReflectionClient::new(running.channel.clone());
    let asked = tokio_stream::iter([v1::ServerReflectionRequest::default()]);
    let status = client.server_reflection_info(asked).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::Unimplemented, "UNIMPLEMENTED"));
}
