//! An embedded store of a test's own.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use reeve_model::{ManualClock, SeededEntropy, Timestamp};
use reeve_store::contract::Subject;
use reeve_store::{Embedded, EmbeddedOptions, HISTORY_AGE, Key, OpenError, Store, StoreError, Txn};
use tempfile::TempDir;

/// Opens the store in `dir` at the time that `clock` shows.
pub(crate) fn open(dir: &Path, clock: &Arc<ManualClock>, options: EmbeddedOptions) -> Result<Embedded, OpenError> {
    Embedded::open(dir, clock.clone(), Arc::new(SeededEntropy::new(7)), options)
}

/// A clock that stands.
pub(crate) fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at(Timestamp::from_millis(1_795_223_017_000)))
}

/// A new store, its folder and its clock.
pub(crate) struct EmbeddedSubject {
    pub(crate) store: Arc<Embedded>,
    pub(crate) dir: TempDir,
    pub(crate) clock: Arc<ManualClock>,
}

impl EmbeddedSubject {
    pub(crate) fn with(options: EmbeddedOptions) -> Self {
        let (dir, clock) = (TempDir::new().unwrap(), clock());
        Self { store: Arc::new(open(dir.path(), &clock, options).unwrap()), dir, clock }
    }

    pub(crate) fn new() -> Self {
        Self::with(EmbeddedOptions::default())
    }

    /// Waits until `revision` is no longer kept. Writes go on, so that there is occasion to trim.
    pub(crate) async fn write_until_forgotten(&self, revision: reeve_model::Revision) {
        loop {
            match self.store.list("", None, 1, Some(revision)).await {
                Err(StoreError::Compacted { .. }) => return,
                Err(error) => panic!("{error}"),
                Ok(_) => self.store.commit(Txn::new().put(Key::new("filler"), "x")).await.unwrap(),
            };
        }
    }
}

#[async_trait]
impl Subject for EmbeddedSubject {
    fn store(&self) -> Arc<dyn Store> {
        self.store.clone()
    }

    async fn pass(&self, by: Duration) {
        self.clock.advance(by);
    }

    async fn forget_history(&self) {
        let newest = self.store.barrier().await.unwrap();
        self.clock.advance(HISTORY_AGE + Duration::from_millis(1));
        self.write_until_forgotten(reeve_model::Revision::new(newest.get() - 1)).await;
    }

    /// What the file holds at this moment, in another folder: the open store has not had its chance to close it.
    async fn crash(&mut self) {
        let dir = TempDir::new().unwrap();
        std::fs::copy(self.dir.path().join("store.redb"), dir.path().join("store.redb")).unwrap();
        self.store = Arc::new(open(dir.path(), &self.clock, EmbeddedOptions::default()).unwrap());
        self.dir = dir;
    }
}
