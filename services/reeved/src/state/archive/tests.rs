//! What was written is read, and nothing else.

use reeve_chassis::OsEntropy;
use reeve_credentials::ClusterKey;

use super::*;

fn sealer() -> Sealer {
    Sealer::new(ClusterKey::generate(&OsEntropy).unwrap(), Vec::new())
}

fn header() -> Header {
    let store = StoreId { uuid: uuid::Uuid::from_u128(7), epoch: 3 };
    Header { store, revision: Revision::new(9), time: Timestamp::from_millis(11) }
}

fn entries(count: usize, size: usize) -> Vec<(Key, Bytes)> {
    let value = |at: usize| Bytes::from(vec![u8::try_from(at % 251).unwrap(); size]);
    (0..count).map(|at| (Key::new(format!("world/user/{at:06}")), value(at))).collect()
}

fn written(sealer: &Sealer, entries: &[(Key, Bytes)]) -> Vec<u8> {
    let mut writer = ArchiveWriter::begin(Vec::new(), &header(), sealer, &OsEntropy).unwrap();
    for (key, value) in entries {
        writer.entry(key, value.clone()).unwrap();
    }
    writer.end().unwrap().1
}

fn read(sealer: &Sealer, bytes: &[u8]) -> Result<Vec<(Key, Bytes)>, ArchiveError> {
    let mut reader = ArchiveReader::begin(bytes, sealer)?;
    assert_eq!(*reader.header(), header());
    let mut found = Vec::new();
    while let Some(entry) = reader.entry()? {
        found.push(entry);
    }
    Ok(found)
}

#[test]
fn what_was_written_is_read_whatever_its_size() {
    let sealer = sealer();
    for (count, size) in [(0, 0), (1, 0), (3, 100), (5000, 130), (2, MAX_REQUEST_BYTES), (1, 256 * 1024 - 40)] {
        let entries = entries(count, size);
        assert!(read(&sealer, &written(&sealer, &entries)).unwrap() == entries, "{count} of {size}");
    }
}

#[test]
fn any_byte_changed_is_noticed() {
    let sealer = sealer();
    let bytes = written(&sealer, &entries(3, 20));
    for at in 0..bytes.len() {
        for bit in [0x01, 0x80] {
            let mut changed = bytes.clone();
            changed[at] ^= bit;
            assert!(read(&sealer, &changed).is_err(), "byte {at}");
        }
    }
}

#[test]
fn an_archive_that_is_cut_off_anywhere_is_noticed() {
    let sealer = sealer();
    let bytes = written(&sealer, &entries(3, 20));
    for length in 0..bytes.len() {
        assert!(read(&sealer, &bytes[..length]).is_err(), "{length} bytes");
    }
    let more = [bytes.as_slice(), b"x"].concat();
    assert!(matches!(read(&sealer, &more), Err(ArchiveError::Damaged(_))));
}

#[test]
fn segments_taken_out_exchanged_or_brought_from_elsewhere_are_noticed() {
    /// What stands before the segments.
    const HEAD: usize = 8 + 4 + 16;
    let sealer = sealer();
    let split = |bytes: &[u8]| {
        let (head, mut rest) = bytes.split_at(HEAD);
        let mut parts = Vec::new();
        while let Some(length) = rest.get(1..5) {
            let length = u32::from_be_bytes(length.try_into().unwrap()) as usize;
            let (part, after) = rest.split_at(5 + length);
            parts.push(part.to_vec());
            rest = after;
        }
        (head.to_vec(), parts)
    };
    let join = |head: &[u8], parts: &[Vec<u8>]| [head.to_vec(), parts.concat()].concat();
    let entries = entries(8000, 150);
    let (head, parts) = split(&written(&sealer, &entries));
    let (_, others) = split(&written(&sealer, &entries));
    assert!(parts.len() > 3 && read(&sealer, &join(&head, &parts)).is_ok());
    for at in 0..parts.len() {
        let (mut without, mut foreign, mut ended) = (parts.clone(), parts.clone(), parts.clone());
        without.remove(at);
        foreign[at].clone_from(&others[at]);
        ended.truncate(at + 1);
        ended[at][0] = 1;
        assert!(read(&sealer, &join(&head, &without)).is_err(), "without {at}");
        assert!(read(&sealer, &join(&head, &foreign)).is_err(), "another's {at}");
        assert!(at + 1 == parts.len() || read(&sealer, &join(&head, &ended)).is_err(), "ended at {at}");
    }
    let mut exchanged = parts.clone();
    exchanged.swap(0, 1);
    assert!(read(&sealer, &join(&head, &exchanged)).is_err());
}

#[test]
fn another_key_another_file_and_another_version_are_named() {
    let sealer = sealer();
    let mut bytes = written(&sealer, &entries(1, 1));
    assert!(matches!(read(&self::sealer(), &bytes), Err(ArchiveError::WrongKey(_))));
    assert!(matches!(read(&sealer, b"# some text"), Err(ArchiveError::NotAnArchive)));
    assert!(matches!(read(&sealer, b""), Err(ArchiveError::NotAnArchive)));
    bytes[11] = 2;
    assert!(matches!(read(&sealer, &bytes), Err(ArchiveError::UnknownFormat { found: 2, known: 1 })));
}
