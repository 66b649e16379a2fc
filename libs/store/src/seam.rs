//! The narrow trait that a store implements: revisioned keys, guarded transactions, lists at a revision, watches.
//!
//! The shape is etcd's (revisions, `mod_revision` guards, compaction, leases), so that what works on the embedded store
//! works on etcd; etcd's request limits hold for both.

use std::pin::Pin;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::Stream;
use reeve_model::{Revision, StoreId};

/// Most operations of one transaction (etcd's `--max-txn-ops`).
pub const MAX_OPERATIONS: usize = 128;
/// Most guards of one transaction: etcd compares as many keys as it changes, and one compare is the store's own.
pub const MAX_GUARDS: usize = MAX_OPERATIONS - 1;
/// Most bytes of one transaction, keys and values together (etcd's `--max-request-bytes`).
pub const MAX_REQUEST_BYTES: usize = 1_536 * 1024;
/// Most items of one page, whatever is asked for.
pub const MAX_PAGE_ITEMS: usize = 10_000;
/// Most bytes of one page, keys and values together; a page has at least one item if one follows.
pub const MAX_PAGE_BYTES: usize = 2 * 1024 * 1024;

/// A key: printable segments joined by `/`. Ordered by bytes.
///
/// What [`is_reserved`](crate::is_reserved) is the stores' own: it cannot be written, and reads as missing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(String);

impl Key {
    /// The key with this text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// A key with its value at some revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Versioned {
    /// The key.
    pub key: Key,
    /// What it holds.
    pub value: Bytes,
    /// The revision that last wrote it: what guards compare.
    pub mod_revision: Revision,
}

/// One page of a list. It may be shorter than asked for ([`MAX_PAGE_ITEMS`], [`MAX_PAGE_BYTES`]): go by `more`.
#[derive(Clone, Debug)]
pub struct Page {
    /// In key order.
    pub items: Vec<Versioned>,
    /// The revision that the page shows; pass it on to see the rest of the list at the same moment.
    pub revision: Revision,
    /// Whether keys follow after the last item.
    pub more: bool,
}

/// What must hold for a transaction to take effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Guard {
    /// The key does not exist.
    Absent(Key),
    /// The key exists and was last written at this revision.
    Unchanged(Key, Revision),
}

/// One change of a transaction. The operations of a transaction name each key at most once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    /// Writes a key; with a lease, until the lease ends.
    Put {
        /// The key.
        key: Key,
        /// What it will hold.
        value: Bytes,
        /// The lease it hangs on, if any.
        lease: Option<LeaseId>,
    },
    /// Removes a key; one that does not exist is left so.
    Delete(Key),
}

/// Guards and changes that take effect together, or not at all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Txn {
    /// All must hold.
    pub guards: Vec<Guard>,
    /// All take effect, at one revision. At least one.
    pub ops: Vec<Op>,
}

impl Txn {
    /// An empty transaction.
    pub fn new() -> Self {
        Self::default()
    }

    /// Requires that `key` does not exist, and creates it.
    #[must_use]
    pub fn create(mut self, key: Key, value: impl Into<Bytes>) -> Self {
        self.guards.push(Guard::Absent(key.clone()));
        self.put(key, value)
    }

    /// Requires that `key` is as it was read, and replaces it.
    #[must_use]
    pub fn replace(mut self, read: &Versioned, value: impl Into<Bytes>) -> Self {
        self.guards.push(Guard::Unchanged(read.key.clone(), read.mod_revision));
        self.put(read.key.clone(), value)
    }

    /// Requires that `key` is as it was read, and removes it.
    #[must_use]
    pub fn remove(mut self, read: &Versioned) -> Self {
        self.guards.push(Guard::Unchanged(read.key.clone(), read.mod_revision));
        self.ops.push(Op::Delete(read.key.clone()));
        self
    }

    /// Requires that `key` is as it was read (none: that it does not exist), and leaves it so.
    #[must_use]
    pub fn expect(mut self, key: &Key, read: Option<&Versioned>) -> Self {
        self.guards.push(match read {
            Some(read) => Guard::Unchanged(read.key.clone(), read.mod_revision),
            None => Guard::Absent(key.clone()),
        });
        self
    }

    /// Writes `key` whatever it holds. Another guard of the transaction must make this safe.
    #[must_use]
    pub fn put(mut self, key: Key, value: impl Into<Bytes>) -> Self {
        self.ops.push(Op::Put { key, value: value.into(), lease: None });
        self
    }

    /// Removes `key` whatever it holds. Another guard of the transaction must make this safe.
    #[must_use]
    pub fn delete(mut self, key: Key) -> Self {
        self.ops.push(Op::Delete(key));
        self
    }
}

/// A transaction that took effect, durably.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Committed {
    /// The revision of all its changes. A transaction that changed nothing, because all it does is to remove keys that do
    /// not exist, makes no revision: it answers with the newest one.
    pub revision: Revision,
}

/// Names a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LeaseId(pub i64);

/// A lease as granted: its keys go when it is not kept alive for `ttl`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Its name.
    pub id: LeaseId,
    /// How long it lives without being kept alive; whole seconds, not less than asked for.
    pub ttl: Duration,
}

/// Why a read or a lease call failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The revision asked for is no longer kept.
    #[error("revision {asked} is compacted: the oldest kept is {oldest}")]
    Compacted {
        /// What was asked for.
        asked: Revision,
        /// The oldest that can be read.
        oldest: Revision,
    },
    /// The revision asked for is ahead of the store.
    #[error("revision {asked} is in the future: the store is at {current}")]
    Future {
        /// What was asked for.
        asked: Revision,
        /// Where the store is.
        current: Revision,
    },
    /// The lease does not exist, or has ended.
    #[error("no such lease")]
    NoSuchLease,
    /// A request past a limit, or against the rules of the seam: a bug of the caller.
    #[error("refused: {0}")]
    Refused(String),
    /// The store cannot be reached, or cannot write; trying again may help.
    #[error("store unavailable: {0}")]
    Unavailable(String),
    /// The store is no longer the one that was opened: it was wiped, put back under a new epoch, or is another one. Nothing
    /// was written; open it again.
    #[error("the store was replaced: {0}")]
    Replaced(String),
    /// What the store holds is not what was written.
    #[error("store corrupt: {0}")]
    Corrupt(String),
}

/// Why a transaction did not take effect.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// A guard did not hold. Nothing was written; read again and decide again.
    #[error("a guard did not hold")]
    Conflict,
    /// Nothing was acknowledged. After `Unavailable` it may or may not have taken effect: a guarded transaction tells
    /// by being tried again.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// One change as a watch reports it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WatchedChange {
    /// The key holds this now.
    Put(Versioned),
    /// The key is gone.
    Deleted(Key),
}

/// What a watch yields, in revision order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WatchEvent {
    /// All changes of one revision under the prefix, whole.
    Changes {
        /// The revision.
        revision: Revision,
        /// In key order; never empty.
        changes: Vec<WatchedChange>,
    },
    /// The store was at `revision` not earlier than `age` ago, and every change under the prefix up to it has been yielded:
    /// who has applied them sees nothing that is older than `age`. Comes in time when nothing else happens (how often is a
    /// property of the store), and soon after [`Store::barrier`].
    Progress {
        /// The revision.
        revision: Revision,
        /// How long ago that was at most, when the event is yielded. One that was held up on its way says so.
        age: Duration,
    },
}

/// Why a watch ended. It is over; list again, or watch again from the last revision applied.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// The revision to continue from is no longer kept: list again.
    #[error("compacted: the oldest kept is {oldest}")]
    Compacted {
        /// The oldest that can be continued from.
        oldest: Revision,
    },
    /// The watcher read too slowly, or the store went away: watch again.
    #[error("watch lost: {0}")]
    Lost(String),
}

/// A stream of events; the first error ends it.
pub type Watch = Pin<Box<dyn Stream<Item = Result<WatchEvent, WatchError>> + Send>>;

/// A revisioned key-value store.
///
/// Every call may fail as `Unavailable`. A call that is dropped before it answers may or may not have taken effect.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Which store this is.
    fn id(&self) -> StoreId;

    /// The key's value now (a linearizable read), if it exists.
    ///
    /// # Errors
    /// `Corrupt`.
    async fn get(&self, key: &Key) -> Result<Option<Versioned>, StoreError>;

    /// Up to `limit` keys under `prefix`, in order, after `after` if given; as of `at`, or now.
    ///
    /// # Errors
    /// `Compacted` and `Future` for `at`; `Corrupt`.
    async fn list(
        &self,
        prefix: &str,
        after: Option<&Key>,
        limit: usize,
        at: Option<Revision>,
    ) -> Result<Page, StoreError>;

    /// Makes a transaction take effect, durably before it answers.
    ///
    /// # Errors
    /// `Conflict`, when a guard does not hold; `NoSuchLease`; `Refused`, when it breaks a rule that
    /// [`check_txn`](crate::check_txn) knows. In each of these cases nothing was written.
    async fn commit(&self, txn: Txn) -> Result<Committed, CommitError>;

    /// Every change under `prefix` after revision `after`. The first progress comes as soon as the watch has caught up.
    ///
    /// # Errors
    /// `Compacted` (which may also come as the first item of the stream) and `Future` for `after`; `Corrupt`.
    async fn watch(&self, prefix: &str, after: Revision) -> Result<Watch, StoreError>;

    /// A revision that is current during the call, and that every open watch will report reaching, soon.
    ///
    /// # Errors
    /// None of its own.
    async fn barrier(&self) -> Result<Revision, StoreError>;

    /// A new lease. `ttl` is rounded up to whole seconds. A restart of the store does not end it.
    ///
    /// # Errors
    /// `Refused`, when `ttl` is zero or longer than [`MAX_LEASE_TTL`](crate::MAX_LEASE_TTL), or there are too many leases.
    async fn grant_lease(&self, ttl: Duration) -> Result<Lease, StoreError>;

    /// Lets a lease live for its whole time to live again.
    ///
    /// # Errors
    /// `NoSuchLease`, also when it has ended.
    async fn keep_lease_alive(&self, lease: LeaseId) -> Result<(), StoreError>;

    /// Ends a lease and removes its keys, at one revision however many they are; so does the end of its time.
    ///
    /// # Errors
    /// `NoSuchLease`, also when it has ended.
    async fn revoke_lease(&self, lease: LeaseId) -> Result<(), StoreError>;
}
