//! One who watches a watch: every event is checked against what watches promise.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use reeve_model::Revision;

use crate::{Key, Store, Versioned, Watch, WatchError, WatchEvent, WatchedChange};

/// How long an event may take to come before the case fails, instead of hanging.
const PATIENCE: Duration = Duration::from_mins(1);

/// A watch, and everything it has said.
pub struct Observer {
    watch: Watch,
    prefix: String,
    /// The changes of each revision, in the order they came.
    pub changes: Vec<(Revision, Vec<WatchedChange>)>,
    /// The newest revision reported, by changes or progress.
    pub reported: Revision,
    /// How many progress events came.
    pub progress: usize,
}

impl Observer {
    /// Watches `prefix` after `after`.
    ///
    /// # Panics
    /// When the watch is refused.
    pub async fn new(store: &dyn Store, prefix: &str, after: Revision) -> Self {
        let watch = store.watch(prefix, after).await.unwrap();
        Self { watch, prefix: prefix.to_owned(), changes: Vec::new(), reported: after, progress: 0 }
    }

    /// The next event, checked; or how the watch ended.
    ///
    /// # Panics
    /// When the event breaks a promise, when none comes, or when the watch ends without a reason.
    pub async fn next(&mut self) -> Result<WatchEvent, WatchError> {
        let event = tokio::time::timeout(PATIENCE, self.watch.next()).await.unwrap().unwrap()?;
        match &event {
            WatchEvent::Changes { revision, changes } => {
                let (revision, reported) = (*revision, self.reported);
                assert!(revision > reported, "changes of {revision} came after {reported} was reported");
                assert!(!changes.is_empty(), "a revision without changes");
                assert!(changes.is_sorted_by(|a, b| key_of(a) < key_of(b)), "changes in key order, each key once");
                for change in changes {
                    assert!(key_of(change).as_str().starts_with(&self.prefix), "a change outside the prefix");
                    if let WatchedChange::Put(put) = change {
                        assert_eq!(put.mod_revision, revision, "a put has its revision");
                    }
                }
                self.reported = revision;
                self.changes.push((revision, changes.clone()));
            }
            WatchEvent::Progress { revision, .. } => {
                assert!(*revision >= self.reported, "progress went back to {revision} from {}", self.reported);
                self.reported = *revision;
                self.progress += 1;
            }
        }
        Ok(event)
    }

    /// Watches on until `revision` is reported.
    ///
    /// # Panics
    /// When the watch ends before.
    pub async fn reach(&mut self, revision: Revision) {
        while self.reported < revision {
            self.next().await.unwrap();
        }
    }

    /// Watches on until the next progress, and says what it reports.
    ///
    /// # Panics
    /// When the watch ends before.
    pub async fn next_progress(&mut self) -> Revision {
        loop {
            if let WatchEvent::Progress { revision, .. } = self.next().await.unwrap() {
                return revision;
            }
        }
    }

    /// What the keys hold after these changes, when they held `start` before.
    pub fn replayed(&self, start: BTreeMap<Key, Bytes>) -> BTreeMap<Key, Bytes> {
        let mut state = start;
        for change in self.changes.iter().flat_map(|(_, changes)| changes) {
            match change {
                WatchedChange::Put(Versioned { key, value, .. }) => {
                    state.insert(key.clone(), value.clone());
                }
                WatchedChange::Deleted(key) => {
                    let had = state.remove(key);
                    assert!(had.is_some(), "`{key}` was reported as gone, and was not known");
                }
            }
        }
        state
    }
}

/// The key that changed.
fn key_of(change: &WatchedChange) -> &Key {
    match change {
        WatchedChange::Put(put) => &put.key,
        WatchedChange::Deleted(key) => key,
    }
}
