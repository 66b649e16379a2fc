//! The published records at one revision, encoded and as a World, and how the next snapshot is made.

use std::time::Duration;

use bytes::Bytes;
use reeve_model::{ConsistencyToken, Revision, StoreId};
use reeve_world::{ChunkMap, RecordKey, World};

use crate::Digest;
use crate::source::StoredRecord;
use crate::wire::{DecodeError, decode};

/// The state of a replica at one revision. Copies are cheap.
#[derive(Clone, Debug)]
pub struct Snapshot {
    world: World,
    records: ChunkMap<String, (Bytes, Digest)>,
    digest: Digest,
    store: StoreId,
    revision: Revision,
    confirmed_at: Option<Duration>,
}

impl Snapshot {
    /// The records as they are decided on.
    pub fn world(&self) -> &World {
        &self.world
    }

    /// The store that the records are from, and the revision up to which all changes are in.
    pub fn token(&self) -> ConsistencyToken {
        ConsistencyToken { store: self.store, revision: self.revision }
    }

    /// The revision up to which all changes are in.
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// What the records add up to.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// When the source last said that the revision is the store's, by the monotonic clock; none before it did.
    pub(crate) fn confirmed_at(&self) -> Option<Duration> {
        self.confirmed_at
    }

    /// Every encoded record, in key order.
    pub(crate) fn records(&self) -> impl Iterator<Item = &Bytes> {
        self.records.iter().map(|(_, (value, _))| value)
    }

    /// An empty state to load records into.
    pub(crate) fn loading() -> Self {
        Self {
            world: World::default(),
            records: ChunkMap::default(),
            digest: Digest::default(),
            store: StoreId { uuid: uuid::Uuid::nil(), epoch: 0 },
            revision: Revision::ZERO,
            confirmed_at: None,
        }
    }

    /// With these records written and these keys removed, at `revision`.
    ///
    /// # Errors
    /// A record or key that this version cannot read. Nothing of the change is kept.
    pub(crate) fn apply(
        mut self,
        revision: Revision,
        upserts: Vec<StoredRecord>,
        deletes: &[String],
    ) -> Result<Self, DecodeError> {
        let keys = deletes.iter().map(|key| RecordKey::parse(key)).collect::<Result<Vec<_>, _>>()?;
        let records = upserts.iter().map(|r| decode(&r.key, &r.value)).collect::<Result<Vec<_>, _>>()?;
        for key in deletes {
            if let Some((_, old)) = self.records.remove(key.as_str()) {
                self.digest = self.digest.without(old);
            }
        }
        for StoredRecord { key, value } in upserts {
            let new = Digest::of(&value);
            self.digest = self.digest.with(new);
            if let Some((_, old)) = self.records.insert(key, (value, new)) {
                self.digest = self.digest.without(old);
            }
        }
        self.world = self.world.next(revision, records, keys);
        self.revision = revision;
        Ok(self)
    }

    /// Complete, as the state of `token`, which was the store's at `confirmed_at` of the monotonic clock.
    pub(crate) fn at(mut self, token: ConsistencyToken, confirmed_at: Option<Duration>) -> Self {
        self.store = token.store;
        self.revision = token.revision.max(self.revision);
        self.confirmed_at = self.confirmed_at.max(confirmed_at);
        self
    }
}
