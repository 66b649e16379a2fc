//! The store agrees with a model of it, a map with all of its past, whatever is asked in whatever order.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::StreamExt;
use proptest::prelude::*;
use reeve_model::Revision;
use reeve_store::contract::Subject;
use reeve_store::{
    CommitError, EmbeddedOptions, Guard, Key, LeaseId, Op, Store, StoreError, Txn, WatchEvent, WatchedChange,
};

use crate::subject::{EmbeddedSubject, open};

const KEYS: [&str; 7] = ["a", "a/", "a/1", "a/2", "ab", "b", "é"];
const PREFIXES: [&str; 6] = ["", "a", "a/", "ab", "b", "c"];

#[derive(Clone, Debug)]
enum Action {
    Commit { guards: Vec<(usize, GuardKind)>, ops: Vec<(usize, OpKind)> },
    Get(usize),
    List { prefix: usize, after: Option<usize>, limit: usize, ago: u64 },
    Watch { prefix: usize, ago: u64 },
    Grant { secs: u64 },
    Keep { lease: usize },
    Revoke { lease: usize },
    Pass { secs: u64 },
    Restart,
    Crash,
}

#[derive(Clone, Debug)]
enum GuardKind {
    Absent,
    Unchanged,
    Stale(u64),
}

#[derive(Clone, Debug)]
enum OpKind {
    Put(u8),
    PutLeased(u8, usize),
    Delete,
}

fn action() -> impl Strategy<Value = Action> {
    let guard =
        prop_oneof![Just(GuardKind::Absent), Just(GuardKind::Unchanged), (0..20_u64).prop_map(GuardKind::Stale)];
    let op = prop_oneof![
        4 => any::<u8>().prop_map(OpKind::Put),
        2 => (any::<u8>(), 0..3_usize).prop_map(|(value, lease)| OpKind::PutLeased(value, lease)),
        3 => Just(OpKind::Delete),
    ];
    let guards = prop::collection::vec((0..KEYS.len(), guard), 0..2);
    let ops = prop::collection::btree_map(0..KEYS.len(), op, 0..4).prop_map(|ops| ops.into_iter().collect());
    let (key, prefix) = (0..KEYS.len(), 0..PREFIXES.len());
    prop_oneof![
        10 => (guards, ops).prop_map(|(guards, ops)| Action::Commit { guards, ops }),
        2 => key.clone().prop_map(Action::Get),
        4 => (prefix.clone(), prop::option::of(key), 0..5_usize, 0..12_u64)
            .prop_map(|(prefix, after, limit, ago)| Action::List { prefix, after, limit, ago }),
        3 => (prefix, 0..12_u64).prop_map(|(prefix, ago)| Action::Watch { prefix, ago }),
        2 => (1..5_u64).prop_map(|secs| Action::Grant { secs }),
        1 => (0..3_usize).prop_map(|lease| Action::Keep { lease }),
        1 => (0..3_usize).prop_map(|lease| Action::Revoke { lease }),
        2 => (0..3_u64).prop_map(|secs| Action::Pass { secs }),
        1 => Just(Action::Restart),
        1 => Just(Action::Crash),
    ]
}

/// What a key holds: the revision that wrote it, the value, the lease.
type Held = (u64, Vec<u8>, Option<LeaseId>);
type State = BTreeMap<String, Held>;

/// What one revision changed: the keys, in order, and what they hold since then, if they exist.
type Changes = Vec<(String, Option<Vec<u8>>)>;

/// Everything that ever was.
struct Model {
    /// By revision, from 0 on.
    moments: Vec<State>,
    /// Of every lease: its time to live, and its deadline.
    leases: BTreeMap<i64, (u64, u64)>,
    granted: Vec<LeaseId>,
    now: u64,
}

impl Model {
    fn newest(&self) -> u64 {
        self.moments.len() as u64 - 1
    }

    fn state(&self) -> State {
        self.moments.last().unwrap().clone()
    }

    /// Makes a moment out of a state, when something was written.
    fn push(&mut self, state: State) -> u64 {
        if state != self.state() {
            self.moments.push(state);
        }
        self.newest()
    }

    fn end_lease(&mut self, lease: LeaseId) -> bool {
        let existed = self.leases.remove(&lease.0).is_some();
        let mut state = self.state();
        state.retain(|_, (_, _, held)| *held != Some(lease));
        self.push(state);
        existed
    }

    fn expire(&mut self) {
        let mut due: Vec<(u64, i64)> =
            self.leases.iter().map(|(id, (_, deadline))| (*deadline, *id)).filter(|(at, _)| *at <= self.now).collect();
        due.sort_unstable();
        for (_, id) in due {
            self.end_lease(LeaseId(id));
        }
    }

    fn restart(&mut self) {
        for (ttl, deadline) in self.leases.values_mut() {
            *deadline = self.now + *ttl;
        }
    }

    /// The lease that was granted as the `at`th from the end, or one that never was.
    fn lease(&self, at: usize) -> LeaseId {
        self.granted.iter().rev().nth(at).copied().unwrap_or(LeaseId(1))
    }

    fn commit(&mut self, txn: &Txn) -> Result<u64, CommitError> {
        let state = self.state();
        if txn.ops.is_empty() {
            return Err(StoreError::Refused(String::new()).into());
        }
        let holds = |guard: &Guard| match guard {
            Guard::Absent(key) => !state.contains_key(key.as_str()),
            Guard::Unchanged(key, at) => state.get(key.as_str()).is_some_and(|(revision, _, _)| *revision == at.get()),
        };
        if !txn.guards.iter().all(holds) {
            return Err(CommitError::Conflict);
        }
        let (mut next, revision) = (state, self.newest() + 1);
        for op in &txn.ops {
            match op {
                Op::Put { lease: Some(lease), .. } if !self.leases.contains_key(&lease.0) => {
                    return Err(StoreError::NoSuchLease.into());
                }
                Op::Put { key, value, lease } => {
                    next.insert(key.to_string(), (revision, value.to_vec(), *lease));
                }
                Op::Delete(key) => {
                    next.remove(key.as_str());
                }
            }
        }
        Ok(self.push(next))
    }

    /// By revision after `after`: what changed under `prefix`, and how.
    fn changes(&self, prefix: &str, after: u64) -> Vec<(u64, Changes)> {
        let mut all = Vec::new();
        for (number, pair) in (1..).zip(self.moments.windows(2)).filter(|(number, _)| *number > after) {
            let (before, now) = (pair.first().unwrap(), pair.last().unwrap());
            let keys: BTreeSet<&String> =
                before.keys().chain(now.keys()).filter(|key| key.starts_with(prefix)).collect();
            let changed = keys.into_iter().filter(|key| before.get(*key) != now.get(*key));
            let changed: Vec<_> =
                changed.map(|key| (key.clone(), now.get(key).map(|(_, value, _)| value.clone()))).collect();
            if !changed.is_empty() {
                all.push((number, changed));
            }
        }
        all
    }
}

struct World {
    subject: EmbeddedSubject,
    model: Model,
}

impl World {
    async fn take(&mut self, action: Action) {
        match action {
            Action::Commit { guards, ops } => self.commit(&guards, ops).await,
            Action::Get(key) => {
                let found = self.subject.store.get(&Key::new(KEYS[key])).await.unwrap();
                let found = found.map(|found| (found.mod_revision.get(), found.value.to_vec()));
                let state = self.model.state();
                assert_eq!(found, state.get(KEYS[key]).map(|(revision, value, _)| (*revision, value.clone())));
            }
            Action::List { prefix, after, limit, ago } => self.list(prefix, after, limit, ago).await,
            Action::Watch { prefix, ago } => self.watch(prefix, ago).await,
            Action::Grant { secs } => {
                let lease = self.subject.store.grant_lease(Duration::from_secs(secs)).await.unwrap();
                assert_eq!(lease.ttl.as_secs(), secs);
                self.model.leases.insert(lease.id.0, (secs, self.model.now + secs));
                self.model.granted.push(lease.id);
            }
            Action::Keep { lease } => self.keep(self.model.lease(lease)).await,
            Action::Revoke { lease } => {
                let lease = self.model.lease(lease);
                let outcome = self.subject.store.revoke_lease(lease).await;
                assert_eq!(outcome.is_ok(), self.model.end_lease(lease), "{outcome:?}");
            }
            Action::Pass { secs } => {
                self.subject.clock.advance(Duration::from_secs(secs));
                self.model.now += secs;
                self.model.expire();
                // The writer ends what is due before it does what it is asked.
                self.keep(LeaseId(1)).await;
            }
            Action::Restart => {
                self.subject.store.close();
                let (dir, clock) = (self.subject.dir.path(), &self.subject.clock);
                self.subject.store = open(dir, clock, EmbeddedOptions::default()).unwrap().into();
                self.model.restart();
            }
            Action::Crash => {
                self.subject.crash().await;
                self.model.restart();
            }
        }
    }

    async fn commit(&mut self, guards: &[(usize, GuardKind)], ops: Vec<(usize, OpKind)>) {
        let mut txn = Txn::new();
        for (key, kind) in guards {
            let name = KEYS[*key];
            let at = |revision| Guard::Unchanged(Key::new(name), Revision::new(revision));
            txn.guards.push(match kind {
                GuardKind::Absent => Guard::Absent(Key::new(name)),
                GuardKind::Unchanged => at(self.model.state().get(name).map_or(0, |(revision, _, _)| *revision)),
                GuardKind::Stale(revision) => at(*revision),
            });
        }
        for (key, kind) in ops {
            let key = Key::new(KEYS[key]);
            txn.ops.push(match kind {
                OpKind::Put(value) => Op::Put { key, value: vec![value].into(), lease: None },
                OpKind::PutLeased(value, lease) => {
                    Op::Put { key, value: vec![value].into(), lease: Some(self.model.lease(lease)) }
                }
                OpKind::Delete => Op::Delete(key),
            });
        }
        let expected = self.model.commit(&txn);
        let outcome = self.subject.store.commit(txn).await;
        match (&expected, &outcome) {
            (Ok(expected), Ok(committed)) => assert_eq!(committed.revision.get(), *expected),
            (Err(CommitError::Conflict), Err(CommitError::Conflict)) => {}
            (Err(CommitError::Store(expected)), Err(CommitError::Store(found))) => {
                assert_eq!(std::mem::discriminant(expected), std::mem::discriminant(found));
            }
            _ => panic!("{expected:?} was expected, not {outcome:?}"),
        }
    }

    async fn list(&self, prefix: usize, after: Option<usize>, limit: usize, ago: u64) {
        let at = self.model.newest().saturating_sub(ago);
        let (prefix, after) = (PREFIXES[prefix], after.map(|after| KEYS[after]));
        let asked = (ago > 0).then_some(Revision::new(at));
        let page = self.subject.store.list(prefix, after.map(Key::new).as_ref(), limit, asked).await.unwrap();
        let state = &self.model.moments[usize::try_from(at).unwrap()];
        let under = |key: &&String| key.starts_with(prefix) && after.is_none_or(|after| key.as_str() > after);
        let expected: Vec<(String, u64, Vec<u8>)> =
            state.keys().filter(under).map(|key| (key.clone(), state[key].0, state[key].1.clone())).collect();
        let found: Vec<_> = page
            .items
            .iter()
            .map(|item| (item.key.to_string(), item.mod_revision.get(), item.value.to_vec()))
            .collect();
        assert_eq!(found, expected[..limit.min(expected.len())], "`{prefix}` after {after:?} at {at}");
        assert_eq!((page.more, page.revision.get()), (expected.len() > limit, at));
    }

    async fn watch(&self, prefix: usize, ago: u64) {
        let (prefix, after) = (PREFIXES[prefix], self.model.newest().saturating_sub(ago));
        let mut watch = self.subject.store.watch(prefix, Revision::new(after)).await.unwrap();
        let mut found = Vec::new();
        let caught_up = loop {
            match watch.next().await.unwrap().unwrap() {
                WatchEvent::Changes { revision, changes } => {
                    let changes = changes.into_iter().map(|change| match change {
                        WatchedChange::Put(put) => (put.key.to_string(), Some(put.value.to_vec())),
                        WatchedChange::Deleted(key) => (key.to_string(), None),
                    });
                    found.push((revision.get(), changes.collect::<Vec<_>>()));
                }
                WatchEvent::Progress { revision, .. } => break revision.get(),
            }
        };
        assert_eq!(found, self.model.changes(prefix, after), "`{prefix}` after {after}");
        assert_eq!(caught_up, self.model.newest());
    }

    async fn keep(&mut self, lease: LeaseId) {
        let outcome = self.subject.store.keep_lease_alive(lease).await;
        let now = self.model.now;
        match self.model.leases.get_mut(&lease.0) {
            Some((ttl, deadline)) => {
                outcome.unwrap();
                *deadline = now + *ttl;
            }
            None => assert!(matches!(outcome, Err(StoreError::NoSuchLease)), "{outcome:?}"),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn the_store_agrees_with_the_model(actions in prop::collection::vec(action(), 1..80)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let model =
                Model { moments: vec![State::new()], leases: BTreeMap::new(), granted: Vec::new(), now: 0 };
            let mut world = World { subject: EmbeddedSubject::new(), model };
            for action in actions {
                world.take(action).await;
            }
            for ago in [0, 3, world.model.newest()] {
                world.list(0, None, 100, ago).await;
                world.watch(0, ago).await;
            }
        });
    }
}
