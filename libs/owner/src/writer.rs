//! Guarded transactions: read, decide, commit; tried again when somebody else was faster.

use std::sync::Arc;
use std::time::Duration;

use reeve_chassis::{Failure, UnavailableReason};
use reeve_model::{ConsistencyToken, Entropy, Revision};
use reeve_replica::{Replica, Snapshot, decode, encode};
use reeve_store::{CommitError, Key, Op, Page, Store, StoreError, Txn, Versioned};
use reeve_world::{PREFIX, Record, RecordKey};
use tokio::time::Instant;

/// How often a transaction that met a conflict is built anew.
pub const MAX_ATTEMPTS: u32 = 12;
/// How long after it began a write is built anew at most. Who was allowed it then may not be any more.
pub const DECISION_LIFE: Duration = Duration::from_secs(2);
/// The longest pause before the second attempt; doubled with each.
const FIRST_PAUSE_MS: u64 = 2;
/// How long a write waits until this process's own replica shows it, so that the next read here does. The write has taken
/// effect either way.
pub const OWN_WRITE_WAIT: Duration = Duration::from_millis(500);

/// A transaction that was built, and what to answer when it takes effect.
pub struct Attempt<T> {
    /// The transaction; without operations, nothing is written.
    pub txn: Txn,
    /// What to answer.
    pub answer: T,
}

/// Writes to the store, for one owner.
#[derive(Clone)]
pub struct Writer {
    store: Arc<dyn Store>,
    replica: Replica,
    entropy: Arc<dyn Entropy>,
}

impl Writer {
    /// Writes to `store`, which `replica` follows.
    pub fn new(store: Arc<dyn Store>, replica: Replica, entropy: Arc<dyn Entropy>) -> Self {
        Self { store, replica, entropy }
    }

    /// The store itself.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// The replica that follows the store in this process.
    pub fn replica(&self) -> &Replica {
        &self.replica
    }

    /// The randomness that this owner draws from.
    pub fn entropy(&self) -> &dyn Entropy {
        self.entropy.as_ref()
    }

    /// What `key` holds now.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] when the store cannot say.
    pub async fn get(&self, key: &Key) -> Result<Option<Versioned>, Failure> {
        self.store.get(key).await.map_err(store_failure)
    }

    /// Up to `limit` keys under `prefix` now, in order, after `after` if given.
    ///
    /// # Errors
    /// As [`Writer::get`].
    pub async fn list(&self, prefix: &str, after: Option<&Key>, limit: usize) -> Result<Page, Failure> {
        self.store.list(prefix, after, limit, None).await.map_err(store_failure)
    }

    /// The published record at `key` now, with what guards compare.
    ///
    /// # Errors
    /// As [`Writer::get`]; [`Failure::Internal`] for a record that cannot be read.
    pub async fn record(&self, key: &RecordKey) -> Result<Option<(Record, Versioned)>, Failure> {
        let text = key.to_string();
        let Some(found) = self.get(&Key::new(text.clone())).await? else { return Ok(None) };
        let record = decode(&text, &found.value).map_err(Failure::internal)?;
        Ok(Some((record, found)))
    }

    /// Builds a transaction and commits it; on a conflict, builds it anew from what the store holds then, up to
    /// [`MAX_ATTEMPTS`] times and for [`DECISION_LIFE`]. Answers once the write is durable, with proof of it.
    ///
    /// `build` must guard what it decided on, so that a conflict means that the decision is stale, and nothing else.
    ///
    /// # Errors
    /// What `build` fails with; [`Failure::Unavailable`] when the store cannot write, or conflicts do not end.
    pub async fn transact<T, F>(&self, mut build: impl FnMut() -> F) -> Result<(T, ConsistencyToken), Failure>
    where
        F: Future<Output = Result<Attempt<T>, Failure>>,
    {
        let began = Instant::now();
        for attempt in 0..MAX_ATTEMPTS {
            let Attempt { txn, answer } = build().await?;
            if began.elapsed() > DECISION_LIFE {
                break;
            }
            if txn.ops.is_empty() {
                let revision = self.store.barrier().await.map_err(store_failure)?;
                return Ok((answer, self.seen(revision).await));
            }
            let publishes = txn.ops.iter().any(is_published);
            match self.store.commit(txn).await {
                Ok(committed) if publishes => return Ok((answer, self.seen(committed.revision).await)),
                Ok(committed) => return Ok((answer, self.unseen(committed.revision))),
                Err(CommitError::Conflict) => self.pause(attempt).await,
                Err(CommitError::Store(error)) => return Err(store_failure(error)),
            }
        }
        Err(Failure::Unavailable {
            reason: UnavailableReason::StoreUnavailable,
            message: "the store was slow, or others kept changing the same records: try again".to_owned(),
            retry_after: None,
        })
    }

    /// Commits a guarded transaction once; none if somebody else was faster.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] when the store cannot write.
    pub async fn commit(&self, txn: Txn) -> Result<Option<Revision>, Failure> {
        match self.store.commit(txn).await {
            Ok(committed) => Ok(Some(committed.revision)),
            Err(CommitError::Conflict) => Ok(None),
            Err(CommitError::Store(error)) => Err(store_failure(error)),
        }
    }

    /// Whether the store has all that `snapshot` shows. Of one that was set back, a state from before says nothing.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] when the store cannot say.
    pub async fn goes_on_from(&self, snapshot: &Snapshot) -> Result<bool, Failure> {
        let goes_on = self.store.barrier().await.map_err(store_failure)? >= snapshot.revision();
        if !goes_on {
            tracing::warn!(revision = %snapshot.revision(), "the store is behind this state: nothing is removed by it");
        }
        Ok(goes_on)
    }

    /// Waits until this process's replica shows `revision`, within bounds; the token that proves the write.
    async fn seen(&self, revision: Revision) -> ConsistencyToken {
        if self.replica.reach_written(revision, OWN_WRITE_WAIT).await.is_err() {
            tracing::debug!(%revision, "written, but not yet seen here");
        }
        ConsistencyToken { store: self.store.id(), revision }
    }

    /// The token that proves a write of which nothing was published. No replica has anything to see of it, and would hear that it
    /// has passed it with the store's next tick alone: that is asked for, for whoever brings the token, and not waited for.
    fn unseen(&self, revision: Revision) -> ConsistencyToken {
        let store = self.store.clone();
        tokio::spawn(async move {
            if let Err(error) = store.barrier().await {
                tracing::debug!(%revision, %error, "written, and no replica told so");
            }
        });
        ConsistencyToken { store: self.store.id(), revision }
    }

    async fn pause(&self, attempt: u32) {
        let [low, high] = self.entropy.bytes::<2>();
        let longest = FIRST_PAUSE_MS << attempt.min(8);
        let jitter = u64::from(u16::from_le_bytes([low, high])) % longest;
        tokio::time::sleep(Duration::from_millis(jitter + 1)).await;
    }
}

/// Whether replicas follow what it changes.
fn is_published(op: &Op) -> bool {
    let (Op::Put { key, .. } | Op::Delete(key)) = op;
    key.as_str().starts_with(PREFIX)
}

/// Adds the writing of published records to a transaction.
pub(crate) fn key_of(record: &Record) -> Key {
    Key::new(record.key().to_string())
}

/// Transactions over published records.
pub trait PublishedTxn {
    /// Requires that the record does not exist, and creates it.
    #[must_use]
    fn publish_new(self, record: &Record) -> Self;
    /// Requires that the record is as it was read, and replaces it.
    #[must_use]
    fn publish_over(self, read: &Versioned, record: &Record) -> Self;
    /// Writes the record whatever stands there. Another guard of the transaction must make this safe.
    #[must_use]
    fn publish(self, record: &Record) -> Self;
}

impl PublishedTxn for Txn {
    fn publish_new(self, record: &Record) -> Self {
        self.create(key_of(record), encode(record))
    }

    fn publish_over(self, read: &Versioned, record: &Record) -> Self {
        self.replace(read, encode(record))
    }

    fn publish(self, record: &Record) -> Self {
        self.put(key_of(record), encode(record))
    }
}

fn store_failure(error: StoreError) -> Failure {
    match error {
        error @ (StoreError::Unavailable(_) | StoreError::Replaced(_)) => {
            tracing::warn!(%error, "the store is unavailable");
            Failure::Unavailable {
                reason: UnavailableReason::StoreUnavailable,
                message: "the store cannot be reached or cannot write: try again".to_owned(),
                retry_after: None,
            }
        }
        error @ (StoreError::Compacted { .. }
        | StoreError::Future { .. }
        | StoreError::NoSuchLease
        | StoreError::Refused(_)
        | StoreError::Corrupt(_)) => Failure::internal(error),
    }
}
