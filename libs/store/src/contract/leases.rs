//! What leases promise.

use std::time::Duration;

use reeve_model::Revision;

use super::{Observer, Subject, delete, key, list_all, put, read};
use crate::{CommitError, Lease, LeaseId, MAX_OPERATIONS, Op, Store, StoreError, Txn, WatchedChange};

/// The time to live that the cases ask for.
const TTL: Duration = Duration::from_secs(2);

/// What a lease is given beyond its time before its end is waited for.
pub(super) const GRACE: Duration = Duration::from_secs(1);

/// Writes keys that hang on a lease.
pub(super) async fn put_leased(store: &dyn Store, names: &[String], lease: &Lease) -> Revision {
    let put = |name: &String| Op::Put { key: key(name), value: "x".into(), lease: Some(lease.id) };
    store.commit(Txn { guards: Vec::new(), ops: names.iter().map(put).collect() }).await.unwrap().revision
}

/// Waits for the next revision, which is to remove these keys and no others.
pub(super) async fn await_end(observer: &mut Observer, names: &[String]) {
    let seen = observer.changes.len();
    while observer.changes.len() == seen {
        observer.next().await.unwrap();
    }
    let gone: Vec<WatchedChange> = names.iter().map(|name| WatchedChange::Deleted(key(name))).collect();
    assert_eq!(observer.changes.last().unwrap().1, gone);
}

fn assert_no_such_lease<T: std::fmt::Debug>(outcome: Result<T, StoreError>) {
    assert!(matches!(outcome, Err(StoreError::NoSuchLease)), "no such lease, not {outcome:?}");
}

/// The time to live is at least what was asked for, in whole seconds.
pub async fn keys_go_with_their_lease_at_one_revision(subject: Box<dyn Subject>) {
    let store = subject.store();
    let lease = store.grant_lease(Duration::from_millis(1500)).await.unwrap();
    assert!(lease.ttl >= TTL && lease.ttl.subsec_nanos() == 0, "{:?}", lease.ttl);
    put(&*store, "k/stays", "x").await;
    let names = ["k/1".to_owned(), "k/2".to_owned()];
    let written = put_leased(&*store, &names, &lease).await;
    let mut observer = Observer::new(&*store, "k/", written).await;
    subject.pass(lease.ttl + GRACE).await;
    await_end(&mut observer, &names).await;
    assert_eq!(list_all(&*store, "k/", 10, None).await.0.len(), 1);
    assert_no_such_lease(store.keep_lease_alive(lease.id).await);
    assert_no_such_lease(store.revoke_lease(lease.id).await);
}

/// For several times its time to live.
pub async fn a_lease_that_is_kept_alive_stays(subject: Box<dyn Subject>) {
    let store = subject.store();
    let lease = store.grant_lease(TTL).await.unwrap();
    let names = ["k".to_owned()];
    let written = put_leased(&*store, &names, &lease).await;
    for _ in 0..4 {
        subject.pass(lease.ttl / 2).await;
        store.keep_lease_alive(lease.id).await.unwrap();
    }
    assert_eq!(read(&*store, "k").await.mod_revision, written);
    let mut observer = Observer::new(&*store, "k", written).await;
    subject.pass(lease.ttl + GRACE).await;
    await_end(&mut observer, &names).await;
}

/// A key hangs on the lease of its last write; one that is removed hangs on none.
pub async fn a_key_written_again_leaves_its_lease(subject: Box<dyn Subject>) {
    let store = subject.store();
    let first = store.grant_lease(TTL).await.unwrap();
    let second = store.grant_lease(TTL).await.unwrap();
    put_leased(&*store, &["k/1", "k/2", "k/3", "k/4"].map(String::from), &first).await;
    put(&*store, "k/1", "x").await;
    put_leased(&*store, &["k/2".to_owned()], &second).await;
    delete(&*store, "k/3").await;
    let written = put(&*store, "k/3", "x").await;
    let mut observer = Observer::new(&*store, "k/", written).await;
    store.revoke_lease(first.id).await.unwrap();
    await_end(&mut observer, &["k/4".to_owned()]).await;
    store.revoke_lease(second.id).await.unwrap();
    await_end(&mut observer, &["k/2".to_owned()]).await;
}

/// At once; a lease without keys makes no revision when it goes.
pub async fn a_revoked_lease_takes_its_keys_along(subject: Box<dyn Subject>) {
    let store = subject.store();
    let (empty, lease) = (store.grant_lease(TTL).await.unwrap(), store.grant_lease(TTL).await.unwrap());
    assert_ne!(empty.id, lease.id);
    let written = put_leased(&*store, &["k".to_owned()], &lease).await;
    store.revoke_lease(empty.id).await.unwrap();
    assert_eq!(list_all(&*store, "", 10, None).await.1, written);
    store.revoke_lease(lease.id).await.unwrap();
    assert_eq!(store.get(&key("k")).await.unwrap(), None);
    assert_no_such_lease(store.keep_lease_alive(lease.id).await);
}

/// They all go at one revision.
pub async fn a_lease_may_hold_more_keys_than_a_transaction(subject: Box<dyn Subject>) {
    let store = subject.store();
    let lease = store.grant_lease(TTL).await.unwrap();
    let names: Vec<String> = (0..3 * MAX_OPERATIONS).map(|number| format!("k/{number:04}")).collect();
    let mut written = Revision::ZERO;
    for chunk in names.chunks(MAX_OPERATIONS) {
        written = put_leased(&*store, chunk, &lease).await;
    }
    let mut observer = Observer::new(&*store, "k/", written).await;
    store.revoke_lease(lease.id).await.unwrap();
    await_end(&mut observer, &names).await;
}

/// A transaction with one writes nothing.
pub async fn an_unknown_lease_is_refused(subject: Box<dyn Subject>) {
    let store = subject.store();
    let ended = store.grant_lease(TTL).await.unwrap();
    store.revoke_lease(ended.id).await.unwrap();
    for lease in [ended.id, LeaseId(i64::MAX)] {
        let op = Op::Put { key: key("leased"), value: "x".into(), lease: Some(lease) };
        let mut txn = Txn::new().put(key("free"), "x");
        txn.ops.push(op);
        let outcome = store.commit(txn).await;
        assert!(matches!(outcome, Err(CommitError::Store(StoreError::NoSuchLease))), "{outcome:?}");
        assert_no_such_lease(store.keep_lease_alive(lease).await);
        assert_no_such_lease(store.revoke_lease(lease).await);
    }
    assert!(list_all(&*store, "", 10, None).await.0.is_empty());
}

/// It could hold nothing.
pub async fn a_lease_of_no_time_is_refused(subject: Box<dyn Subject>) {
    let store = subject.store();
    for ttl in [Duration::ZERO, Duration::MAX] {
        let outcome = store.grant_lease(ttl).await;
        assert!(matches!(outcome, Err(StoreError::Refused(_))), "{outcome:?}");
    }
}
