//! Where the seam's keys lie in etcd, and which keys beside them are the store's own.

use reeve_model::Revision;

use crate::limits::{RECORD_KEY, TICK_SEGMENT};
use crate::{Key, StoreError, is_reserved};

/// The part of etcd that a store lives in: everything that begins with its root.
#[derive(Clone, Debug)]
pub(super) struct Space {
    /// The prefix with its slash.
    root: String,
}

impl Space {
    /// The part under `prefix`, which does not end in a slash.
    pub(super) fn new(prefix: &str) -> Self {
        Self { root: format!("{prefix}/") }
    }

    /// The key in etcd of a key, or the beginning of those of a prefix.
    pub(super) fn physical(&self, key: &str) -> Vec<u8> {
        [self.root.as_bytes(), key.as_bytes()].concat()
    }

    /// The record that says which store this is.
    pub(super) fn record(&self) -> Vec<u8> {
        self.physical(RECORD_KEY)
    }

    /// From where, and up to where, the keys under a prefix lie.
    pub(super) fn range(&self, prefix: &str) -> (Vec<u8>, Vec<u8>) {
        let start = self.physical(prefix);
        let mut end = start.clone();
        // Text has no byte 0xff, so the last one can be counted up.
        if let Some(last) = end.last_mut() {
            *last = last.saturating_add(1);
        }
        (start, end)
    }

    /// The key under a prefix that is written to see it come through the watches of the prefix.
    pub(super) fn tick(&self, prefix: &str) -> Vec<u8> {
        let slash = if prefix.is_empty() || prefix.ends_with('/') { "" } else { "/" };
        self.physical(&format!("{prefix}{slash}{TICK_SEGMENT}"))
    }

    /// What a key in etcd is to the seam.
    ///
    /// # Errors
    /// `Corrupt`, when it is none that this store writes.
    pub(super) fn known(&self, physical: &[u8]) -> Result<Known, StoreError> {
        let text = std::str::from_utf8(physical).ok().and_then(|text| text.strip_prefix(&self.root));
        let text = text.filter(|text| !text.is_empty()).ok_or_else(|| {
            let shown = String::from_utf8_lossy(physical);
            StoreError::Corrupt(format!(
                "the key `{}` is not the store's: another program wrote it",
                shown.escape_debug()
            ))
        })?;
        let key = Key::new(text);
        Ok(match text.rsplit('/').next() {
            Some(TICK_SEGMENT) => Known::Tick,
            _ if is_reserved(&key) => Known::Own,
            _ => Known::Key(key),
        })
    }
}

/// What a key in etcd is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// One of the seam's.
    Key(Key),
    /// A tick.
    Tick,
    /// Another of the store's own.
    Own,
}

/// A revision as etcd speaks of it.
///
/// # Errors
/// `Corrupt`, when it is none.
pub(super) fn revision(number: i64) -> Result<Revision, StoreError> {
    match u64::try_from(number) {
        Ok(number) if number > 0 => Ok(Revision::new(number)),
        _ => Err(StoreError::Corrupt(format!("etcd answered with the revision {number}"))),
    }
}

/// A revision as etcd is told of it. etcd takes zero for "now"; nothing was written at one either.
pub(super) fn number(revision: Revision) -> i64 {
    i64::try_from(revision.get()).unwrap_or(i64::MAX).max(1)
}

/// The key that comes right after.
pub(super) fn after(mut physical: Vec<u8>) -> Vec<u8> {
    physical.push(0);
    physical
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_known_again() {
        let space = Space::new("/reeve");
        assert_eq!(space.physical("world/user/1"), b"/reeve/world/user/1");
        assert_eq!(space.known(b"/reeve/world/user/1").unwrap(), Known::Key(Key::new("world/user/1")));
        assert_eq!(space.known(b"/reeve/store").unwrap(), Known::Own);
        assert_eq!(space.known(b"/reeve/store/x").unwrap(), Known::Key(Key::new("store/x")));
        assert_eq!(space.known(b"/reeve/a/~tick/x").unwrap(), Known::Own);
        for foreign in [b"/reeve/\xff".as_slice(), b"/reeve/", b"/other/a", b"/reeves/a"] {
            assert!(matches!(space.known(foreign), Err(StoreError::Corrupt(_))), "{foreign:?}");
        }
    }

    #[test]
    fn the_tick_of_a_prefix_lies_under_it() {
        let space = Space::new("/reeve");
        for prefix in ["", "a", "a/", "a/b", "é"] {
            let (tick, (start, end)) = (space.tick(prefix), space.range(prefix));
            assert!(start <= tick && tick < end, "{prefix}");
            assert_eq!(space.known(&tick).unwrap(), Known::Tick, "{prefix}");
        }
    }

    #[test]
    fn a_range_ends_before_the_siblings() {
        let space = Space::new("/reeve");
        let (start, end) = space.range("w/a/");
        assert!(start.as_slice() <= b"/reeve/w/a/".as_slice() && end.as_slice() > "/reeve/w/a/\u{10ffff}".as_bytes());
        assert!(end.as_slice() <= b"/reeve/w/a0".as_slice());
    }

    #[test]
    fn no_revision_is_told_as_now() {
        assert_eq!(number(Revision::ZERO), 1);
        assert_eq!(number(Revision::new(7)), 7);
        assert_eq!(number(Revision::new(u64::MAX)), i64::MAX);
        assert!(revision(0).is_err() && revision(-1).is_err());
        assert_eq!(revision(7).unwrap(), Revision::new(7));
    }
}
