//! Start in any order, and what is answered while there is no etcd: readiness is true exactly when answers are safe.
//!
//! Apart alone: what the one process of `up` says while it starts is tested with `reeved`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use reeve_api::agentmap::{AgentUser, LinkUserRequest};
use reeve_api::identity::CreateUserRequest;
use tokio::task::JoinSet;
use tokio::time::{Instant, interval};
use tonic::{Code, Status};
use tonic_health::pb::health_check_response::ServingStatus;

use crate::apart::{Apart, Kind, Shape};
use crate::asked::{Asked, is_away};
use crate::awaiting::{pass, within};
use crate::client::Client;
use crate::cluster::PASSWORD;
use crate::refusal::{assert_refused, reason};

/// How long everything may take to be ready, or to be well again.
const READY: Duration = Duration::from_secs(20);
/// How long somebody is waited with, to see that nobody answers meanwhile.
const ALONE: Duration = Duration::from_millis(1500);
/// How often everybody is asked how they are, and something.
const LOOK: Duration = Duration::from_millis(20);
/// How long health may lag behind what is answered.
const LAG: Duration = Duration::from_secs(1);
/// What `staleness` is configured as where etcd is taken away.
const STALENESS: Duration = Duration::from_secs(4);

/// Asks everybody all the time how they are, and something; fails if one who says that they are ready does not answer, or one
/// who says that they are not does so for longer than health may lag.
struct Watch {
    over: Arc<AtomicBool>,
    watched: JoinSet<usize>,
}

impl Watch {
    /// Asks with `token`, which holds wherever the cluster has one that it holds in.
    fn over(everybody: Vec<Asked>, token: &str, holds: bool) -> Self {
        let (over, mut watched) = (Arc::new(AtomicBool::new(false)), JoinSet::new());
        for asked in everybody {
            watched.spawn(watch(asked, token.to_owned(), holds, over.clone()));
        }
        Self { over, watched }
    }

    /// Ends it; how often was looked.
    async fn end(self) -> usize {
        self.over.store(true, Ordering::Relaxed);
        self.watched.join_all().await.into_iter().sum()
    }
}

async fn watch(asked: Asked, token: String, holds: bool, over: Arc<AtomicBool>) -> usize {
    let (mut looks, mut pace, mut apart_since) = (0, interval(LOOK), None);
    while !over.load(Ordering::Relaxed) {
        pace.tick().await;
        looks += 1;
        let before = asked.client.health("").await;
        let answer = asked.ask(&token, None).await;
        let after = asked.client.health("").await;
        let answered = match &answer {
            Ok(()) => true,
            Err(status) => !is_away(status),
        };
        assert!(!answered || answer.is_ok() == holds, "{}: answered wrongly: {answer:?}", asked.name);
        let said = [before, after].map(Result::ok);
        let ready = said == [Some(ServingStatus::Serving); 2];
        let unready = said == [Some(ServingStatus::NotServing); 2];
        if (ready && !answered) || (unready && answered) {
            let since = *apart_since.get_or_insert(Instant::now());
            assert!(since.elapsed() < LAG, "{} says {said:?}, and answers {answer:?}", asked.name);
        } else {
            apart_since = None;
        }
    }
    looks
}

/// A token that no cluster made.
fn nobodys() -> String {
    format!("reeve_bot_{}", "a".repeat(36))
}

async fn nobody_is_ready(everybody: &[Asked]) {
    for asked in everybody {
        let health = asked.client.health("").await;
        assert!(!health.is_ok_and(|said| said == ServingStatus::Serving), "{} is ready", asked.name);
    }
}

/// Two of each, in which alice may submit to vision; her token, and an administrator.
async fn stage(staleness: Option<Duration>) -> (Apart, String, Client) {
    let apart = Apart::start(Shape { replicas: 2, staleness, ..Shape::default() }).await;
    let admin = apart.service(Kind::Identity, 0).nobody().sign_in("admin").await.unwrap();
    admin.make_user("alice").await;
    admin.make_workspace("vision").await;
    admin.bind("user:alice", "editor", "workspaces/vision").await.unwrap();
    let alice = admin.sign_in("alice").await.unwrap().token;
    (apart, alice, admin)
}

#[tokio::test(flavor = "multi_thread")]
async fn with_etcd_last_a_new_cluster_becomes_ready_by_itself() {
    let apart = Apart::prepared(Shape { replicas: 2, ..Shape::default() }).await;
    (0..apart.etcd.size()).for_each(|node| apart.etcd.kill(node));
    apart.start_services();
    let watch = Watch::over(Asked::everybody(&apart, None), &nobodys(), false);
    pass(ALONE).await;
    nobody_is_ready(&Asked::everybody(&apart, None)).await;
    let began = Instant::now();
    join_all((0..apart.etcd.size()).map(|node| apart.etcd.restart(node))).await;
    tokio::time::timeout(READY, apart.ready()).await.expect("everybody becomes ready");
    println!("ready {:?} after etcd; looked {} times", began.elapsed(), watch.end().await);
    apart.service(Kind::Agentmap, 1).nobody().sign_in("admin").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn with_identity_last_a_new_cluster_becomes_ready_by_itself() {
    let apart = Apart::prepared(Shape { replicas: 2, ..Shape::default() }).await;
    for service in apart.services.iter().filter(|service| service.kind != Kind::Identity) {
        service.member.start();
    }
    let watch = Watch::over(Asked::everybody(&apart, None), &nobodys(), false);
    pass(ALONE).await;
    nobody_is_ready(&Asked::everybody(&apart, None)).await;
    apart.start_services();
    let began = Instant::now();
    tokio::time::timeout(READY, apart.ready()).await.expect("everybody becomes ready");
    println!("ready {:?} after identity; looked {} times", began.elapsed(), watch.end().await);
    apart.service(Kind::Policy, 1).nobody().sign_in("admin").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn started_at_once_it_becomes_ready_and_says_how_soon() {
    let apart = Apart::prepared(Shape { replicas: 2, ..Shape::default() }).await;
    let watch = Watch::over(Asked::everybody(&apart, None), &nobodys(), false);
    apart.start_services();
    for service in &apart.services {
        println!("{}: ready after {:?}", service.member.name(), service.member.ready().await.after);
    }
    watch.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_killed_and_started_again_in_any_order_answers_as_before_and_never_less() {
    let (apart, alice, _) = stage(None).await;
    let watch = Watch::over(Asked::everybody(&apart, None), &alice, true);
    // the kinds in turn first, the others a moment later, etcd among them
    for (round, first) in Kind::ALL.into_iter().enumerate() {
        apart.services.iter().for_each(|service| service.member.kill());
        (0..apart.etcd.size()).for_each(|node| apart.etcd.kill(node));
        apart.of(first).for_each(|service| service.member.start());
        pass(Duration::from_millis(300)).await;
        let began = Instant::now();
        let etcd = join_all((0..apart.etcd.size()).map(|node| apart.etcd.restart(node)));
        if round % 2 == 0 {
            apart.start_services();
            etcd.await;
        } else {
            etcd.await;
            apart.start_services();
        }
        tokio::time::timeout(READY, apart.ready()).await.expect("everybody becomes ready");
        println!("{} first: ready after {:?}", first.name(), began.elapsed());
        for asked in Asked::everybody(&apart, None) {
            asked.ask(&alice, None).await.unwrap();
        }
    }
    watch.end().await;
}

/// One write to each owner.
async fn writes(admin: &Client, name: &str) -> [Result<(), Status>; 3] {
    let user = CreateUserRequest { username: name.to_owned(), password: PASSWORD.to_owned(), ..Default::default() };
    let agent_user = AgentUser {
        uid: Some(2000),
        user: "alice".to_owned(),
        gid: Some(2000),
        group: "alice".to_owned(),
        ..Default::default()
    };
    let link = LinkUserRequest { username: "alice".to_owned(), agent_user: Some(agent_user), allow_shared: true };
    let (mut users, mut agent_users) = (admin.users(), admin.agent_users());
    let (made, bound, linked) = tokio::join!(
        users.create_user(user),
        admin.bind("user:alice", "viewer", "cluster"),
        agent_users.link_user(link)
    );
    [made.map(drop), bound.map(drop), linked.map(drop)]
}

#[tokio::test(flavor = "multi_thread")]
async fn without_quorum_decisions_go_on_until_they_are_stale_and_it_heals_by_itself() {
    let (apart, alice, admin) = stage(Some(STALENESS)).await;
    let follower = admin.make_robot("beside", Some("sidecar")).await;
    let sidecar = apart.sidecar("sidecar", &[apart.address(Kind::Policy)], &follower);
    sidecar.start();
    sidecar.ready().await;
    let everybody = Asked::everybody(&apart, Some(&sidecar));
    let watch = Watch::over(Asked::everybody(&apart, Some(&sidecar)), &alice, true);

    let leader = apart.etcd.leader().await;
    let killed = [leader, (leader + 1) % apart.etcd.size()];
    for node in killed {
        apart.etcd.kill(node);
    }
    let began = Instant::now();
    let answers = async {
        let mut last = vec![Duration::ZERO; everybody.len()];
        let mut look = interval(LOOK);
        while began.elapsed() < STALENESS + Duration::from_secs(6) {
            look.tick().await;
            for (asked, last) in everybody.iter().zip(&mut last) {
                match asked.ask(&alice, None).await {
                    Ok(()) => *last = began.elapsed(),
                    Err(status) => drop(assert_refused(Err::<(), _>(status), Code::Unavailable, "STALE_REPLICA")),
                }
            }
        }
        last
    };
    let (last, refused) = tokio::join!(answers, writes(&admin, "bob"));
    for (asked, last) in everybody.iter().zip(last) {
        println!("{}: the last answer {last:?} after", asked.name);
        assert!(last > STALENESS.saturating_sub(Duration::from_millis(1500)), "{}: {last:?}", asked.name);
        assert!(last < STALENESS + Duration::from_secs(1), "{}: {last:?}", asked.name);
    }
    for answer in refused {
        let status = answer.expect_err("something was written");
        assert_eq!(status.code(), Code::Unavailable, "{status:?}");
        println!("a write is refused as {}", reason(&status));
    }
    nobody_is_ready(&everybody).await;

    join_all(killed.into_iter().map(|node| apart.etcd.restart(node))).await;
    let began = Instant::now();
    for asked in &everybody {
        within(READY, &format!("{} answers again", asked.name), async || asked.ask(&alice, None).await.ok()).await;
    }
    let mut at = 0;
    let written = async || {
        at += 1;
        let [made, ..] = writes(&admin, &format!("bob-{at}")).await;
        made.ok()
    };
    within(READY, "a write is taken again", written).await;
    println!("healed {:?} after etcd; looked {} times", began.elapsed(), watch.end().await);
}
