//! One database write transaction: the changes of a batch, each at its own revision, and the trimming of history.

use redb::{ReadableTable, Table, WriteTransaction};
use reeve_model::{Revision, Timestamp};

use super::record;
use super::tables::{COMMITS, CURRENT, LEASE_KEYS, LEASES, LOG, Logged, META, OLDEST_KEY, REVISION_KEY, UNDO, Undone};
use crate::{CommitError, Guard, LeaseId, Op, Txn};

/// How much history is kept, and how old it may get.
#[derive(Clone, Copy, Debug)]
pub(super) struct HistoryBounds {
    pub(super) age_ms: i64,
    pub(super) entries: u64,
    pub(super) bytes: u64,
}

/// How much history there is.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct HistorySize {
    pub(super) entries: u64,
    pub(super) bytes: u64,
}

/// The tables, open for writing.
pub(super) struct Applying<'t> {
    meta: Table<'t, &'static str, u128>,
    current: Table<'t, &'static str, &'static [u8]>,
    log: Table<'t, Logged<'static>, Option<&'static [u8]>>,
    undo: Table<'t, Undone<'static>, Option<&'static [u8]>>,
    commits: Table<'t, u64, (i64, u64, u64)>,
    leases: Table<'t, i64, u64>,
    lease_keys: Table<'t, (i64, &'static str), ()>,
    /// The newest revision, the batch's own included.
    pub(super) revision: Revision,
    /// The history, what the batch adds and trims included.
    pub(super) history: HistorySize,
    /// Whether there is anything to make durable.
    pub(super) dirty: bool,
    now: Timestamp,
}

impl<'t> Applying<'t> {
    /// Opens the tables of `write`, which stand at `revision`.
    pub(super) fn new(
        write: &'t WriteTransaction,
        revision: Revision,
        history: HistorySize,
        now: Timestamp,
    ) -> Result<Self, redb::Error> {
        Ok(Self {
            meta: write.open_table(META)?,
            current: write.open_table(CURRENT)?,
            log: write.open_table(LOG)?,
            undo: write.open_table(UNDO)?,
            commits: write.open_table(COMMITS)?,
            leases: write.open_table(LEASES)?,
            lease_keys: write.open_table(LEASE_KEYS)?,
            revision,
            history,
            dirty: false,
            now,
        })
    }

    /// Whether all guards hold. A damaged record is the answer to this transaction, and stops no other.
    pub(super) fn check_guards(&self, guards: &[Guard]) -> Result<Result<(), CommitError>, redb::Error> {
        for guard in guards {
            let (key, expected) = match guard {
                Guard::Absent(key) => (key.as_str(), None),
                Guard::Unchanged(key, revision) => (key.as_str(), Some(*revision)),
            };
            let held = self.current.get(key)?;
            match held.as_ref().map(|held| record::decode(key, held.value())).transpose() {
                Ok(held) if held.map(|held| held.revision) == expected => {}
                Ok(_) => return Ok(Err(CommitError::Conflict)),
                Err(corrupt) => return Ok(Err(corrupt.into())),
            }
        }
        Ok(Ok(()))
    }

    /// Makes the changes of a transaction whose guards hold; the revision they have, or the newest one if nothing
    /// changed.
    pub(super) fn apply(&mut self, txn: &Txn) -> Result<Revision, redb::Error> {
        let mut change = Change { revision: self.revision.next().get(), entries: 0, bytes: 0 };
        for op in &txn.ops {
            match op {
                Op::Put { key, value, lease } => self.put(&mut change, key.as_str(), value, *lease)?,
                Op::Delete(key) => self.delete(&mut change, key.as_str())?,
            }
        }
        self.finish(change)
    }

    /// Adds a lease.
    pub(super) fn add_lease(&mut self, lease: LeaseId, ttl_secs: u64) -> Result<(), redb::Error> {
        self.leases.insert(lease.0, ttl_secs)?;
        self.dirty = true;
        Ok(())
    }

    /// Removes a lease and, at one revision, the keys that hang on it, however many.
    pub(super) fn end_lease(&mut self, lease: LeaseId) -> Result<(), redb::Error> {
        let mut keys = Vec::new();
        for entry in self.lease_keys.range((lease.0, "")..)? {
            let entry = entry?.0;
            let (id, key) = entry.value();
            if id != lease.0 {
                break;
            }
            keys.push(key.to_owned());
        }
        let mut change = Change { revision: self.revision.next().get(), entries: 0, bytes: 0 };
        for key in keys {
            self.delete(&mut change, &key)?;
        }
        self.finish(change)?;
        self.leases.remove(lease.0)?;
        self.dirty = true;
        Ok(())
    }

    /// Forgets the oldest history as far as it is past its bounds, but about `most` entries at once.
    pub(super) fn trim(&mut self, bounds: HistoryBounds, most: u64) -> Result<(), redb::Error> {
        let mut removed = 0;
        while removed < most {
            let Some((revision, written_ms, entries, bytes)) = self.oldest_commit()? else { break };
            let age_ms = self.now.as_millis().saturating_sub(written_ms);
            let over = self.history.entries > bounds.entries || self.history.bytes > bounds.bytes;
            if !over && age_ms <= bounds.age_ms {
                break;
            }
            self.forget(revision)?;
            self.commits.remove(revision)?;
            self.meta.insert(OLDEST_KEY, u128::from(revision))?;
            self.history.entries = self.history.entries.saturating_sub(entries);
            self.history.bytes = self.history.bytes.saturating_sub(bytes);
            removed += entries;
            self.dirty = true;
        }
        Ok(())
    }

    /// When the oldest change kept was made.
    pub(super) fn oldest_ms(&self) -> Result<Option<i64>, redb::Error> {
        Ok(self.oldest_commit()?.map(|(_, written_ms, _, _)| written_ms))
    }

    fn oldest_commit(&self) -> Result<Option<(u64, i64, u64, u64)>, redb::Error> {
        let first = self.commits.first()?;
        Ok(first.map(|(revision, commit)| {
            let (written_ms, entries, bytes) = commit.value();
            (revision.value(), written_ms, entries, bytes)
        }))
    }

    fn forget(&mut self, revision: u64) -> Result<(), redb::Error> {
        let mut keys = Vec::new();
        for entry in self.log.range((revision, "")..)? {
            let entry = entry?.0;
            let (number, key) = entry.value();
            if number != revision {
                break;
            }
            keys.push(key.to_owned());
        }
        for key in keys {
            self.log.remove((revision, key.as_str()))?;
            self.undo.remove((key.as_str(), revision))?;
        }
        Ok(())
    }

    fn put(&mut self, change: &mut Change, key: &str, value: &[u8], lease: Option<LeaseId>) -> Result<(), redb::Error> {
        let written = record::encode(key, Revision::new(change.revision), lease, value);
        let before = self.current.insert(key, written.as_slice())?.map(|before| before.value().to_vec());
        self.detach(key, before.as_deref())?;
        if let Some(lease) = lease {
            self.lease_keys.insert((lease.0, key), ())?;
        }
        self.record(change, key, Some(&written), before.as_deref())
    }

    fn delete(&mut self, change: &mut Change, key: &str) -> Result<(), redb::Error> {
        let before = self.current.remove(key)?.map(|before| before.value().to_vec());
        if before.is_some() {
            self.detach(key, before.as_deref())?;
            self.record(change, key, None, before.as_deref())?;
        }
        Ok(())
    }

    /// Takes a key off the lease that it hung on.
    fn detach(&mut self, key: &str, before: Option<&[u8]>) -> Result<(), redb::Error> {
        if let Some(lease) = before.and_then(record::lease) {
            self.lease_keys.remove((lease.0, key))?;
        }
        Ok(())
    }

    fn record(
        &mut self,
        change: &mut Change,
        key: &str,
        written: Option<&[u8]>,
        before: Option<&[u8]>,
    ) -> Result<(), redb::Error> {
        let bytes = 2 * key.len() + written.map_or(0, <[u8]>::len) + before.map_or(0, <[u8]>::len);
        self.log.insert((change.revision, key), written)?;
        self.undo.insert((key, change.revision), before)?;
        change.entries += 1;
        change.bytes += u64::try_from(bytes).unwrap_or(u64::MAX);
        Ok(())
    }

    fn finish(&mut self, change: Change) -> Result<Revision, redb::Error> {
        if change.entries > 0 {
            self.commits.insert(change.revision, (self.now.as_millis(), change.entries, change.bytes))?;
            self.meta.insert(REVISION_KEY, u128::from(change.revision))?;
            self.history.entries += change.entries;
            self.history.bytes += change.bytes;
            self.revision = Revision::new(change.revision);
            self.dirty = true;
        }
        Ok(self.revision)
    }
}

/// A revision that is being made.
struct Change {
    revision: u64,
    entries: u64,
    bytes: u64,
}
