//! A session that is made, refreshed and ended at different replicas of identity: one session, and its end heeded everywhere.
//!
//! Apart alone: in one process there is one replica of everything.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::join_all;
use reeve_api::identity::{LogoutRequest, RefreshRequest, SessionTokens, WhoAmIRequest};
use serde_json::Value;
use tonic::{Code, Status};

use crate::apart::{Apart, Kind, PREFIX, Shape};
use crate::asked::Asked;
use crate::awaiting::within;
use crate::client::Client;
use crate::cluster::PASSWORD;

/// How soon everybody refuses without being told of the write.
const A_SECOND: Duration = Duration::from_secs(1);
/// How often a session is made and ended.
const ROUNDS: usize = 20;
/// How many refresh at once.
const AT_ONCE: usize = 32;

/// Two of each service and a sidecar; alice may submit to vision.
struct Stage {
    apart: Apart,
    everybody: Vec<Asked>,
    granted: String,
}

async fn stage() -> Stage {
    let apart = Apart::start(Shape { replicas: 2, ..Shape::default() }).await;
    let admin = apart.service(Kind::Identity, 0).nobody().sign_in("admin").await.unwrap();
    admin.make_user("alice").await;
    admin.make_workspace("vision").await;
    let granted = admin.bind("user:alice", "editor", "workspaces/vision").await.unwrap();
    let token = admin.make_robot("beside", Some("sidecar")).await;
    let sidecar = apart.sidecar("sidecar", &[apart.address(Kind::Agentmap)], &token);
    sidecar.start();
    sidecar.ready().await;

    let everybody = Asked::everybody(&apart, Some(&sidecar));
    apart.keep(sidecar);
    Stage { apart, everybody, granted }
}

impl Stage {
    fn identity(&self, at: usize) -> Client {
        self.apart.service(Kind::Identity, at).nobody()
    }
}

async fn refresh(at: &Client, token: &str) -> Result<SessionTokens, Status> {
    let request = RefreshRequest { refresh_token: token.to_owned() };
    Ok(at.sessions().refresh(request).await?.into_inner().tokens.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn signed_in_here_refreshed_there_and_ended_here_it_is_refused_everywhere() {
    let stage = stage().await;
    let (here, there) = (stage.identity(0), stage.identity(1));
    let mut slowest = Duration::ZERO;
    for round in 0..ROUNDS {
        let signed_in = here.sign_in("alice").await.unwrap();
        let refreshed = refresh(&there, &signed_in.refresh).await.unwrap();
        assert_ne!(refreshed.refresh_token, signed_in.refresh);
        let tokens = [&signed_in.token, &refreshed.access_token];
        for asked in &stage.everybody {
            for token in tokens {
                let answer = asked.ask(token, Some(&stage.granted)).await;
                assert!(answer.is_ok(), "round {round}, {}: {answer:?}", asked.name);
            }
        }
        let ender = if round % 2 == 0 { &signed_in } else { &here.with_token(&refreshed.access_token) };
        let ended = ender.sessions().logout(LogoutRequest {}).await.unwrap().into_inner().consistency_token;
        let told = stage.everybody.iter().flat_map(|asked| tokens.map(|token| (asked, token)));
        let told = told.map(async |(asked, token)| {
            assert!(
                asked.refuses(token, Some(&ended), "SESSION_ENDED").await,
                "round {round}, {}: told, and allowed",
                asked.name
            );
        });
        let untold = stage.everybody.iter().flat_map(|asked| tokens.map(|token| (asked, token)));
        let untold = untold.map(async |(asked, token)| {
            let refused = async || asked.refuses(token, None, "SESSION_ENDED").await.then_some(());
            within(A_SECOND, &format!("{} refuses an ended session", asked.name), refused).await.1
        });
        // whoever is not told is asked from the same moment on
        let (_, took) = tokio::join!(join_all(told), join_all(untold));
        slowest = slowest.max(took.into_iter().max().unwrap());
        for at in [&here, &there] {
            let status = refresh(at, &refreshed.refresh_token).await.unwrap_err();
            assert_eq!(status.code(), Code::Unauthenticated, "{status:?}");
        }
    }
    println!("{ROUNDS} sessions: refused everywhere at most {slowest:?} after their end");
}

/// How often each private record of identity has been written.
async fn versions(apart: &Apart) -> Vec<(String, u64)> {
    let prefix = format!("{PREFIX}/private/identity/session/");
    let answer = apart.etcd.etcdctl(&["get", "--prefix", &prefix, "--write-out=json"]).await;
    let answer: Value = serde_json::from_str(&answer).unwrap();
    let found = answer["kvs"].as_array().unwrap().iter();
    found.map(|found| (found["key"].as_str().unwrap().to_owned(), found["version"].as_u64().unwrap())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn many_refreshes_at_once_at_both_replicas_make_one_rotation() {
    let stage = stage().await;
    let replicas = [stage.identity(0), stage.identity(1)];
    let mut current = replicas[0].sign_in("alice").await.unwrap().refresh;
    for round in 0..5 {
        let before = versions(&stage.apart).await;
        let at_once = (0..AT_ONCE).map(|at| refresh(&replicas[at % replicas.len()], &current));
        let answers: Vec<_> = join_all(at_once).await.into_iter().map(Result::unwrap).collect();
        let next: BTreeSet<_> = answers.iter().map(|tokens| tokens.refresh_token.clone()).collect();
        assert_eq!(next.len(), 1, "round {round}: one token follows");
        let after = versions(&stage.apart).await;
        let written: Vec<_> = before
            .iter()
            .zip(&after)
            .filter(|(before, after)| before != after)
            .map(|(before, after)| after.1 - before.1)
            .collect();
        assert_eq!(written, [1], "round {round}: one session is written once");
        for tokens in &answers {
            let me = replicas[0].with_token(&tokens.access_token).sessions().who_am_i(WhoAmIRequest::default()).await;
            assert_eq!(me.unwrap().into_inner().principal, "user:alice");
        }
        current = next.into_iter().next().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_token_from_before_the_last_rotation_ends_the_session_at_every_replica() {
    let stage = stage().await;
    let (here, there) = (stage.identity(0), stage.identity(1));
    let first = here.sign_in("alice").await.unwrap();
    let second = refresh(&there, &first.refresh).await.unwrap();
    let third = refresh(&here, &second.refresh_token).await.unwrap();
    // stolen, and used where the rotation did not happen
    let stolen = refresh(&there, &first.refresh).await.unwrap_err();
    assert_eq!(stolen.code(), Code::Unauthenticated, "{stolen:?}");
    for at in [&here, &there] {
        let status = refresh(at, &third.refresh_token).await.unwrap_err();
        assert_eq!(status.code(), Code::Unauthenticated, "{status:?}");
    }
    for asked in &stage.everybody {
        let refused = async || asked.refuses(&third.access_token, None, "SESSION_ENDED").await.then_some(());
        within(A_SECOND, &format!("{} refuses the session", asked.name), refused).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_checked_alike_at_every_replica_right_after_the_account_is_made() {
    let stage = stage().await;
    let admin = stage.identity(0).sign_in("admin").await.unwrap();
    for at in 0..20 {
        let name = format!("new-{at}");
        admin.make_user(&name).await;
        let login =
            reeve_api::identity::LoginRequest { username: name, password: PASSWORD.to_owned(), ..Default::default() };
        stage.identity(1).sessions().login(login).await.unwrap();
    }
}
