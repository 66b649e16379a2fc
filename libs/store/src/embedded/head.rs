//! Where the store is now, as everybody in the process sees it.

use std::sync::Arc;

use reeve_model::Revision;

use crate::StoreError;

/// Whether the store still takes requests.
#[derive(Clone, Debug)]
pub(super) enum Condition {
    /// It does.
    Open,
    /// A write failed, so what the disk holds is not known until the file is opened again.
    Failed(Arc<str>),
    /// It was closed.
    Closed,
}

/// The newest durable revision, and what watches have to know about.
#[derive(Clone, Debug)]
pub(super) struct Head {
    /// Published before the write that made it is acknowledged.
    pub(super) revision: Revision,
    /// Counts barriers: a new one asks every watch for its progress.
    pub(super) barriers: u64,
    /// Once not open, never open again.
    pub(super) condition: Condition,
}

impl Head {
    /// Refuses when the store is not open.
    pub(super) fn check_open(&self) -> Result<(), StoreError> {
        match &self.condition {
            Condition::Open => Ok(()),
            Condition::Failed(why) => Err(StoreError::Unavailable(format!("a write failed: {why}; open it again"))),
            Condition::Closed => Err(closed()),
        }
    }
}

/// What a closed store answers.
pub(super) fn closed() -> StoreError {
    StoreError::Unavailable("the store is closed".to_owned())
}

/// What a request of the database's that failed is to the caller.
pub(super) fn storage(error: impl Into<redb::Error>) -> StoreError {
    match error.into() {
        redb::Error::Corrupted(detail) => StoreError::Corrupt(detail),
        error @ (redb::Error::TableDoesNotExist(_) | redb::Error::TableTypeMismatch { .. }) => {
            StoreError::Corrupt(error.to_string())
        }
        error => StoreError::Unavailable(error.to_string()),
    }
}
