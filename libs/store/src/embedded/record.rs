//! What the tables hold for a key: a value with its revision, its lease, and a checksum over all of it and the key.
//!
//! The database has checksums of its own, but reads do not look at them: a disk that changes a byte would be believed.

use bytes::Bytes;
use reeve_model::Revision;

use crate::{Key, LeaseId, StoreError, Versioned};

/// Checksum (CRC-32, ISO 3309), revision, lease (0: none), each little-endian; the value follows.
const HEADER_BYTES: usize = 4 + 8 + 8;

/// A record that was read, and whose checksum is right.
#[derive(Clone, Copy, Debug)]
pub(super) struct Record<'a> {
    pub(super) revision: Revision,
    pub(super) value: &'a [u8],
}

/// The bytes of a record.
pub(super) fn encode(key: &str, revision: Revision, lease: Option<LeaseId>, value: &[u8]) -> Vec<u8> {
    let (revision, lease) = (revision.get().to_le_bytes(), lease.map_or(0, |lease| lease.0).to_le_bytes());
    let checksum = checksum(key, &revision, &lease, value).to_le_bytes();
    [checksum.as_slice(), &revision, &lease, value].concat()
}

/// Reads a record of `key`.
///
/// # Errors
/// `Corrupt`, when these are not the bytes that were written for this key.
pub(super) fn decode<'a>(key: &str, bytes: &'a [u8]) -> Result<Record<'a>, StoreError> {
    let parts =
        split(bytes).filter(|parts| checksum(key, &parts.revision, &parts.lease, parts.value) == parts.checksum);
    let parts = parts.ok_or_else(|| StoreError::Corrupt(format!("the checksum of `{key}` is wrong")))?;
    Ok(Record { revision: Revision::new(u64::from_le_bytes(parts.revision)), value: parts.value })
}

/// Reads a record of `key` into the form that the seam speaks.
///
/// # Errors
/// `Corrupt`, as for [`decode`].
pub(super) fn versioned(key: &str, bytes: &[u8]) -> Result<Versioned, StoreError> {
    let Record { revision, value } = decode(key, bytes)?;
    Ok(Versioned { key: Key::new(key), value: Bytes::copy_from_slice(value), mod_revision: revision })
}

/// The lease of a record that is about to be replaced, whether or not its checksum is right: replacing it heals it.
pub(super) fn lease(bytes: &[u8]) -> Option<LeaseId> {
    let lease = i64::from_le_bytes(split(bytes)?.lease);
    (lease != 0).then_some(LeaseId(lease))
}

struct Parts<'a> {
    checksum: u32,
    revision: [u8; 8],
    lease: [u8; 8],
    value: &'a [u8],
}

fn split(bytes: &[u8]) -> Option<Parts<'_>> {
    let (header, value) = bytes.split_first_chunk::<HEADER_BYTES>()?;
    let (checksum, rest) = header.split_first_chunk::<4>()?;
    let (revision, rest) = rest.split_first_chunk::<8>()?;
    let lease = rest.first_chunk::<8>()?;
    Some(Parts { checksum: u32::from_le_bytes(*checksum), revision: *revision, lease: *lease, value })
}

fn checksum(key: &str, revision: &[u8], lease: &[u8], value: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    // The length keeps what belongs to the key apart from what follows.
    for part in [&(key.len() as u64).to_le_bytes(), key.as_bytes(), revision, lease, value] {
        hasher.update(part);
    }
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_reads_back() {
        for (lease, value) in [(None, b"".as_slice()), (Some(LeaseId(i64::MAX)), b"value")] {
            let bytes = encode("a/b", Revision::new(7), lease, value);
            let record = decode("a/b", &bytes).unwrap();
            assert_eq!((record.revision, record.value), (Revision::new(7), value));
            assert_eq!(super::lease(&bytes), lease);
        }
    }

    #[test]
    fn a_record_with_any_bit_changed_is_corrupt() {
        let bytes = encode("a/b", Revision::new(7), Some(LeaseId(3)), b"value");
        for at in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[at / 8] ^= 1 << (at % 8);
            assert!(matches!(decode("a/b", &changed), Err(StoreError::Corrupt(_))), "bit {at}");
        }
        for length in 0..bytes.len() {
            assert!(decode("a/b", &bytes[..length]).is_err(), "{length} bytes");
        }
    }

    #[test]
    fn a_record_of_another_key_is_corrupt() {
        assert!(decode("a/c", &encode("a/b", Revision::new(7), None, b"value")).is_err());
        assert!(decode("a", &encode("ab", Revision::new(7), None, b"")).is_err());
    }
}
