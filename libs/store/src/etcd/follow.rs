//! A watch: a task of its own reads it, so that one who does not read holds up nobody else on the same connection.

use std::sync::Arc;
use std::time::Duration;

use etcd_client::{WatchResponse, WatchStream};
use futures_util::{StreamExt, stream};
use reeve_model::{Clock, Revision};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::{Instant, sleep_until, timeout};

use super::assemble::{Assembler, Whole};
use super::core::Core;
use super::failure::{Failure, failure, of_message};
use super::keys::revision;
use super::tick::Skew;
use super::ticker::Waiting;
use crate::{StoreError, Watch, WatchError, WatchEvent, WatchedChange};

/// Most bytes of events that wait to be read.
const BUFFER_BYTES: usize = 16 * 1024 * 1024;
/// What an event counts in that bound beyond its keys and values.
const EVENT_BYTES: usize = 128;
/// How long a watch waits for its reader when that is full.
const SLOW: Duration = Duration::from_secs(10);
/// How long a tick that was written may take to come through.
const SILENCE: Duration = Duration::from_secs(4);

/// What waits to be read.
enum Item {
    Changes {
        revision: Revision,
        changes: Vec<WatchedChange>,
    },
    /// A revision, and when what is sure of it was asked for, by the monotonic clock.
    Progress {
        revision: Revision,
        asked: Duration,
    },
}

type Queued = (Result<Item, WatchError>, Option<OwnedSemaphorePermit>);

/// Reads one watch.
pub(super) struct Follower {
    pub(super) core: Arc<Core>,
    pub(super) skew: Arc<Skew>,
    pub(super) stream: WatchStream,
    /// The member that it comes from.
    pub(super) member: usize,
    pub(super) assembler: Assembler,
    pub(super) waiting: Waiting,
    /// Who writes this store's ticks.
    pub(super) writer: u64,
}

/// What the task keeps account of.
struct Account {
    /// The newest revision of any event.
    seen: Revision,
    /// When the newest tick of this store's that was seen was asked for.
    asked: Option<Duration>,
    /// Since when nothing has come although a tick was written.
    missed: Option<Instant>,
}

impl Follower {
    /// Reads the watch in a task of its own, and hands out what it says.
    pub(super) fn follow(self, clock: Arc<dyn Clock>) -> Watch {
        let (tell, mut told) = mpsc::unbounded_channel();
        tokio::spawn(self.run(tell));
        // The permit is given back when the event is taken.
        let items =
            stream::poll_fn(move |context| told.poll_recv(context).map(|item| item.map(|(item, _permit)| item)));
        Box::pin(items.map(move |item| {
            item.map(|item| match item {
                Item::Changes { revision, changes } => WatchEvent::Changes { revision, changes },
                Item::Progress { revision, asked } => {
                    WatchEvent::Progress { revision, age: clock.monotonic().saturating_sub(asked) }
                }
            })
        }))
    }

    async fn run(mut self, tell: mpsc::UnboundedSender<Queued>) {
        let room = Arc::new(Semaphore::new(BUFFER_BYTES));
        let end = tokio::select! {
            () = tell.closed() => return,
            end = self.read(&tell, &room) => end,
        };
        // The reader may be gone; then nobody needs to know.
        let _ = tell.send((Err(end), None));
    }

    /// Reads until the watch ends.
    async fn read(&mut self, tell: &mpsc::UnboundedSender<Queued>, room: &Arc<Semaphore>) -> WatchError {
        let mut account = Account { seen: Revision::ZERO, asked: None, missed: None };
        loop {
            account.missed = None;
            let answer = match self.next(&mut account).await {
                Ok(answer) => answer,
                Err(end) => return end,
            };
            for whole in match self.assembler.take(answer) {
                Ok(whole) => whole,
                Err(error) => return self.lost(&error.to_string()),
            } {
                for item in self.items(&mut account, whole) {
                    let weight = u32::try_from(weight(&item).min(BUFFER_BYTES)).unwrap_or(u32::MAX);
                    let Ok(Ok(permit)) = timeout(SLOW, room.clone().acquire_many_owned(weight)).await else {
                        return WatchError::Lost("it was read too slowly".to_owned());
                    };
                    if tell.send((Ok(item), Some(permit))).is_err() {
                        return WatchError::Lost("nobody reads it".to_owned());
                    }
                }
            }
        }
    }

    /// The next answer, unless the watch has ended or should have said something by now.
    async fn next(&mut self, account: &mut Account) -> Result<WatchResponse, WatchError> {
        loop {
            let told = self.waiting.acknowledged.borrow_and_update().clone();
            if let Some(why) = told.replaced {
                return Err(WatchError::Lost(format!("the store was replaced: {why}")));
            }
            if told.turn >= self.waiting.turn && told.revision > account.seen {
                account.missed.get_or_insert_with(Instant::now);
            }
            tokio::select! {
                biased;
                answer = self.stream.message() => return self.answer(answer),
                changed = self.waiting.acknowledged.changed() => if changed.is_err() {
                    return Err(WatchError::Lost("the store is closed".to_owned()));
                },
                () = until(account.missed.map(|since| since + SILENCE)) => return Err(self.silent()),
            }
        }
    }

    fn answer(&self, answer: Result<Option<WatchResponse>, etcd_client::Error>) -> Result<WatchResponse, WatchError> {
        let answer = match answer {
            Ok(Some(answer)) => answer,
            Ok(None) => return Err(self.lost("its member ended it")),
            Err(error) => return Err(self.lost(&StoreError::from(failure(error)).to_string())),
        };
        if answer.compact_revision() > 0 {
            let oldest = revision(answer.compact_revision()).map_err(|error| self.lost(&error.to_string()))?;
            return Err(WatchError::Compacted { oldest });
        }
        if answer.canceled() {
            let why = of_message(answer.cancel_reason()).map(StoreError::from);
            let why = why.map_or_else(|| answer.cancel_reason().to_owned(), |error| error.to_string());
            return Err(self.lost(&format!("its member cancelled it: {why}")));
        }
        Ok(answer)
    }

    /// What a revision is to who reads.
    ///
    /// A tick of another process says where the store was, but not since when it is here. The newest of this process's ticks
    /// that came before does: what the store held when that was asked for has come by now, and nothing is older.
    fn items(&self, account: &mut Account, whole: Whole) -> Vec<Item> {
        let Whole { revision, witness, changes, ticks } = whole;
        account.seen = revision;
        self.core.witnessed(witness);
        self.core.pool.seen(revision.get());
        let mut items = Vec::new();
        if !changes.is_empty() {
            items.push(Item::Changes { revision, changes });
        }
        for tick in &ticks {
            if tick.writer == self.writer {
                account.asked = account.asked.max(Some(tick.asked()));
            } else {
                self.skew.compare(tick);
            }
        }
        if let Some(asked) = account.asked.filter(|_| !ticks.is_empty()) {
            items.push(Item::Progress { revision, asked });
        }
        items
    }

    fn silent(&self) -> WatchError {
        self.lost(&format!("a tick that was written did not come within {} s", SILENCE.as_secs()))
    }

    /// Ends the watch; the next one is opened elsewhere.
    fn lost(&self, why: &str) -> WatchError {
        self.core.pool.avoid(self.member);
        WatchError::Lost(why.to_owned())
    }
}

/// Waits for a time; without one for ever.
async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

fn weight(item: &Item) -> usize {
    let Item::Changes { changes, .. } = item else { return EVENT_BYTES };
    let bytes = changes.iter().map(|change| match change {
        WatchedChange::Put(put) => put.key.as_str().len() + put.value.len(),
        WatchedChange::Deleted(key) => key.as_str().len(),
    });
    bytes.map(|bytes| bytes + EVENT_BYTES).sum()
}

/// What it is to a watcher that no watch was opened.
pub(super) fn no_watch(failure: Failure) -> StoreError {
    match failure.into() {
        StoreError::Unavailable(why) => StoreError::Unavailable(format!("no watch could be opened: {why}")),
        other => other,
    }
}
