//! A source that tells what a test says, and the replica that follows it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use reeve_model::{ConsistencyToken, ManualClock, Revision, StoreId};
use reeve_replica::{Barrier, Digest, Replica, Source, SourceError, SourceEvent, StoredRecord, encode, follow};
use reeve_world::Record;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio_util::sync::{CancellationToken, DropGuard};
use uuid::Uuid;

use crate::records::{NOW, stored};

pub(crate) type Told = Result<SourceEvent, SourceError>;

/// How long anything here may take. With a paused clock it passes at once when nothing else can happen.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

pub(crate) const STORE: StoreId = StoreId { uuid: Uuid::from_u128(0xaa), epoch: 1 };

pub(crate) fn token(revision: u64) -> ConsistencyToken {
    ConsistencyToken { store: STORE, revision: Revision::new(revision) }
}

pub(crate) fn digest(records: &[Record]) -> Vec<u8> {
    let all = records.iter().map(|record| Digest::of(&encode(record)));
    all.fold(Digest::default(), Digest::with).to_bytes()
}

/// The source was opened: from where, and how to talk through it.
pub(crate) struct Line {
    pub(crate) after: Option<ConsistencyToken>,
    events: UnboundedSender<Told>,
}

impl Line {
    pub(crate) fn tell(&self, event: SourceEvent) {
        // the replica may have hung up, which the test then sees
        let _ = self.events.send(Ok(event));
    }

    pub(crate) fn fail(&self, error: SourceError) {
        let _ = self.events.send(Err(error));
    }

    pub(crate) fn snapshot(&self, revision: u64, records: &[Record]) {
        self.tell(SourceEvent::Begin);
        for record in records {
            self.tell(SourceEvent::Records(vec![stored(record)]));
        }
        self.tell(SourceEvent::Complete(token(revision)));
    }

    pub(crate) fn change(&self, revision: u64, upserts: &[Record], deletes: &[Record]) {
        let upserts: Vec<StoredRecord> = upserts.iter().map(stored).collect();
        let deletes = deletes.iter().map(|record| record.key().to_string()).collect();
        self.tell(SourceEvent::Changes { revision: Revision::new(revision), upserts, deletes });
    }

    pub(crate) fn confirm(&self, revision: u64, age: Duration) {
        self.tell(SourceEvent::Confirmed { token: token(revision), age, digest: None });
    }
}

struct Scripted(UnboundedSender<Line>);

#[async_trait]
impl Source for Scripted {
    async fn open(&mut self, after: Option<ConsistencyToken>) -> Result<BoxStream<'static, Told>, SourceError> {
        let (events, told) = unbounded_channel();
        // the test may be over
        let _ = self.0.send(Line { after, events });
        Ok(stream::unfold(told, async |mut told: UnboundedReceiver<Told>| told.recv().await.map(|event| (event, told)))
            .boxed())
    }

    fn name(&self) -> String {
        "script".to_owned()
    }
}

/// A replica that follows a script.
pub(crate) struct Stage {
    pub(crate) replica: Replica,
    pub(crate) clock: Arc<ManualClock>,
    lines: UnboundedReceiver<Line>,
    _end: DropGuard,
}

impl Stage {
    pub(crate) fn with(barrier: Option<Arc<dyn Barrier>>) -> Self {
        Self::by(Arc::new(ManualClock::at(NOW)), barrier)
    }

    pub(crate) fn by(clock: Arc<ManualClock>, barrier: Option<Arc<dyn Barrier>>) -> Self {
        // a machine that has been up for a while, so that a confirmation can be older than the test
        clock.advance(Duration::from_hours(1));
        let replica = Replica::new(clock.clone(), barrier);
        let (opened, lines) = unbounded_channel();
        let end = CancellationToken::new();
        tokio::spawn(follow(replica.clone(), Scripted(opened), end.clone()));
        Self { replica, clock, lines, _end: end.drop_guard() }
    }

    pub(crate) fn new() -> Self {
        Self::with(None)
    }

    /// A replica that shows `records` at `revision`, confirmed just now.
    pub(crate) async fn showing(revision: u64, records: &[Record]) -> (Self, Line) {
        let mut stage = Self::new();
        let line = stage.opened().await;
        line.snapshot(revision, records);
        line.confirm(revision, Duration::ZERO);
        tokio::time::timeout(PATIENCE, stage.replica.ready()).await.unwrap();
        (stage, line)
    }

    /// The next time that the source is opened.
    pub(crate) async fn opened(&mut self) -> Line {
        tokio::time::timeout(PATIENCE, self.lines.recv()).await.unwrap().unwrap()
    }

    pub(crate) async fn reached(&self, revision: u64) {
        self.replica.reach(Revision::new(revision), PATIENCE).await.unwrap();
    }
}
