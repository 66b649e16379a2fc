//! Service tokens: who comes in by one, and where.

use std::sync::Arc;
use std::time::Duration;

use reeve_api::feed::WatchRequest;
use reeve_api::feed::feed_service_client::FeedServiceClient;
use reeve_api::feed::feed_service_server::FeedServiceServer;
use reeve_api::identity::ListRobotsRequest;
use reeve_api::identity::robot_service_server::RobotServiceServer;
use reeve_api::neighbour::neighbour_service_client::NeighbourServiceClient;
use reeve_api::neighbour::neighbour_service_server::{NeighbourService, NeighbourServiceServer};
use reeve_api::neighbour::{ReconcileRequest, ReconcileResponse};
use reeve_chassis::config::ServerConfig;
use reeve_chassis::{
    Access, Caller, Forward, Owner, Row, ServiceDoor, ServiceTokenSource, Services, Setup, SystemClock, or_service,
    service,
};
use reeve_credentials::{ClusterKey, ServiceTokens};
use reeve_model::{Clock as _, ManualClock, Resource, SeededEntropy, Timestamp};
use reeve_rbac::Permission;
use tonic::{Code, Request, Response, Status};

use crate::forward::peers;
use crate::stand::{CREATE, DELETE, LIST, Running, Stand, bearing, reason, stand};

static RECONCILE: Row = Row { method: "/reeve.neighbour.v1.NeighbourService/Reconcile", access: Access::Service };
static WATCH: Row = Row {
    method: "/reeve.feed.v1.FeedService/Watch",
    access: Access::NeedOrService(Permission::FEED_FOLLOW, reeve_chassis::On::Cluster),
};
static ROWS: &[Row] = &[RECONCILE, WATCH, CREATE, LIST, DELETE];

#[derive(Clone)]
struct Neighbour;

#[tonic::async_trait]
impl NeighbourService for Neighbour {
    async fn reconcile(&self, request: Request<ReconcileRequest>) -> Result<Response<ReconcileResponse>, Status> {
        let proof = service(request.extensions(), &RECONCILE)?;
        assert!(request.extensions().get::<Caller>().is_none());
        Ok(Response::new(ReconcileResponse { consistency_token: proof.method().to_owned() }))
    }
}

/// A feed that says in its answer's metadata who came.
#[derive(Clone)]
struct Feed(Stand);

#[tonic::async_trait]
impl reeve_api::feed::feed_service_server::FeedService for Feed {
    type WatchStream = tokio_stream::Empty<Result<reeve_api::feed::WatchResponse, Status>>;

    async fn watch(&self, request: Request<WatchRequest>) -> Result<Response<Self::WatchStream>, Status> {
        let from_service = or_service(request.extensions(), &WATCH)?.is_some();
        if !from_service {
            reeve_chassis::need(request.extensions(), &WATCH, &self.0, &Resource::cluster())?;
        }
        let mut response = Response::new(tokio_stream::empty());
        response.metadata_mut().insert("by", if from_service { "service" } else { "caller" }.parse().unwrap());
        Ok(response)
    }
}

fn tokens(seed: u64) -> Arc<ServiceTokens> {
    Arc::new(ServiceTokens::new(ClusterKey::generate(&SeededEntropy::new(seed)).unwrap(), Vec::new()))
}

const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

fn token_of(tokens: &ServiceTokens, audience: &str, at: Timestamp) -> String {
    tokens.mint(audience, at).expose().to_owned()
}

/// The policy service, at [`NOW`].
async fn policy() -> Running {
    let stand = stand();
    let services = Services::new()
        .mount(NeighbourServiceServer::new(Neighbour))
        .mount(FeedServiceServer::new(Feed(stand.clone())))
        .mount(RobotServiceServer::new(stand.clone()));
    let door = ServiceDoor { tokens: tokens(1), audiences: vec![Owner::Policy] };
    let setup = Setup {
        service_tokens: Some(door),
        clock: Arc::new(ManualClock::at(NOW)),
        ..Setup::new(ServerConfig::default(), services, vec![ROWS], Arc::new(stand.clone()))
    };
    Running::of(stand, setup).await
}

async fn reconcile(running: &Running, token: &str) -> Result<(), Status> {
    let mut client = NeighbourServiceClient::new(running.channel.clone());
    client.reconcile(bearing(token, ReconcileRequest::default())).await.map(drop)
}

#[tokio::test]
async fn a_service_is_let_in_by_a_token_for_this_one() {
    let policy = policy().await;
    let clock = Arc::new(ManualClock::at(NOW));
    let source = ServiceTokenSource::new(tokens(1), clock.clone());
    let to = peers(Owner::Policy, &[&policy.address]).to(Owner::Policy);
    let mut client = NeighbourServiceClient::with_interceptor(to.clone(), source.to(Owner::Policy));
    for moved in [0, 60, -30] {
        clock.set_wall(Timestamp::from_millis(NOW.as_millis() + moved * 1000 / 2));
        let answer = client.reconcile(ReconcileRequest::default()).await.unwrap();
        assert_eq!(answer.into_inner().consistency_token, RECONCILE.method);
    }
    let mut other = NeighbourServiceClient::with_interceptor(to, source.to(Owner::Identity));
    assert_eq!(reason(&other.reconcile(ReconcileRequest::default()).await.unwrap_err()), "TOKEN_MALFORMED");
}

#[tokio::test]
async fn a_token_that_does_not_fit_is_refused_with_what_would_mend_it() {
    let policy = policy().await;
    let (ours, theirs) = (tokens(1), tokens(2));
    let early = Timestamp::from_millis(NOW.as_millis() - 91_000);
    let late = NOW.plus(Duration::from_secs(31));
    let mut changed = token_of(&ours, "policy", NOW);
    let last = changed.pop().unwrap();
    changed.push(if last == 'a' { 'b' } else { 'a' });
    for (token, expected, text) in [
        (token_of(&ours, "identity", NOW), "TOKEN_MALFORMED", "for another service"),
        (token_of(&ours, "", NOW), "TOKEN_MALFORMED", "for another service"),
        (token_of(&theirs, "policy", NOW), "TOKEN_MALFORMED", "another cluster key"),
        (changed, "TOKEN_MALFORMED", "another cluster key"),
        ("reeve_svc_".to_owned(), "TOKEN_MALFORMED", "another cluster key"),
        (token_of(&ours, "policy", early), "TOKEN_EXPIRED", "clocks of the services differ"),
        (token_of(&ours, "policy", late), "TOKEN_EXPIRED", "clocks of the services differ"),
        ("admin".to_owned(), "TOKEN_MALFORMED", "only the services of the cluster"),
    ] {
        let status = reconcile(&policy, &token).await.unwrap_err();
        assert_eq!((status.code(), reason(&status).as_str()), (Code::Unauthenticated, expected), "{token}");
        assert!(status.message().contains(text), "{token}: {status:?}");
    }
    let mut client = NeighbourServiceClient::new(policy.channel.clone());
    assert_eq!(reason(&client.reconcile(ReconcileRequest::default()).await.unwrap_err()), "TOKEN_MISSING");
    reconcile(&policy, &token_of(&ours, "policy", NOW)).await.unwrap();
}

#[tokio::test]
async fn a_service_token_opens_no_method_of_users() {
    let policy = policy().await;
    let token = token_of(&tokens(1), "policy", NOW);
    let listed = policy.robots().list_robots(bearing(&token, ListRobotsRequest::default())).await.unwrap_err();
    let created = policy.robots().create_robot(bearing(&token, crate::stand::robot("ci"))).await.unwrap_err();
    for status in [listed, created] {
        assert_eq!((status.code(), reason(&status).as_str()), (Code::Unauthenticated, "TOKEN_MALFORMED"));
        assert!(status.message().contains("not for this method"), "{status:?}");
    }
}

#[tokio::test]
async fn the_feed_is_for_services_and_for_who_may_follow_it() {
    let policy = policy().await;
    let mut feed = FeedServiceClient::new(policy.channel.clone());
    for (token, by) in [(token_of(&tokens(1), "policy", NOW), "service"), ("admin".to_owned(), "caller")] {
        let answer = feed.watch(bearing(&token, WatchRequest::default())).await.unwrap();
        assert_eq!(answer.metadata().get("by").unwrap(), by);
    }
    for (token, expected) in [
        (token_of(&tokens(1), "identity", NOW), "TOKEN_MALFORMED"),
        ("alice".to_owned(), "PERMISSION_DENIED"),
        ("expired".to_owned(), "TOKEN_EXPIRED"),
    ] {
        assert_eq!(reason(&feed.watch(bearing(&token, WatchRequest::default())).await.unwrap_err()), expected);
    }
}

#[tokio::test]
async fn without_a_door_no_service_comes_in() {
    let stand = stand();
    let services = Services::new().mount(NeighbourServiceServer::new(Neighbour));
    let setup = Setup::new(ServerConfig::default(), services, vec![&ROWS[..1]], Arc::new(stand.clone()));
    let running = Running::of(stand, setup).await;
    let status = reconcile(&running, &token_of(&tokens(1), "policy", SystemClock::new().now())).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::Unauthenticated, "TOKEN_MALFORMED"));
}

#[tokio::test]
async fn what_services_tell_each_other_is_not_forwarded() {
    let policy = policy().await;
    let forward = Forward::as_service(Owner::Identity, peers(Owner::Policy, &[&policy.address]));
    let front = crate::forward::front_with(forward, ServerConfig::default()).await;
    let status = reconcile(&front, &token_of(&tokens(1), "policy", NOW)).await.unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented);
}
