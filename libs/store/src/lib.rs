//! The revisioned key-value seam, its embedded store, and the contract suite every store passes.

mod seam;

pub use seam::{
    CommitError, Committed, Guard, Key, Lease, LeaseId, MAX_OPERATIONS, MAX_REQUEST_BYTES, Op, PROGRESS_INTERVAL, Page,
    Store, StoreError, Txn, Versioned, Watch, WatchError, WatchEvent, WatchedChange,
};
