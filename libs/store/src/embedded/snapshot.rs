//! Reads: what the store holds, or held, in one database transaction.

use std::ops::Bound;

use redb::{Database, Range, ReadOnlyTable, ReadTransaction, ReadableDatabase};
use reeve_model::Revision;

use super::head::storage;
use super::record::versioned;
use super::tables::{CURRENT, LOG, META, OLDEST_KEY, REVISION_KEY, UNDO, Undone};
use crate::{Key, MAX_PAGE_BYTES, MAX_PAGE_ITEMS, Page, StoreError, Versioned, WatchedChange};

/// Most log entries that a watch reads at once; a revision is never cut in two.
const MAX_REPLAY_ENTRIES: usize = 1024;
/// Most bytes of values that a watch reads at once; a revision is never cut in two.
const MAX_REPLAY_BYTES: usize = 1024 * 1024;

/// The store at one moment.
pub(super) struct Snapshot {
    read: ReadTransaction,
    revision: Revision,
    oldest: Revision,
}

/// A stretch of the log.
pub(super) struct Replay {
    /// Per revision, in order, the changes under the prefix; none is empty.
    pub(super) changes: Vec<(Revision, Vec<WatchedChange>)>,
    /// Everything up to here has been looked at.
    pub(super) through: Revision,
}

impl Snapshot {
    /// The store as it is now.
    pub(super) fn of(database: &Database) -> Result<Self, StoreError> {
        let read = database.begin_read().map_err(storage)?;
        let meta = read.open_table(META).map_err(storage)?;
        let number = |name: &str| {
            let found = meta.get(name).map_err(storage)?.map(|number| number.value());
            let number = found.and_then(|number| u64::try_from(number).ok());
            number.map(Revision::new).ok_or_else(|| StoreError::Corrupt(format!("`{name}` is missing")))
        };
        let (revision, oldest) = (number(REVISION_KEY)?, number(OLDEST_KEY)?);
        Ok(Self { read, revision, oldest })
    }

    /// Refuses a revision that cannot be read, or continued from.
    pub(super) fn check_readable(&self, asked: Revision) -> Result<(), StoreError> {
        if asked < self.oldest {
            return Err(StoreError::Compacted { asked, oldest: self.oldest });
        }
        if asked > self.revision {
            return Err(StoreError::Future { asked, current: self.revision });
        }
        Ok(())
    }

    /// What `key` holds.
    pub(super) fn get(&self, key: &Key) -> Result<Option<Versioned>, StoreError> {
        let current = self.read.open_table(CURRENT).map_err(storage)?;
        let held = current.get(key.as_str()).map_err(storage)?;
        held.map(|held| versioned(key.as_str(), held.value())).transpose()
    }

    /// A page of what lies, or lay, under `prefix`.
    pub(super) fn list(
        &self,
        prefix: &str,
        after: Option<&Key>,
        limit: usize,
        at: Option<Revision>,
    ) -> Result<Page, StoreError> {
        let at = at.unwrap_or(self.revision);
        self.check_readable(at)?;
        let mut merged = Merged::new(self, prefix, after, at)?;
        let mut page = Page { items: Vec::new(), revision: at, more: false };
        let mut bytes = 0;
        while let Some(item) = merged.next()? {
            let size = item.key.as_str().len() + item.value.len();
            let full = !page.items.is_empty() && bytes + size > MAX_PAGE_BYTES;
            if full || page.items.len() >= limit.min(MAX_PAGE_ITEMS) {
                page.more = true;
                break;
            }
            bytes += size;
            page.items.push(item);
        }
        Ok(page)
    }

    /// The changes under `prefix` after revision `after`, as many as one reading may take.
    pub(super) fn replay(&self, prefix: &str, after: Revision) -> Result<Replay, StoreError> {
        self.check_readable(after)?;
        let log = self.read.open_table(LOG).map_err(storage)?;
        let mut replay = Replay { changes: Vec::new(), through: after };
        let (mut entries, mut bytes) = (0, 0);
        for entry in log.range((after.next().get(), "")..).map_err(storage)? {
            let (place, written) = entry.map_err(storage)?;
            let (number, key) = place.value();
            let revision = Revision::new(number);
            if revision != replay.through && (entries >= MAX_REPLAY_ENTRIES || bytes >= MAX_REPLAY_BYTES) {
                return Ok(replay);
            }
            replay.through = revision;
            entries += 1;
            if !key.starts_with(prefix) {
                continue;
            }
            let change = match written.value() {
                Some(record) => WatchedChange::Put(versioned(key, record)?),
                None => WatchedChange::Deleted(Key::new(key)),
            };
            bytes += written.value().map_or(0, <[u8]>::len) + key.len();
            match replay.changes.last_mut() {
                Some((last, changes)) if *last == revision => changes.push(change),
                _ => replay.changes.push((revision, vec![change])),
            }
        }
        replay.through = self.revision;
        Ok(replay)
    }
}

/// The keys under a prefix as they were at a revision: what they hold now, with the later changes taken back.
struct Merged<'a> {
    prefix: &'a str,
    now: Range<'static, &'static str, &'static [u8]>,
    undo: Option<Range<'static, Undone<'static>, Option<&'static [u8]>>>,
    at: Revision,
    next_now: Option<Versioned>,
    next_before: Option<(Key, Option<Versioned>)>,
    /// The key whose earliest later change has been taken: its other changes say nothing more.
    taken: Option<Key>,
}

impl<'a> Merged<'a> {
    fn new(snapshot: &Snapshot, prefix: &'a str, after: Option<&Key>, at: Revision) -> Result<Self, StoreError> {
        let after = after.map(Key::as_str).filter(|after| *after >= prefix);
        let current: ReadOnlyTable<&str, &[u8]> = snapshot.read.open_table(CURRENT).map_err(storage)?;
        let from = after.map_or(Bound::Included(prefix), Bound::Excluded);
        let now = current.range::<&str>((from, Bound::Unbounded)).map_err(storage)?;
        let undo = if at == snapshot.revision {
            None
        } else {
            let undo = snapshot.read.open_table(UNDO).map_err(storage)?;
            let from = after.map_or(Bound::Included((prefix, 0)), |after| Bound::Excluded((after, u64::MAX)));
            Some(undo.range::<(&str, u64)>((from, Bound::Unbounded)).map_err(storage)?)
        };
        let mut merged = Self { prefix, now, undo, at, next_now: None, next_before: None, taken: None };
        merged.advance_now()?;
        merged.advance_before()?;
        Ok(merged)
    }

    /// The next key that existed at the revision.
    fn next(&mut self) -> Result<Option<Versioned>, StoreError> {
        loop {
            let before_first = match (&self.next_now, &self.next_before) {
                (now, Some((key, _))) => now.as_ref().is_none_or(|now| *key <= now.key),
                (_, None) => false,
            };
            if !before_first {
                let item = self.next_now.take();
                self.advance_now()?;
                return Ok(item);
            }
            let Some((key, before)) = self.next_before.take() else { return Ok(None) };
            self.advance_before()?;
            if self.next_now.as_ref().is_some_and(|now| now.key == key) {
                self.advance_now()?;
            }
            if before.is_some() {
                return Ok(before);
            }
        }
    }

    fn advance_now(&mut self) -> Result<(), StoreError> {
        self.next_now = None;
        if let Some(entry) = self.now.next() {
            let (key, held) = entry.map_err(storage)?;
            if key.value().starts_with(self.prefix) {
                self.next_now = Some(versioned(key.value(), held.value())?);
            }
        }
        Ok(())
    }

    fn advance_before(&mut self) -> Result<(), StoreError> {
        let Some(undo) = &mut self.undo else { return Ok(()) };
        for entry in undo {
            let (place, before) = entry.map_err(storage)?;
            let (key, number) = place.value();
            if !key.starts_with(self.prefix) {
                break;
            }
            if Revision::new(number) <= self.at || self.taken.as_ref().is_some_and(|taken| taken.as_str() == key) {
                continue;
            }
            let before = before.value().map(|before| versioned(key, before)).transpose()?;
            self.taken = Some(Key::new(key));
            self.next_before = Some((Key::new(key), before));
            return Ok(());
        }
        self.undo = None;
        Ok(())
    }
}
