//! A sidecar whose services are away: it answers until its state is too old, then refuses, and recovers by itself.

use std::sync::Arc;
use std::time::Duration;

use reeve_api::admission::{AdmitRequest, AdmitResponse, Verdict};
use reeve_chassis::SystemClock;
use reeve_model::{Clock as _, ManualClock};
use tonic::{Code, Status};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_types::StatusExt as _;

use crate::awaiting::within;
use crate::client::{Client, after, text};
use crate::cluster::Cluster;
use crate::deployment::Deployment;
use crate::proxy::{Path, Proxy};
use crate::refusal::assert_refused;
use crate::sidecar::Sidecar;

tests! {
    [
        cut_off_it_answers_until_it_is_too_old_and_recovers,
        a_path_that_falls_silent_is_noticed_and_aged_by_like_one_that_is_cut,
        what_was_taken_away_while_it_was_cut_off_is_refused_when_it_is_back,
        a_proof_from_beyond_the_cut_is_waited_for_and_then_refused,
        the_services_restart_and_the_sidecar_follows_on,
    ]
    on up = Deployment::Up, apart = Deployment::Apart(Door::Policy),
}

/// `staleness.decisions` unless it is configured.
const MAX_STALENESS: Duration = Duration::from_mins(5);
/// How long a sidecar may take to find its services again.
const RECOVERY: Duration = Duration::from_secs(15);

struct Stage {
    cluster: Cluster,
    admin: Client,
    proxy: Proxy,
    /// The sidecar's clock: nobody else's moves.
    clock: Arc<ManualClock>,
    _sidecar: Sidecar,
    beside: Client,
    token: String,
}

/// alice may submit to vision; a sidecar follows through the proxy.
async fn stage(on: Deployment) -> Stage {
    let cluster = Cluster::start(on).await;
    let admin = cluster.admin().await;
    admin.make_user("alice").await;
    admin.make_workspace("vision").await;
    let granted = admin.bind("user:alice", "editor", "workspaces/vision").await.unwrap();
    let proxy = Proxy::to(cluster.address()).await;
    let clock = Arc::new(ManualClock::at(SystemClock::new().now()));
    let sidecar = Sidecar::following(proxy.address, &admin, clock.clone()).await;
    let beside = sidecar.nobody().await;
    let token = cluster.signed_in("alice").await.token;
    let stage = Stage { cluster, admin, proxy, clock, _sidecar: sidecar, beside, token };
    assert_eq!(stage.ask(Some(&granted)).await.unwrap().verdict(), Verdict::Allow);
    stage
}

impl Stage {
    async fn ask(&self, proof: Option<&str>) -> Result<AdmitResponse, Status> {
        let request = AdmitRequest {
            token: self.token.clone(),
            workspace: "vision".to_owned(),
            workload_type: "experiment".to_owned(),
            config: text("name: x"),
            consistency: proof.and_then(after),
            ..Default::default()
        };
        Ok(self.beside.admission().admit(request).await?.into_inner())
    }

    /// Checks that it answers up to the bound, refuses beyond it, and answers again once `back` has happened.
    async fn ages_and_recovers(&self, back: impl AsyncFnOnce()) {
        self.clock.advance(MAX_STALENESS.saturating_sub(Duration::from_secs(1)));
        let answer = self.ask(None).await.unwrap();
        let age = answer.age.unwrap();
        assert_eq!(answer.verdict(), Verdict::Allow);
        assert!(age.seconds >= 299, "the answer says how old it is: {age:?}");

        self.clock.advance(Duration::from_secs(2));
        let status = assert_refused(self.ask(None).await, Code::Unavailable, "STALE_REPLICA");
        assert!(status.get_details_retry_info().is_some(), "{status:?}");
        let unready = async || (self.beside.health("").await.unwrap() == ServingStatus::NotServing).then_some(());
        within(RECOVERY, "health says that it is stale", unready).await;

        back().await;
        let answered = async || self.ask(None).await.ok();
        let (answer, took) = within(RECOVERY, "the sidecar recovers by itself", answered).await;
        assert_eq!(answer.verdict(), Verdict::Allow);
        assert!(answer.age.unwrap().seconds < 2, "{:?}", answer.age);
        println!("recovered after {took:?}");
        let ready = async || (self.beside.health("").await.unwrap() == ServingStatus::Serving).then_some(());
        within(RECOVERY, "health says that it is well", ready).await;
    }
}

async fn cut_off_it_answers_until_it_is_too_old_and_recovers(on: Deployment) {
    let stage = stage(on).await;
    stage.proxy.close(Path::Cut).await;
    // what is taken away meanwhile is refused once it is back
    let taken = stage.admin.unbind("user:alice", "editor", "workspaces/vision").await.unwrap();
    let given = stage.admin.bind("user:alice", "viewer", "cluster").await.unwrap();
    let again = stage.admin.bind("user:alice", "editor", "workspaces/vision").await.unwrap();
    assert!(taken != given && given != again);
    stage.ages_and_recovers(async || stage.proxy.open()).await;
    assert_eq!(stage.ask(Some(&again)).await.unwrap().verdict(), Verdict::Allow);
}

async fn a_path_that_falls_silent_is_noticed_and_aged_by_like_one_that_is_cut(on: Deployment) {
    let stage = stage(on).await;
    stage.proxy.close(Path::Silent).await;
    stage.ages_and_recovers(async || stage.proxy.open()).await;
}

async fn what_was_taken_away_while_it_was_cut_off_is_refused_when_it_is_back(on: Deployment) {
    let stage = stage(on).await;
    stage.proxy.close(Path::Cut).await;
    let proof = stage.admin.deactivate("alice").await.unwrap();
    assert_eq!(stage.ask(None).await.unwrap().verdict(), Verdict::Allow, "it cannot know yet");
    stage.proxy.open();
    let refused = async || {
        let answer = stage.ask(Some(&proof)).await;
        answer.err().filter(|status| status.code() == Code::Unauthenticated)
    };
    let (status, _) = within(RECOVERY, "the sidecar hears of it", refused).await;
    assert_refused(Err::<(), _>(status), Code::Unauthenticated, "USER_INACTIVE");
}

async fn a_proof_from_beyond_the_cut_is_waited_for_and_then_refused(on: Deployment) {
    let stage = stage(on).await;
    stage.proxy.close(Path::Cut).await;
    let proof = stage.admin.unbind("user:alice", "editor", "workspaces/vision").await.unwrap();
    assert_refused(stage.ask(Some(&proof)).await, Code::Unavailable, "NOT_SYNCED");
}

async fn the_services_restart_and_the_sidecar_follows_on(on: Deployment) {
    let mut stage = stage(on).await;
    for round in 0..3 {
        let address = stage.cluster.address();
        let stopped = stage.cluster.stop().await;
        let while_away = AdmitRequest {
            token: stage.token.clone(),
            workspace: "vision".to_owned(),
            workload_type: "experiment".to_owned(),
            config: text("name: x"),
            ..Default::default()
        };
        let answer = stage.beside.admission().admit(while_away).await.unwrap().into_inner();
        assert_eq!(answer.verdict(), Verdict::Allow, "it answers while its services are away");
        stage.cluster = stopped.start().await;
        assert_eq!(stage.cluster.address(), address);
        let admin = stage.cluster.admin().await;
        let role = ["viewer", "lister", "editorRestricted"][round];
        let proof = admin.bind("user:alice", role, "workspaces/vision").await.unwrap();
        let seen = async || stage.ask(Some(&proof)).await.ok();
        let (answer, took) = within(RECOVERY, "the sidecar follows on", seen).await;
        assert_eq!(answer.verdict(), Verdict::Allow);
        println!("followed on after {took:?}");
    }
}
