//! What a watch of etcd's says, put together into whole revisions and checked.

use bytes::Bytes;
use etcd_client::WatchResponse;
use etcd_client::proto::PbEvent;
use reeve_model::Revision;

use super::keys::{Known, Space, revision};
use super::tick::Tick;
use crate::{Key, StoreError, Versioned, WatchedChange};

/// What kinds of event there are (`mvccpb.Event.EventType`).
const PUT: i32 = 0;
const DELETE: i32 = 1;

/// What the store once said: if it says otherwise later, it is not what it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Witness {
    pub(super) key: Vec<u8>,
    pub(super) revision: Revision,
    /// What the key was given at the revision; nothing, if it was removed.
    pub(super) value: Option<Bytes>,
}

/// One revision, whole.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Whole {
    pub(super) revision: Revision,
    /// The last of its events.
    pub(super) witness: Option<Witness>,
    /// In key order; none, if only the store's own keys changed.
    pub(super) changes: Vec<WatchedChange>,
    /// The ticks among them.
    pub(super) ticks: Vec<Tick>,
}

impl Whole {
    fn new(revision: Revision) -> Self {
        Self { revision, witness: None, changes: Vec::new(), ticks: Vec::new() }
    }

    fn finish(mut self) -> Self {
        self.changes.sort_by(|a, b| key_of(a).cmp(key_of(b)));
        self
    }
}

/// Puts revisions together.
pub(super) struct Assembler {
    space: Space,
    /// Everything up to here was handed out.
    through: Revision,
    /// A revision of which more may come.
    open: Option<Whole>,
}

impl Assembler {
    /// For a watch after `through`.
    pub(super) fn new(space: Space, through: Revision) -> Self {
        Self { space, through, open: None }
    }

    /// The revisions that are whole with this answer, in order.
    ///
    /// # Errors
    /// When the answer is not how etcd promises that it is: nothing that follows can be believed.
    pub(super) fn take(&mut self, answer: WatchResponse) -> Result<Vec<Whole>, StoreError> {
        let more = answer.0.fragment;
        self.events(answer.0.events, more)
    }

    /// The same of events alone; `more` says that the last one's revision may go on in the next answer.
    fn events(&mut self, events: Vec<PbEvent>, more: bool) -> Result<Vec<Whole>, StoreError> {
        let mut whole = Vec::new();
        for event in events {
            let at = revision(event.kv.as_ref().map_or(0, |item| item.mod_revision))?;
            if self.open.as_ref().is_none_or(|open| open.revision != at) {
                whole.extend(self.close());
                if at <= self.through {
                    return Err(StoreError::Corrupt(format!("an event of revision {at} came after {}", self.through)));
                }
            }
            let mut open = self.open.take().unwrap_or_else(|| Whole::new(at));
            self.add(&mut open, event, at)?;
            self.open = Some(open);
        }
        if !more {
            whole.extend(self.close());
        }
        Ok(whole)
    }

    fn close(&mut self) -> Option<Whole> {
        let whole = self.open.take()?.finish();
        self.through = whole.revision;
        Some(whole)
    }

    fn add(&self, to: &mut Whole, event: PbEvent, at: Revision) -> Result<(), StoreError> {
        let item = event.kv.unwrap_or_default();
        let (known, value) = (self.space.known(&item.key)?, Bytes::from(item.value));
        to.witness = Some(Witness { key: item.key, revision: at, value: (event.r#type == PUT).then(|| value.clone()) });
        match (event.r#type, known) {
            (PUT, Known::Key(key)) => {
                to.changes.push(WatchedChange::Put(Versioned { key, value, mod_revision: at }));
            }
            (DELETE, Known::Key(key)) => to.changes.push(WatchedChange::Deleted(key)),
            (PUT, Known::Tick) => to.ticks.extend(Tick::read(&value)),
            (PUT | DELETE, Known::Tick | Known::Own) => {}
            (kind, _) => return Err(StoreError::Corrupt(format!("an event of the unknown kind {kind} came"))),
        }
        Ok(())
    }
}

fn key_of(change: &WatchedChange) -> &Key {
    match change {
        WatchedChange::Put(put) => &put.key,
        WatchedChange::Deleted(key) => key,
    }
}

#[cfg(test)]
mod tests {
    use etcd_client::proto::PbKeyValue;

    use super::*;

    fn event(kind: i32, key: &str, revision: i64) -> PbEvent {
        let key = format!("/reeve/{key}").into_bytes();
        let kv = PbKeyValue { key, value: b"v".to_vec(), mod_revision: revision, ..PbKeyValue::default() };
        PbEvent { r#type: kind, kv: Some(kv), prev_kv: None }
    }

    fn assembler() -> Assembler {
        Assembler::new(Space::new("/reeve"), Revision::new(4))
    }

    fn shape(whole: &[Whole]) -> Vec<(u64, usize)> {
        whole.iter().map(|whole| (whole.revision.get(), whole.changes.len())).collect()
    }

    #[test]
    fn revisions_come_whole_and_in_key_order() {
        let mut assembler = assembler();
        let events = vec![event(PUT, "b", 5), event(DELETE, "a", 5), event(PUT, "a", 7)];
        let whole = assembler.events(events, false).unwrap();
        assert_eq!(shape(&whole), [(5, 2), (7, 1)]);
        assert_eq!(whole[0].changes[0], WatchedChange::Deleted(Key::new("a")));
    }

    #[test]
    fn a_revision_in_fragments_waits_for_the_last() {
        let mut assembler = assembler();
        let first = assembler.events(vec![event(PUT, "a", 5), event(PUT, "a", 6)], true).unwrap();
        assert_eq!(shape(&first), [(5, 1)]);
        assert_eq!(shape(&assembler.events(vec![event(PUT, "b", 6)], true).unwrap()), []);
        let rest = assembler.events(vec![event(PUT, "c", 6), event(PUT, "a", 7)], false).unwrap();
        assert_eq!(shape(&rest), [(6, 3), (7, 1)]);
    }

    #[test]
    fn a_fragment_may_end_where_a_revision_does() {
        let mut assembler = assembler();
        assert_eq!(shape(&assembler.events(vec![event(PUT, "a", 5)], true).unwrap()), []);
        assert_eq!(shape(&assembler.events(vec![event(PUT, "a", 6)], false).unwrap()), [(5, 1), (6, 1)]);
    }

    #[test]
    fn what_goes_back_or_comes_twice_is_corrupt() {
        for revision in [3, 4] {
            assert!(assembler().events(vec![event(PUT, "a", revision)], false).is_err(), "{revision}");
        }
        let mut assembler = assembler();
        assembler.events(vec![event(PUT, "a", 6)], false).unwrap();
        assert!(assembler.events(vec![event(PUT, "a", 6)], false).is_err());
        assert!(self::assembler().events(vec![event(PUT, "a", 6), event(PUT, "b", 5)], false).is_err());
        assert!(self::assembler().events(vec![event(PUT, "a", 0)], false).is_err());
    }

    #[test]
    fn an_unknown_kind_of_event_is_corrupt_and_no_panic() {
        assert!(matches!(assembler().events(vec![event(2, "a", 5)], false), Err(StoreError::Corrupt(_))));
        assert!(assembler().events(vec![event(-1, "~tick", 5)], false).is_err());
        let nothing = PbEvent { r#type: PUT, kv: None, prev_kv: None };
        assert!(assembler().events(vec![nothing], false).is_err());
    }

    #[test]
    fn the_stores_own_keys_are_no_changes() {
        let tick = Tick { writer: 7, asked_ns: 8, wall_ms: 9 };
        let mut put = event(PUT, "a/~tick", 5);
        put.kv.as_mut().unwrap().value = tick.value();
        let whole = assembler().events(vec![put, event(PUT, "store", 5), event(DELETE, "~tick", 6)], false).unwrap();
        assert_eq!(shape(&whole), [(5, 0), (6, 0)]);
        assert_eq!(whole[0].ticks, [tick]);
    }
}
