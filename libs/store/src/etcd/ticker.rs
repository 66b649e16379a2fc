//! Who asks etcd where it is: one small key under each watched prefix is written, and watches wait to see it.
//!
//! etcd's own progress notices are not asked for, because in many versions they overtake the changes that they are said to
//! come after.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use etcd_client::{Txn, TxnOp};
use reeve_model::{Clock, Revision};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep_until};

use super::core::{Core, header_revision};
use super::pool::Effect;
use super::tick::Tick;
use crate::{MAX_OPERATIONS, StoreError};

/// How often ticks are written at most: who asks in between shares the next one.
const SHARED: Duration = Duration::from_millis(20);
/// How soon at the latest they are tried again after they could not be written.
const AGAIN: Duration = Duration::from_secs(1);

/// Somebody who wants to know where the store is, or, without a way to be told, only that watches do.
type Asked = Option<oneshot::Sender<Result<Revision, StoreError>>>;

/// What became of the ticks so far.
#[derive(Clone, Debug)]
pub(super) struct Acknowledged {
    /// How many turns there were.
    pub(super) turn: u64,
    /// Where the last one was written.
    pub(super) revision: Revision,
    /// Why there will be none.
    pub(super) replaced: Option<Arc<str>>,
}

/// The keys that are written, with how many watches wait for each.
#[derive(Default)]
struct Keys {
    waited_for: BTreeMap<Vec<u8>, usize>,
    /// The turn that is next: what is added now is written in it.
    turn: u64,
}

/// Asks for ticks. When it is dropped there are no more, and watches end.
pub(super) struct Ticker {
    keys: Arc<Mutex<Keys>>,
    asked: mpsc::UnboundedSender<Asked>,
    acknowledged: watch::Receiver<Acknowledged>,
    /// Who writes this store's ticks.
    pub(super) writer: u64,
}

/// A watch's claim that its key be written.
pub(super) struct Waiting {
    keys: Arc<Mutex<Keys>>,
    key: Vec<u8>,
    /// The first turn that writes the key.
    pub(super) turn: u64,
    pub(super) acknowledged: watch::Receiver<Acknowledged>,
}

impl Ticker {
    /// Starts to write ticks, as `writer`, for a store.
    pub(super) fn start(core: Arc<Core>, clock: Arc<dyn Clock>, writer: u64, idle: Duration) -> Self {
        let keys = Arc::new(Mutex::new(Keys { waited_for: BTreeMap::new(), turn: 1 }));
        let (asked, inbox) = mpsc::unbounded_channel();
        let none = Acknowledged { turn: 0, revision: Revision::ZERO, replaced: None };
        let (tell, acknowledged) = watch::channel(none);
        tokio::spawn(Writer { core, clock, writer, idle, keys: keys.clone(), inbox, tell }.run());
        Self { keys, asked, acknowledged, writer }
    }

    /// Has `key` written from now on, and at once.
    pub(super) fn wait_for(&self, key: Vec<u8>) -> Waiting {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        *keys.waited_for.entry(key.clone()).or_default() += 1;
        // It goes when the store does, and so does the watch.
        let _ = self.asked.send(None);
        Waiting { keys: self.keys.clone(), key, turn: keys.turn, acknowledged: self.acknowledged.clone() }
    }

    /// A revision that is current while this is called, and that every watch will see ticks at, or after.
    pub(super) async fn barrier(&self) -> Result<Revision, StoreError> {
        let (tell, told) = oneshot::channel();
        let ended = || StoreError::Unavailable("the store is closed".to_owned());
        self.asked.send(Some(tell)).map_err(|_| ended())?;
        told.await.map_err(|_| ended())?
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = keys.waited_for.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                keys.waited_for.remove(&self.key);
            }
        }
    }
}

/// Writes ticks, one turn after another.
struct Writer {
    core: Arc<Core>,
    clock: Arc<dyn Clock>,
    writer: u64,
    idle: Duration,
    keys: Arc<Mutex<Keys>>,
    inbox: mpsc::UnboundedReceiver<Asked>,
    tell: watch::Sender<Acknowledged>,
}

impl Writer {
    async fn run(mut self) {
        let (mut last, mut pause) = (Instant::now(), self.idle);
        loop {
            let mut asked = Vec::new();
            tokio::select! {
                one = self.inbox.recv() => match one {
                    Some(one) => asked.push(one),
                    None => return,
                },
                () = sleep_until(last + pause) => {}
            }
            sleep_until(last + SHARED).await;
            // Whoever asked until now asked before it is sent.
            while let Ok(one) = self.inbox.try_recv() {
                asked.push(one);
            }
            last = Instant::now();
            let (keys, turn) = self.next_turn();
            let waiting: Vec<_> = asked.into_iter().flatten().collect();
            if keys.is_empty() && waiting.is_empty() {
                continue;
            }
            let written = self.write(keys).await;
            pause = if written.is_ok() { self.idle } else { self.idle.min(AGAIN) };
            self.acknowledge(turn, &written);
            for one in waiting {
                // Who asked may have given up.
                let _ = one.send(match &written {
                    Ok(revision) => Ok(*revision),
                    Err(error) => Err(again(error)),
                });
            }
        }
    }

    fn next_turn(&self) -> (Vec<Vec<u8>>, u64) {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = keys.turn;
        keys.turn += 1;
        (keys.waited_for.keys().cloned().collect(), turn)
    }

    /// Writes every key, and answers with the first revision that this was at: it is current, and all see theirs at it or
    /// later. Where nobody watches a read will do.
    async fn write(&self, keys: Vec<Vec<u8>>) -> Result<Revision, StoreError> {
        let mut first = None;
        for some in keys.chunks(MAX_OPERATIONS) {
            let value = Tick::now(self.writer, &*self.clock).value();
            let puts: Vec<TxnOp> = some.iter().map(|key| TxnOp::put(key.clone(), value.clone(), None)).collect();
            let txn = Txn::new().when([self.core.same_store()]).and_then(puts).or_else([self.core.ask_record()]);
            let answer = self.core.pool.txn(Effect::Repeatable, txn).await?;
            if !answer.succeeded() {
                return Err(self.core.replaced(answer));
            }
            let revision = header_revision(&answer)?;
            first.get_or_insert(revision);
        }
        match first {
            Some(first) => Ok(first),
            None => Ok(self.core.revision().await?),
        }
    }

    fn acknowledge(&self, turn: u64, written: &Result<Revision, StoreError>) {
        match written {
            Ok(revision) => {
                self.tell.send_replace(Acknowledged { turn, revision: *revision, replaced: None });
            }
            Err(StoreError::Replaced(why)) => {
                tracing::error!(why, "the store was replaced while it was open: start this process again");
                self.tell.send_modify(|told| told.replaced = Some(why.as_str().into()));
            }
            Err(error) => tracing::warn!(%error, "etcd could not be asked where it is"),
        }
    }
}

/// The same failure, for another one who waits.
fn again(error: &StoreError) -> StoreError {
    match error {
        StoreError::Replaced(why) => StoreError::Replaced(why.clone()),
        StoreError::Corrupt(why) => StoreError::Corrupt(why.clone()),
        StoreError::Unavailable(why) => StoreError::Unavailable(why.clone()),
        other => StoreError::Unavailable(other.to_string()),
    }
}
