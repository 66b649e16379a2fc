//! The revisioned key-value seam, its embedded store, its store on etcd, and the contract suite every store passes.

#[cfg(feature = "contract")]
pub mod contract;
mod embedded;
mod etcd;
mod limits;
mod seam;

pub use embedded::{
    Embedded, EmbeddedImport, EmbeddedOptions, HISTORY_AGE, HISTORY_BYTES, HISTORY_ENTRIES, MAX_LEASES, OpenError,
    PROGRESS_INTERVAL,
};
pub use etcd::{
    Etcd, EtcdClientCertificate, EtcdCredentials, EtcdImport, EtcdOptions, EtcdTls, IDLE_TICK, OpenEtcdError,
};
pub use limits::{MAX_KEY_BYTES, MAX_LEASE_TTL, check_lease_ttl, check_txn, is_reserved};
pub use seam::{
    CommitError, Committed, Guard, Key, Lease, LeaseId, MAX_GUARDS, MAX_OPERATIONS, MAX_PAGE_BYTES, MAX_PAGE_ITEMS,
    MAX_REQUEST_BYTES, Op, Page, Store, StoreError, Txn, Versioned, Watch, WatchError, WatchEvent, WatchedChange,
};
