//! The latest changes, for feeds to continue from. Bounded by number, size and age.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use reeve_api::feed;
use reeve_model::Revision;

/// How long a change is kept.
pub(crate) const HISTORY_AGE: Duration = Duration::from_mins(10);
/// Most changes that are kept.
pub(crate) const HISTORY_MAX_CHANGES: usize = 100_000;
/// Most encoded bytes that are kept.
pub(crate) const HISTORY_MAX_BYTES: usize = 64 * 1024 * 1024;

/// What one revision changed, ready to send.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) revision: Revision,
    pub(crate) message: feed::Changes,
    bytes: usize,
    at: Duration,
}

/// The changes after a revision: `after` < all kept ≤ newest.
#[derive(Debug, Default)]
pub(crate) struct History {
    /// The revision before the oldest change that is kept; none before the first snapshot.
    after: Option<Revision>,
    changes: VecDeque<Arc<Change>>,
    bytes: usize,
}

impl History {
    /// No change yet after `revision`.
    pub(crate) fn after(revision: Revision) -> Self {
        Self { after: Some(revision), ..Self::default() }
    }

    /// Keeps a change that was applied at `now` of the monotonic clock.
    pub(crate) fn push(&mut self, revision: Revision, message: feed::Changes, now: Duration) {
        let bytes = prost::Message::encoded_len(&message);
        self.bytes += bytes;
        self.changes.push_back(Arc::new(Change { revision, message, bytes, at: now }));
        let too_much = |history: &Self| {
            history.changes.len() > HISTORY_MAX_CHANGES
                || history.bytes > HISTORY_MAX_BYTES
                || history.changes.front().is_some_and(|oldest| now.saturating_sub(oldest.at) > HISTORY_AGE)
        };
        while too_much(self) {
            let Some(oldest) = self.changes.pop_front() else { break };
            self.bytes -= oldest.bytes;
            self.after = Some(oldest.revision);
        }
    }

    /// Up to `most` changes after `revision` and up to `until`; none if some of them are no longer kept.
    pub(crate) fn between(&self, revision: Revision, until: Revision, most: usize) -> Option<Vec<Arc<Change>>> {
        if self.after? > revision {
            return None;
        }
        let from = self.changes.partition_point(|change| change.revision <= revision);
        let rest = self.changes.range(from..).take_while(|change| change.revision <= until);
        Some(rest.take(most).cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn revisions(history: &History, after: u64) -> Option<Vec<u64>> {
        let until = Revision::new(701);
        Some(history.between(Revision::new(after), until, 10)?.iter().map(|change| change.revision.get()).collect())
    }

    #[test]
    fn it_continues_from_any_revision_it_keeps_and_from_none_before() {
        assert_eq!(revisions(&History::default(), 0), None);
        let mut history = History::after(Revision::new(5));
        for revision in [7, 9] {
            history.push(Revision::new(revision), feed::Changes::default(), Duration::from_secs(revision));
        }
        assert_eq!(revisions(&history, 4), None);
        assert_eq!(revisions(&history, 5), Some(vec![7, 9]));
        assert_eq!(revisions(&history, 8), Some(vec![9]));
        assert_eq!(history.between(Revision::new(5), Revision::new(8), 10).map(|changes| changes.len()), Some(1));
        history.push(Revision::new(700), feed::Changes::default(), Duration::from_secs(700));
        assert_eq!(revisions(&history, 8), None, "changes older than the bound are gone");
        assert_eq!(revisions(&history, 9), Some(vec![700]));
    }
}
