//! A watch: it reads the log on from where it is, so that a slow one costs no memory and skips nothing.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream;
use reeve_model::Revision;
use tokio::sync::watch;
use tokio::time::Instant;

use super::head::{Condition, Head};
use super::snapshot::Replay;
use super::{PROGRESS_INTERVAL, Shared};
use crate::{StoreError, Watch, WatchError, WatchEvent};

/// One watch.
struct Follower {
    shared: Arc<Shared>,
    head: watch::Receiver<Head>,
    prefix: Arc<str>,
    /// Everything up to here has been read from the log.
    through: Revision,
    /// Changes that were read and not yet yielded.
    pending: VecDeque<WatchEvent>,
    /// The newest revision that was yielded.
    reported: Revision,
    /// The barriers that were answered; none at first, so that a watch begins by saying that it has caught up.
    barriers: Option<u64>,
    next_progress: Instant,
}

/// Every change under `prefix` after `after`, which has been checked to be readable.
pub(super) fn follow(shared: Arc<Shared>, prefix: &str, after: Revision) -> Watch {
    let follower = Follower {
        head: shared.head.subscribe(),
        shared,
        prefix: prefix.into(),
        through: after,
        pending: VecDeque::new(),
        reported: after,
        barriers: None,
        next_progress: Instant::now(),
    };
    Box::pin(stream::unfold(Some(follower), async |follower| {
        let mut follower = follower?;
        match follower.next().await {
            Ok(event) => Some((Ok(event), Some(follower))),
            Err(error) => Some((Err(error), None)),
        }
    }))
}

impl Follower {
    async fn next(&mut self) -> Result<WatchEvent, WatchError> {
        loop {
            let head = self.head.borrow_and_update().clone();
            check_open(&head)?;
            if let Some(event) = self.pending.pop_front() {
                if let WatchEvent::Changes { revision, .. } = event {
                    self.reported = revision;
                }
                return Ok(event);
            }
            if head.revision > self.through {
                self.read().await?;
                continue;
            }
            if let Some(progress) = self.progress(&head) {
                return Ok(progress);
            }
            // Ends early when the head changes; a closed channel shows as a closed head.
            let _ = tokio::time::timeout_at(self.next_progress, self.head.changed()).await;
        }
    }

    /// Progress, if it is due: after a barrier, after revisions that had nothing under the prefix, or after a while.
    ///
    /// Everything up to `through` has been yielded, and `head`, which is not newer, was read after this was asked for.
    fn progress(&mut self, head: &Head) -> Option<WatchEvent> {
        let now = Instant::now();
        let asked = self.barriers != Some(head.barriers);
        if !asked && self.through == self.reported && now < self.next_progress {
            return None;
        }
        self.barriers = Some(head.barriers);
        self.reported = self.through;
        self.next_progress = now + PROGRESS_INTERVAL;
        Some(WatchEvent::Progress { revision: self.through, age: Duration::ZERO })
    }

    async fn read(&mut self) -> Result<(), WatchError> {
        let (prefix, through) = (self.prefix.clone(), self.through);
        let replay = self.shared.read(move |snapshot| snapshot.replay(&prefix, through)).await;
        let Replay { changes, through } = replay.map_err(|error| match error {
            StoreError::Compacted { oldest, .. } => WatchError::Compacted { oldest },
            other => WatchError::Lost(other.to_string()),
        })?;
        self.through = through;
        self.pending =
            changes.into_iter().map(|(revision, changes)| WatchEvent::Changes { revision, changes }).collect();
        Ok(())
    }
}

fn check_open(head: &Head) -> Result<(), WatchError> {
    match &head.condition {
        Condition::Open => Ok(()),
        Condition::Failed(why) => Err(WatchError::Lost(format!("a write failed: {why}"))),
        Condition::Closed => Err(WatchError::Lost("the store is closed".to_owned())),
    }
}
