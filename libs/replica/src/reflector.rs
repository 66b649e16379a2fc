//! Keeps a replica current from a source: list, watch, resume, and never back.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use futures_util::StreamExt;
use reeve_api::{feed, world as wire};
use reeve_model::{ConsistencyToken, Revision};
use tokio_util::sync::CancellationToken;

use crate::history::History;
use crate::source::{Source, SourceError, SourceEvent, StoredRecord};
use crate::trouble::{Block, Worse};
use crate::{Replica, Snapshot};

/// The first pause before a source is opened again; doubled up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// The longest pause before a source is opened again.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause before records that could not be read are read again: every record, by a server that needs an upgrade.
const LONGEST_UNREADABLE_PAUSE: Duration = Duration::from_secs(10);

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
    #[error("the records do not add up to the sender's digest: one of the two versions reads them otherwise")]
    Digest,
    #[error("the source is at {offered}, behind {served}, which was served")]
    Regressed { offered: String, served: String },
    #[error("the source is at {offered}, of another store or of before a restore, and {served} was served")]
    Foreign { offered: String, served: String },
    #[error("a {0} came outside a snapshot")]
    Protocol(&'static str),
}

impl Violation {
    /// Whether what the replica has can be continued from: it was not that which was refused.
    fn resumes(&self) -> bool {
        match self {
            // Without its token, another store's records would be sent in full, to be refused again.
            Self::Source(SourceError::Lost(_) | SourceError::Foreign(_)) | Self::Ended | Self::Foreign { .. } => true,
            Self::Source(SourceError::Compacted | SourceError::Regressed(_))
            | Self::Decode(_)
            | Self::Order { .. }
            | Self::Digest
            | Self::Regressed { .. }
            | Self::Protocol(_) => false,
        }
    }

    /// What it is, if it is worse than that the source went away.
    fn worse(&self) -> Option<Worse> {
        match self {
            Self::Regressed { .. } | Self::Source(SourceError::Regressed(_)) => Some(Worse::Block(Block::Regressed)),
            Self::Foreign { .. } | Self::Source(SourceError::Foreign(_)) => Some(Worse::Block(Block::Replaced)),
            Self::Digest => Some(Worse::Block(Block::Damaged)),
            Self::Decode(_) | Self::Order { .. } | Self::Protocol(_) => Some(Worse::Unreadable),
            Self::Source(SourceError::Lost(_) | SourceError::Compacted) | Self::Ended => None,
        }
    }
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
        resume = violation.resumes();
        replica.troubled(violation.worse(), format!("{}: {violation}", source.name()));
        match (violation.worse(), resume) {
            (Some(Worse::Block(Block::Replaced)), _) => tracing::error!(
                source = source.name(),
                %violation,
                "nothing is answered, and nothing of another store is taken over: if the cluster's store was restored or replaced, restart this server; if not, it follows a wrong address"
            ),
            (_, true) => tracing::warn!(source = source.name(), %violation, "following again"),
            (_, false) => tracing::error!(source = source.name(), %violation, "following again from a snapshot"),
        }
        let progressed = replica.latest().map(|snapshot| snapshot.revision()) > before;
        let longest = if matches!(violation, Violation::Decode(_)) { LONGEST_UNREADABLE_PAUSE } else { LONGEST_PAUSE };
        pause = if progressed { FIRST_PAUSE } else { (pause * 2).min(longest) };
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(spread(pause)) => {}
        }
    }
}

/// Half of the pause to all of it, so that those who lost the same source do not come back together.
fn spread(pause: Duration) -> Duration {
    // keyed at random for each call, by the standard library: it need not be unguessable
    let drawn = RandomState::new().hash_one(()) % 1000;
    pause / 2 + (pause / 2000) * u32::try_from(drawn).unwrap_or_default()
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
                let message = message(revision, &upserts, &deletes);
                let now = self.replica.clock().monotonic();
                if let (Some(_), Some(past)) = (&self.loading, &mut self.past) {
                    match message {
                        Ok(message) => past.push(revision, message, now),
                        // what the records no longer hold hinders nobody but who would continue from before it
                        Err(_) => *past = History::after(revision),
                    }
                } else {
                    let message = message?;
                    let next = self.change(revision, upserts, &deletes)?;
                    self.replica.history(|history| history.push(revision, message, now));
                    self.replica.note_removed(&deletes);
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
            not_before(&token, &served)?;
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
        not_before(&token, &served)?;
        if digest.is_some_and(|digest| digest != current.digest().to_bytes()) {
            return Err(Violation::Digest);
        }
        let confirmed_at = self.replica.clock().monotonic().saturating_sub(age);
        self.replica.install_confirmed(current.at(token, Some(confirmed_at)));
        Ok(())
    }
}

/// A replica stays with one store, and never goes back.
fn not_before(offered: &ConsistencyToken, served: &ConsistencyToken) -> Result<(), Violation> {
    let texts = || (offered.to_string(), served.to_string());
    if offered.store != served.store {
        let (offered, served) = texts();
        return Err(Violation::Foreign { offered, served });
    }
    if offered.revision < served.revision {
        let (offered, served) = texts();
        return Err(Violation::Regressed { offered, served });
    }
    Ok(())
}

/// One revision's change as feeds carry it.
fn message(
    revision: Revision,
    upserts: &[StoredRecord],
    deletes: &[String],
) -> Result<feed::Changes, crate::DecodeError> {
    let records = upserts.iter().map(|record| crate::wire::message(&record.key, &record.value));
    let upserts = records.collect::<Result<Vec<wire::Record>, _>>()?;
    Ok(feed::Changes { revision: revision.get(), upserts, deletes: deletes.to_vec() })
}
