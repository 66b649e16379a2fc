//! The lock-free pointer to the newest snapshot, and how a reader asks for one that is fresh enough.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use async_trait::async_trait;
use reeve_model::{Clock, Consistency, ConsistencyToken, Revision};
use tokio::sync::watch;

use crate::history::History;
use crate::{Snapshot, SourceError};

/// A snapshot that is fresh enough for one call. Everything the call answers is read from it.
#[derive(Clone, Debug)]
pub struct View {
    snapshot: Arc<Snapshot>,
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
    /// Whether the store shows an older state than was served.
    regressed: AtomicBool,
    history: Mutex<History>,
    clock: Arc<dyn Clock>,
    barrier: Option<Arc<dyn Barrier>>,
}

impl Replica {
    /// A replica that has loaded nothing yet.
    pub fn new(clock: Arc<dyn Clock>, barrier: Option<Arc<dyn Barrier>>) -> Self {
        Self(Arc::new(Shared {
            current: ArcSwapOption::empty(),
            progress: watch::Sender::new(None),
            regressed: AtomicBool::new(false),
            history: Mutex::new(History::default()),
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
        if self.0.regressed.load(Ordering::Acquire) {
            return Err(ReadError::Regressed);
        }
        let snapshot = self.latest().ok_or(ReadError::NotSynced)?;
        let age = snapshot.age(self.0.clock.monotonic()).ok_or(ReadError::NotSynced)?;
        if age > bound { Err(ReadError::Stale { age, bound }) } else { Ok(View { snapshot, age }) }
    }

    /// A snapshot as fresh as asked for, waiting up to `wait` for it.
    ///
    /// # Errors
    /// As [`Replica::view`]; a token of another store; the state asked for was not reached in time.
    pub async fn view_at(&self, consistency: Consistency, bound: Duration, wait: Duration) -> Result<View, ReadError> {
        let wanted = match consistency {
            Consistency::MinimizeLatency => return self.view(bound),
            Consistency::AtLeastAsFresh(token) => {
                // the revision of another store says nothing: it is not waited for
                self.check_own(&token)?;
                token.revision
            }
            Consistency::FullyConsistent => {
                let barrier = self.0.barrier.as_ref().ok_or(ReadError::NoStore)?;
                let asked = tokio::time::timeout(wait, barrier.barrier()).await.map_err(|_| ReadError::NotSynced)?;
                asked.map_err(|error| ReadError::Store(error.to_string()))?
            }
        };
        self.reach(wanted, wait).await?;
        if let Consistency::AtLeastAsFresh(token) = consistency {
            self.check_own(&token)?;
        }
        self.view(bound)
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

    /// Waits until the first snapshot is complete and confirmed: until answers are safe.
    pub async fn ready(&self) {
        let mut progress = self.0.progress.subscribe();
        let confirmed = |_: &Option<Revision>| self.latest().is_some_and(|snapshot| snapshot.confirmed_at().is_some());
        // an error means that the sender is gone, and it lives as long as this replica
        let _never = progress.wait_for(confirmed).await;
    }

    /// The clock that ages are measured by.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.0.clock
    }

    /// A receiver that wakes whenever a newer snapshot is installed.
    pub(crate) fn subscribe(&self) -> watch::Receiver<impl Sized + use<>> {
        self.0.progress.subscribe()
    }

    /// Runs `with` on the changes that feeds continue from. Held for a few copies of pointers.
    pub(crate) fn history<T>(&self, with: impl FnOnce(&mut History) -> T) -> T {
        with(&mut self.0.history.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Makes `snapshot` the newest. Only the reflector calls this, and never with an older one.
    pub(crate) fn install(&self, snapshot: Snapshot) {
        let reached = Some(snapshot.revision());
        self.0.current.store(Some(Arc::new(snapshot)));
        self.0.regressed.store(false, Ordering::Release);
        self.0.progress.send_replace(reached);
    }

    /// Notes that the store shows an older state than was served: nothing is answered until it has caught up.
    pub(crate) fn regressed(&self) {
        self.0.regressed.store(true, Ordering::Release);
    }

    /// Refuses a token of another store than the one that this replica follows, if it knows that yet.
    pub(crate) fn check_own(&self, token: &ConsistencyToken) -> Result<(), ReadError> {
        match self.latest() {
            Some(snapshot) if snapshot.token().store != token.store => Err(ReadError::ForeignToken),
            _ => Ok(()),
        }
    }
}
