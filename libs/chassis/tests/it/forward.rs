//! Calls that go to their owner by way of another service, between real servers.

use std::time::{Duration, Instant};

use reeve_api::admission::AdmitRequest;
use reeve_api::admission::admission_service_client::AdmissionServiceClient;
use reeve_api::admission::admission_service_server::AdmissionServiceServer;
use reeve_api::identity::access_service_client::AccessServiceClient;
use reeve_api::identity::robot_service_client::RobotServiceClient;
use reeve_api::identity::token_service_client::TokenServiceClient;
use reeve_api::identity::{
    CreateRobotRequest, CreateTokenRequest, DeleteRobotRequest, GetServerInfoRequest, ListRobotsRequest,
};
use reeve_chassis::config::ServerConfig;
use reeve_chassis::{
    FORWARDED_BY_HEADER, Forward, Listener, MAX_MESSAGE_BYTES, Owner, Peers, REQUEST_ID_HEADER, Row, Services, Setup,
    SocketPolicy,
};
use tokio::net::TcpListener;
use tonic::{Code, Request, Status};
use tonic_reflection::pb::v1;
use tonic_types::StatusExt as _;

use crate::stand::{ADMIT, CREATE, Running, bearing, reason, robot, stand};

static ADMISSION: &[Row] = &[ADMIT];

/// The servers of one owner.
pub(crate) fn peers(owner: Owner, addresses: &[&str]) -> Peers {
    Peers::new([(owner, addresses.iter().map(|address| address.parse().unwrap()).collect())])
}

/// A server that serves admission alone and forwards the rest.
fn front_setup(stand: &crate::stand::Stand, forward: Forward, config: ServerConfig) -> Setup {
    let services = Services::new().mount(AdmissionServiceServer::new(stand.clone()));
    let authenticate = std::sync::Arc::new(stand.clone());
    Setup { forward: Some(forward), ..Setup::new(config, services, vec![ADMISSION], authenticate) }
}

pub(crate) async fn front_with(forward: Forward, config: ServerConfig) -> Running {
    let stand = stand();
    let setup = front_setup(&stand, forward, config);
    Running::of(stand, setup).await
}

/// A policy service whose identity is at `addresses`.
pub(crate) async fn front(addresses: &[&str]) -> Running {
    let forward = Forward::as_service(Owner::Policy, peers(Owner::Identity, addresses));
    front_with(forward, ServerConfig::default()).await
}

/// An address where nobody listens.
async fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

fn assert_unavailable(status: &Status, text: &str) {
    assert_eq!((status.code(), reason(status).as_str()), (Code::Unavailable, "OWNER_UNAVAILABLE"), "{status:?}");
    assert!(status.get_details_retry_info().is_some());
    assert!(status.message().contains(text), "{status:?}");
}

#[tokio::test]
async fn a_call_is_answered_by_its_owner_for_the_caller_who_made_it() {
    let owner = Running::start().await;
    let front = front(&[&owner.address]).await;
    let mut request = bearing("bob", ListRobotsRequest::default());
    request.metadata_mut().insert(REQUEST_ID_HEADER, "call-7".parse().unwrap());
    let answer = front.robots().list_robots(request).await.unwrap();
    assert_eq!(answer.metadata().get_all(REQUEST_ID_HEADER).iter().collect::<Vec<_>>(), ["call-7"]);
    assert_eq!(answer.into_inner().robots[0].name, "user:bob");
    // Its own it answers itself, and what is open to anyone is open by way of it.
    let mut admission = AdmissionServiceClient::new(front.channel.clone());
    let admit = AdmitRequest { workspace: "vision".to_owned(), ..Default::default() };
    assert_eq!(admission.admit(bearing("alice", admit)).await.unwrap().into_inner().principal, "user:alice");
    let mut open = AccessServiceClient::new(front.channel.clone());
    assert_eq!(open.get_server_info(GetServerInfoRequest::default()).await.unwrap().into_inner().version, "nobody");
}

#[tokio::test]
async fn a_refusal_arrives_as_the_owner_said_it() {
    let owner = Running::start().await;
    let front = front(&[&owner.address]).await;
    let huge = "a".repeat(MAX_MESSAGE_BYTES);
    for (token, name) in [("alice", "ci"), ("expired", "ci"), ("admin", huge.as_str()), ("admin", "raw")] {
        let call = |running: &Running| {
            let mut robots = running.robots();
            let mut request = bearing(token, robot(name));
            request.metadata_mut().insert(REQUEST_ID_HEADER, "call-7".parse().unwrap());
            async move { robots.create_robot(request).await.unwrap_err() }
        };
        let (direct, forwarded) = (call(&owner).await, call(&front).await);
        assert_eq!(direct.code(), forwarded.code(), "{forwarded:?}");
        assert_eq!(direct.message(), forwarded.message());
        let (direct, forwarded) = (direct.get_error_details(), forwarded.get_error_details());
        let (said, info) = (direct.error_info().unwrap(), forwarded.error_info().unwrap());
        assert_eq!((&said.reason, &said.metadata), (&info.reason, &info.metadata));
        assert_eq!(format!("{:?}", direct.bad_request()), format!("{:?}", forwarded.bad_request()));
    }
    front.robots().create_robot(bearing("admin", robot(&"a".repeat(MAX_MESSAGE_BYTES - 16)))).await.unwrap();
    let missing = front.robots().list_robots(ListRobotsRequest::default()).await.unwrap_err();
    assert_eq!(reason(&missing), "TOKEN_MISSING");
}

#[tokio::test]
async fn a_method_that_the_owner_does_not_have_is_unimplemented() {
    let owner = Running::start().await;
    let front = front(&[&owner.address]).await;
    for path in [
        "/reeve.identity.v1.RobotService/Nothing",
        "/reeve.identity.v1.NothingService/Nothing",
        // Its own package, and not mounted: there is nobody else to ask.
        "/reeve.policy.v1.DecisionService/Check",
        // Nobody is named for these, or nobody owns them.
        "/reeve.agentmap.v1.AgentUserService/LinkUser",
        "/reeve.feed.v1.FeedService/Watch",
        "//reeve.identity.v1.RobotService/CreateRobot",
    ] {
        let mut grpc = tonic::client::Grpc::new(front.channel.clone());
        grpc.ready().await.unwrap();
        let codec = tonic_prost::ProstCodec::<CreateRobotRequest, CreateRobotRequest>::default();
        let status = grpc.unary(bearing("admin", robot("ci")), path.parse().unwrap(), codec).await.unwrap_err();
        assert_eq!((status.code(), reason(&status).as_str()), (Code::Unimplemented, "UNIMPLEMENTED"), "{path}");
    }
}

#[tokio::test]
async fn the_next_server_is_called_where_one_cannot_be_reached() {
    let (gone, owner) = (nobody().await, Running::start().await);
    let front = front(&[&gone, &owner.address]).await;
    for _ in 0..6 {
        front.robots().create_robot(bearing("admin", robot("ci"))).await.unwrap();
    }
}

#[tokio::test]
async fn calls_go_to_every_server_in_turn() {
    let (one, other) = (Running::start().await, Running::start().await);
    let front = front(&[&one.address, &other.address]).await;
    let calls: Vec<_> = (0..4)
        .map(|_| {
            let mut robots = front.robots();
            tokio::spawn(async move { robots.create_robot(bearing("admin", robot("hang"))).await })
        })
        .collect();
    one.hanging(2).await;
    other.hanging(2).await;
    for server in [&one, &other] {
        server.stand.release.add_permits(2);
    }
    for call in calls {
        call.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn an_owner_that_is_down_is_said_so_at_once_and_found_again() {
    let address = nobody().await;
    let front = front(&[&address]).await;
    let started = Instant::now();
    let status = front.robots().create_robot(bearing("admin", robot("ci"))).await.unwrap_err();
    assert_unavailable(&status, "the identity service cannot be reached: try again");
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    let stand = stand();
    let listener = TcpListener::bind(address.trim_start_matches("http://")).await.unwrap();
    let setup = crate::stand::setup(&stand, ServerConfig::default());
    let owner = Running::over(stand, setup, Listener::Tcp(listener), address).await;
    front.robots().create_robot(bearing("admin", robot("ci"))).await.unwrap();
    drop(owner);
}

#[tokio::test]
async fn what_may_have_been_done_is_not_done_again() {
    let (one, other) = (Running::start().await, Running::start().await);
    let front = front(&[&one.address, &other.address]).await;
    let mut robots = front.robots();
    let call = tokio::spawn(async move { robots.create_robot(bearing("admin", robot("hang"))).await });
    one.hanging(1).await;
    // As if it was killed: its connections are cut while it answers.
    one.served.abort();
    let status = call.await.unwrap().unwrap_err();
    assert_unavailable(&status, "the call may have been done");
    assert_eq!(*other.stand.hanging.borrow(), 0);
    // What comes later goes to the other.
    for _ in 0..4 {
        front.robots().create_robot(bearing("admin", robot("ci"))).await.unwrap();
    }
}

#[tokio::test]
async fn two_services_that_take_each_other_for_the_owner_end_the_call() {
    let listeners = [TcpListener::bind("127.0.0.1:0").await.unwrap(), TcpListener::bind("127.0.0.1:0").await.unwrap()];
    let addresses = listeners.each_ref().map(|listener| format!("http://{}", listener.local_addr().unwrap()));
    let [one, other] = listeners;
    let start = |me, listener, at: &str, identity: &str| {
        let stand = stand();
        let forward = Forward::as_service(me, peers(Owner::Identity, &[identity]));
        let setup = front_setup(&stand, forward, ServerConfig::default());
        Running::over(stand, setup, Listener::Tcp(listener), at.to_owned())
    };
    let one = start(Owner::Policy, one, &addresses[0], &addresses[1]).await;
    let _other = start(Owner::Agentmap, other, &addresses[1], &addresses[0]).await;
    let status = one.robots().create_robot(bearing("admin", robot("ci"))).await.unwrap_err();
    assert_unavailable(&status, "`services.identity` of the policy service names a server that is not identity");
}

#[tokio::test]
async fn a_sidecar_reaches_the_owner_through_a_service_and_two_sidecars_do_not_circle() {
    let owner = Running::start().await;
    let service = front(&[&owner.address]).await;
    let upstream = |address: &str| {
        let url: reeve_chassis::PeerUrl = address.parse().unwrap();
        Forward::as_sidecar(Peers::new(Owner::ALL.map(|owner| (owner, vec![url.clone()]))))
    };
    let sidecar = front_with(upstream(&service.address), ServerConfig::default()).await;
    sidecar.robots().create_robot(bearing("admin", robot("ci"))).await.unwrap();
    let behind = front_with(upstream(&sidecar.address), ServerConfig::default()).await;
    let status = behind.robots().create_robot(bearing("admin", robot("ci"))).await.unwrap_err();
    assert_unavailable(&status, "names a sidecar");
}

#[tokio::test]
async fn a_forged_mark_gains_nothing() {
    let owner = Running::start().await;
    let front = front(&[&owner.address]).await;
    for mark in ["policy", "identity", "", "sidecar", "x"] {
        let mut request = bearing("alice", robot("ci"));
        request.metadata_mut().insert(FORWARDED_BY_HEADER, mark.parse().unwrap());
        let status = front.robots().create_robot(request).await.unwrap_err();
        match mark {
            "sidecar" => assert_eq!(reason(&status), "PERMISSION_DENIED"),
            _ => assert_unavailable(&status, "names a server that is not identity"),
        }
        let mut request = bearing("alice", robot("ci"));
        request.metadata_mut().insert(FORWARDED_BY_HEADER, mark.parse().unwrap());
        let status = owner.robots().create_robot(request).await.unwrap_err();
        assert_eq!(reason(&status), "PERMISSION_DENIED", "{mark}");
    }
}

#[tokio::test]
async fn what_a_socket_gives_does_not_travel() {
    let owner = Running::start().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    let stand = stand();
    let forward = Forward::as_sidecar(peers(Owner::Identity, &[&owner.address]));
    // A policy that names what it does not serve is as far as a mistake could go.
    let socket = SocketPolicy::TrustPeers([ADMIT.method, CREATE.method].into());
    let setup = Setup { socket, ..front_setup(&stand, forward, ServerConfig::default()) };
    let listener = Listener::Unix(tokio::net::UnixListener::bind(&path).unwrap());
    let sidecar = Running::over(stand, setup, listener, format!("unix:{}", path.display())).await;
    let status = sidecar.robots().delete_robot(DeleteRobotRequest::default()).await.unwrap_err();
    assert_eq!(reason(&status), "TOKEN_MISSING");
    let status = sidecar.robots().create_robot(robot("ci")).await.unwrap_err();
    assert_eq!(reason(&status), "TOKEN_MISSING");
    let mut tokens = TokenServiceClient::new(sidecar.channel.clone());
    let answer = tokens.create_token(bearing("bob", CreateTokenRequest::default())).await.unwrap().into_inner();
    assert_eq!(answer.token, "user:bob Network");
}

#[tokio::test]
async fn an_owner_that_does_not_answer_holds_a_part_of_all_places() {
    let owner = Running::start().await;
    let forward = Forward::as_service(Owner::Policy, peers(Owner::Identity, &[&owner.address]));
    let front = front_with(forward, ServerConfig { concurrency_limit: 4, ..Default::default() }).await;
    let mut robots = front.robots();
    let held = tokio::spawn(async move { robots.create_robot(bearing("admin", robot("hang"))).await });
    owner.hanging(1).await;
    let status = front.robots().create_robot(bearing("admin", robot("ci"))).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::ResourceExhausted, "TOO_BUSY"));
    let mut admission = AdmissionServiceClient::new(front.channel.clone());
    let admit = AdmitRequest { workspace: "vision".to_owned(), ..Default::default() };
    admission.admit(bearing("alice", admit)).await.unwrap();
    owner.stand.release.add_permits(1);
    held.await.unwrap().unwrap();
    front.robots().create_robot(bearing("admin", robot("ci"))).await.unwrap();
}

#[tokio::test]
async fn an_owner_that_takes_too_long_is_given_up_in_time() {
    let owner = Running::start().await;
    let forward = Forward::as_service(Owner::Policy, peers(Owner::Identity, &[&owner.address]));
    let config = ServerConfig { request_timeout: "200ms".parse().unwrap(), ..Default::default() };
    let front = front_with(forward, config).await;
    let status = front.robots().create_robot(bearing("admin", robot("hang"))).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::DeadlineExceeded, "DEADLINE_EXCEEDED"));
}

#[tokio::test]
async fn reflection_lists_what_can_be_reached() {
    let owner = Running::start().await;
    let front = front(&[&owner.address]).await;
    let mut client = v1::server_reflection_client::ServerReflectionClient::new(front.channel.clone());
    let list = v1::server_reflection_request::MessageRequest::ListServices(String::new());
    let asked = v1::ServerReflectionRequest { host: String::new(), message_request: Some(list) };
    let mut answers = client.server_reflection_info(tokio_stream::iter([asked])).await.unwrap().into_inner();
    let Some(v1::server_reflection_response::MessageResponse::ListServicesResponse(list)) =
        answers.message().await.unwrap().unwrap().message_response
    else {
        panic!("no list")
    };
    let names: Vec<_> = list.service.iter().map(|service| service.name.as_str()).collect();
    for (name, listed) in [
        ("reeve.admission.v1.AdmissionService", true),
        ("reeve.identity.v1.UserService", true),
        ("reeve.identity.v1.SessionService", true),
        // Not served here, and nobody is named for it.
        ("reeve.policy.v1.BindingService", false),
        ("reeve.agentmap.v1.AgentUserService", false),
        ("reeve.feed.v1.FeedService", false),
    ] {
        assert_eq!(names.iter().filter(|known| **known == name).count(), usize::from(listed), "{name}: {names:?}");
    }
}

#[tokio::test]
async fn a_generated_client_calls_an_owner_by_its_peers() {
    let (gone, owner) = (nobody().await, Running::start().await);
    let peers = peers(Owner::Identity, &[&gone, &owner.address]);
    let mut robots = RobotServiceClient::new(peers.to(Owner::Identity));
    for _ in 0..3 {
        let answer = robots.list_robots(bearing("bob", ListRobotsRequest::default())).await.unwrap();
        assert_eq!(answer.into_inner().robots[0].name, "user:bob");
    }
    let mut request = Request::new(ListRobotsRequest::default());
    request.set_timeout(Duration::from_secs(5));
    assert_eq!(reason(&robots.list_robots(request).await.unwrap_err()), "TOKEN_MISSING");
    let mut unnamed = RobotServiceClient::new(peers.to(Owner::Policy));
    let status = unnamed.list_robots(ListRobotsRequest::default()).await.unwrap_err();
    assert_unavailable(&status, "no server is named in `services.policy`");
}
