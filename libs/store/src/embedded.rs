//! The embedded store: one file, one writer thread with group commit, reads beside it.

mod apply;
#[cfg(test)]
mod faults;
mod file;
mod follow;
mod head;
mod import;
mod leases;
mod record;
mod snapshot;
mod tables;
mod writer;

use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread::JoinHandle;
use std::time::Duration;

use async_trait::async_trait;
use reeve_model::{Clock, Entropy, Revision, StoreId};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot, watch};

use self::apply::HistoryBounds;
use self::file::Opened;
use self::head::{Condition, Head, closed};
use self::snapshot::Snapshot;
use self::writer::{Request, Writer, dropped};
use crate::limits::{check_lease_ttl, check_txn, request_bytes};
use crate::{
    CommitError, Committed, Key, Lease, LeaseId, MAX_REQUEST_BYTES, Page, Store, StoreError, Txn, Versioned, Watch,
};

pub use self::file::OpenError;
pub use self::import::EmbeddedImport;
pub use self::leases::MAX_LEASES;

/// How long history is kept, when its size allows.
pub const HISTORY_AGE: Duration = Duration::from_mins(10);
/// Most changes of single keys that history keeps.
pub const HISTORY_ENTRIES: u64 = 200_000;
/// Most bytes of keys and values that history keeps.
pub const HISTORY_BYTES: u64 = 64 * 1024 * 1024;
/// How often a watch of an embedded store reports progress when nothing else happens.
pub const PROGRESS_INTERVAL: Duration = Duration::from_millis(250);
/// Bytes of the file that are kept in memory.
const CACHE_BYTES: usize = 64 * 1024 * 1024;
/// Most reads at a time; others wait for their turn.
const MAX_READERS: usize = 8;
/// Most bytes of requests that wait for the writer; others wait outside.
const MAX_WAITING_BYTES: usize = 16 * 1024 * 1024;
/// What a request counts in that bound beyond its own bytes.
const REQUEST_OVERHEAD_BYTES: usize = 1024;

/// The bounds of an embedded store.
#[derive(Clone, Debug)]
pub struct EmbeddedOptions {
    /// How long history is kept for watches and for lists at an older revision: [`HISTORY_AGE`].
    pub history_age: Duration,
    /// Most changes of single keys that history keeps: [`HISTORY_ENTRIES`].
    pub history_entries: u64,
    /// Most bytes of keys and values that history keeps: [`HISTORY_BYTES`].
    pub history_bytes: u64,
    /// Bytes of the file that are kept in memory; 64 MiB.
    pub cache_bytes: usize,
    /// Whether to make the store if there is none: yes.
    pub create: bool,
}

impl Default for EmbeddedOptions {
    fn default() -> Self {
        Self {
            history_age: HISTORY_AGE,
            history_entries: HISTORY_ENTRIES,
            history_bytes: HISTORY_BYTES,
            cache_bytes: CACHE_BYTES,
            create: true,
        }
    }
}

/// A store in one folder of this machine. Its calls need a Tokio runtime; opening and closing it do not.
///
/// A write is acknowledged after the file is synced. Once a write has failed the store takes no more requests and ends its
/// watches: what the disk holds is known only after opening it again.
#[derive(Debug)]
pub struct Embedded {
    shared: Arc<Shared>,
}

/// What the store's calls, its watches and its writer have in common.
#[derive(Debug)]
struct Shared {
    id: StoreId,
    head: watch::Sender<Head>,
    /// None when closed. Held for reading by reads, on blocking threads alone.
    opened: RwLock<Option<Opened>>,
    readers: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
    requests: Sender<Request>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl Embedded {
    /// Opens the store in the folder `dir`. Both are made if they do not exist and the options say so. Blocks, after an unclean
    /// end for as long as the repair takes: about half a second for a million keys.
    ///
    /// # Errors
    /// The store is open already, the folder cannot be used, the file is corrupt or of a newer version; there is none, or only
    /// what an import left that was broken off.
    pub fn open(
        dir: &Path,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        options: EmbeddedOptions,
    ) -> Result<Self, OpenError> {
        guarded(dir, || {
            let (opened, id) = file::open(dir, options.create, &*clock, &*entropy, options.cache_bytes)?;
            Self::start(opened, id, clock, entropy, &options).map_err(|error| file::storage_error(dir, error))
        })
    }

    /// Puts the store in `dir` under a new epoch, after its file was put back from a copy: tokens that were given out since
    /// the copy was made are refused. Nobody may have it open. Blocks as opening it does.
    ///
    /// # Errors
    /// As for [`Embedded::open`]; `NoStore`.
    pub fn new_epoch(dir: &Path) -> Result<StoreId, OpenError> {
        guarded(dir, || file::new_epoch(dir))
    }

    fn start(
        opened: Opened,
        id: StoreId,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        options: &EmbeddedOptions,
    ) -> Result<Self, redb::Error> {
        let bounds = HistoryBounds {
            age_ms: i64::try_from(options.history_age.as_millis()).unwrap_or(i64::MAX),
            entries: options.history_entries,
            bytes: options.history_bytes,
        };
        let (requests, inbox) = channel();
        let head = Head { revision: Revision::ZERO, barriers: 0, condition: Condition::Open };
        let head = watch::Sender::new(head);
        let writer = Writer::new(opened.database.clone(), inbox, head.clone(), clock, entropy, bounds)?;
        let thread = std::thread::Builder::new().name("store-writer".to_owned()).spawn(|| writer.run());
        let shared = Arc::new(Shared {
            id,
            head,
            opened: RwLock::new(Some(opened)),
            readers: Arc::new(Semaphore::new(MAX_READERS)),
            waiting: Arc::new(Semaphore::new(MAX_WAITING_BYTES)),
            requests,
            writer: Mutex::new(Some(thread.map_err(redb::Error::Io)?)),
        });
        Ok(Self { shared })
    }

    /// Closes the store: what was asked before is answered, watches end, and the folder may be opened again when this
    /// returns. Blocks for as long as a write takes. Dropping the store does the same.
    pub fn close(&self) {
        self.shared.close();
    }
}

/// The database asserts what it expects of its own file, so a damaged one may panic. Nothing survives that.
fn guarded<T>(dir: &Path, opening: impl FnOnce() -> Result<T, OpenError>) -> Result<T, OpenError> {
    std::panic::catch_unwind(AssertUnwindSafe(opening)).unwrap_or_else(|_| {
        Err(OpenError::Corrupt { path: dir.to_owned(), detail: "reading it failed unexpectedly".to_owned() })
    })
}

impl Drop for Embedded {
    fn drop(&mut self) {
        self.shared.close();
    }
}

impl Shared {
    fn close(&self) {
        self.head.send_modify(|head| {
            if matches!(head.condition, Condition::Open) {
                head.condition = Condition::Closed;
            }
        });
        self.waiting.close();
        self.readers.close();
        // A writer that failed is gone already.
        let _ = self.requests.send(Request::End);
        let thread = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread
            && thread.join().is_err()
        {
            tracing::error!("the store's writer ended unexpectedly");
        }
        // Waits for the reads under way. The writer's handle is gone, so this closes the file, then lets the folder go.
        drop(self.opened.write().unwrap_or_else(PoisonError::into_inner).take());
    }

    /// Reads the store as it is now, on a blocking thread: a slow disk must not hold up what answers from memory.
    async fn read<T, F>(self: &Arc<Self>, job: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Snapshot) -> Result<T, StoreError> + Send + 'static,
    {
        self.head.borrow().check_open()?;
        let permit = self.readers.clone().acquire_owned().await.map_err(|_| closed())?;
        let shared = self.clone();
        let reading = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let opened = shared.opened.read().unwrap_or_else(PoisonError::into_inner);
            let opened = opened.as_ref().ok_or_else(closed)?;
            job(&Snapshot::of(&opened.database)?)
        });
        reading.await.map_err(|error| {
            let detail = "a read ended unexpectedly".to_owned();
            if error.is_panic() { StoreError::Corrupt(detail) } else { StoreError::Unavailable(detail) }
        })?
    }

    /// Asks the writer, and waits for the answer.
    async fn write<T, E, F>(&self, bytes: usize, request: F) -> Result<T, E>
    where
        E: From<StoreError>,
        F: FnOnce(oneshot::Sender<Result<T, E>>, OwnedSemaphorePermit) -> Request,
    {
        self.head.borrow().check_open()?;
        let weight = u32::try_from(bytes + REQUEST_OVERHEAD_BYTES).unwrap_or(u32::MAX);
        let permit = self.waiting.clone().acquire_many_owned(weight).await.map_err(|_| closed())?;
        let (answer, answered) = oneshot::channel();
        self.requests.send(request(answer, permit)).map_err(|_| dropped(&self.head.borrow()))?;
        answered.await.map_err(|_| dropped(&self.head.borrow()))?
    }
}

#[async_trait]
impl Store for Embedded {
    fn id(&self) -> StoreId {
        self.shared.id
    }

    async fn get(&self, key: &Key) -> Result<Option<Versioned>, StoreError> {
        let key = key.clone();
        self.shared.read(move |snapshot| snapshot.get(&key)).await
    }

    async fn list(
        &self,
        prefix: &str,
        after: Option<&Key>,
        limit: usize,
        at: Option<Revision>,
    ) -> Result<Page, StoreError> {
        let (prefix, after) = (prefix.to_owned(), after.cloned());
        self.shared.read(move |snapshot| snapshot.list(&prefix, after.as_ref(), limit, at)).await
    }

    async fn commit(&self, txn: Txn) -> Result<Committed, CommitError> {
        check_txn(&txn)?;
        let bytes = request_bytes(&txn);
        self.shared.write(bytes, |answer, permit| Request::Commit(txn, answer, permit)).await
    }

    async fn watch(&self, prefix: &str, after: Revision) -> Result<Watch, StoreError> {
        self.shared.read(move |snapshot| snapshot.check_readable(after)).await?;
        Ok(follow::follow(self.shared.clone(), prefix, after))
    }

    async fn barrier(&self) -> Result<Revision, StoreError> {
        let head = self.shared.head.borrow().clone();
        head.check_open()?;
        self.shared.head.send_modify(|head| head.barriers = head.barriers.wrapping_add(1));
        Ok(head.revision)
    }

    async fn grant_lease(&self, ttl: Duration) -> Result<Lease, StoreError> {
        let ttl = check_lease_ttl(ttl)?;
        self.shared.write(0, |answer, permit| Request::GrantLease(ttl, answer, permit)).await
    }

    async fn keep_lease_alive(&self, lease: LeaseId) -> Result<(), StoreError> {
        self.shared.write(0, |answer, permit| Request::KeepLease(lease, answer, permit)).await
    }

    async fn revoke_lease(&self, lease: LeaseId) -> Result<(), StoreError> {
        self.shared.write(0, |answer, permit| Request::RevokeLease(lease, answer, permit)).await
    }
}

/// The waiting room must hold the largest request.
const _: () = assert!(MAX_REQUEST_BYTES + REQUEST_OVERHEAD_BYTES <= MAX_WAITING_BYTES);
