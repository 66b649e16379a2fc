//! The etcd leader, every service and a sidecar are killed and held in turn, under writes and decisions by clients of one address
//! each. What the clients were told passes the checker of histories.
//!
//! Apart alone: the one process of `up` is killed in `reeved`'s own tests. `REEVE_CHAOS` says how many times round.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use reeve_api::api::{Consistency, consistency::Requirement};
use reeve_api::identity::ListUsersRequest;
use reeve_api::policy::ListBindingsRequest;
use reeve_e2e::history::{Asked, Bounds, History, Outcome, State, check};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};
use tonic_health::pb::health_check_response::ServingStatus;

use crate::apart::{Apart, Kind, Shape};
use crate::awaiting::{pass, within};
use crate::client::Client;
use crate::member::Member;
use crate::oracle;
use crate::recorder::{Fresh, Recorder, Session};

/// How many times round, unless `REEVE_CHAOS` says otherwise.
const ROUNDS: usize = 1;
/// How long somebody is dead or held.
const FAULT: Duration = Duration::from_millis(1500);
/// How long nothing is done between two faults: longer than the bound that holds then.
const CALM: Duration = Duration::from_millis(1500);
/// How long everything may take to be well again.
const RECOVERY: Duration = Duration::from_secs(20);
/// What `staleness.decisions` is configured as.
const STALENESS: Duration = Duration::from_secs(5);
/// How often each client writes or asks.
const PACE: Duration = Duration::from_millis(15);
/// Those who stay active, and submit.
const STEADY: &[&str] = &["ann", "ben"];
/// Those who are deactivated now and then.
const COMING_AND_GOING: &[&str] = &["cleo", "dan"];
/// How many violations of each kind are shown.
const SHOWN: usize = 5;
/// How new answers are asked to be, by turns.
const FRESH: &[Fresh] = &[Fresh::Any, Fresh::Seen, Fresh::Newest];
const WORKSPACES: &[&str] = &["vision", "speech"];

/// What happens to somebody.
#[derive(Clone, Copy, Debug)]
enum Fault {
    Killed,
    Held,
}

struct Stage {
    apart: Apart,
    sidecar: Member,
    recorder: Arc<Recorder>,
    /// A token of an administrator that does not end.
    token: String,
    /// Access tokens of [`STEADY`].
    submitters: Vec<String>,
    /// What was written last while the stage was set.
    set: String,
}

fn everybody() -> impl Iterator<Item = &'static str> {
    STEADY.iter().chain(COMING_AND_GOING).copied()
}

async fn stage() -> Stage {
    let apart = Apart::start(Shape { replicas: 2, staleness: Some(STALENESS), ..Shape::default() }).await;
    let recorder = Recorder::new();
    let admin = apart.service(Kind::Identity, 0).nobody().sign_in("admin").await.unwrap();
    let follower = admin.make_robot("beside", Some("sidecar")).await;
    let token = admin.make_robot("chaos", Some("clusterAdmin")).await;
    let set = admin.make_workspace(WORKSPACES[0]).await;
    let mut session = Session::new("stage", admin.clone(), &set, recorder.clone());
    for username in ["admin", "reeve"] {
        let unheard = Err(tonic::Status::unknown("the first start made them"));
        session.wrote(oracle::user(username), State::On, recorder.now(), unheard, Outcome::Acknowledged);
    }
    for username in everybody() {
        let began = recorder.now();
        let made = admin.make_user(username).await;
        session.wrote(oracle::user(username), State::On, began, Ok(made), Outcome::Acknowledged);
    }
    let set = admin.make_workspace(WORKSPACES[1]).await;
    let mut submitters = Vec::new();
    for username in STEADY {
        submitters.push(admin.sign_in(username).await.unwrap().token);
    }
    let upstreams: Vec<_> = Kind::ALL.map(|kind| apart.address(kind)).into_iter().rev().collect();
    let sidecar = apart.sidecar("sidecar", &upstreams, &follower);
    sidecar.start();
    sidecar.ready().await;
    Stage { apart, sidecar, recorder, token, submitters, set }
}

/// Some number below `end`.
fn any(end: usize) -> usize {
    let random = RandomState::new().hash_one(0_u8);
    usize::try_from(random % u64::try_from(end).unwrap()).unwrap()
}

fn some<T: Copy>(of: &[T]) -> T {
    of[any(of.len())]
}

impl Stage {
    /// Everybody that a client can come to: a replica of each service by turns, and the sidecar.
    fn doors(&self) -> Vec<&Member> {
        let services = self.apart.services.iter().map(|service| &service.member);
        services.chain([&self.sidecar]).collect()
    }

    fn session(&self, name: &str, door: &Member) -> Session {
        let client = door.nobody().with_token(&self.token);
        Session::new(&format!("{name} at {}", door.name()), client, &self.set, self.recorder.clone())
    }

    /// Does something to somebody, undoes it, and waits until everybody is well; how long that took.
    async fn suffer(&self, fault: Fault, victim: Option<&Member>) -> Duration {
        let from = self.recorder.now();
        let leader = if victim.is_none() { self.apart.etcd.leader().await } else { 0 };
        match (fault, victim) {
            (Fault::Killed, Some(member)) => member.kill(),
            (Fault::Held, Some(member)) => member.pause(),
            (Fault::Killed, None) => self.apart.etcd.kill(leader),
            (Fault::Held, None) => self.apart.etcd.pause(leader),
        }
        pass(FAULT).await;
        match (fault, victim) {
            (Fault::Killed, Some(member)) => member.start(),
            (Fault::Held, Some(member)) => member.resume(),
            (Fault::Killed, None) => self.apart.etcd.restart(leader).await,
            (Fault::Held, None) => self.apart.etcd.resume(leader),
        }
        let undone = self.recorder.now();
        for door in self.doors() {
            self.is_well(door).await;
        }
        self.recorder.disturbed(from);
        self.recorder.now().saturating_sub(undone)
    }

    /// Waits until somebody says that they are, takes a write, and shows it without being asked to.
    async fn is_well(&self, door: &Member) {
        let mut session = self.session("probe", door);
        let client = door.nobody();
        let serving =
            async || client.health("").await.is_ok_and(|status| status == ServingStatus::Serving).then_some(());
        within(RECOVERY, &format!("{} is ready", door.name()), serving).await;
        let mut to = State::On;
        let (user, workspace) = ("reeve", WORKSPACES[0]);
        let written = async || {
            let done = session.edit(user, workspace, to).await;
            to = if to == State::On { State::Off } else { State::On };
            done.then(|| session.seen())
        };
        let (revision, _) = within(RECOVERY, &format!("{} takes a write", door.name()), written).await;
        let mut other = self.session("probe", door);
        let seen = async || other.check(user, workspace, Fresh::Any).await.filter(|at| *at >= revision);
        within(RECOVERY, &format!("{} shows what was written", door.name()), seen).await;
    }
}

async fn write(mut session: Session, over: Arc<AtomicBool>) {
    let mut pace = interval(PACE);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let all: Vec<&str> = everybody().collect();
    while !over.load(Ordering::Relaxed) {
        pace.tick().await;
        let to = some(&[State::On, State::Off]);
        if any(8) == 0 {
            session.set_active(some(COMING_AND_GOING), to).await;
        } else {
            session.edit(some(&all), some(WORKSPACES), to).await;
        }
    }
}

async fn decide(mut session: Session, over: Arc<AtomicBool>, submitters: Vec<String>, fresh: &[Fresh]) {
    let mut pace = interval(PACE);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let all: Vec<&str> = everybody().collect();
    while !over.load(Ordering::Relaxed) {
        pace.tick().await;
        let fresh = some(fresh);
        if any(3) == 0 {
            let at = any(STEADY.len());
            session.admit(STEADY[at], &submitters[at], some(WORKSPACES), fresh).await;
        } else {
            session.check(some(&all), some(WORKSPACES), fresh).await;
        }
    }
}

/// What a service lists as being there, at a state as new as the store's.
async fn listed(client: &Client) -> BTreeSet<String> {
    let now = || Some(Consistency { requirement: Some(Requirement::FullyConsistent(true)) });
    let request = ListUsersRequest { page_size: 1000, consistency: now(), ..Default::default() };
    let users = client.users().list_users(request).await.unwrap().into_inner().users;
    let mut found: BTreeSet<String> = users.iter().map(|user| oracle::user(&user.username)).collect();
    for workspace in WORKSPACES {
        let resource = format!("workspaces/{workspace}");
        let request = ListBindingsRequest { resource, page_size: 1000, consistency: now(), ..Default::default() };
        let bindings = client.bindings().list_bindings(request).await.unwrap().into_inner().bindings;
        let editors = bindings.iter().filter(|binding| binding.role == "editor");
        let users = editors.filter_map(|binding| binding.principal.strip_prefix("user:"));
        found.extend(users.map(|user| oracle::editor(user, workspace)));
    }
    found
}

fn tally(history: &History) -> String {
    let writes = |of: fn(&Outcome) -> bool| history.writes.iter().filter(|write| of(&write.outcome)).count();
    let decisions = |of: fn(&Asked) -> bool| history.decisions.iter().filter(|found| of(&found.asked)).count();
    format!(
        "{} writes ({} acknowledged, {} refused, {} unheard), {} decisions ({} with a token, {} at the newest state)",
        history.writes.len(),
        writes(|outcome| matches!(outcome, Outcome::Acknowledged(_) | Outcome::Confirmed(_))),
        writes(|outcome| *outcome == Outcome::Refused),
        writes(|outcome| *outcome == Outcome::Unknown),
        history.decisions.len(),
        decisions(|asked| matches!(asked, Asked::AtLeast(_))),
        decisions(|asked| *asked == Asked::Newest),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_killed_or_held_one_order_of_writes_explains_every_answer() {
    let rounds = std::env::var("REEVE_CHAOS").map_or(ROUNDS, |text| text.parse().expect("REEVE_CHAOS is a number"));
    let stage = stage().await;
    let (mut clients, over) = (JoinSet::new(), Arc::new(AtomicBool::new(false)));
    for door in stage.doors() {
        clients.spawn(write(stage.session("writer", door), over.clone()));
        // a sidecar cannot ask the store what is newest, and says so
        let fresh = if door.name() == stage.sidecar.name() { &FRESH[..2] } else { FRESH };
        clients.spawn(decide(stage.session("decider", door), over.clone(), stage.submitters.clone(), fresh));
    }
    let mut slowest = (Duration::ZERO, String::new());
    for _ in 0..rounds {
        for fault in [Fault::Killed, Fault::Held] {
            for victim in [None].into_iter().chain(stage.doors().into_iter().map(Some)) {
                pass(CALM).await;
                let took = stage.suffer(fault, victim).await;
                let name = victim.map_or("the etcd leader", Member::name);
                println!("{fault:?} {name}: everybody well {took:?} after");
                slowest = slowest.max((took, format!("{fault:?} {name}")));
            }
        }
    }
    over.store(true, Ordering::Relaxed);
    while let Some(client) = clients.join_next().await {
        client.unwrap();
    }
    // one last write, after which there is none
    let mut last = stage.session("last", stage.apart.service(Kind::Policy, 0));
    let last = async || {
        let done =
            last.edit("reeve", WORKSPACES[0], State::On).await || last.edit("reeve", WORKSPACES[0], State::Off).await;
        done.then(|| last.seen())
    };
    let (until, _) = within(RECOVERY, "one last write", last).await;
    let lists = [Kind::Policy, Kind::Identity].map(|kind| stage.apart.of(kind).map(|service| &service.member));
    let mut seen = Vec::new();
    for member in lists.into_iter().flatten() {
        seen.push(listed(&member.nobody().with_token(&stage.token)).await);
    }
    let mut history = stage.recorder.take();
    history.listed = seen.pop().unwrap();
    assert!(seen.iter().all(|other| *other == history.listed), "every replica lists the same: {seen:?}");
    history.order = oracle::changes(&stage.apart.etcd, until).await;
    history.until = until;
    println!("{}; {} changes; slowest recovery {slowest:?}", tally(&history), history.order.len());
    let violations = check(&history, Bounds { calm: Duration::from_secs(1), always: STALENESS });
    let mut kinds: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for found in &violations {
        kinds.entry(found.name()).or_default().push(found);
    }
    for (name, found) in &kinds {
        println!("{name}: {}, such as", found.len());
        found.iter().take(SHOWN).for_each(|found| println!("  {found}"));
    }
    assert!(violations.is_empty(), "{} violations", violations.len());
}
