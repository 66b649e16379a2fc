//! Three nodes, of which some are killed, held, or cut off while the store is in use.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use reeve_model::Revision;
use reeve_store::contract::Observer;
use reeve_store::{CommitError, Etcd, Key, Store, StoreError, Txn, WatchError};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use crate::etcd_subject::EtcdSubject;

/// How long anything may take.
const PATIENCE: Duration = Duration::from_mins(1);
/// How long one call may take, whatever happens.
const CALL: Duration = Duration::from_secs(15);
/// How long a paused member may hold up reads, and watches.
const TURN: Duration = Duration::from_secs(20);

/// Writes one new key after another; knows which were acknowledged, and at which revision.
struct Load {
    stop: watch::Sender<bool>,
    acknowledged: watch::Receiver<usize>,
    writer: JoinHandle<BTreeMap<String, Revision>>,
}

impl Load {
    fn start(store: Arc<Etcd>) -> Self {
        let (stop, stopped) = watch::channel(false);
        let (tell, acknowledged) = watch::channel(0);
        let writer = tokio::spawn(async move {
            let mut written = BTreeMap::new();
            for number in 0.. {
                if *stopped.borrow() {
                    break;
                }
                let name = format!("k/{number:06}");
                let commit = store.commit(Txn::new().create(Key::new(&name), "x"));
                match timeout(CALL, commit).await.unwrap() {
                    Ok(committed) => {
                        written.insert(name, committed.revision);
                        tell.send_replace(written.len());
                    }
                    Err(CommitError::Store(StoreError::Unavailable(_))) => {}
                    Err(error) => panic!("{name}: {error}"),
                }
            }
            written
        });
        Self { stop, acknowledged, writer }
    }

    /// Waits until this many more writes were acknowledged.
    async fn goes_on(&mut self, more: usize) {
        let target = *self.acknowledged.borrow() + more;
        timeout(PATIENCE, self.acknowledged.wait_for(|count| *count >= target)).await.unwrap().unwrap();
    }

    async fn end(self) -> BTreeMap<String, Revision> {
        self.stop.send(true).unwrap();
        self.writer.await.unwrap()
    }
}

/// Watches on, however often the watch is lost.
struct Follower {
    store: Arc<Etcd>,
    observer: Observer,
    seen: Vec<(Revision, String)>,
    lost: usize,
}

impl Follower {
    async fn new(store: Arc<Etcd>, after: Revision) -> Self {
        let observer = Observer::new(&*store, "k/", after).await;
        Self { store, observer, seen: Vec::new(), lost: 0 }
    }

    async fn reach(&mut self, revision: Revision) {
        let reaching = async {
            while self.observer.reported < revision {
                match self.observer.next().await {
                    Ok(_) => {}
                    Err(WatchError::Lost(_)) => self.resume().await,
                    Err(error) => panic!("{error}"),
                }
            }
        };
        timeout(PATIENCE, reaching).await.unwrap();
        self.take();
    }

    fn take(&mut self) {
        for (revision, changes) in self.observer.changes.drain(..) {
            for change in changes {
                let reeve_store::WatchedChange::Put(put) = change else { panic!("nothing is removed") };
                self.seen.push((revision, put.key.to_string()));
            }
        }
    }

    async fn resume(&mut self) {
        self.take();
        self.lost += 1;
        let after = self.observer.reported;
        loop {
            // A refusal is none of Observer's: ask first.
            match timeout(CALL, self.store.watch("k/", after)).await.unwrap() {
                Ok(_) => break,
                Err(StoreError::Unavailable(_)) => sleep(Duration::from_millis(50)).await,
                Err(error) => panic!("{error}"),
            }
        }
        self.observer = Observer::new(&*self.store, "k/", after).await;
    }

    /// Everything that was acknowledged was seen, once, in order, at its revision; and what was not may have been.
    async fn assert_saw(mut self, written: &BTreeMap<String, Revision>) {
        let newest = self.store.barrier().await.unwrap();
        self.reach(newest).await;
        assert!(self.seen.is_sorted_by(|(a, _), (b, _)| a < b), "in order, each once");
        let seen: BTreeMap<String, Revision> = self.seen.iter().map(|(at, name)| (name.clone(), *at)).collect();
        for (name, revision) in written {
            assert_eq!(seen.get(name), Some(revision), "{name} was acknowledged");
        }
        let mut after = None;
        let mut stored = 0;
        loop {
            let page = self.store.list("k/", after.as_ref(), 1000, None).await.unwrap();
            stored += page.items.len();
            assert!(page.items.iter().all(|item| seen.get(item.key.as_str()) == Some(&item.mod_revision)));
            after = page.items.last().map(|item| item.key.clone());
            if !page.more {
                break;
            }
        }
        assert_eq!(stored, seen.len());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_leader_costs_no_acknowledged_write_and_no_event() {
    let subject = EtcdSubject::new(3).await;
    let store = subject.etcd();
    let mut load = Load::start(store.clone());
    let follower = Follower::new(store.clone(), Revision::ZERO).await;
    for _ in 0..3 {
        load.goes_on(50).await;
        let leader = subject.cluster.leader().await;
        subject.cluster.kill(leader);
        load.goes_on(50).await;
        subject.cluster.restart(leader).await;
    }
    load.goes_on(50).await;
    let written = load.end().await;
    follower.assert_saw(&written).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_held_leader_costs_no_acknowledged_write_and_no_event() {
    let subject = EtcdSubject::new(3).await;
    let store = subject.etcd();
    let mut load = Load::start(store.clone());
    let follower = Follower::new(store.clone(), Revision::ZERO).await;
    load.goes_on(50).await;
    let leader = subject.cluster.leader().await;
    subject.cluster.pause(leader);
    load.goes_on(50).await;
    subject.cluster.resume(leader);
    load.goes_on(50).await;
    let written = load.end().await;
    follower.assert_saw(&written).await;
}

/// Whichever is held: the one that is asked, the one that a watch comes from, the leader.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whichever_member_is_held_the_next_one_is_asked() {
    let subject = EtcdSubject::new(3).await;
    let store = subject.etcd();
    let mut follower = Follower::new(store.clone(), Revision::ZERO).await;
    let mut written = BTreeMap::new();
    for node in 0..3 {
        subject.cluster.pause(node);
        let begun = Instant::now();
        let (name, begun_writes) = (format!("k/{node}"), Instant::now());
        let revision = loop {
            match store.commit(Txn::new().put(Key::new(&name), "x")).await {
                Ok(committed) => break committed.revision,
                Err(CommitError::Store(StoreError::Unavailable(_))) => assert!(begun_writes.elapsed() < TURN),
                Err(error) => panic!("{error}"),
            }
        };
        written.insert(name.clone(), revision);
        assert!(store.get(&Key::new(&name)).await.unwrap().is_some());
        follower.reach(revision).await;
        let barrier = store.barrier().await.unwrap();
        follower.reach(barrier).await;
        assert!(begun.elapsed() < 2 * TURN, "node {node}: {:?}", begun.elapsed());
        subject.cluster.resume(node);
        subject.cluster.healthy().await;
    }
    assert!(follower.lost > 0, "the watch was on one of them");
    // A name that was tried again may have been written twice: the last one counts.
    let newest = store.barrier().await.unwrap();
    follower.reach(newest).await;
    let seen: BTreeMap<String, Revision> = follower.seen.into_iter().map(|(at, name)| (name, at)).collect();
    assert_eq!(seen.keys().collect::<Vec<_>>(), written.keys().collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_majority_every_call_fails_in_time_and_works_again_by_itself() {
    let subject = EtcdSubject::new(3).await;
    let store = subject.etcd();
    let mut follower = Follower::new(store.clone(), Revision::ZERO).await;
    let first = store.commit(Txn::new().create(Key::new("k/1"), "x")).await.unwrap().revision;
    follower.reach(first).await;
    subject.cluster.kill(0);
    subject.cluster.kill(1);
    let key = Key::new("k/1");
    let lease = Duration::from_secs(5);
    let calls = tokio::join!(
        timeout(CALL, store.get(&key)),
        timeout(CALL, store.list("", None, 10, None)),
        timeout(CALL, store.barrier()),
        timeout(CALL, store.commit(Txn::new().put(Key::new("k/2"), "x"))),
        timeout(CALL, store.grant_lease(lease)),
    );
    let outcomes = [
        calls.0.unwrap().map(drop),
        calls.1.unwrap().map(drop),
        calls.2.unwrap().map(drop),
        calls.3.unwrap().map(drop).map_err(|error| match error {
            CommitError::Store(error) => error,
            CommitError::Conflict => panic!("a conflict"),
        }),
        calls.4.unwrap().map(drop),
    ];
    for outcome in outcomes {
        assert!(matches!(outcome, Err(StoreError::Unavailable(_))), "{outcome:?}");
    }
    tokio::join!(subject.cluster.restart(0), subject.cluster.restart(1));
    subject.cluster.leader().await;
    let healed = timeout(PATIENCE, async {
        loop {
            match store.commit(Txn::new().put(Key::new("k/3"), "x")).await {
                Ok(committed) => return committed.revision,
                Err(CommitError::Store(StoreError::Unavailable(_))) => {}
                Err(error) => panic!("{error}"),
            }
        }
    });
    let healed = healed.await.unwrap();
    follower.reach(healed).await;
    let barrier = timeout(CALL, store.barrier()).await.unwrap().unwrap();
    follower.reach(barrier).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_compacted_while_all_were_down_is_told() {
    let mut subject = EtcdSubject::new(3).await;
    let store = subject.etcd();
    let old = store.commit(Txn::new().create(Key::new("k/1"), "x")).await.unwrap().revision;
    let newest = store.commit(Txn::new().create(Key::new("k/2"), "x")).await.unwrap().revision;
    subject.cluster.compact(newest.get()).await;
    drop(store);
    reeve_store::contract::Subject::crash(&mut subject).await;
    let store = subject.etcd();
    let outcome = store.watch("k/", Revision::new(old.get() - 1)).await.map(drop);
    assert!(matches!(outcome, Err(StoreError::Compacted { oldest, .. }) if oldest == newest), "{outcome:?}");
    let mut observer = Observer::new(&*store, "k/", newest).await;
    assert!(observer.next_progress().await >= newest);
}
