//! What the calls of a store on etcd have in common: every one of them asks for its record too.

use std::sync::atomic::AtomicUsize;
use std::sync::{Mutex, PoisonError, RwLock};

use etcd_client::proto::{PbKeyValue, PbTxnOpResponse};
use etcd_client::{Compare, CompareOp, GetOptions, Txn, TxnOp, TxnResponse};
use reeve_model::{Revision, StoreId};

use super::assemble::Witness;
use super::failure::Failure;
use super::keys::{Space, number, revision};
use super::pool::{Effect, Pool};
use super::record::StoreRecord;
use crate::StoreError;

/// How often a question is asked again whose answer was overtaken.
const ATTEMPTS: usize = 3;

/// An open store, without its watches.
pub(super) struct Core {
    pub(super) id: StoreId,
    pub(super) space: Space,
    pub(super) pool: Pool,
    /// The record as it was read: as long as it is there, this is the store that was opened.
    pub(super) record: RwLock<Vec<u8>>,
    /// How many items are asked for at once: fewer after an answer that was too large.
    pub(super) chunk: AtomicUsize,
    /// The newest event that a watch has told.
    pub(super) witness: Mutex<Option<Witness>>,
}

/// Keys of a range at a revision.
pub(super) struct Range {
    pub(super) items: Vec<PbKeyValue>,
    pub(super) more: bool,
    /// Where the store was when it answered.
    pub(super) revision: Revision,
}

impl Core {
    /// Holds if this is the store that was opened.
    pub(super) fn same_store(&self) -> Compare {
        let record = self.record.read().unwrap_or_else(PoisonError::into_inner).clone();
        Compare::value(self.space.record(), CompareOp::Equal, record)
    }

    /// Reads the record, to tell why something did not hold.
    pub(super) fn ask_record(&self) -> TxnOp {
        TxnOp::get(self.space.record(), None)
    }

    /// Reads keys from `start` to before `end`, if this is the store that was opened.
    pub(super) async fn range(&self, start: Vec<u8>, options: GetOptions) -> Result<Range, Failure> {
        let txn = Txn::new()
            .when([self.same_store()])
            .and_then([TxnOp::get(start, Some(options))])
            .or_else([self.ask_record()]);
        let answer = self.pool.txn(Effect::Repeatable, txn).await?;
        if !answer.succeeded() {
            return Err(self.replaced(answer).into());
        }
        let revision = header_revision(&answer)?;
        let (items, more) = first_range(answer).ok_or_else(unexpected)?;
        Ok(Range { items, more, revision })
    }

    /// Where the store is now.
    pub(super) async fn revision(&self) -> Result<Revision, Failure> {
        let range = self.range(self.space.record(), GetOptions::new().with_count_only()).await?;
        Ok(range.revision)
    }

    /// Whether the record in an answer is the one that was read at the start.
    pub(super) fn is_same_record(&self, answer: TxnResponse) -> Result<bool, StoreError> {
        let (items, _) = first_range(answer).ok_or_else(unexpected)?;
        let record = self.record.read().unwrap_or_else(PoisonError::into_inner);
        Ok(items.first().is_some_and(|item| item.value == *record))
    }

    /// How the record in an answer is not the one that was read at the start.
    pub(super) fn replaced(&self, answer: TxnResponse) -> StoreError {
        let Some((items, _)) = first_range(answer) else { return unexpected() };
        StoreError::Replaced(match items.first().map(|item| StoreRecord::read(&item.value)) {
            None => format!("the record of {} is gone: etcd was wiped, or another one answers", shown(self.id)),
            Some(Ok((_, id))) if id != self.id => {
                format!("{} was opened, and now there is {}", shown(self.id), shown(id))
            }
            Some(_) => format!("the record of {} was changed", shown(self.id)),
        })
    }

    /// Whether `at` can be read.
    ///
    /// # Errors
    /// `Compacted`, `Future`.
    pub(super) async fn check_readable(&self, at: Revision) -> Result<(), StoreError> {
        for _ in 0..ATTEMPTS {
            let options = GetOptions::new().with_count_only().with_revision(number(at));
            match self.range(self.space.record(), options).await {
                Ok(_) => return Ok(()),
                Err(failure) => {
                    if let Some(error) = self.at_a_revision(at, failure).await {
                        return Err(error);
                    }
                }
            }
        }
        Err(Failure::Future.into())
    }

    /// Notes an event, to ask for it again when a watch is opened.
    pub(super) fn witnessed(&self, event: Option<Witness>) {
        let mut newest = self.witness.lock().unwrap_or_else(PoisonError::into_inner);
        if event.as_ref().map(|event| event.revision) > newest.as_ref().map(|newest| newest.revision) {
            *newest = event;
        }
    }

    /// Whether the store still holds the newest event that it has told. It does not where etcd was put back from a copy under
    /// this process, however far it has come since: its revisions say the same, and mean something else.
    ///
    /// # Errors
    /// `Replaced`; `Future`, while it is behind the event.
    pub(super) async fn check_witness(&self) -> Result<(), StoreError> {
        let Some(event) = self.witness.lock().unwrap_or_else(PoisonError::into_inner).clone() else { return Ok(()) };
        let at = event.revision;
        for _ in 0..ATTEMPTS {
            let options = GetOptions::new().with_revision(number(at));
            match self.range(event.key.clone(), options).await {
                Ok(found) => {
                    let put = found.items.first().filter(|item| item.mod_revision == number(at));
                    let same = match &event.value {
                        Some(value) => put.is_some_and(|put| put.value == *value),
                        None => found.items.is_empty(),
                    };
                    return if same { Ok(()) } else { Err(self.put_back(at)) };
                }
                Err(failure) => match self.at_a_revision(at, failure).await {
                    // what is not kept any more cannot be compared
                    Some(StoreError::Compacted { .. }) => return Ok(()),
                    Some(error) => return Err(error),
                    None => {}
                },
            }
        }
        Err(Failure::Future.into())
    }

    fn put_back(&self, at: Revision) -> StoreError {
        StoreError::Replaced(format!(
            "{} does not hold what it told at revision {at}: etcd was put back from a copy; stop every service and run \
             `reeved state new-epoch`",
            shown(self.id)
        ))
    }

    /// What a failure to read `at` is to the caller; nothing, if it can be read by now.
    pub(super) async fn at_a_revision(&self, at: Revision, failure: Failure) -> Option<StoreError> {
        match failure {
            Failure::Future => match self.revision().await {
                Ok(current) if current < at => Some(StoreError::Future { asked: at, current }),
                Ok(_) => None,
                Err(failure) => Some(failure.into()),
            },
            Failure::Compacted => Some(match self.oldest().await {
                Ok(oldest) => StoreError::Compacted { asked: at, oldest },
                Err(error) => error,
            }),
            failure => Some(failure.into()),
        }
    }
}

/// The revision in an answer's header.
pub(super) fn header_revision(answer: &TxnResponse) -> Result<Revision, StoreError> {
    revision(answer.header().map_or(0, etcd_client::ResponseHeader::revision))
}

/// The keys that the first operation of an answer read, if it is a read.
pub(super) fn first_range(answer: TxnResponse) -> Option<(Vec<PbKeyValue>, bool)> {
    match answer.0.responses.into_iter().next()?.response? {
        PbTxnOpResponse::ResponseRange(range) => Some((range.kvs, range.more)),
        _ => None,
    }
}

/// What an answer is that etcd does not give.
pub(super) fn unexpected() -> StoreError {
    StoreError::Corrupt("etcd answered something else than was asked".to_owned())
}

fn shown(id: StoreId) -> String {
    format!("store {} in epoch {}", id.uuid, id.epoch)
}
