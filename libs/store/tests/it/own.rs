//! What is the embedded store's own: opening, closing, and the bounds of its history.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use redb::{Database, TableDefinition};
use reeve_model::{Entropy, Revision, SeededEntropy, Timestamp};
use reeve_store::contract::Observer;
use reeve_store::{
    Embedded, EmbeddedOptions, HISTORY_AGE, Key, MAX_LEASES, OpenError, Store, StoreError, Txn, WatchError, WatchEvent,
};
use tempfile::TempDir;

use crate::subject::{EmbeddedSubject, clock, open};

async fn put(subject: &EmbeddedSubject, key: &str) -> Revision {
    subject.store.commit(Txn::new().put(Key::new(key), "x")).await.unwrap().revision
}

fn reopen(dir: &Path) -> Result<(), OpenError> {
    open(dir, &clock(), EmbeddedOptions::default()).map(drop)
}

#[tokio::test]
async fn a_second_open_of_the_same_folder_is_refused_until_the_first_is_closed() {
    let subject = EmbeddedSubject::new();
    let newest = put(&subject, "a").await;
    let path = subject.dir.path();
    let error = reopen(path).unwrap_err();
    assert!(matches!(&error, OpenError::AlreadyOpen { path: at } if at == path), "{error}");
    assert!(error.to_string().contains("already open"), "{error}");
    let mut watch = subject.store.watch("", newest).await.unwrap();
    subject.store.close();
    reopen(path).unwrap();
    let outcome = watch.next().await;
    assert!(matches!(outcome, Some(Err(WatchError::Lost(_)))), "a watch ends with the store, not {outcome:?}");
    assert!(watch.next().await.is_none(), "an error is the last item");
}

#[tokio::test]
async fn a_dropped_store_lets_its_folder_go_though_a_watch_is_held() {
    let subject = EmbeddedSubject::new();
    let watch = subject.store.watch("", Revision::ZERO).await.unwrap();
    let EmbeddedSubject { store, dir, .. } = subject;
    drop(store);
    reopen(dir.path()).unwrap();
    drop(watch);
}

#[tokio::test]
async fn a_closed_store_is_unavailable_and_never_a_conflict() {
    let subject = EmbeddedSubject::new();
    put(&subject, "a").await;
    let (store, key) = (&subject.store, Key::new("a"));
    let lease = store.grant_lease(Duration::from_secs(1)).await.unwrap().id;
    store.close();
    store.close();
    let outcomes = [
        store.get(&key).await.map(drop),
        store.list("", None, 1, None).await.map(drop),
        store.watch("", Revision::ZERO).await.map(drop),
        store.barrier().await.map(drop),
        store.grant_lease(Duration::from_secs(1)).await.map(drop),
        store.keep_lease_alive(lease).await,
        store.revoke_lease(lease).await,
        match store.commit(Txn::new().create(key, "x")).await {
            Err(reeve_store::CommitError::Store(error)) => Err(error),
            other => panic!("unavailable, not {other:?}"),
        },
    ];
    for outcome in outcomes {
        assert!(matches!(outcome, Err(StoreError::Unavailable(_))), "unavailable, not {outcome:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_asked_before_closing_is_answered() {
    let subject = EmbeddedSubject::new();
    let asked: Vec<_> = (0..50)
        .map(|number| {
            let store = subject.store.clone();
            tokio::spawn(async move { store.commit(Txn::new().put(Key::new(format!("k/{number:02}")), "x")).await })
        })
        .collect();
    subject.store.close();
    let mut acknowledged = 0;
    for answer in asked {
        acknowledged += usize::from(answer.await.unwrap().is_ok());
    }
    let again = open(subject.dir.path(), &subject.clock, EmbeddedOptions::default()).unwrap();
    assert_eq!(again.list("k/", None, 100, None).await.unwrap().items.len(), acknowledged);
}

#[tokio::test]
async fn a_store_keeps_its_name_and_another_has_another() {
    let subject = EmbeddedSubject::new();
    let id = subject.store.id();
    subject.store.close();
    let again = open(subject.dir.path(), &subject.clock, EmbeddedOptions::default()).unwrap();
    assert_eq!(again.id(), id);
    assert_eq!(id.epoch, 0);
    subject.clock.advance(Duration::from_secs(1));
    let other = open(TempDir::new().unwrap().path(), &subject.clock, EmbeddedOptions::default()).unwrap();
    assert_ne!(other.id().uuid, id.uuid);
}

#[tokio::test]
async fn a_new_epoch_keeps_the_store_and_needs_it_closed() {
    let subject = EmbeddedSubject::new();
    put(&subject, "a").await;
    let id = subject.store.id();
    let path = subject.dir.path();
    assert!(matches!(Embedded::new_epoch(path), Err(OpenError::AlreadyOpen { .. })));
    subject.store.close();
    let new = Embedded::new_epoch(path).unwrap();
    assert_eq!((new.uuid, new.epoch), (id.uuid, 1));
    let again = open(path, &subject.clock, EmbeddedOptions::default()).unwrap();
    assert_eq!(again.id(), new);
    assert!(again.get(&Key::new("a")).await.unwrap().is_some());
    let empty = TempDir::new().unwrap();
    assert!(matches!(Embedded::new_epoch(empty.path()), Err(OpenError::NoStore { .. })));
    assert_eq!(fs::read_dir(empty.path()).unwrap().count(), 0, "no store was made");
}

#[cfg(unix)]
#[test]
fn only_its_owner_can_read_a_new_store() {
    use std::os::unix::fs::PermissionsExt;
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("a/b");
    reopen(&path).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
    assert_eq!(fs::metadata(path.join("store.redb")).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_dir(path).unwrap().count(), 1, "one file");
}

#[test]
fn a_folder_that_cannot_be_one_is_unusable() {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("file"), "x").unwrap();
    for path in ["file", "file/below"] {
        let error = reopen(&dir.path().join(path)).unwrap_err();
        assert!(matches!(error, OpenError::Unusable { .. }), "{error:?}");
    }
    fs::create_dir_all(dir.path().join("odd/store.redb")).unwrap();
    let error = reopen(&dir.path().join("odd")).unwrap_err();
    assert!(matches!(error, OpenError::Unusable { .. }), "{error:?}");
}

#[test]
fn a_file_that_is_no_whole_store_is_corrupt() {
    let good = TempDir::new().unwrap();
    reopen(good.path()).unwrap();
    let bytes = fs::read(good.path().join("store.redb")).unwrap();
    let zeroed = vec![0; bytes.len()];
    for (what, content) in [
        ("empty", Vec::new()),
        ("text", b"not a database".repeat(1000)),
        ("zeroed", zeroed),
        ("only its header", bytes.get(..64).unwrap().to_vec()),
        ("cut in two", bytes.get(..bytes.len() / 2).unwrap().to_vec()),
    ] {
        let dir = TempDir::new().unwrap();
        fs::write(dir.path().join("store.redb"), &content).unwrap();
        let error = reopen(dir.path()).unwrap_err();
        assert!(matches!(error, OpenError::Corrupt { .. }), "{what}: {error:?}");
        assert_eq!(fs::read(dir.path().join("store.redb")).unwrap(), content, "{what}: it is left as it was");
    }
}

#[test]
fn a_database_of_another_program_is_refused() {
    let dir = TempDir::new().unwrap();
    let database = Database::create(dir.path().join("store.redb")).unwrap();
    let write = database.begin_write().unwrap();
    write.open_table(TableDefinition::<&str, &str>::new("theirs")).unwrap();
    write.commit().unwrap();
    drop(database);
    let error = reopen(dir.path()).unwrap_err();
    assert!(matches!(error, OpenError::Corrupt { .. }), "{error:?}");
}

#[test]
fn a_file_of_a_newer_version_is_refused_by_its_number() {
    let dir = TempDir::new().unwrap();
    reopen(dir.path()).unwrap();
    let database = Database::open(dir.path().join("store.redb")).unwrap();
    let write = database.begin_write().unwrap();
    write.open_table(TableDefinition::<&str, u128>::new("meta")).unwrap().insert("schema", 2).unwrap();
    write.commit().unwrap();
    drop(database);
    let error = reopen(dir.path()).unwrap_err();
    assert!(matches!(error, OpenError::NewerSchema { found: 2, supported: 1, .. }), "{error:?}");
}

#[test]
fn what_a_crash_left_of_a_file_in_the_making_is_made_anew() {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("store.redb.new"), b"half a database").unwrap();
    reopen(dir.path()).unwrap();
    assert!(!dir.path().join("store.redb.new").exists());
}

#[tokio::test]
async fn history_is_bounded_by_its_entries() {
    let subject = EmbeddedSubject::with(EmbeddedOptions { history_entries: 10, ..EmbeddedOptions::default() });
    let mut newest = Revision::ZERO;
    for _ in 0..100 {
        newest = put(&subject, "a").await;
    }
    let Err(StoreError::Compacted { oldest, .. }) = subject.store.list("", None, 1, Some(Revision::ZERO)).await else {
        panic!("the beginning is forgotten");
    };
    assert_eq!(oldest.get(), newest.get() - 10);
    let mut observer = Observer::new(&*subject.store, "", oldest).await;
    observer.reach(newest).await;
    assert_eq!(observer.changes.len(), 10);
}

#[tokio::test]
async fn history_is_bounded_by_its_bytes_and_the_bound_outlives_a_restart() {
    let options = || EmbeddedOptions { history_bytes: 100_000, ..EmbeddedOptions::default() };
    let subject = EmbeddedSubject::with(options());
    let first = put(&subject, "a").await;
    for _ in 0..9 {
        subject.store.commit(Txn::new().put(Key::new("a"), vec![0; 5_000])).await.unwrap();
    }
    assert!(subject.store.list("", None, 1, Some(first)).await.is_ok(), "90 kB with what was overwritten");
    subject.store.close();
    let again = open(subject.dir.path(), &subject.clock, options()).unwrap();
    for _ in 0..2 {
        again.commit(Txn::new().put(Key::new("a"), vec![0; 5_000])).await.unwrap();
    }
    let outcome = again.list("", None, 1, Some(first)).await;
    assert!(matches!(outcome, Err(StoreError::Compacted { .. })), "{outcome:?}");
}

#[tokio::test]
async fn old_history_is_forgotten_though_nobody_writes() {
    let subject = EmbeddedSubject::new();
    let old = put(&subject, "a").await;
    put(&subject, "a").await;
    subject.clock.advance(HISTORY_AGE * 2);
    while subject.store.list("", None, 1, Some(old)).await.is_ok() {
        tokio::task::yield_now().await;
    }
    let outcome = subject.store.list("", None, 1, Some(old)).await;
    assert!(matches!(outcome, Err(StoreError::Compacted { .. })), "{outcome:?}");
}

#[tokio::test]
async fn young_history_stays() {
    let subject = EmbeddedSubject::new();
    let old = put(&subject, "a").await;
    subject.clock.advance(HISTORY_AGE);
    put(&subject, "a").await;
    subject.clock.set_wall(Timestamp::from_millis(0));
    put(&subject, "a").await;
    assert!(subject.store.list("", None, 1, Some(old)).await.is_ok());
}

#[tokio::test]
async fn a_watch_that_falls_behind_history_is_told_so() {
    let subject = EmbeddedSubject::with(EmbeddedOptions { history_entries: 10, ..EmbeddedOptions::default() });
    let start = put(&subject, "a").await;
    let mut watch = subject.store.watch("", start).await.unwrap();
    let first = watch.next().await;
    assert!(matches!(first, Some(Ok(WatchEvent::Progress { .. }))), "{first:?}");
    for _ in 0..50 {
        put(&subject, "a").await;
    }
    let outcome = watch.next().await;
    let Some(Err(WatchError::Compacted { oldest })) = outcome else { panic!("compacted, not {outcome:?}") };
    assert!(oldest > start);
    assert!(watch.next().await.is_none());
}

#[tokio::test]
async fn a_wall_clock_that_jumps_ends_no_lease() {
    let subject = EmbeddedSubject::new();
    let lease = subject.store.grant_lease(Duration::from_secs(5)).await.unwrap();
    subject.clock.set_wall(Timestamp::from_millis(4_000_000_000_000));
    put(&subject, "a").await;
    subject.clock.set_wall(Timestamp::from_millis(0));
    put(&subject, "a").await;
    subject.store.keep_lease_alive(lease.id).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leases_past_the_limit_are_refused_until_one_ends() {
    let subject = EmbeddedSubject::new();
    let grants: Vec<_> = (0..MAX_LEASES)
        .map(|_| {
            let store = subject.store.clone();
            tokio::spawn(async move { store.grant_lease(Duration::from_secs(5)).await.unwrap().id })
        })
        .collect();
    let mut last = None;
    for grant in grants {
        last = Some(grant.await.unwrap());
    }
    let outcome = subject.store.grant_lease(Duration::from_secs(5)).await;
    assert!(matches!(outcome, Err(StoreError::Refused(_))), "{outcome:?}");
    subject.store.revoke_lease(last.unwrap()).await.unwrap();
    subject.store.grant_lease(Duration::from_secs(5)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_requests_than_may_wait_are_all_answered_in_the_end() {
    let subject = EmbeddedSubject::new();
    let value = bytes::Bytes::from(vec![1; 1024 * 1024]);
    let asked: Vec<_> = (0..40)
        .map(|_| {
            let (store, value) = (subject.store.clone(), value.clone());
            tokio::spawn(async move { store.commit(Txn::new().put(Key::new("a"), value)).await.unwrap() })
        })
        .collect();
    let mut revisions = Vec::new();
    for answer in asked {
        revisions.push(answer.await.unwrap().revision);
    }
    revisions.sort();
    revisions.dedup();
    assert_eq!(revisions.len(), 40);
    assert!(Arc::strong_count(&subject.store) == 1);
}

/// Wherever the damage is: the store does not open, or says what is corrupt, or shows exactly what was written.
#[tokio::test]
async fn a_damaged_file_is_never_believed() {
    let subject = EmbeddedSubject::new();
    for number in 0..200 {
        let txn = Txn::new().put(Key::new(format!("k/{number:04}")), vec![b'v'; 200]);
        subject.store.commit(txn).await.unwrap();
    }
    let written = subject.store.list("k/", None, 1000, None).await.unwrap().items;
    subject.store.close();
    let whole = fs::read(subject.dir.path().join("store.redb")).unwrap();
    let entropy: Arc<dyn Entropy> = Arc::new(SeededEntropy::new(5));
    let (mut refused, mut corrupt) = (0, 0);
    for round in 0..60 {
        let mut bytes = whole.clone();
        let area = if round % 4 == 0 { 512 } else { 300_000 };
        let at = usize::from(u16::from_le_bytes(entropy.bytes::<2>())) * 5 % area;
        bytes[at..at + 16].iter_mut().for_each(|byte| *byte ^= 0x5a);
        let dir = TempDir::new().unwrap();
        fs::write(dir.path().join("store.redb"), &bytes).unwrap();
        let store = match open(dir.path(), &subject.clock, EmbeddedOptions::default()) {
            Ok(store) => store,
            Err(OpenError::Corrupt { .. }) => {
                refused += 1;
                continue;
            }
            Err(other) => panic!("corrupt, not {other:?} at {at}"),
        };
        match store.list("k/", None, 1000, None).await {
            Ok(page) => assert!(page.items == written, "damage at {at} was believed"),
            Err(StoreError::Corrupt(_)) => corrupt += 1,
            Err(other) => panic!("corrupt, not {other:?} at {at}"),
        }
    }
    assert!(refused > 0 && corrupt > 0, "the damage was found in both ways: {refused}, {corrupt}");
}
