//! The one thread that writes: it gathers what waits into one durable database transaction, then acknowledges it.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use redb::{Database, ReadableDatabase, ReadableTable};
use reeve_model::{Clock, Entropy, Revision};
use tokio::sync::{OwnedSemaphorePermit, oneshot, watch};

use super::apply::{Applying, HistoryBounds, HistorySize};
use super::head::{Condition, Head, storage};
use super::leases::Leases;
use super::tables::{COMMITS, LEASES, META, REVISION_KEY};
use crate::{CommitError, Committed, Lease, LeaseId, StoreError, Txn};

/// Most requests that one database transaction takes.
const MAX_BATCH: usize = 256;
/// How often leases are looked at while there are any.
const LEASE_TICK: Duration = Duration::from_millis(100);
/// How often old history is looked at.
const HISTORY_TICK: Duration = Duration::from_secs(1);
/// Most history entries that a batch forgets, beyond as many as it may have written.
const MAX_TRIM: u64 = 1024;

/// What is asked of the writer. The permit bounds what waits; it is let go when the request has been answered.
pub(super) enum Request {
    Commit(Txn, Answer<Committed, CommitError>, OwnedSemaphorePermit),
    GrantLease(Duration, Answer<Lease, StoreError>, OwnedSemaphorePermit),
    KeepLease(LeaseId, Answer<(), StoreError>, OwnedSemaphorePermit),
    RevokeLease(LeaseId, Answer<(), StoreError>, OwnedSemaphorePermit),
    /// Answer what was asked before this, and end.
    End,
}

/// Where an answer goes.
type Answer<T, E> = oneshot::Sender<Result<T, E>>;

/// An answer that waits for the batch to be durable: it is told whether it is.
type Held = (Box<dyn FnOnce(Result<(), StoreError>) + Send>, OwnedSemaphorePermit);

/// What the thread owns.
pub(super) struct Writer {
    database: Arc<Database>,
    inbox: Receiver<Request>,
    head: watch::Sender<Head>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    bounds: HistoryBounds,
    revision: Revision,
    history: HistorySize,
    leases: Leases,
}

/// Whether the thread goes on.
#[derive(PartialEq, Eq)]
enum Next {
    Continue,
    End,
}

impl Writer {
    /// A writer at the revision that `database` has. Every lease lives for its whole time from now on.
    pub(super) fn new(
        database: Arc<Database>,
        inbox: Receiver<Request>,
        head: watch::Sender<Head>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        bounds: HistoryBounds,
    ) -> Result<Self, redb::Error> {
        let read = database.begin_read()?;
        let revision = read.open_table(META)?.get(REVISION_KEY)?.map_or(0, |number| number.value());
        let revision = u64::try_from(revision).map_err(|_| redb::Error::Corrupted("the revision".to_owned()))?;
        let mut history = HistorySize::default();
        for commit in read.open_table(COMMITS)?.iter()? {
            let (_, entries, bytes) = commit?.1.value();
            history.entries += entries;
            history.bytes += bytes;
        }
        let mut leases = Leases::default();
        for lease in read.open_table(LEASES)?.iter()? {
            let (id, ttl_secs) = lease?;
            leases.add(LeaseId(id.value()), Duration::from_secs(ttl_secs.value()), clock.monotonic());
        }
        drop(read);
        let revision = Revision::new(revision);
        head.send_modify(|head| head.revision = revision);
        Ok(Self { database, inbox, head, clock, entropy, bounds, revision, history, leases })
    }

    /// Runs until told to end, or until a write fails.
    pub(super) fn run(mut self) {
        let guard = FailOnUnwind(self.head.clone());
        while self.turn() == Next::Continue {}
        drop(guard);
    }

    /// Waits for requests, or for the time to look after leases and history; then writes.
    fn turn(&mut self) -> Next {
        let tick = if self.leases.is_empty() { HISTORY_TICK } else { LEASE_TICK };
        let mut next = Next::Continue;
        let mut batch = Vec::new();
        match self.inbox.recv_timeout(tick) {
            Ok(first) => batch.push(first),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Next::End,
        }
        while batch.len() < MAX_BATCH && !matches!(batch.last(), None | Some(Request::End)) {
            let Ok(request) = self.inbox.try_recv() else { break };
            batch.push(request);
        }
        if matches!(batch.last(), Some(Request::End)) {
            batch.pop();
            next = Next::End;
        }
        let mut held = Vec::with_capacity(batch.len());
        match self.write(batch, &mut held) {
            Ok(()) => {
                let revision = self.revision;
                self.head.send_if_modified(|head| std::mem::replace(&mut head.revision, revision) != revision);
                for (answer, _permit) in held {
                    answer(Ok(()));
                }
                next
            }
            Err(error) => {
                self.fail(error, held);
                Next::End
            }
        }
    }

    /// Writes a batch, and makes it durable. What it answers goes to `held`; nothing is acknowledged here.
    fn write(&mut self, batch: Vec<Request>, held: &mut Vec<Held>) -> Result<(), redb::Error> {
        let now = self.clock.monotonic();
        if batch.is_empty() && self.leases.due(now).is_none() && self.history.entries == 0 {
            return Ok(());
        }
        let idle = batch.is_empty();
        // Redb's default durability is `Immediate`: `commit` returns after the file is synced.
        let write = self.database.begin_write()?;
        let (revision, history, dirty) = {
            let mut applying = Applying::new(&write, self.revision, self.history, self.clock.now())?;
            while let Some(lease) = self.leases.due(now) {
                self.leases.remove(lease);
                applying.end_lease(lease)?;
            }
            for request in batch {
                held.extend(self.handle(&mut applying, request, now)?);
            }
            if !idle || self.history_is_overdue(&applying)? {
                let written = applying.history.entries.saturating_sub(self.history.entries);
                applying.trim(self.bounds, MAX_TRIM.saturating_add(written))?;
            }
            (applying.revision, applying.history, applying.dirty)
        };
        if dirty {
            write.commit()?;
        } else {
            write.abort()?;
        }
        (self.revision, self.history) = (revision, history);
        Ok(())
    }

    /// Whether history is worth a write of its own: it is past its age by a tenth.
    fn history_is_overdue(&self, applying: &Applying<'_>) -> Result<bool, redb::Error> {
        let patience_ms = self.bounds.age_ms.saturating_add(self.bounds.age_ms / 10);
        let age_ms = applying.oldest_ms()?.map(|oldest_ms| self.clock.now().as_millis().saturating_sub(oldest_ms));
        Ok(age_ms.is_some_and(|age_ms| age_ms > patience_ms))
    }

    /// Does what is asked within the batch. An error is the database's, and the end of the batch.
    fn handle(
        &mut self,
        applying: &mut Applying<'_>,
        request: Request,
        now: Duration,
    ) -> Result<Option<Held>, redb::Error> {
        Ok(match request {
            Request::Commit(txn, answer, permit) => Some(hold(answer, permit, self.commit(applying, &txn)?)),
            Request::GrantLease(ttl, answer, permit) => Some(hold(answer, permit, self.grant(applying, ttl, now)?)),
            Request::KeepLease(lease, answer, permit) => Some(hold(answer, permit, self.leases.renew(lease, now))),
            Request::RevokeLease(lease, answer, permit) => {
                let revoked = match self.leases.remove(lease) {
                    Some(_) => Ok(applying.end_lease(lease)?),
                    None => Err(StoreError::NoSuchLease),
                };
                Some(hold(answer, permit, revoked))
            }
            Request::End => None,
        })
    }

    fn commit(&self, applying: &mut Applying<'_>, txn: &Txn) -> Result<Result<Committed, CommitError>, redb::Error> {
        if let Err(error) = applying.check_guards(&txn.guards)? {
            return Ok(Err(error));
        }
        let mut leases = txn.ops.iter().filter_map(crate::limits::op_lease);
        if !leases.all(|lease| self.leases.contains(lease)) {
            return Ok(Err(CommitError::Store(StoreError::NoSuchLease)));
        }
        Ok(Ok(Committed { revision: applying.apply(txn)? }))
    }

    fn grant(
        &mut self,
        applying: &mut Applying<'_>,
        ttl: Duration,
        now: Duration,
    ) -> Result<Result<Lease, StoreError>, redb::Error> {
        if let Err(refused) = self.leases.check_room() {
            return Ok(Err(refused));
        }
        let id = loop {
            let id = LeaseId(i64::from_le_bytes(self.entropy.bytes::<8>()) & i64::MAX);
            if id.0 != 0 && !self.leases.contains(id) {
                break id;
            }
        };
        applying.add_lease(id, ttl.as_secs())?;
        self.leases.add(id, ttl, now);
        Ok(Ok(Lease { id, ttl }))
    }

    /// Ends the store's writing for good: what the disk holds of this batch is not known.
    fn fail(&self, error: redb::Error, held: Vec<Held>) {
        tracing::error!(%error, "the store cannot write, and takes no more requests until it is opened again");
        let why: Arc<str> = error.to_string().into();
        self.head.send_modify(|head| head.condition = Condition::Failed(why.clone()));
        let corrupt = matches!(storage(error), StoreError::Corrupt(_));
        for (answer, _permit) in held {
            let why = why.to_string();
            answer(Err(if corrupt { StoreError::Corrupt(why) } else { StoreError::Unavailable(why) }));
        }
    }
}

/// Keeps an answer until the batch is durable. When it is not, every answer is that error: even a conflict may have been
/// one with a change that was lost.
fn hold<T, E>(answer: Answer<T, E>, permit: OwnedSemaphorePermit, outcome: Result<T, E>) -> Held
where
    T: Send + 'static,
    E: From<StoreError> + Send + 'static,
{
    let tell = move |durable: Result<(), StoreError>| {
        // Who asked may have gone.
        let _ = answer.send(durable.map_err(E::from).and(outcome));
    };
    (Box::new(tell), permit)
}

/// Marks the store as failed when the thread unwinds, so that nobody takes it for idle.
struct FailOnUnwind(watch::Sender<Head>);

impl Drop for FailOnUnwind {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.send_modify(|head| head.condition = Condition::Failed("the writer ended unexpectedly".into()));
        }
    }
}

/// What a request is answered that the writer dropped: it may or may not have taken effect.
pub(super) fn dropped(head: &Head) -> StoreError {
    let ended = || StoreError::Unavailable("the store ended before it answered".to_owned());
    head.check_open().err().unwrap_or_else(ended)
}
