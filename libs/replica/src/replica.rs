//! The lock-free pointer to the newest snapshot, and how a reader asks for one that is fresh enough.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use async_trait::async_trait;
use reeve_model::{Clock, Consistency, ConsistencyToken, Revision};
use reeve_world::RecordKey;
use tokio::sync::watch;

use crate::history::History;
use crate::removed::Removed;
use crate::trouble::{Block, Trouble, Worse};
use crate::{Snapshot, SourceError};

/// How long a revision that was written may take to come by itself. A watch brings what is published in less.
const BY_ITSELF: Duration = Duration::from_millis(10);

/// A snapshot that is fresh enough for one call. Everything the call answers is read from it.
#[derive(Clone, Debug)]
pub struct View {
    snapshot: Arc<Snapshot>,
    confirmed_at: Duration,
    age: Duration,
}

impl View {
    /// The snapshot.
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// The records as they are decided on.
    pub fn world(&self) -> &reeve_world::World {
        self.snapshot.world()
    }

    /// The revision that every answer from this view was made at.
    pub fn revision(&self) -> Revision {
        self.snapshot.revision()
    }

    /// How long before the read the revision was known to be the store's.
    pub fn age(&self) -> Duration {
        self.age
    }

    /// Whether everything that was written before `time` of the monotonic clock is in it for certain.
    pub fn shows_all_before(&self, time: Duration) -> bool {
        self.confirmed_at > time
    }
}

/// Why there is no snapshot to answer from.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The replica has not loaded yet, or did not reach the revision asked for in time.
    #[error("the replica has not reached the state asked for")]
    NotSynced,
    /// Nobody has confirmed for too long that the snapshot is current.
    #[error("the replica's state was last confirmed {} s ago, and at most {} s are allowed", age.as_secs(), bound.as_secs())]
    Stale {
        /// How long ago.
        age: Duration,
        /// How long is allowed.
        bound: Duration,
    },
    /// The token is of another store, or of before a restore.
    #[error("the consistency token is of another store, or of before this one was restored")]
    ForeignToken,
    /// The store shows an older state than was served.
    #[error("the store is behind what this replica has served")]
    Regressed,
    /// What is followed is of another store by now, or of one that was restored. Its records are never mixed with those
    /// that were served.
    #[error("what this replica follows is of another store, or its store was restored: restart this server")]
    Replaced,
    /// The records here are not those of the sender.
    #[error("the records of this replica are not the sender's: it reads them anew")]
    Damaged,
    /// This replica follows a feed: it cannot ask the store what is current.
    #[error("this replica follows a feed and cannot ask the store: use `at_least_as_fresh`, or ask a service")]
    NoStore,
    /// The store did not say what is current.
    #[error("the store did not answer: {0}")]
    Store(String),
}

/// Asks the store what is current now.
#[async_trait]
pub trait Barrier: Send + Sync + 'static {
    /// A revision that is current during the call.
    async fn barrier(&self) -> Result<Revision, SourceError>;
}

/// The newest snapshot. Copies are the same replica.
#[derive(Clone)]
pub struct Replica(Arc<Shared>);

struct Shared {
    current: ArcSwapOption<Snapshot>,
    /// The revision that the newest snapshot has reached; none before the first.
    progress: watch::Sender<Option<Revision>>,
    /// Why the source is not followed; none once it has confirmed a state again.
    trouble: ArcSwapOption<Trouble>,
    /// When a reader's own barrier last proved the snapshot to be the store's, in nanoseconds of the monotonic clock; 0 before
    /// one did. It holds for every later snapshot too: they have what this one had.
    proved_at: AtomicU64,
    history: Mutex<History>,
    removed: RwLock<Removed>,
    clock: Arc<dyn Clock>,
    barrier: Option<Arc<dyn Barrier>>,
}

impl Replica {
    /// A replica that has loaded nothing yet.
    pub fn new(clock: Arc<dyn Clock>, barrier: Option<Arc<dyn Barrier>>) -> Self {
        Self(Arc::new(Shared {
            current: ArcSwapOption::empty(),
            progress: watch::Sender::new(None),
            trouble: ArcSwapOption::empty(),
            proved_at: AtomicU64::new(0),
            history: Mutex::new(History::default()),
            removed: RwLock::default(),
            clock,
            barrier,
        }))
    }

    /// The newest snapshot, however old; none before the first is complete.
    pub fn latest(&self) -> Option<Arc<Snapshot>> {
        self.0.current.load_full()
    }

    /// The newest snapshot, if it was confirmed at most `bound` ago. Takes no lock and does no I/O.
    ///
    /// # Errors
    /// Nothing is loaded, it is too old, or the store went back.
    pub fn view(&self, bound: Duration) -> Result<View, ReadError> {
        if let Some(block) = self.0.trouble.load().as_ref().and_then(|trouble| trouble.block()) {
            return Err(match block {
                Block::Regressed => ReadError::Regressed,
                Block::Replaced => ReadError::Replaced,
                Block::Damaged => ReadError::Damaged,
            });
        }
        let (snapshot, confirmed_at) = self.confirmed().ok_or(ReadError::NotSynced)?;
        let age = self.0.clock.monotonic().saturating_sub(confirmed_at);
        if age > bound { Err(ReadError::Stale { age, bound }) } else { Ok(View { snapshot, confirmed_at, age }) }
    }

    /// The newest snapshot, and when it was last known to be the store's, by the monotonic clock; none before it ever was.
    pub(crate) fn confirmed(&self) -> Option<(Arc<Snapshot>, Duration)> {
        // The proof first: it is of the snapshot that was the newest then, and of every later one, but of none before.
        let proved = match self.0.proved_at.load(Ordering::Acquire) {
            0 => None,
            nanos => Some(Duration::from_nanos(nanos)),
        };
        let snapshot = self.latest()?;
        let confirmed_at = snapshot.confirmed_at().max(proved)?;
        Some((snapshot, confirmed_at))
    }

    /// Whether it can ask a store what is current; one that follows a feed cannot.
    pub fn asks_a_store(&self) -> bool {
        self.0.barrier.is_some()
    }

    /// What keeps the replica from following its source; none while it follows.
    pub fn trouble(&self) -> Option<String> {
        self.0.trouble.load().as_ref().map(|trouble| trouble.why().to_owned())
    }

    /// A snapshot as fresh as asked for, waiting up to `wait` for it.
    ///
    /// # Errors
    /// As [`Replica::view`]; a token of another store; the state asked for was not reached in time.
    pub async fn view_at(&self, consistency: Consistency, bound: Duration, wait: Duration) -> Result<View, ReadError> {
        match consistency {
            Consistency::MinimizeLatency => {}
            Consistency::AtLeastAsFresh(token) => {
                // the revision of another store says nothing: it is not waited for
                self.check_own(&token)?;
                self.reach_written(token.revision, wait).await?;
                self.check_own(&token)?;
            }
            Consistency::FullyConsistent => {
                let present = tokio::time::timeout(wait, self.reach_present(wait)).await;
                present.map_err(|_| ReadError::NotSynced)??;
            }
        }
        self.view(bound)
    }

    /// Waits until the replica shows everything that was written before the call, by asking the store what that is.
    async fn reach_present(&self, wait: Duration) -> Result<(), ReadError> {
        let barrier = self.0.barrier.as_ref().ok_or(ReadError::NoStore)?;
        let served = self.latest().map(|snapshot| snapshot.revision());
        let asked_at = self.0.clock.monotonic();
        let present = barrier.barrier().await.map_err(|error| match error {
            SourceError::Foreign(why) => {
                self.troubled(Some(Worse::Block(Block::Replaced)), why);
                ReadError::Replaced
            }
            error => ReadError::Store(error.to_string()),
        })?;
        if served > Some(present) {
            let why = format!("the store is at {present}, behind {}, which was served", served.unwrap_or_default());
            self.troubled(Some(Worse::Block(Block::Regressed)), why);
            return Err(ReadError::Regressed);
        }
        self.reach(present, wait).await?;
        // nobody else may say so for a while, and it is proved: what is shown was the store's when that was asked
        let nanos = u64::try_from(asked_at.as_nanos()).unwrap_or(u64::MAX).max(1);
        if self.0.proved_at.fetch_max(nanos, Ordering::AcqRel) < nanos {
            self.0.progress.send_modify(|_| {});
        }
        Ok(())
    }

    /// Waits up to `wait` until every change up to `revision` is in.
    ///
    /// # Errors
    /// It was not reached in time.
    pub async fn reach(&self, revision: Revision, wait: Duration) -> Result<(), ReadError> {
        let mut progress = self.0.progress.subscribe();
        let reached = progress.wait_for(|reached| *reached >= Some(revision));
        match tokio::time::timeout(wait, reached).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(ReadError::NotSynced),
        }
    }

    /// As [`reach`](Self::reach), for a revision that somebody wrote. A write of nothing that is published shows in no record: where it does
    /// not come by itself in a moment, the store is asked where it is, and the answer comes after it.
    ///
    /// # Errors
    /// It was not reached in time.
    pub async fn reach_written(&self, revision: Revision, wait: Duration) -> Result<(), ReadError> {
        let asked = async {
            tokio::time::sleep(BY_ITSELF).await;
            if let Some(barrier) = &self.0.barrier {
                // who waits hears soon enough that it was in vain
                let _where_it_is = barrier.barrier().await;
            }
            std::future::pending().await
        };
        tokio::select! {
            biased;
            reached = self.reach(revision, wait) => reached,
            never = asked => never,
        }
    }

    /// Waits until the first snapshot is complete and confirmed: until answers are safe.
    pub async fn ready(&self) {
        let mut progress = self.0.progress.subscribe();
        let confirmed = |_: &Option<Revision>| self.confirmed().is_some();
        // an error means that the sender is gone, and it lives as long as this replica
        let _never = progress.wait_for(confirmed).await;
    }

    /// The clock that ages are measured by.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.0.clock
    }

    /// A receiver that wakes whenever a newer snapshot is installed, and whenever the newest is confirmed.
    pub fn subscribe(&self) -> watch::Receiver<impl Sized + use<>> {
        self.0.progress.subscribe()
    }

    /// Runs `with` on the changes that feeds continue from. Held for a few copies of pointers.
    pub(crate) fn history<T>(&self, with: impl FnOnce(&mut History) -> T) -> T {
        with(&mut self.0.history.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether a user or a token was removed while this replica followed. Such a one never comes back; of one that is merely not
    /// there, that is not known.
    pub fn saw_removed(&self, key: &RecordKey) -> bool {
        self.0.removed.read().unwrap_or_else(PoisonError::into_inner).knows(&key.to_string())
    }

    /// Remembers what a change removed.
    pub(crate) fn note_removed(&self, keys: &[String]) {
        if !keys.is_empty() {
            let mut removed = self.0.removed.write().unwrap_or_else(PoisonError::into_inner);
            for key in keys {
                removed.note(key);
            }
        }
    }

    /// Makes `snapshot` the newest. Only the reflector calls this, and never with an older one.
    pub(crate) fn install(&self, snapshot: Snapshot) {
        let reached = Some(snapshot.revision());
        self.0.current.store(Some(Arc::new(snapshot)));
        self.0.progress.send_replace(reached);
    }

    /// As [`Replica::install`], of a snapshot that the source has confirmed to be the store's: it is followed again.
    pub(crate) fn install_confirmed(&self, snapshot: Snapshot) {
        if self.0.trouble.swap(None).is_some() {
            tracing::info!(revision = %snapshot.revision(), "following");
        }
        self.install(snapshot);
    }

    /// Notes why the source is not followed, until it has confirmed a state again.
    pub(crate) fn troubled(&self, worse: Option<Worse>, why: String) {
        let before = self.0.trouble.load_full();
        if let Some(trouble) = Trouble::after(before.as_deref(), worse, why) {
            self.0.trouble.store(Some(Arc::new(trouble)));
        }
    }

    /// Refuses a token of another store than the one that this replica follows, if it knows that yet.
    pub(crate) fn check_own(&self, token: &ConsistencyToken) -> Result<(), ReadError> {
        match self.latest() {
            Some(snapshot) if snapshot.token().store != token.store => Err(ReadError::ForeignToken),
            _ => Ok(()),
        }
    }
}
