//! What is left after a crash.

use std::time::Duration;

use super::leases::{GRACE, await_end, put_leased};
use super::{Observer, Subject, assert_conflict, key, list_all, put, read};
use crate::Txn;

/// Keys, revisions and the store's name; new revisions come after those before.
pub async fn what_was_acknowledged_is_there_after_a_crash(mut subject: Box<dyn Subject>) {
    let store = subject.store();
    let id = store.id();
    for number in 0..20 {
        store.commit(Txn::new().put(key("a"), number.to_string()).put(key("b"), number.to_string())).await.unwrap();
    }
    let before = list_all(&*store, "", 10, None).await;
    let stale = read(&*store, "a").await;
    drop(store);
    subject.crash().await;
    let store = subject.store();
    assert_eq!(store.id(), id);
    assert_eq!(list_all(&*store, "", 10, None).await, before);
    assert!(put(&*store, "a", "after").await > before.1);
    assert_conflict(store.commit(Txn::new().replace(&stale, "late")).await);
}

/// With what it missed.
pub async fn a_watch_resumes_after_a_crash(mut subject: Box<dyn Subject>) {
    let store = subject.store();
    let start = put(&*store, "k/0", "x").await;
    let mut observer = Observer::new(&*store, "k/", start).await;
    let seen = put(&*store, "k/1", "x").await;
    observer.reach(seen).await;
    let missed = put(&*store, "k/2", "x").await;
    drop((observer, store));
    subject.crash().await;
    let store = subject.store();
    let mut observer = Observer::new(&*store, "k/", seen).await;
    let newest = put(&*store, "k/3", "x").await;
    observer.reach(newest).await;
    let revisions: Vec<_> = observer.changes.iter().map(|(revision, _)| *revision).collect();
    assert_eq!(revisions, [missed, newest]);
}

/// A list that was begun before goes on at its revision.
pub async fn history_is_readable_after_a_crash(mut subject: Box<dyn Subject>) {
    let store = subject.store();
    put(&*store, "k/1", "old").await;
    put(&*store, "k/2", "old").await;
    let (before, revision) = list_all(&*store, "k/", 10, None).await;
    store.commit(Txn::new().delete(key("k/1")).put(key("k/2"), "new").put(key("k/3"), "new")).await.unwrap();
    drop(store);
    subject.crash().await;
    assert_eq!(list_all(&*subject.store(), "k/", 1, Some(revision)).await.0, before);
}

/// It may live for its whole time again, and not for ever.
pub async fn a_lease_outlives_a_crash_and_then_ends(mut subject: Box<dyn Subject>) {
    let store = subject.store();
    let lease = store.grant_lease(Duration::from_secs(5)).await.unwrap();
    let names = ["k".to_owned()];
    let written = put_leased(&*store, &names, &lease).await;
    drop(store);
    subject.crash().await;
    let store = subject.store();
    store.keep_lease_alive(lease.id).await.unwrap();
    assert_eq!(read(&*store, "k").await.mod_revision, written);
    let mut observer = Observer::new(&*store, "k", written).await;
    subject.pass(lease.ttl + GRACE).await;
    await_end(&mut observer, &names).await;
}
