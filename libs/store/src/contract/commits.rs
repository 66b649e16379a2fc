//! What transactions promise.

use std::sync::Arc;

use bytes::Bytes;

use super::{Subject, assert_conflict, assert_refused, delete, key, list_all, put, read};
use crate::{CommitError, MAX_GUARDS, MAX_KEY_BYTES, MAX_OPERATIONS, MAX_REQUEST_BYTES, Op, Store, Txn};

/// What a store may need beyond keys and values to carry a request of the largest size.
const ENVELOPE_BYTES: usize = 16 * 1024;

/// Any bytes are a value, none at all too, and the revision is the commit's.
pub async fn a_created_key_reads_back(subject: Box<dyn Subject>) {
    let store = subject.store();
    let bytes: Vec<u8> = (0..=u8::MAX).collect();
    for (name, value) in [("a/bytes", bytes), ("a/empty", Vec::new()), ("a/é ü/漢", b"x".to_vec())] {
        assert_eq!(store.get(&key(name)).await.unwrap(), None);
        let committed = store.commit(Txn::new().create(key(name), value.clone())).await.unwrap();
        let found = read(&*store, name).await;
        assert_eq!((found.key, found.value, found.mod_revision), (key(name), Bytes::from(value), committed.revision));
    }
}

/// A create is guarded: it does not overwrite.
pub async fn a_second_create_is_a_conflict(subject: Box<dyn Subject>) {
    let store = subject.store();
    store.commit(Txn::new().create(key("a"), "first")).await.unwrap();
    assert_conflict(store.commit(Txn::new().create(key("a"), "second")).await);
    assert_eq!(read(&*store, "a").await.value, "first");
}

/// A replace or a remove of a stale read changes nothing.
pub async fn a_replace_of_what_has_changed_is_a_conflict(subject: Box<dyn Subject>) {
    let store = subject.store();
    put(&*store, "a", "1").await;
    let stale = read(&*store, "a").await;
    store.commit(Txn::new().replace(&stale, "2")).await.unwrap();
    assert_conflict(store.commit(Txn::new().replace(&stale, "3")).await);
    assert_conflict(store.commit(Txn::new().remove(&stale)).await);
    assert_eq!(read(&*store, "a").await.value, "2");
    let fresh = read(&*store, "a").await;
    store.commit(Txn::new().remove(&fresh)).await.unwrap();
    assert_eq!(store.get(&key("a")).await.unwrap(), None);
    assert_conflict(store.commit(Txn::new().replace(&fresh, "4")).await);
}

/// A key that was removed and made again with the same value is another one.
pub async fn a_key_made_again_is_not_what_was_read(subject: Box<dyn Subject>) {
    let store = subject.store();
    put(&*store, "a", "same").await;
    let stale = read(&*store, "a").await;
    delete(&*store, "a").await;
    put(&*store, "a", "same").await;
    assert_conflict(store.commit(Txn::new().expect(&key("a"), Some(&stale)).put(key("b"), "x")).await);
    assert_eq!(store.get(&key("b")).await.unwrap(), None);
}

/// A guard holds or fails whether or not its key is written.
pub async fn a_guard_on_another_key_decides(subject: Box<dyn Subject>) {
    let store = subject.store();
    put(&*store, "guard", "1").await;
    let guard = read(&*store, "guard").await;
    let (present, absent) = (key("guard"), key("missing"));
    store.commit(Txn::new().expect(&present, Some(&guard)).expect(&absent, None).put(key("a"), "1")).await.unwrap();
    assert_conflict(store.commit(Txn::new().expect(&present, None).put(key("a"), "2")).await);
    put(&*store, "guard", "2").await;
    assert_conflict(store.commit(Txn::new().expect(&present, Some(&guard)).put(key("a"), "3")).await);
    assert_eq!(read(&*store, "a").await.value, "1");
}

/// All or nothing.
pub async fn one_failed_guard_leaves_every_key_alone(subject: Box<dyn Subject>) {
    let store = subject.store();
    put(&*store, "a", "1").await;
    let before = put(&*store, "taken", "1").await;
    let txn = Txn::new().put(key("a"), "2").create(key("b"), "2").create(key("taken"), "2").delete(key("taken2"));
    assert_conflict(store.commit(txn).await);
    assert_eq!(read(&*store, "a").await.value, "1");
    assert_eq!(store.get(&key("b")).await.unwrap(), None);
    let (_, revision) = list_all(&*store, "", 10, None).await;
    assert_eq!(revision, before, "a conflict makes no revision");
}

/// The next revision is newer, and is that of every key it wrote.
pub async fn all_changes_of_a_transaction_have_one_revision(subject: Box<dyn Subject>) {
    let store = subject.store();
    let first = store.commit(Txn::new().create(key("a"), "1").create(key("b"), "1")).await.unwrap().revision;
    let second = store.commit(Txn::new().put(key("b"), "2").create(key("c"), "2")).await.unwrap().revision;
    assert!(second > first);
    for (name, revision) in [("a", first), ("b", second), ("c", second)] {
        assert_eq!(read(&*store, name).await.mod_revision, revision);
    }
    assert!(put(&*store, "a", "1").await > second, "writing the same value again is a change");
}

/// As in etcd: nothing changed, so nothing is new.
pub async fn removing_what_is_not_there_makes_no_revision(subject: Box<dyn Subject>) {
    let store = subject.store();
    let newest = put(&*store, "a", "1").await;
    assert_eq!(delete(&*store, "missing").await, newest);
    assert_eq!(list_all(&*store, "", 10, None).await.1, newest);
    assert!(store.commit(Txn::new().delete(key("missing")).delete(key("a"))).await.unwrap().revision > newest);
}

/// The limits themselves are allowed.
pub async fn requests_up_to_the_limits_are_taken(subject: Box<dyn Subject>) {
    let store = subject.store();
    let mut names = (0..MAX_OPERATIONS).map(|number| key(format!("many/{number:03}")));
    let guarded = names.by_ref().take(MAX_GUARDS).fold(Txn::new(), |txn, name| txn.create(name, "x"));
    store.commit(names.fold(guarded, |txn, name| txn.put(name, "x"))).await.unwrap();
    assert_eq!(list_all(&*store, "many/", 1000, None).await.0.len(), MAX_OPERATIONS);
    let large = vec![0xa5; MAX_REQUEST_BYTES - ENVELOPE_BYTES];
    put(&*store, "large", large.clone()).await;
    assert!(read(&*store, "large").await.value == large);
    put(&*store, &"k".repeat(MAX_KEY_BYTES), "x").await;
}

/// What is past a limit is refused whole, as a bug of the caller, and never as a conflict.
pub async fn requests_past_the_limits_are_refused(subject: Box<dyn Subject>) {
    let store = subject.store();
    let names = || (0..=MAX_OPERATIONS).map(|number| key(format!("many/{number:03}")));
    let refused = [
        Txn::new(),
        Txn::new().expect(&key("a"), None),
        names().fold(Txn::new(), |txn, name| txn.put(name, "x")),
        names().take(MAX_GUARDS + 1).fold(Txn::new().put(key("a"), "x"), |txn, name| txn.expect(&name, None)),
        Txn::new().put(key("a"), vec![0; MAX_REQUEST_BYTES]),
        Txn::new().put(key("a"), "1").put(key("a"), "2"),
        Txn::new().put(key("a"), "1").delete(key("a")),
        Txn::new().put(key(""), "1"),
        Txn::new().put(key("k".repeat(MAX_KEY_BYTES + 1)), "1"),
        Txn { guards: Vec::new(), ops: vec![Op::Delete(key(""))] },
        Txn::new().put(key("store"), "1"),
        Txn::new().put(key("~tick"), "1"),
        Txn::new().delete(key("a/~tick")),
        Txn::new().expect(&key("a/~tick/b"), None).put(key("a"), "1"),
    ];
    for txn in refused {
        assert_refused(store.commit(txn).await);
    }
    assert!(list_all(&*store, "", 10, None).await.0.is_empty(), "nothing was written");
    for name in ["store", "~tick", ""] {
        assert_eq!(store.get(&key(name)).await.unwrap(), None, "`{name}` reads as missing");
    }
}

/// Eight at once read, add one and write back, guarded, until each has done so 25 times.
pub async fn concurrent_increments_lose_nothing(subject: Box<dyn Subject>) {
    const WORKERS: u64 = 8;
    const ROUNDS: u64 = 25;
    let store = subject.store();
    put(&*store, "count", 0_u64.to_be_bytes().to_vec()).await;
    let workers: Vec<_> = (0..WORKERS)
        .map(|worker| {
            let store = store.clone();
            tokio::spawn(async move {
                for round in 0..ROUNDS {
                    increment(&store, &format!("done/{worker}/{round}")).await;
                }
            })
        })
        .collect();
    for worker in workers {
        worker.await.unwrap();
    }
    assert_eq!(number(&read(&*store, "count").await.value), WORKERS * ROUNDS);
    assert_eq!(list_all(&*store, "done/", 1000, None).await.0.len() as u64, WORKERS * ROUNDS);
}

async fn increment(store: &Arc<dyn Store>, mark: &str) {
    loop {
        let count = read(&**store, "count").await;
        let next = (number(&count.value) + 1).to_be_bytes().to_vec();
        match store.commit(Txn::new().replace(&count, next).create(key(mark), "x")).await {
            Ok(_) => return,
            Err(error) => assert!(matches!(error, CommitError::Conflict), "{error}"),
        }
    }
}

fn number(value: &Bytes) -> u64 {
    u64::from_be_bytes(value.as_ref().try_into().unwrap())
}
