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
mod tests;
