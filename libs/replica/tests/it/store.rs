//! A replica of a real store: readers see every write they may ask for, and none of it by halves.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use reeve_model::{Consistency, ConsistencyToken, ManualClock, Revision, SeededEntropy};
use reeve_replica::{ReadError, Replica, StoreSource, encode, follow};
use reeve_store::{Embedded, EmbeddedOptions, Key, Store, Txn};
use reeve_world::Record;
use tempfile::TempDir;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::records::{NOW, user, user_id};
use crate::script::PATIENCE;

const BOUND: Duration = Duration::from_secs(30);

/// A replica that follows a store.
pub(crate) struct Following {
    pub(crate) replica: Replica,
    _end: DropGuard,
}

impl Following {
    pub(crate) fn new(store: &Arc<Embedded>, clock: &Arc<ManualClock>) -> Self {
        let barrier = Arc::new(StoreSource::new(store.clone()));
        Self::resuming(Replica::new(clock.clone(), Some(barrier)), store)
    }

    fn resuming(replica: Replica, store: &Arc<Embedded>) -> Self {
        let end = CancellationToken::new();
        tokio::spawn(follow(replica.clone(), StoreSource::new(store.clone()), end.clone()));
        Self { replica, _end: end.drop_guard() }
    }
}

/// A store in a folder of the test's own.
pub(crate) struct House {
    pub(crate) dir: TempDir,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) store: Arc<Embedded>,
}

pub(crate) fn open(dir: &Path, clock: &Arc<ManualClock>, options: EmbeddedOptions) -> Arc<Embedded> {
    // no two new stores have one id
    static SEED: AtomicU64 = AtomicU64::new(7);
    let entropy = Arc::new(SeededEntropy::new(SEED.fetch_add(1, Ordering::Relaxed)));
    Arc::new(Embedded::open(dir, clock.clone(), entropy, options).unwrap())
}

impl House {
    pub(crate) fn with(options: EmbeddedOptions) -> Self {
        let (dir, clock) = (TempDir::new().unwrap(), Arc::new(ManualClock::at(NOW)));
        let store = open(dir.path(), &clock, options);
        Self { dir, clock, store }
    }

    pub(crate) fn new() -> Self {
        Self::with(EmbeddedOptions::default())
    }

    pub(crate) async fn follow(&self) -> Following {
        let following = Following::new(&self.store, &self.clock);
        tokio::time::timeout(PATIENCE, following.replica.ready()).await.unwrap();
        following
    }

    pub(crate) async fn write(&self, upserts: &[Record], deletes: &[Record]) -> ConsistencyToken {
        write(&self.store, upserts, deletes).await
    }
}

/// Writes and removes records at one revision.
pub(crate) async fn write(store: &Embedded, upserts: &[Record], deletes: &[Record]) -> ConsistencyToken {
    let key = |record: &Record| Key::new(record.key().to_string());
    let txn = upserts.iter().fold(Txn::new(), |txn, record| txn.put(key(record), encode(record)));
    let txn = deletes.iter().fold(txn, |txn, record| txn.delete(key(record)));
    ConsistencyToken { store: store.id(), revision: store.commit(txn).await.unwrap().revision }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asks_for_the_present_sees_the_last_write_always() {
    let house = House::new();
    let following = house.follow().await;
    let writers = (0..4).map(|n| {
        let (store, replica) = (house.store.clone(), following.replica.clone());
        tokio::spawn(async move {
            for epoch in 1..150 {
                let token = write(&store, &[user(n, epoch)], &[]).await;
                let asked =
                    if epoch % 3 == 0 { Consistency::AtLeastAsFresh(token) } else { Consistency::FullyConsistent };
                let view = replica.view_at(asked, BOUND, PATIENCE).await.unwrap();
                assert!(view.revision() >= token.revision);
                let seen = view.world().user_by_id(&user_id(n)).map(|user| user.epoch.get());
                assert_eq!(seen, Some(epoch), "writer {n} reads its own write");
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_written_together_is_seen_together() {
    let house = House::new();
    house.write(&[user(1, 0), user(2, 0), user(3, 0)], &[]).await;
    let following = house.follow().await;
    let end = CancellationToken::new();
    let readers = (0..2).map(|_| {
        let (replica, end) = (following.replica.clone(), end.clone());
        tokio::spawn(async move {
            let (mut last, mut seen) = (Revision::ZERO, 0u32);
            while !end.is_cancelled() {
                let view = replica.view(BOUND).unwrap();
                let epochs = [1, 2].map(|n| view.world().user_by_id(&user_id(n)).map(|user| user.epoch.get()));
                let [first, second] = epochs;
                assert_eq!(first, second, "one without the other at {}", view.revision());
                let third = view.world().user_by_id(&user_id(3)).is_some();
                assert_eq!(third, first.is_some_and(|epoch| epoch % 2 == 0), "{first:?}");
                assert!(view.revision() >= last, "back from {last} to {}", view.revision());
                seen += u32::from(view.revision() > last);
                last = view.revision();
                tokio::task::yield_now().await;
            }
            seen
        })
    });
    let readers: Vec<_> = readers.collect();
    for epoch in 1..400 {
        let pair = [user(1, epoch), user(2, epoch)];
        if epoch % 2 == 0 {
            house.write(&[pair.as_slice(), &[user(3, epoch)]].concat(), &[]).await;
        } else {
            house.write(&pair, &[user(3, 0)]).await;
        }
    }
    end.cancel();
    for reader in readers {
        assert!(reader.await.unwrap() > 1, "readers saw it change");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_starts_late_reads_many_pages_at_one_revision() {
    let house = House::new();
    for batch in 0..21 {
        let users: Vec<Record> = (0..100).map(|n| user(100 * batch + n, 1)).collect();
        house.write(&users, &[]).await;
    }
    let writing = tokio::spawn({
        let store = house.store.clone();
        async move {
            let mut last = None;
            for n in 0..60 {
                last = Some(write(&store, &[user(n, 2), user(5000 + n, 2)], &[user(100 + n, 1)]).await);
            }
            last.unwrap()
        }
    });
    let following = house.follow().await;
    let last = writing.await.unwrap();
    let view = following.replica.view_at(Consistency::AtLeastAsFresh(last), BOUND, PATIENCE).await.unwrap();
    assert_eq!(view.world().users_after(None).count(), 2100);
    assert_eq!(view.world().users_after(None).filter(|user| user.epoch.get() == 2).count(), 120);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_outside_the_published_prefix_move_the_revision_alone() {
    let house = House::new();
    house.write(&[user(1, 1)], &[]).await;
    let following = house.follow().await;
    let digest = following.replica.latest().unwrap().digest();
    let private = Txn::new().put(Key::new("private/identity/secret"), "sealed");
    let revision = house.store.commit(private).await.unwrap().revision;
    let token = ConsistencyToken { store: house.store.id(), revision };
    let view = following.replica.view_at(Consistency::AtLeastAsFresh(token), BOUND, PATIENCE).await.unwrap();
    assert_eq!((view.revision(), view.snapshot().digest()), (revision, digest));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_was_put_back_is_not_served_until_it_has_caught_up() {
    let house = House::new();
    house.write(&[user(1, 1)], &[]).await;
    house.store.close();
    let backup = TempDir::new().unwrap();
    for file in std::fs::read_dir(house.dir.path()).unwrap().map(Result::unwrap) {
        std::fs::copy(file.path(), backup.path().join(file.file_name())).unwrap();
    }
    let store = open(house.dir.path(), &house.clock, EmbeddedOptions::default());
    let replica = {
        let following = Following::new(&store, &house.clock);
        let mut token = None;
        for epoch in 2..6 {
            token = Some(write(&store, &[user(1, epoch), user(2, epoch)], &[]).await);
        }
        following.replica.reach(token.unwrap().revision, PATIENCE).await.unwrap();
        following.replica.clone()
    };
    store.close();

    let restored = open(backup.path(), &house.clock, EmbeddedOptions::default());
    let following = Following::resuming(replica, &restored);
    let regressed = async {
        while !matches!(following.replica.view(BOUND), Err(ReadError::Regressed)) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, regressed).await.unwrap();
    let mut token = None;
    for epoch in 12..20 {
        token = Some(write(&restored, &[user(1, epoch)], &[]).await);
    }
    following.replica.reach(token.unwrap().revision, PATIENCE).await.unwrap();
    let confirmed = async {
        while following.replica.view(BOUND).is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, confirmed).await.unwrap();
    let view = following.replica.view(BOUND).unwrap();
    assert_eq!(view.world().user_by_id(&user_id(1)).map(|user| user.epoch.get()), Some(19));
    assert!(view.world().user_by_id(&user_id(2)).is_none(), "nothing of what was lost is mixed in");
}
