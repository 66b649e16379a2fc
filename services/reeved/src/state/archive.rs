//! What an archive says: where it is from, every key with its value in order, and how many they are.

use std::io::{self, Read, Write};

use bytes::Bytes;
use prost::Message;
use reeve_credentials::{ClusterKeyId, Sealer};
use reeve_model::{Entropy, Revision, StoreId, Timestamp};
use reeve_store::{Key, MAX_KEY_BYTES, MAX_REQUEST_BYTES};

use super::segments::{SegmentReader, SegmentWriter};

/// Most bytes of one message in an archive: the largest value with the longest key, and what surrounds them.
const MAX_FRAME_BYTES: usize = MAX_REQUEST_BYTES + MAX_KEY_BYTES + 64;

/// Why an archive cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// It cannot be read or written.
    #[error("it cannot be read or written: {0}")]
    Io(#[from] io::Error),
    /// It is some other file.
    #[error("it is no archive of Reeve's")]
    NotAnArchive,
    /// Another version wrote it.
    #[error(
        "it has format {found}, and this version reads format {known}: import it with the version that wrote it, or a later one"
    )]
    UnknownFormat {
        /// What it has.
        found: u32,
        /// What this version knows.
        known: u32,
    },
    /// It is sealed with another cluster key.
    #[error(
        "it is sealed with the cluster key `{0}`, which was not given: name that one by `cluster_key_file` or \
         `older_cluster_key_files`"
    )]
    WrongKey(ClusterKeyId),
    /// It ends too early.
    #[error("it is cut off: it ends before what was written does")]
    Truncated,
    /// It is not what was written.
    #[error("it is damaged, or was changed: {0}")]
    Damaged(String),
}

/// Where an archive is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The store that was exported.
    pub store: StoreId,
    /// The one revision that all of it was read at.
    pub revision: Revision,
    /// When it was written.
    pub time: Timestamp,
}

/// What stands in an archive, one after the other: a header, entries in key order, an end.
#[derive(Clone, PartialEq, Message)]
struct Frame {
    #[prost(message, optional, tag = "1")]
    header: Option<WireHeader>,
    #[prost(message, optional, tag = "2")]
    entry: Option<WireEntry>,
    #[prost(message, optional, tag = "3")]
    end: Option<WireEnd>,
}

#[derive(Clone, PartialEq, Message)]
struct WireHeader {
    #[prost(bytes = "vec", tag = "1")]
    store_uuid: Vec<u8>,
    #[prost(uint32, tag = "2")]
    store_epoch: u32,
    #[prost(uint64, tag = "3")]
    revision: u64,
    #[prost(int64, tag = "4")]
    time_ms: i64,
}

#[derive(Clone, PartialEq, Message)]
struct WireEntry {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(bytes = "bytes", tag = "2")]
    value: Bytes,
}

#[derive(Clone, Copy, PartialEq, Message)]
struct WireEnd {
    #[prost(uint64, tag = "1")]
    entries: u64,
}

/// Writes an archive.
pub(super) struct ArchiveWriter<'a, W> {
    segments: SegmentWriter<'a, W>,
    entries: u64,
}

impl<'a, W: Write> ArchiveWriter<'a, W> {
    /// Begins an archive.
    pub(super) fn begin(
        out: W,
        header: &Header,
        sealer: &'a Sealer,
        entropy: &'a dyn Entropy,
    ) -> Result<Self, ArchiveError> {
        let mut archive = Self { segments: SegmentWriter::begin(out, sealer, entropy)?, entries: 0 };
        let header = WireHeader {
            store_uuid: header.store.uuid.as_bytes().to_vec(),
            store_epoch: header.store.epoch,
            revision: header.revision.get(),
            time_ms: header.time.as_millis(),
        };
        archive.push(&Frame { header: Some(header), ..Frame::default() })?;
        Ok(archive)
    }

    /// Adds the next key in order.
    pub(super) fn entry(&mut self, key: &Key, value: Bytes) -> Result<(), ArchiveError> {
        self.entries += 1;
        let entry = WireEntry { key: key.as_str().to_owned(), value };
        self.push(&Frame { entry: Some(entry), ..Frame::default() })
    }

    /// Ends the archive: how many entries it has.
    pub(super) fn end(mut self) -> Result<(u64, W), ArchiveError> {
        let entries = self.entries;
        self.push(&Frame { end: Some(WireEnd { entries }), ..Frame::default() })?;
        Ok((entries, self.segments.end()?))
    }

    fn push(&mut self, frame: &Frame) -> Result<(), ArchiveError> {
        Ok(self.segments.push(&frame.encode_length_delimited_to_vec())?)
    }
}

/// Reads an archive.
pub(super) struct ArchiveReader<'a, R> {
    segments: SegmentReader<'a, R>,
    header: Header,
    entries: u64,
    last: Option<Key>,
    over: bool,
}

impl<'a, R: Read> ArchiveReader<'a, R> {
    /// Begins to read.
    pub(super) fn begin(from: R, sealer: &'a Sealer) -> Result<Self, ArchiveError> {
        let mut segments = SegmentReader::begin(from, sealer)?;
        let header = frame(&mut segments)?.header.and_then(|header| {
            let uuid = uuid::Uuid::from_slice(&header.store_uuid).ok()?;
            let store = StoreId { uuid, epoch: header.store_epoch };
            let (revision, time) = (Revision::new(header.revision), Timestamp::from_millis(header.time_ms));
            Some(Header { store, revision, time })
        });
        let header = header.ok_or_else(|| damaged("it does not say where it is from"))?;
        Ok(Self { segments, header, entries: 0, last: None, over: false })
    }

    /// Where it is from.
    pub(super) const fn header(&self) -> &Header {
        &self.header
    }

    /// The next key with its value; none once all of it has been read, and was whole.
    pub(super) fn entry(&mut self) -> Result<Option<(Key, Bytes)>, ArchiveError> {
        if self.over {
            return Ok(None);
        }
        let Frame { header: None, entry, end } = frame(&mut self.segments)? else {
            return Err(damaged("it says twice where it is from"));
        };
        match (entry, end) {
            (Some(WireEntry { key, value }), None) => {
                let key = Key::new(key);
                if self.last.as_ref().is_some_and(|last| *last >= key) {
                    return Err(damaged(&format!("`{key}` is out of order")));
                }
                self.last = Some(key.clone());
                self.entries += 1;
                Ok(Some((key, value)))
            }
            (None, Some(end)) if end.entries != self.entries => {
                Err(damaged(&format!("it has {} entries, and says {}", self.entries, end.entries)))
            }
            (None, Some(_)) => {
                if self.segments.byte()?.is_some() {
                    return Err(damaged("something follows its end"));
                }
                self.over = true;
                Ok(None)
            }
            (None, None) | (Some(_), Some(_)) => Err(damaged("something stands in it that this version does not know")),
        }
    }
}

fn frame<R: Read>(segments: &mut SegmentReader<'_, R>) -> Result<Frame, ArchiveError> {
    let mut length = 0usize;
    for shift in (0..).step_by(7) {
        let byte = segments.byte()?.ok_or_else(|| damaged("it does not say how it ends"))?;
        length |= usize::from(byte & 0x7f) << shift;
        if length > MAX_FRAME_BYTES || shift > 28 {
            return Err(damaged("an entry is too large"));
        }
        if byte & 0x80 == 0 {
            break;
        }
    }
    Frame::decode(segments.take(length)?.as_slice()).map_err(|error| damaged(&error.to_string()))
}

fn damaged(what: &str) -> ArchiveError {
    ArchiveError::Damaged(what.to_owned())
}

#[cfg(test)]
mod tests {
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
        assert!(matches!(read(&super::tests::sealer(), &bytes), Err(ArchiveError::WrongKey(_))));
        assert!(matches!(read(&sealer, b"# some text"), Err(ArchiveError::NotAnArchive)));
        assert!(matches!(read(&sealer, b""), Err(ArchiveError::NotAnArchive)));
        bytes[11] = 2;
        assert!(matches!(read(&sealer, &bytes), Err(ArchiveError::UnknownFormat { found: 2, known: 1 })));
    }
}
