//! What is the etcd store's own: ticks, ages, clocks, and what several processes see of each other.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::join_all;
use reeve_model::{Revision, SeededEntropy};
use reeve_store::contract::Observer;
use reeve_store::{Etcd, EtcdOptions, Key, Store, Txn, Watch, WatchError, WatchEvent};
use tokio::time::{Instant, sleep, timeout};

use crate::etcd_subject::{EtcdSubject, TestClock, open, options};

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(30);

async fn put(store: &Etcd, key: &str) -> Revision {
    store.commit(Txn::new().put(Key::new(key), "x")).await.unwrap().revision
}

/// A store on the same cluster that asks for progress by itself as seldom as may be.
async fn quiet(subject: &EtcdSubject, seed: u64) -> Etcd {
    let idle_tick = Duration::from_mins(1);
    open(EtcdOptions { idle_tick, ..options(&subject.cluster) }, seed).await.unwrap()
}

async fn next_progress(watch: &mut Watch) -> (Revision, Duration) {
    loop {
        match timeout(PATIENCE, watch.next()).await.unwrap().unwrap().unwrap() {
            WatchEvent::Progress { revision, age } => return (revision, age),
            WatchEvent::Changes { .. } => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_process_writes_another_sees() {
    let subject = EtcdSubject::new(1).await;
    let (one, two) = (subject.etcd(), subject.another(11).await);
    let mut observer = Observer::new(&two, "k/", Revision::ZERO).await;
    let written = put(&one, "k/a").await;
    assert!(two.get(&Key::new("k/a")).await.unwrap().is_some());
    observer.reach(written).await;
    assert_eq!(observer.changes.len(), 1);
    let barrier = two.barrier().await.unwrap();
    assert!(barrier >= written);
    observer.reach(barrier).await;
}

#[tokio::test]
async fn the_stores_own_keys_are_seen_by_nobody() {
    let subject = EtcdSubject::new(1).await;
    let store = subject.etcd();
    let start = put(&store, "k/a").await;
    let mut observers = Vec::new();
    for prefix in ["", "k", "k/", "s", "store"] {
        observers.push(Observer::new(&*store, prefix, start).await);
    }
    for observer in &mut observers {
        observer.next_progress().await;
        assert!(observer.changes.is_empty());
    }
    for limit in [1, 2, 10] {
        let page = store.list("", None, limit, None).await.unwrap();
        assert_eq!((page.items.len(), page.more), (1, false), "at most {limit}");
    }
    assert!(store.list("s", None, 10, None).await.unwrap().items.is_empty());
    assert!(store.list("k/~", None, 10, None).await.unwrap().items.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn those_who_ask_at_once_share_a_tick() {
    let subject = EtcdSubject::new(1).await;
    let store = quiet(&subject, 12).await;
    let written = put(&store, "k").await;
    let mut observer = Observer::new(&store, "k", written).await;
    let start = observer.next_progress().await;
    let barriers = join_all((0..200).map(|_| store.barrier())).await;
    let newest = barriers.into_iter().map(Result::unwrap).max().unwrap();
    observer.reach(newest).await;
    assert!(newest > start && newest.get() - start.get() <= 10, "from {start} to {newest}");
}

#[tokio::test]
async fn nobody_writes_ticks_when_nobody_watches() {
    let subject = EtcdSubject::new(1).await;
    let store = subject.etcd();
    let written = put(&store, "k").await;
    for _ in 0..5 {
        assert_eq!(store.barrier().await.unwrap(), written);
    }
    let mut observer = Observer::new(&*store, "k", written).await;
    observer.next_progress().await;
    drop(observer);
    // A tick may be under way; after it there is none.
    store.barrier().await.unwrap();
    let after = store.barrier().await.unwrap();
    sleep(options(&subject.cluster).idle_tick * 3).await;
    assert_eq!(store.barrier().await.unwrap(), after);
}

#[tokio::test]
async fn progress_that_is_taken_late_says_so() {
    const LATE: Duration = Duration::from_millis(400);
    let subject = EtcdSubject::new(1).await;
    let store = quiet(&subject, 13).await;
    let written = put(&store, "k").await;
    let mut watch = store.watch("k", written).await.unwrap();
    let (_, first) = next_progress(&mut watch).await;
    let asked = Instant::now();
    store.barrier().await.unwrap();
    sleep(LATE).await;
    let (_, late) = next_progress(&mut watch).await;
    assert!(
        late >= LATE.saturating_sub(Duration::from_millis(20)) && late <= asked.elapsed(),
        "{first:?}, then {late:?}"
    );
}

#[tokio::test]
async fn the_ticks_of_others_move_the_revision_and_confirm_no_age() {
    let subject = EtcdSubject::new(1).await;
    let (store, other) = (quiet(&subject, 14).await, subject.another(15).await);
    let written = put(&store, "k/a").await;
    let mut watch = store.watch("k/", written).await.unwrap();
    let (mut revision, _) = next_progress(&mut watch).await;
    let asked = Instant::now();
    let _others = other.watch("k/", written).await.unwrap();
    for _ in 0..3 {
        let (next, age) = next_progress(&mut watch).await;
        assert!(next > revision && age + Duration::from_millis(50) >= asked.elapsed(), "{age:?} at {next}");
        revision = next;
    }
    store.barrier().await.unwrap();
    loop {
        let (_, age) = next_progress(&mut watch).await;
        if age < asked.elapsed() / 2 {
            return;
        }
    }
}

#[tokio::test]
async fn a_clock_that_is_behind_others_is_found_out() {
    let subject = EtcdSubject::new(1).await;
    let at = |ms, seed| Etcd::open(options(&subject.cluster), TestClock::at(ms), Arc::new(SeededEntropy::new(seed)));
    let (behind, ahead) = (at(1_000_000, 21).await.unwrap(), at(1_100_000, 22).await.unwrap());
    let mut late = behind.watch("k/", Revision::ZERO).await.unwrap();
    let mut early = ahead.watch("k/", Revision::ZERO).await.unwrap();
    while behind.clock_behind().is_none() {
        next_progress(&mut late).await;
        next_progress(&mut early).await;
    }
    let found = behind.clock_behind().unwrap();
    assert!(found > Duration::from_secs(90) && found <= Duration::from_secs(100), "{found:?}");
    assert_eq!(ahead.clock_behind(), None);
}

#[tokio::test]
async fn a_dropped_store_ends_its_watches() {
    let subject = EtcdSubject::new(1).await;
    let store = quiet(&subject, 16).await;
    let mut watch = store.watch("k", Revision::ZERO).await.unwrap();
    next_progress(&mut watch).await;
    drop(store);
    let end = timeout(PATIENCE, watch.next()).await.unwrap();
    assert!(matches!(end, Some(Err(WatchError::Lost(_)))), "{end:?}");
    assert!(watch.next().await.is_none());
}

/// etcd cuts what it sends at its largest request: in the middle of revisions.
#[tokio::test]
async fn large_revisions_that_come_in_fragments_come_whole() {
    const KEYS: usize = 100;
    const REVISIONS: usize = 8;
    let subject = EtcdSubject::new(1).await;
    let store = subject.etcd();
    let start = put(&store, "start").await;
    let mut newest = start;
    for number in 0..REVISIONS {
        let names = (0..KEYS).map(|name| Key::new(format!("k/{name:02}")));
        let txn = names.fold(Txn::new(), |txn, name| txn.put(name, vec![b'x'; 14_000 + number]));
        newest = store.commit(txn).await.unwrap().revision;
    }
    let mut observer = Observer::new(&*store, "k/", start).await;
    observer.reach(newest).await;
    let sizes: Vec<usize> = observer.changes.iter().map(|(_, changes)| changes.len()).collect();
    assert_eq!(sizes, vec![KEYS; REVISIONS]);
}

#[tokio::test]
async fn a_watch_that_is_overtaken_by_compaction_is_told_where_it_may_go_on() {
    let subject = EtcdSubject::new(1).await;
    let store = subject.etcd();
    let old = put(&store, "k").await;
    for _ in 0..10 {
        put(&store, "k").await;
    }
    let newest = store.barrier().await.unwrap();
    subject.cluster.compact(newest.get()).await;
    let outcome = store.watch("", old).await.map(drop);
    let Err(reeve_store::StoreError::Compacted { asked, oldest }) = outcome else {
        panic!("compacted, not {outcome:?}")
    };
    assert_eq!((asked, oldest), (old, newest));
    let mut observer = Observer::new(&*store, "", oldest).await;
    let written = put(&store, "k").await;
    observer.reach(written).await;
    assert_eq!(observer.changes.len(), 1);
}
