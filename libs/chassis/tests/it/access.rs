//! Who gets through to which method, and as whom.

use reeve_api::admission::AdmitRequest;
use reeve_api::admission::admission_service_client::AdmissionServiceClient;
use reeve_api::identity::access_service_client::AccessServiceClient;
use reeve_api::identity::token_service_client::TokenServiceClient;
use reeve_api::identity::{
    CreateRobotRequest, CreateTokenRequest, DeleteRobotRequest, GetServerInfoRequest, ListRobotsRequest,
};
use reeve_chassis::SocketPolicy;
use tonic::metadata::MetadataValue;
use tonic::{Code, Request};

use crate::stand::{ADMIT, Running, bearing, reason, robot};

fn admit(workspace: &str, token: &str) -> AdmitRequest {
    AdmitRequest { workspace: workspace.to_owned(), token: token.to_owned(), ..Default::default() }
}

#[tokio::test]
async fn a_public_method_needs_no_token_and_ignores_one() {
    let running = Running::start().await;
    let mut client = AccessServiceClient::new(running.channel.clone());
    let anonymous = client.get_server_info(GetServerInfoRequest::default()).await.unwrap();
    assert_eq!(anonymous.into_inner().version, "nobody");
    let bearing = client.get_server_info(bearing("expired", GetServerInfoRequest::default())).await.unwrap();
    assert_eq!(bearing.into_inner().version, "nobody");
}

#[tokio::test]
async fn an_own_method_knows_its_caller_and_the_way_the_call_came() {
    let running = Running::start().await;
    let mut client = TokenServiceClient::new(running.channel.clone());
    let answer = client.create_token(bearing("bob", CreateTokenRequest::default())).await.unwrap();
    assert_eq!(answer.into_inner().token, "user:bob Network");
    let status = client.create_token(CreateTokenRequest::default()).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::Unauthenticated, "TOKEN_MISSING"));
}

#[tokio::test]
async fn a_filtered_method_answers_every_authenticated_caller() {
    let running = Running::start().await;
    let answer = running.robots().list_robots(bearing("bob", ListRobotsRequest::default())).await.unwrap();
    assert_eq!(answer.into_inner().robots[0].name, "user:bob");
    let status = running.robots().list_robots(ListRobotsRequest::default()).await.unwrap_err();
    assert_eq!(reason(&status), "TOKEN_MISSING");
}

#[tokio::test]
async fn a_cluster_permission_is_needed_and_named() {
    let running = Running::start().await;
    running.robots().create_robot(bearing("admin", robot("ci"))).await.unwrap();
    let status = running.robots().create_robot(bearing("alice", robot("ci"))).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::PermissionDenied, "PERMISSION_DENIED"));
}

#[tokio::test]
async fn a_workspace_that_the_caller_may_not_know_of_is_not_found() {
    let running = Running::start().await;
    let mut client = AdmissionServiceClient::new(running.channel.clone());
    client.admit(bearing("alice", admit("vision", ""))).await.unwrap();
    let known = client.admit(bearing("alice", admit("speech", ""))).await.unwrap_err();
    assert_eq!((known.code(), reason(&known).as_str()), (Code::PermissionDenied, "PERMISSION_DENIED"));
    let unknown = client.admit(bearing("alice", admit("secret", ""))).await.unwrap_err();
    assert_eq!((unknown.code(), reason(&unknown).as_str()), (Code::NotFound, "NOT_FOUND"));
}

#[tokio::test]
async fn a_token_that_is_refused_says_why() {
    let running = Running::start().await;
    let status = running.robots().create_robot(bearing("expired", robot("ci"))).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::Unauthenticated, "TOKEN_EXPIRED"));
}

#[tokio::test]
async fn an_unreadable_authorization_is_malformed() {
    let running = Running::start().await;
    let huge = format!("Bearer {}", "a".repeat(16 * 1024));
    let values: [&[&str]; 10] = [
        &["Bearer"],
        &["Bearer "],
        &["Basic YWRtaW46"],
        &["admin"],
        &[""],
        &["Bearer a b"],
        &["Bearer a,b"],
        &["Bearer admin", "Bearer admin"],
        &["Bearer admin", "Basic YWRtaW46"],
        &[&huge],
    ];
    for given in values {
        let mut request = Request::new(robot("ci"));
        for value in given {
            request.metadata_mut().append("authorization", value.parse().unwrap());
        }
        let status = running.robots().create_robot(request).await.unwrap_err();
        let shown: String = given.join(" + ").chars().take(60).collect();
        assert_eq!((status.code(), reason(&status).as_str()), (Code::Unauthenticated, "TOKEN_MALFORMED"), "{shown}");
    }
    let mut request = Request::new(robot("ci"));
    request.metadata_mut().insert("authorization", MetadataValue::try_from(&b"Bearer \xff"[..]).unwrap());
    assert_eq!(reason(&running.robots().create_robot(request).await.unwrap_err()), "TOKEN_MALFORMED");
}

#[tokio::test]
async fn the_scheme_is_read_in_any_case() {
    let running = Running::start().await;
    for value in ["bearer admin", "BEARER admin", "Bearer  admin"] {
        let mut request = Request::new(robot("ci"));
        request.metadata_mut().insert("authorization", value.parse().unwrap());
        running.robots().create_robot(request).await.unwrap_or_else(|status| panic!("{value}: {status}"));
    }
}

#[tokio::test]
async fn a_method_that_nobody_serves_is_unimplemented_before_any_token_is_read() {
    let running = Running::start().await;
    for path in [
        "/reeve.identity.v1.RobotService/Nothing",
        "/reeve.identity.v1.UserService/CreateUser",
        "/reeve.identity.v1.RobotService/CreateRobot/",
        "//reeve.identity.v1.RobotService/CreateRobot",
        "/reeve.identity.v1.RobotService//CreateRobot",
        "/reeve.identity.v1.RobotService/createrobot",
        "/",
    ] {
        let mut grpc = tonic::client::Grpc::new(running.channel.clone());
        grpc.ready().await.unwrap();
        let codec = tonic_prost::ProstCodec::<CreateRobotRequest, CreateRobotRequest>::default();
        let path_and_query = path.parse().unwrap();
        let status = grpc.unary(bearing("expired", robot("ci")), path_and_query, codec).await.unwrap_err();
        assert_eq!((status.code(), reason(&status).as_str()), (Code::Unimplemented, "UNIMPLEMENTED"), "{path}");
    }
}

#[tokio::test]
async fn a_socket_gives_no_rights_by_itself_but_names_its_peer() {
    let folder = tempfile::tempdir().unwrap();
    let running = Running::on_socket(folder.path(), SocketPolicy::RequireBearer).await;
    let mut client = AdmissionServiceClient::new(running.channel.clone());
    assert_eq!(reason(&client.admit(admit("vision", "alice")).await.unwrap_err()), "TOKEN_MISSING");
    let mut tokens = TokenServiceClient::new(running.channel.clone());
    let answer = tokens.create_token(bearing("bob", CreateTokenRequest::default())).await.unwrap().into_inner();
    assert!(answer.token.starts_with("user:bob Socket { uid: "), "{}", answer.token);
}

#[tokio::test]
async fn a_trusted_peer_reaches_the_methods_named_and_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let policy = SocketPolicy::TrustPeers([ADMIT.method].into());
    let running = Running::on_socket(folder.path(), policy).await;
    let mut client = AdmissionServiceClient::new(running.channel.clone());
    let answer = client.admit(admit("vision", "alice")).await.unwrap();
    assert_eq!(answer.into_inner().principal, "user:alice");
    // Without a token in the request either, there is nobody to admit.
    assert_eq!(reason(&client.admit(admit("vision", "")).await.unwrap_err()), "TOKEN_MISSING");
    // A token that is sent is read, and a bad one is not passed over.
    assert_eq!(reason(&client.admit(bearing("expired", admit("vision", "alice"))).await.unwrap_err()), "TOKEN_EXPIRED");
    // Its handler asks no gate, so it is the layer that refuses.
    let status = running.robots().delete_robot(DeleteRobotRequest::default()).await.unwrap_err();
    assert_eq!(reason(&status), "TOKEN_MISSING");
}
