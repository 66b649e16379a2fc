//! The store on a disk that fails, and that forgets at a power cut what was not synced.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};

use futures_util::StreamExt;
use futures_util::future::join_all;
use redb::{Builder, StorageBackend};
use reeve_model::{Entropy, ManualClock, Revision, SeededEntropy};

use super::file::{Opened, identify, initialize};
use super::{Embedded, EmbeddedOptions};
use crate::{CommitError, Key, Store, StoreError, Txn, WatchError, WatchEvent, WatchedChange};

/// Bytes that a disk writes whole or not at all.
const SECTOR_BYTES: u64 = 512;

/// How many outcomes of a power cut are looked at, for each moment.
const POWER_CUTS: usize = 3;

/// How a disk fails.
#[derive(Clone, Copy, Debug)]
enum Fault {
    /// One operation fails, and what was not synced is gone; the next one succeeds, as a Linux fsync does.
    Once,
    /// Nothing can be written any more.
    ForEver,
}

/// A disk in memory. Its clones are the same disk.
#[derive(Clone, Debug)]
struct Disk(Arc<Mutex<Platter>>);

#[derive(Clone, Debug, Default)]
struct Platter {
    /// What a power cut leaves.
    durable: Vec<u8>,
    /// What reads see.
    cached: Vec<u8>,
    /// What lies between the two, in order.
    unsynced: Vec<Unsynced>,
    /// Writes and syncs so far.
    operations: u64,
    /// The operation that fails.
    fault: Option<(u64, Fault)>,
}

#[derive(Clone, Debug)]
enum Unsynced {
    Length(u64),
    Write(u64, Vec<u8>),
}

fn apply(target: &mut Vec<u8>, change: &Unsynced) {
    match change {
        Unsynced::Length(length) => target.resize(usize::try_from(*length).unwrap(), 0),
        Unsynced::Write(offset, bytes) => {
            let start = usize::try_from(*offset).unwrap();
            let end = start + bytes.len();
            target.resize(target.len().max(end), 0);
            target[start..end].copy_from_slice(bytes);
        }
    }
}

impl Platter {
    /// Counts an operation that changes the disk, and fails it if it is the one.
    fn count(&mut self) -> io::Result<()> {
        self.operations += 1;
        match self.fault {
            Some((at, Fault::Once)) if self.operations == at => {
                self.unsynced.clear();
                Err(io::Error::other("a fault"))
            }
            Some((at, Fault::ForEver)) if self.operations >= at => Err(io::Error::other("a fault")),
            _ => Ok(()),
        }
    }

    fn change(&mut self, change: Unsynced) {
        apply(&mut self.cached, &change);
        self.unsynced.push(change);
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.lock().unwrap().cached.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let platter = self.0.lock().unwrap();
        let start = usize::try_from(offset).unwrap();
        let bytes = platter.cached.get(start..start + out.len());
        out.copy_from_slice(bytes.ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))?);
        Ok(())
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        let mut platter = self.0.lock().unwrap();
        platter.count()?;
        platter.change(Unsynced::Length(length));
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut platter = self.0.lock().unwrap();
        platter.count()?;
        let Platter { durable, unsynced, .. } = &mut *platter;
        unsynced.drain(..).for_each(|change| apply(durable, &change));
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut platter = self.0.lock().unwrap();
        platter.count()?;
        platter.change(Unsynced::Write(offset, data.to_vec()));
        Ok(())
    }
}

impl Disk {
    /// A disk with a new store on it.
    fn with_store() -> Self {
        let disk = Self(Arc::new(Mutex::new(Platter::default())));
        let database = Builder::new().create_with_backend(disk.clone()).unwrap();
        initialize(&database, &ManualClock::default(), &SeededEntropy::new(1)).unwrap();
        drop(database);
        disk
    }

    fn operations(&self) -> u64 {
        self.0.lock().unwrap().operations
    }

    /// A copy of this disk, with a fault after so many more operations.
    fn failing(&self, after: u64, fault: Fault) -> Self {
        let mut platter = self.0.lock().unwrap().clone();
        platter.fault = Some((platter.operations + after, fault));
        Self(Arc::new(Mutex::new(platter)))
    }

    /// What is left after a power cut: of what was not synced, any part, in whole sectors.
    fn after_power_cut(&self, entropy: &dyn Entropy) -> Self {
        let mut platter = self.0.lock().unwrap().clone();
        for change in std::mem::take(&mut platter.unsynced) {
            let [dice, cut] = entropy.bytes::<2>();
            let kept = match (change, dice % 4) {
                (_, 0) => continue,
                (Unsynced::Write(offset, mut bytes), 1) => {
                    let sectors = bytes.len() as u64 / SECTOR_BYTES;
                    bytes.truncate(usize::try_from(u64::from(cut) % (sectors + 1) * SECTOR_BYTES).unwrap());
                    Unsynced::Write(offset, bytes)
                }
                (whole, _) => whole,
            };
            apply(&mut platter.durable, &kept);
        }
        let durable = platter.durable;
        Self(Arc::new(Mutex::new(Platter { cached: durable.clone(), durable, ..Platter::default() })))
    }

    fn open(&self) -> Result<Embedded, redb::Error> {
        let database = Builder::new().create_with_backend(self.clone())?;
        let id = identify(&database, Path::new("disk")).map_err(|error| redb::Error::Corrupted(error.to_string()))?;
        let opened = Opened { database: Arc::new(database), lock: None };
        let (clock, entropy) = (Arc::new(ManualClock::default()), Arc::new(SeededEntropy::new(2)));
        Embedded::start(opened, id, clock, entropy, &EmbeddedOptions::default())
    }
}

/// Writes until a write fails, four at a time; the revisions that were acknowledged, by number.
async fn work(store: &Embedded) -> BTreeMap<u64, Revision> {
    let mut acknowledged = BTreeMap::new();
    for round in 0..8_u64 {
        let numbers = round * 4..round * 4 + 4;
        let commits = numbers.clone().map(|number| {
            let value = vec![u8::try_from(number).unwrap(); 700];
            let key = |name: &str| Key::new(format!("k/{number:02}/{name}"));
            let txn = Txn::new().create(key("a"), value.clone()).create(key("b"), value.clone());
            store.commit(txn.put(Key::new("last/a"), value.clone()).put(Key::new("last/b"), value))
        });
        for (number, outcome) in numbers.zip(join_all(commits).await) {
            match outcome {
                Ok(committed) => assert!(acknowledged.insert(number, committed.revision).is_none()),
                Err(CommitError::Store(StoreError::Unavailable(_))) => {}
                Err(other) => panic!("unavailable, not {other}"),
            }
        }
    }
    acknowledged
}

/// Everything acknowledged is there at its revision, everything is whole, and history tells the same.
async fn check(store: &Embedded, acknowledged: &BTreeMap<u64, Revision>) {
    let page = store.list("", None, 1000, None).await.unwrap();
    let state: BTreeMap<&str, _> =
        page.items.iter().map(|item| (item.key.as_str(), (item.value.clone(), item.mod_revision))).collect();
    for (number, revision) in acknowledged {
        let (value, at) = state.get(format!("k/{number:02}/a").as_str()).unwrap();
        assert_eq!((value.len(), at), (700, revision), "{number}");
    }
    for (key, held) in &state {
        let twin = if let Some(stem) = key.strip_suffix("/a") { format!("{stem}/b") } else { key.replace("/b", "/a") };
        assert_eq!(state.get(twin.as_str()), Some(held), "`{key}` is torn");
    }
    let mut watch = store.watch("", Revision::ZERO).await.unwrap();
    let mut replayed = BTreeMap::new();
    while let WatchEvent::Changes { changes, revision } = watch.next().await.unwrap().unwrap() {
        for change in changes {
            let WatchedChange::Put(put) = change else { panic!("nothing was removed") };
            replayed.insert(put.key.to_string(), (put.value, revision));
        }
    }
    assert!(replayed.iter().map(|(key, held)| (key.as_str(), held)).eq(state.iter().map(|(key, held)| (*key, held))));
}

/// A store that has failed says so to everyone.
async fn check_refusing(store: &Embedded) {
    let key = Key::new("late");
    let outcomes = [
        store.commit(Txn::new().put(key.clone(), "x")).await.map(drop),
        store.get(&key).await.map(drop).map_err(CommitError::Store),
        store.barrier().await.map(drop).map_err(CommitError::Store),
        store.watch("", Revision::ZERO).await.map(drop).map_err(CommitError::Store),
    ];
    for outcome in outcomes {
        assert!(matches!(outcome, Err(CommitError::Store(StoreError::Unavailable(_)))), "unavailable, not {outcome:?}");
    }
}

/// A fault at every write and every sync that the work makes, each followed by power cuts.
async fn no_acknowledgement_is_a_lie(fault: Fault) {
    let fresh = Disk::with_store();
    let measured = fresh.failing(u64::MAX / 2, fault);
    let before = measured.operations();
    let store = measured.open().unwrap();
    assert_eq!(work(&store).await.len(), 32);
    let operations = measured.operations() - before;
    drop(store);
    let entropy: Arc<dyn Entropy> = Arc::new(SeededEntropy::new(3));
    for after in 1..=operations {
        let disk = fresh.failing(after, fault);
        let Ok(store) = disk.open() else { continue };
        let mut watch = store.watch("last/", Revision::ZERO).await.unwrap();
        let acknowledged = work(&store).await;
        if acknowledged.len() < 32 {
            check_refusing(&store).await;
            let ended = watch.next().await;
            assert!(matches!(ended, Some(Err(WatchError::Lost(_)))), "no progress from a failed store, not {ended:?}");
        }
        // A power cut at this moment, and one after the store was closed as well as it could be.
        let mut left: Vec<Disk> = (0..POWER_CUTS).map(|_| disk.after_power_cut(&*entropy)).collect();
        drop(store);
        left.push(disk.after_power_cut(&*entropy));
        for disk in left {
            check(&disk.open().unwrap(), &acknowledged).await;
        }
    }
}

#[tokio::test]
async fn no_acknowledgement_is_a_lie_when_one_write_or_sync_fails() {
    no_acknowledgement_is_a_lie(Fault::Once).await;
}

#[tokio::test]
async fn no_acknowledgement_is_a_lie_when_the_disk_is_gone() {
    no_acknowledgement_is_a_lie(Fault::ForEver).await;
}
