//! What is taken away: refused by a sidecar within a second, and at once when it is asked with the write's proof.

use std::time::Duration;

use reeve_api::admission::{AdmitRequest, Denial, DenialReason, Verdict};
use reeve_api::identity::{DeleteRobotRequest, LogoutRequest};
use reeve_api::policy::CheckRequest;
use tonic::{Code, Status};

use crate::awaiting::within;
use crate::client::{Client, after, text};
use crate::cluster::Cluster;
use crate::deployment::Deployment;
use crate::refusal::reason;
use crate::sidecar::Sidecar;

tests! {
    [
        a_deactivated_user_is_refused,
        an_ended_session_is_refused,
        a_deleted_robot_is_refused,
        a_removed_binding_is_refused,
        a_decision_asked_with_the_proof_is_made_about_a_session_that_has_not_ended,
        activating_a_user_again_revives_no_session,
    ]
    on up = Deployment::Up, apart = Deployment::Apart(Door::Policy),
}

/// How soon a sidecar refuses without being told of the write.
const A_SECOND: Duration = Duration::from_secs(1);
/// How often each is tried.
const ROUNDS: usize = 50;

/// What a sidecar says to one who could submit before.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Said {
    Allowed,
    Denied(Vec<DenialReason>),
    Refused(Code, String),
}

/// A cluster with the workspace vision, its administrator, and a sidecar that follows its feed over TCP.
struct Stage {
    cluster: Cluster,
    admin: Client,
    sidecar: Sidecar,
    beside: Client,
    rounds: usize,
}

async fn stage(on: Deployment) -> Stage {
    let cluster = Cluster::start(on).await;
    let admin = cluster.admin().await;
    admin.make_workspace("vision").await;
    let sidecar = cluster.sidecar(&admin).await;
    let beside = sidecar.nobody().await;
    Stage { cluster, admin, sidecar, beside, rounds: on.rounds(ROUNDS) }
}

/// How the token comes to the sidecar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// In the request, from a scheduler that has none of its own.
    InRequest,
    /// As the caller's own.
    AsBearer,
}

impl Stage {
    /// Asks the sidecar whether the token's holder may submit to vision.
    async fn ask(&self, token: &str, way: Way, proof: Option<&str>) -> Said {
        let request = AdmitRequest {
            token: if way == Way::InRequest { token.to_owned() } else { String::new() },
            workspace: "vision".to_owned(),
            workload_type: "experiment".to_owned(),
            config: text("name: x"),
            consistency: proof.and_then(after),
            ..Default::default()
        };
        let caller = if way == Way::AsBearer { self.beside.with_token(token) } else { self.beside.clone() };
        match caller.admission().admit(request).await {
            Ok(answer) if answer.get_ref().verdict() == Verdict::Allow => Said::Allowed,
            Ok(answer) => Said::Denied(answer.into_inner().reasons.iter().map(Denial::code).collect()),
            Err(status) => Said::Refused(status.code(), reason(&status)),
        }
    }

    /// A token whose holder could submit, and what takes that away, for each round and each way of asking.
    async fn each_round(
        &self,
        make: impl AsyncFn(&Self, String) -> (String, String),
        take: impl AsyncFn(&Self, &str, &str) -> String,
        expected: &[Said],
    ) {
        let mut slowest = Duration::ZERO;
        for round in 0..self.rounds {
            for (at, (way, told)) in
                [(Way::InRequest, true), (Way::InRequest, false), (Way::AsBearer, true), (Way::AsBearer, false)]
                    .into_iter()
                    .enumerate()
            {
                let name = format!("somebody-{round}-{at}");
                let (token, granted) = make(self, name.clone()).await;
                // who calls with a token is authenticated before their request is read: the token must have arrived
                assert_eq!(self.ask(&token, Way::InRequest, Some(&granted)).await, Said::Allowed);
                assert_eq!(self.ask(&token, way, Some(&granted)).await, Said::Allowed);
                let taken = take(self, &name, &token).await;
                if told {
                    let said = self.ask(&token, way, Some(&taken)).await;
                    assert!(expected.contains(&said), "{way:?}, round {round}: {said:?}");
                }
                let refused = async || expected.contains(&self.ask(&token, way, None).await).then_some(());
                let ((), took) = within(A_SECOND, "a sidecar refuses what was taken away", refused).await;
                slowest = slowest.max(took);
            }
        }
        println!("{expected:?}: at most {slowest:?} until the sidecar refused");
    }
}

/// A user who may submit to vision: their token, and the proof.
async fn user(stage: &Stage, name: String) -> (String, String) {
    stage.admin.make_user(&name).await;
    let granted = stage.admin.bind(&format!("user:{name}"), "editor", "workspaces/vision").await.unwrap();
    (stage.cluster.nobody().await.sign_in(&name).await.unwrap().token, granted)
}

/// A robot that may submit to vision: its token, and the proof.
async fn robot(stage: &Stage, name: String) -> (String, String) {
    let token = stage.admin.make_robot(&name, None).await;
    (token, stage.admin.bind(&format!("robot:{name}"), "editor", "workspaces/vision").await.unwrap())
}

fn refused(reason: &str) -> Said {
    Said::Refused(Code::Unauthenticated, reason.to_owned())
}

async fn a_deactivated_user_is_refused(on: Deployment) {
    let stage = stage(on).await;
    let deactivate = async |stage: &Stage, name: &str, _: &str| stage.admin.deactivate(name).await.unwrap();
    stage.each_round(user, deactivate, &[refused("USER_INACTIVE")]).await;
    stage.sidecar.stop().await;
}

async fn an_ended_session_is_refused(on: Deployment) {
    let stage = stage(on).await;
    let log_out = async |stage: &Stage, _: &str, token: &str| {
        let caller = stage.cluster.nobody().await.with_token(token);
        caller.sessions().logout(LogoutRequest {}).await.unwrap().into_inner().consistency_token
    };
    stage.each_round(user, log_out, &[refused("SESSION_ENDED")]).await;
}

async fn a_deleted_robot_is_refused(on: Deployment) {
    // while the records of its tokens are there the token is known for what it was, and then it is nobody's
    let expected = ["TOKEN_REVOKED", "TOKEN_MALFORMED"].map(refused);
    let stage = stage(on).await;
    let delete = async |stage: &Stage, name: &str, _: &str| {
        let request = DeleteRobotRequest { name: name.to_owned() };
        stage.admin.robots().delete_robot(request).await.unwrap().into_inner().consistency_token
    };
    stage.each_round(robot, delete, &expected).await;
}

async fn a_removed_binding_is_refused(on: Deployment) {
    let stage = stage(on).await;
    let unbind = async |stage: &Stage, name: &str, _: &str| {
        stage.admin.unbind(&format!("user:{name}"), "editor", "workspaces/vision").await.unwrap()
    };
    stage.each_round(user, unbind, &[Said::Denied(vec![DenialReason::Permission])]).await;
}

async fn a_decision_asked_with_the_proof_is_made_about_a_session_that_has_not_ended(on: Deployment) {
    let stage = stage(on).await;
    for round in 0..stage.rounds {
        let (token, granted) = user(&stage, format!("somebody-{round}")).await;
        let ask = async |proof: &str| -> Result<bool, Status> {
            let request = CheckRequest {
                permission: "workload.submit".to_owned(),
                resource: "workspaces/vision".to_owned(),
                consistency: after(proof),
                ..Default::default()
            };
            Ok(stage.beside.with_token(&token).decisions().check(request).await?.into_inner().allowed)
        };
        assert!(ask(&granted).await.unwrap());
        let caller = stage.cluster.nobody().await.with_token(&token);
        let ended = caller.sessions().logout(LogoutRequest {}).await.unwrap().into_inner().consistency_token;
        let status = ask(&ended).await.expect_err("a decision for an ended session");
        assert_eq!(
            (status.code(), reason(&status).as_str()),
            (Code::Unauthenticated, "SESSION_ENDED"),
            "round {round}"
        );
    }
}

async fn activating_a_user_again_revives_no_session(on: Deployment) {
    let stage = stage(on).await;
    let (token, _) = user(&stage, "back".to_owned()).await;
    stage.admin.deactivate("back").await.unwrap();
    let request = reeve_api::identity::ActivateUserRequest { username: "back".to_owned() };
    let proof = stage.admin.users().activate_user(request).await.unwrap().into_inner().consistency_token;
    // who calls with it may be met between the two writes
    let met = [refused("TOKEN_REVOKED"), refused("USER_INACTIVE")];
    assert!(met.contains(&stage.ask(&token, Way::AsBearer, Some(&proof)).await));
    for way in [Way::InRequest, Way::AsBearer] {
        assert_eq!(stage.ask(&token, way, Some(&proof)).await, refused("TOKEN_REVOKED"), "{way:?}");
    }
    let again = stage.cluster.signed_in("back").await;
    assert_eq!(stage.ask(&again.token, Way::InRequest, Some(&proof)).await, Said::Allowed);
}
