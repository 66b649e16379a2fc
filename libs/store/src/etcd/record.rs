//! The record that says which store lies under a prefix.

use prost::Message;
use reeve_model::StoreId;
use uuid::Uuid;

/// The layout of stores that this version writes, and the newest that it reads.
pub(super) const SCHEMA: u32 = 1;

/// What is kept under the key `store`. Fields are only ever added; a change that an older version may not overlook counts the
/// schema up.
#[derive(Clone, PartialEq, Message)]
pub(super) struct StoreRecord {
    /// The layout of the store.
    #[prost(uint32, tag = "1")]
    pub(super) schema: u32,
    /// Sixteen bytes.
    #[prost(bytes = "vec", tag = "2")]
    pub(super) uuid: Vec<u8>,
    /// How often it was put back from a copy.
    #[prost(uint32, tag = "3")]
    pub(super) epoch: u32,
    /// An import that was begun and not finished: what is there is not whole.
    #[prost(bool, tag = "4")]
    pub(super) unfinished: bool,
}

/// Why a record is no use.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum RecordProblem {
    Unreadable(String),
    Newer(u32),
}

impl StoreRecord {
    /// The record of a store of this version's layout.
    pub(super) fn new(id: StoreId, unfinished: bool) -> Self {
        Self { schema: SCHEMA, uuid: id.uuid.into_bytes().to_vec(), epoch: id.epoch, unfinished }
    }

    /// Reads a record, and which store it names.
    pub(super) fn read(bytes: &[u8]) -> Result<(Self, StoreId), RecordProblem> {
        let record = Self::decode(bytes).map_err(|error| RecordProblem::Unreadable(error.to_string()))?;
        if record.schema > SCHEMA {
            return Err(RecordProblem::Newer(record.schema));
        }
        if record.schema == 0 {
            return Err(RecordProblem::Unreadable("it has no schema".to_owned()));
        }
        let uuid = Uuid::from_slice(&record.uuid).map_err(|error| RecordProblem::Unreadable(error.to_string()))?;
        let epoch = record.epoch;
        Ok((record, StoreId { uuid, epoch }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: StoreId = StoreId { uuid: Uuid::from_u128(7), epoch: 3 };

    #[test]
    fn a_record_reads_back() {
        let bytes = StoreRecord::new(ID, true).encode_to_vec();
        let (record, id) = StoreRecord::read(&bytes).unwrap();
        assert_eq!((id, record.unfinished), (ID, true));
    }

    #[test]
    fn a_newer_record_is_refused_by_its_number() {
        let record = StoreRecord { schema: SCHEMA + 1, ..StoreRecord::new(ID, false) };
        assert_eq!(StoreRecord::read(&record.encode_to_vec()), Err(RecordProblem::Newer(SCHEMA + 1)));
    }

    #[test]
    fn what_is_no_record_is_refused() {
        let short = StoreRecord { uuid: vec![1; 15], ..StoreRecord::new(ID, false) }.encode_to_vec();
        for bytes in [b"".as_slice(), b"hello", &short] {
            assert!(matches!(StoreRecord::read(bytes), Err(RecordProblem::Unreadable(_))), "{bytes:?}");
        }
    }
}
