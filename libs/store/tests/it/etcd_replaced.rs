//! A store that is taken away, or changed for another, while it is open.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use reeve_model::{Revision, SeededEntropy};
use reeve_store::contract::Observer;
use reeve_store::{CommitError, Etcd, Guard, Key, Store, StoreError, Txn, WatchError};
use tokio::time::timeout;

use crate::etcd_subject::{EtcdSubject, open, options};

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(30);

fn write(number: u64) -> Txn {
    Txn::new().put(Key::new("a"), number.to_string())
}

fn assert_replaced<T: std::fmt::Debug>(outcome: Result<T, StoreError>) {
    assert!(matches!(outcome, Err(StoreError::Replaced(_))), "replaced, not {outcome:?}");
}

async fn assert_every_call_is_replaced(store: &Etcd) {
    let outcome = store.commit(write(2)).await;
    assert!(matches!(outcome, Err(CommitError::Store(StoreError::Replaced(_)))), "{outcome:?}");
    // A guard that fails as well does not hide it.
    let guard = Guard::Unchanged(Key::new("missing"), Revision::new(2));
    let outcome = store.commit(Txn { guards: vec![guard], ..write(3) }).await;
    assert!(matches!(outcome, Err(CommitError::Store(StoreError::Replaced(_)))), "{outcome:?}");
    assert_replaced(store.get(&Key::new("a")).await);
    assert_replaced(store.list("", None, 10, None).await);
    assert_replaced(store.watch("", Revision::ZERO).await.map(drop));
    assert_replaced(store.barrier().await);
}

async fn assert_watch_ends(watch: &mut reeve_store::Watch) {
    let ended = timeout(PATIENCE, async {
        loop {
            match watch.next().await {
                Some(Ok(_)) => {}
                end => return end,
            }
        }
    });
    let end = ended.await.unwrap();
    assert!(matches!(end, Some(Err(WatchError::Lost(_)))), "{end:?}");
    assert!(watch.next().await.is_none());
}

#[tokio::test]
async fn nothing_is_read_from_or_written_to_another_store() {
    let subject = EtcdSubject::new(1).await;
    let store = subject.etcd();
    let written = store.commit(write(1)).await.unwrap().revision;
    let mut watch = store.watch("", written).await.unwrap();
    let ours = store.id().uuid;
    subject.cluster.etcdctl(&["del", "--prefix", "/reeve/"]).await;
    let another = subject.another(99).await;
    assert_ne!(another.id().uuid, ours);
    assert_watch_ends(&mut watch).await;
    assert_every_call_is_replaced(&store).await;
    assert!(another.list("", None, 10, None).await.unwrap().items.is_empty());
}

#[tokio::test]
async fn nothing_is_written_where_the_store_was_removed() {
    let subject = EtcdSubject::new(1).await;
    let store = subject.etcd();
    let written = store.commit(write(1)).await.unwrap().revision;
    let mut watch = store.watch("", written).await.unwrap();
    subject.cluster.etcdctl(&["del", "--prefix", "/reeve/"]).await;
    assert_watch_ends(&mut watch).await;
    assert_every_call_is_replaced(&store).await;
    assert_eq!(subject.cluster.etcdctl(&["get", "--prefix", ""]).await, "", "not even a tick");
}

#[tokio::test]
async fn a_cluster_that_lost_everything_is_not_written_to() {
    let subject = EtcdSubject::new(1).await;
    let store = subject.etcd();
    for number in 0..20 {
        store.commit(write(number)).await.unwrap();
    }
    subject.cluster.wipe().await;
    assert_every_call_is_replaced(&store).await;
}

#[tokio::test]
async fn a_new_epoch_ends_the_use_of_the_store_by_those_who_have_it_open() {
    let subject = EtcdSubject::new(1).await;
    let store = subject.etcd();
    store.commit(write(1)).await.unwrap();
    let new = Etcd::new_epoch(options(&subject.cluster), Arc::new(SeededEntropy::new(3))).await.unwrap();
    assert_eq!((new.uuid, new.epoch), (store.id().uuid, 1));
    assert_every_call_is_replaced(&store).await;
    let again = open(options(&subject.cluster), 4).await.unwrap();
    assert_eq!(again.id(), new);
    assert_eq!(again.get(&Key::new("a")).await.unwrap().unwrap().value, "1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_that_was_put_back_is_not_believed_by_those_who_saw_more() {
    let subject = EtcdSubject::new(3).await;
    let store = subject.etcd();
    store.commit(write(1)).await.unwrap();
    let backup = subject.cluster.backup().await;
    let newest = store.commit(write(2)).await.unwrap().revision;
    subject.cluster.restore(&backup).await;
    // The same record, an older state: neither shown nor built upon.
    let outcome = store.get(&Key::new("a")).await;
    assert!(matches!(&outcome, Err(StoreError::Unavailable(why)) if why.contains("put back")), "{outcome:?}");
    let outcome = store.watch("", newest).await.map(drop);
    assert!(matches!(outcome, Err(StoreError::Unavailable(_))), "{outcome:?}");
    // Who starts now sees a revision that is told to be ahead.
    let late = open(options(&subject.cluster), 5).await.unwrap();
    let outcome = late.watch("", newest).await.map(drop);
    assert!(matches!(outcome, Err(StoreError::Future { asked, .. }) if asked == newest), "{outcome:?}");
    // And what is right to do after putting it back.
    Etcd::new_epoch(options(&subject.cluster), Arc::new(SeededEntropy::new(3))).await.unwrap();
    assert_every_call_is_replaced(&store).await;
    assert_every_call_is_replaced(&late).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_that_was_put_back_is_not_believed_when_it_has_come_further_again() {
    let subject = EtcdSubject::new(1).await;
    let store = subject.etcd();
    let start = store.commit(write(1)).await.unwrap().revision;
    let backup = subject.cluster.backup().await;
    let mut observer = Observer::new(&*store, "", start).await;
    let newest = store.commit(write(2)).await.unwrap().revision;
    observer.reach(newest).await;
    drop(observer);
    let seen = store.barrier().await.unwrap();
    assert!(store.watch("", newest).await.is_ok(), "it holds what it told");
    subject.cluster.restore(&backup).await;
    let late = open(options(&subject.cluster), 5).await.unwrap();
    while late.commit(write(3)).await.unwrap().revision <= seen {}
    for after in [start, newest] {
        let outcome = store.watch("", after).await.map(drop);
        assert!(matches!(&outcome, Err(StoreError::Replaced(why)) if why.contains("new-epoch")), "{outcome:?}");
    }
    assert!(late.watch("", start).await.is_ok(), "who has seen nothing else goes on with what there is");
}
