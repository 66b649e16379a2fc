//! The revisioned key-value seam, its embedded store, and the contract suite every store passes.

#[cfg(feature = "contract")]
pub mod contract;
mod embedded;
mod limits;
mod seam;

pub use embedded::{Embedded, EmbeddedOptions, HISTORY_AGE, HISTORY_BYTES, HISTORY_ENTRIES, MAX_LEASES, OpenError};
pub use limits::{MAX_KEY_BYTES, MAX_LEASE_TTL, check_lease_ttl, check_txn};
pub use seam::{
    CommitError, Committed, Guard, Key, Lease, LeaseId, MAX_OPERATIONS, MAX_PAGE_BYTES, MAX_PAGE_ITEMS,
    MAX_REQUEST_BYTES, Op, PROGRESS_INTERVAL, Page, Store, StoreError, Txn, Versioned, Watch, WatchError, WatchEvent,
    WatchedChange,
};
