//! Serves a replica's records to followers: a snapshot or a continuation, then every change, and heartbeats.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::Stream;
use reeve_api::feed::watch_response::Event;
use reeve_api::feed::{Changes, Heartbeat, Records, SnapshotBegin, SnapshotEnd, WatchResponse};
use reeve_api::world as wire;
use reeve_model::{ConsistencyToken, Revision};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tonic::Status;

use crate::{Replica, Snapshot};

/// How often a follower hears from the sender when nothing changes.
pub const HEARTBEAT_INTERVAL: Duration = Duration::from_millis(250);
/// Least time between two heartbeats, however often the replica's state is confirmed.
const HEARTBEAT_GAP: Duration = Duration::from_millis(20);
/// Most records of one message of a snapshot.
const RECORDS_PER_MESSAGE: usize = 500;
/// Bytes of records past which a message of a snapshot takes no more.
const MESSAGE_BYTES: usize = 1024 * 1024;
/// Changes that are taken from the history at once.
const CHANGES_AT_ONCE: usize = 100;
/// Messages that wait for a follower; past it the sender waits.
const FOLLOWER_QUEUE: usize = 4;
/// How long a follower that is ahead of this replica waits for it; shorter than a follower's patience, so that it is told.
const AHEAD_WAIT: Duration = Duration::from_secs(3);
/// How long one message may wait for its follower; past it the follower is dropped, and resumes.
const SLOWEST_FOLLOWER: Duration = Duration::from_secs(30);

/// Why a follower cannot be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FeedError {
    /// The replica has no complete snapshot yet, or is behind the follower and stays so.
    #[error("this replica has not reached the revision to continue from")]
    NotSynced,
    /// The follower's state is of another store, or of before a restore.
    #[error("the token to continue from is of another store")]
    ForeignToken,
}

/// Serves feeds from a replica.
#[derive(Clone)]
pub struct FeedServer {
    replica: Replica,
    drain: CancellationToken,
}

/// One follower's stream.
pub type Feed = Pin<Box<dyn Stream<Item = Result<WatchResponse, Status>> + Send>>;

impl FeedServer {
    /// Serves from `replica` until `drain`: feeds end first, so that a graceful stop does not wait for them.
    pub fn new(replica: Replica, drain: CancellationToken) -> Self {
        Self { replica, drain }
    }

    /// A follower's stream, continuing after `after` if it can.
    ///
    /// # Errors
    /// The replica is not ready, or the follower's state is not of its store.
    pub async fn watch(&self, after: Option<ConsistencyToken>) -> Result<Feed, FeedError> {
        if let Some(after) = after {
            self.replica.check_own(&after).map_err(|_| FeedError::ForeignToken)?;
            self.replica.reach(after.revision, AHEAD_WAIT).await.map_err(|_| FeedError::NotSynced)?;
            self.replica.check_own(&after).map_err(|_| FeedError::ForeignToken)?;
        }
        self.replica.confirmed().ok_or(FeedError::NotSynced)?;
        let (queue, messages) = mpsc::channel(FOLLOWER_QUEUE);
        let follower = Follower { replica: self.replica.clone(), queue };
        let drain = self.drain.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = drain.cancelled() => {}
                _ended = follower.serve(after) => {}
            }
        });
        let messages = futures_util::stream::unfold(messages, async |mut messages| {
            messages.recv().await.map(|message| (Ok(message), messages))
        });
        Ok(Box::pin(messages))
    }
}

struct Follower {
    replica: Replica,
    queue: mpsc::Sender<WatchResponse>,
}

/// The follower went away, or was too slow: its stream ends, and it resumes.
struct Gone;

impl Follower {
    async fn serve(self, after: Option<ConsistencyToken>) -> Result<(), Gone> {
        let mut changed = self.replica.subscribe();
        let resumed = after.map(|token| token.revision).filter(|at| self.changes(*at, *at).is_some());
        let mut at = match resumed {
            Some(at) => at,
            None => self.send_snapshot(after.is_some()).await?,
        };
        let mut told = None;
        let (mut earliest, mut latest) = (Instant::now(), Instant::now());
        loop {
            changed.mark_unchanged();
            let (snapshot, confirmed_at) = self.replica.confirmed().ok_or(Gone)?;
            self.send_changes(at, snapshot.revision()).await?;
            at = snapshot.revision();
            let now = Instant::now();
            if now >= latest || (now >= earliest && told < Some(at)) {
                self.send(Event::Heartbeat(self.heartbeat(&snapshot, confirmed_at))).await?;
                told = Some(at);
                (earliest, latest) = (now + HEARTBEAT_GAP, now + HEARTBEAT_INTERVAL);
            }
            tokio::select! {
                told = changed.changed() => told.map_err(|_| Gone)?,
                () = tokio::time::sleep_until(if told < Some(at) { earliest } else { latest }) => {}
            }
        }
    }

    async fn send_snapshot(&self, reset: bool) -> Result<Revision, Gone> {
        let snapshot = self.replica.latest().ok_or(Gone)?;
        self.send(Event::SnapshotBegin(SnapshotBegin { reset })).await?;
        let (mut records, mut bytes) = (Vec::new(), 0);
        for encoded in snapshot.records() {
            // it was decoded when it was installed
            records.push(<wire::Record as prost::Message>::decode(encoded.clone()).map_err(|_| Gone)?);
            bytes += encoded.len();
            if records.len() >= RECORDS_PER_MESSAGE || bytes >= MESSAGE_BYTES {
                bytes = 0;
                self.send(Event::Records(Records { records: std::mem::take(&mut records) })).await?;
            }
        }
        self.send(Event::Records(Records { records })).await?;
        let consistency_token = snapshot.token().to_string();
        self.send(Event::SnapshotEnd(SnapshotEnd { consistency_token })).await?;
        Ok(snapshot.revision())
    }

    /// Sends every change after `at` and up to `until`. Together they are the state at `until`, which a heartbeat may confirm.
    async fn send_changes(&self, mut at: Revision, until: Revision) -> Result<(), Gone> {
        while at < until {
            let changes = self.changes(at, until).ok_or(Gone)?;
            at = changes.last().map_or(until, |last| last.revision);
            for change in changes {
                self.send(Event::Changes(Changes::clone(&change.message))).await?;
            }
        }
        Ok(())
    }

    fn changes(&self, at: Revision, until: Revision) -> Option<Vec<Arc<crate::history::Change>>> {
        self.replica.history(|history| history.between(at, until, CHANGES_AT_ONCE))
    }

    fn heartbeat(&self, snapshot: &Snapshot, confirmed_at: Duration) -> Heartbeat {
        let age = self.replica.clock().monotonic().saturating_sub(confirmed_at);
        Heartbeat {
            consistency_token: snapshot.token().to_string(),
            // rounded up: it is never younger than it says
            confirmed_age_ms: u64::try_from(age.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX),
            digest: snapshot.digest().to_bytes(),
        }
    }

    async fn send(&self, event: Event) -> Result<(), Gone> {
        let message = WatchResponse { event: Some(event) };
        match tokio::time::timeout(SLOWEST_FOLLOWER, self.queue.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Gone),
        }
    }
}
