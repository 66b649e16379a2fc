//! Where a replica's records come from.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use reeve_model::{ConsistencyToken, Revision};

/// A published record as it is stored: its key and its encoded value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRecord {
    /// Its key in the store.
    pub key: String,
    /// A `reeve.world.v1.Record`.
    pub value: Bytes,
}

/// What a source tells, in revision order.
#[derive(Clone, Debug)]
pub enum SourceEvent {
    /// A snapshot begins; it replaces everything before when it is complete.
    Begin,
    /// Records of the snapshot.
    Records(Vec<StoredRecord>),
    /// Inside a snapshot: what changed after this revision and up to the snapshot's follows, for feeds to continue from. The
    /// snapshot has it already.
    Past(Revision),
    /// The snapshot is complete, at this revision of this store.
    Complete(ConsistencyToken),
    /// What one revision changed, whole.
    Changes {
        /// The revision.
        revision: Revision,
        /// Records that are new or changed.
        upserts: Vec<StoredRecord>,
        /// Keys of records that are gone.
        deletes: Vec<String>,
    },
    /// Every change up to a revision has been told, and the store was at it `age` ago.
    Confirmed {
        /// The store and the revision.
        token: ConsistencyToken,
        /// How long ago the store was at it.
        age: Duration,
        /// What all records at that revision must add up to, if the sender says.
        digest: Option<Vec<u8>>,
    },
}

/// Why a source stopped.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The revision to continue from is no longer kept: begin with a snapshot.
    #[error("the revision to continue from is no longer kept")]
    Compacted,
    /// It is behind the revision to continue from, which it has told before.
    #[error("the source went back: {0}")]
    Regressed(String),
    /// It is of another store than the revision to continue from, or of before a restore.
    #[error("the source is of another store, or its store was restored: {0}")]
    Foreign(String),
    /// It went away; trying again may help.
    #[error("{0}")]
    Lost(String),
}

/// A way to follow the published records.
#[async_trait]
pub trait Source: Send + 'static {
    /// The events after a revision; without one, or where it is too old, a snapshot first.
    async fn open(
        &mut self,
        after: Option<ConsistencyToken>,
    ) -> Result<BoxStream<'static, Result<SourceEvent, SourceError>>, SourceError>;

    /// What it follows, for the log.
    fn name(&self) -> String;
}
