//! The tables of the embedded store's file.

use redb::TableDefinition;

/// The layout of the file; a file with a higher number is refused.
pub(super) const SCHEMA: u128 = 1;

/// Numbers by name: [`SCHEMA_KEY`], [`UUID_KEY`], [`EPOCH_KEY`], [`REVISION_KEY`], [`OLDEST_KEY`].
pub(super) const META: TableDefinition<'_, &str, u128> = TableDefinition::new("meta");
/// Which layout the file has.
pub(super) const SCHEMA_KEY: &str = "schema";
/// The store's uuid.
pub(super) const UUID_KEY: &str = "uuid";
/// How often the store was restored.
pub(super) const EPOCH_KEY: &str = "epoch";
/// The newest revision.
pub(super) const REVISION_KEY: &str = "revision";
/// The oldest revision that can be read or continued from.
pub(super) const OLDEST_KEY: &str = "oldest";

/// A place in the log: revision, key.
pub(super) type Logged<'a> = (u64, &'a str);
/// A place in the undo table: key, revision.
pub(super) type Undone<'a> = (&'a str, u64);

/// The record of what every key holds now.
pub(super) const CURRENT: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("current");
/// The record of what each revision wrote (none: removed): what watches replay.
pub(super) const LOG: TableDefinition<'_, Logged<'_>, Option<&[u8]>> = TableDefinition::new("log");
/// The record of what a key held before a revision changed it (none: it did not exist): what lists at older revisions
/// read.
pub(super) const UNDO: TableDefinition<'_, Undone<'_>, Option<&[u8]>> = TableDefinition::new("undo");
/// For each revision kept: when it was written (ms since the epoch), and the entries and bytes it has in [`LOG`] and
/// [`UNDO`].
pub(super) const COMMITS: TableDefinition<'_, u64, (i64, u64, u64)> = TableDefinition::new("commits");
/// The time to live of every lease, in seconds.
pub(super) const LEASES: TableDefinition<'_, i64, u64> = TableDefinition::new("leases");
/// The keys that hang on each lease.
pub(super) const LEASE_KEYS: TableDefinition<'_, (i64, &str), ()> = TableDefinition::new("lease_keys");
