//! Keeps a replica current from a source: list, watch, resume, and never back.

use std::time::Duration;

use futures_util::StreamExt;
use reeve_api::{feed, world as wire};
use reeve_model::{ConsistencyToken, Revision};
use tokio_util::sync::CancellationToken;

use crate::history::History;
use crate::source::{Source, SourceError, SourceEvent, StoredRecord};
use crate::{Replica, Snapshot};

/// The first pause before a source is opened again; doubled up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// The longest pause before a source is opened again.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Why what a source told cannot be applied. The source is opened again, from a snapshot.
#[derive(Debug, thiserror::Error)]
enum Violation {
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error("the source ended")]
    Ended,
    #[error(transparent)]
    Decode(#[from] crate::DecodeError),
    #[error("revision {told} was told after {reached}")]
    Order { told: Revision, reached: Revision },
    #[error("the records do not add up to the sender's digest")]
    Digest,
    #[error("the source is at {offered}, behind {served}, which was served")]
    Regressed { offered: String, served: String },
    #[error("a {0} came outside a snapshot")]
    Protocol(&'static str),
}

/// Follows `source` until `shutdown`. The replica serves what it has while the source is away, and ages.
pub async fn follow(replica: Replica, mut source: impl Source, shutdown: CancellationToken) {
    let mut pause = FIRST_PAUSE;
    let mut resume = true;
    while !shutdown.is_cancelled() {
        let before = replica.latest().map(|snapshot| snapshot.revision());
        let after = replica.latest().filter(|_| resume).map(|snapshot| snapshot.token());
        let ended = tokio::select! {
            () = shutdown.cancelled() => return,
            ended = run(&replica, &mut source, after) => ended,
        };
        let Err(violation) = ended else { continue };
        resume = matches!(violation, Violation::Source(SourceError::Lost(_)) | Violation::Ended);
        if matches!(violation, Violation::Regressed { .. } | Violation::Source(SourceError::Regressed(_))) {
            replica.regressed();
        }
        if resume {
            tracing::warn!(source = source.name(), %violation, "following again");
        } else {
            tracing::error!(source = source.name(), %violation, "following again from a snapshot");
        }
        let progressed = replica.latest().map(|snapshot| snapshot.revision()) > before;
        pause = if progressed { FIRST_PAUSE } else { (pause * 2).min(LONGEST_PAUSE) };
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

async fn run(replica: &Replica, source: &mut impl Source, after: Option<ConsistencyToken>) -> Result<(), Violation> {
    let mut events = source.open(after).await?;
    let mut state = State { replica, loading: None, past: None };
    while let Some(event) = events.next().await {
        state.apply(event?)?;
    }
    Err(Violation::Ended)
}

struct State<'a> {
    replica: &'a Replica,
    /// The snapshot that is being loaded.
    loading: Option<Snapshot>,
    /// The changes before it, if the source tells them.
    past: Option<History>,
}

impl State<'_> {
    fn apply(&mut self, event: SourceEvent) -> Result<(), Violation> {
        match event {
            SourceEvent::Begin => (self.loading, self.past) = (Some(Snapshot::loading()), None),
            SourceEvent::Records(records) => {
                let loading = self.loading.take().ok_or(Violation::Protocol("record"))?;
                self.loading = Some(loading.apply(Revision::ZERO, records, &[])?);
            }
            SourceEvent::Past(after) => {
                self.loading.as_ref().ok_or(Violation::Protocol("past"))?;
                self.past = Some(History::after(after));
            }
            SourceEvent::Complete(token) => self.complete(token)?,
            SourceEvent::Changes { revision, upserts, deletes } => {
                let message = message(revision, &upserts, &deletes)?;
                let now = self.replica.clock().monotonic();
                if let (Some(_), Some(past)) = (&self.loading, &mut self.past) {
                    past.push(revision, message, now);
                } else {
                    let next = self.change(revision, upserts, &deletes)?;
                    self.replica.history(|history| history.push(revision, message, now));
                    self.replica.install(next);
                }
            }
            SourceEvent::Confirmed { token, age, digest } => self.confirm(token, age, digest.as_deref())?,
        }
        Ok(())
    }

    /// The replica's state, which changes and confirmations continue.
    fn current(&self, what: &'static str) -> Result<Snapshot, Violation> {
        match (&self.loading, self.replica.latest()) {
            (None, Some(current)) => Ok(Snapshot::clone(&current)),
            _ => Err(Violation::Protocol(what)),
        }
    }

    fn complete(&mut self, token: ConsistencyToken) -> Result<(), Violation> {
        let loaded = self.loading.take().ok_or(Violation::Protocol("snapshot end"))?;
        if let Some(served) = self.replica.latest() {
            let served = served.token();
            if served.store != token.store || served.revision > token.revision {
                return Err(Violation::Regressed { offered: token.to_string(), served: served.to_string() });
            }
        }
        let loaded = loaded.apply(token.revision, Vec::new(), &[])?;
        // a snapshot is as old as what it replaces until the first confirmation that follows it
        let past = self.past.take().unwrap_or_else(|| History::after(token.revision));
        self.replica.history(|history| *history = past);
        let confirmed = self.replica.latest().and_then(|served| served.confirmed_at());
        self.replica.install(loaded.at(token, confirmed));
        Ok(())
    }

    /// The replica's state with one revision's change.
    fn change(
        &self,
        revision: Revision,
        upserts: Vec<StoredRecord>,
        deletes: &[String],
    ) -> Result<Snapshot, Violation> {
        let current = self.current("change")?;
        if revision <= current.revision() {
            return Err(Violation::Order { told: revision, reached: current.revision() });
        }
        Ok(current.apply(revision, upserts, deletes)?)
    }

    fn confirm(&self, token: ConsistencyToken, age: Duration, digest: Option<&[u8]>) -> Result<(), Violation> {
        let current = self.current("confirmation")?;
        let served = current.token();
        if token.store != served.store || token.revision < served.revision {
            return Err(Violation::Regressed { offered: token.to_string(), served: served.to_string() });
        }
        if digest.is_some_and(|digest| digest != current.digest().to_bytes()) {
            return Err(Violation::Digest);
        }
        let confirmed_at = self.replica.clock().monotonic().saturating_sub(age);
        self.replica.install(current.at(token, Some(confirmed_at)));
        Ok(())
    }
}

/// One revision's change as feeds carry it.
fn message(
    revision: Revision,
    upserts: &[StoredRecord],
    deletes: &[String],
) -> Result<feed::Changes, crate::DecodeError> {
    let records = upserts.iter().map(|record| prost::Message::decode(record.value.clone()));
    let upserts = records.collect::<Result<Vec<wire::Record>, _>>()?;
    Ok(feed::Changes { revision: revision.get(), upserts, deletes: deletes.to_vec() })
}
