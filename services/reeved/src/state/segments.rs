//! A file of sealed segments: each is authenticated, and so is that it is the next one, and whether it is the last.

use std::io::{self, ErrorKind, Read, Write};

use reeve_credentials::{OpenError, SealError, Sealer};
use reeve_model::Entropy;

use super::ArchiveError;

/// What an archive begins with.
const MAGIC: &[u8; 8] = b"REEVEARC";
/// The version of the format: of what stands before the segments, and of what is in them.
const FORMAT: u32 = 1;
/// Bytes of the random number that tells an archive's segments from another's.
const ID_BYTES: usize = 16;
/// Bytes of what is sealed at once.
const SEGMENT_BYTES: usize = 256 * 1024;
/// Most bytes of a sealed segment: room for what sealing adds.
const MAX_SEALED_SEGMENT_BYTES: usize = SEGMENT_BYTES + 256;

/// Whether segments follow.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    More = 0,
    Last = 1,
}

/// What a segment is sealed for: no other archive, no other place.
fn context(id: [u8; ID_BYTES], at: u64, place: Place) -> String {
    let place = if place == Place::Last { "last" } else { "more" };
    format!("archive/{FORMAT}/{:032x}/{at}/{place}", u128::from_be_bytes(id))
}

/// Writes an archive.
pub(super) struct SegmentWriter<'a, W> {
    out: W,
    sealer: &'a Sealer,
    entropy: &'a dyn Entropy,
    id: [u8; ID_BYTES],
    at: u64,
    waiting: Vec<u8>,
}

impl<'a, W: Write> SegmentWriter<'a, W> {
    /// Begins an archive.
    pub(super) fn begin(mut out: W, sealer: &'a Sealer, entropy: &'a dyn Entropy) -> io::Result<Self> {
        let id = entropy.bytes::<ID_BYTES>();
        for part in [MAGIC.as_slice(), &FORMAT.to_be_bytes(), &id] {
            out.write_all(part)?;
        }
        Ok(Self { out, sealer, entropy, id, at: 0, waiting: Vec::with_capacity(SEGMENT_BYTES) })
    }

    /// Adds bytes.
    pub(super) fn push(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            // whether a full segment is the last is known only when more comes
            if self.waiting.len() == SEGMENT_BYTES {
                self.seal(Place::More)?;
            }
            let (now, later) = bytes.split_at(bytes.len().min(SEGMENT_BYTES - self.waiting.len()));
            self.waiting.extend_from_slice(now);
            bytes = later;
        }
        Ok(())
    }

    /// Ends the archive.
    pub(super) fn end(mut self) -> io::Result<W> {
        self.seal(Place::Last)?;
        self.out.flush()?;
        Ok(self.out)
    }

    fn seal(&mut self, place: Place) -> io::Result<()> {
        let blob = self.sealer.seal(&context(self.id, self.at, place), &self.waiting, self.entropy);
        let blob = blob.map_err(|error: SealError| io::Error::other(error))?;
        let length = u32::try_from(blob.len()).map_err(io::Error::other)?;
        self.out.write_all(&[place as u8])?;
        self.out.write_all(&length.to_be_bytes())?;
        self.out.write_all(&blob)?;
        self.waiting.clear();
        self.at += 1;
        Ok(())
    }
}

/// Reads an archive. What it yields was written by who holds the cluster key, in this order; that nothing is missing at the end is
/// known when it has yielded everything.
pub(super) struct SegmentReader<'a, R> {
    from: R,
    sealer: &'a Sealer,
    id: [u8; ID_BYTES],
    at: u64,
    opened: Vec<u8>,
    taken: usize,
    over: bool,
}

impl<'a, R: Read> SegmentReader<'a, R> {
    /// Begins to read.
    ///
    /// # Errors
    /// It is no archive, or one of a newer version.
    pub(super) fn begin(mut from: R, sealer: &'a Sealer) -> Result<Self, ArchiveError> {
        let mut magic = [0; MAGIC.len()];
        match from.read_exact(&mut magic) {
            Err(error) if error.kind() != ErrorKind::UnexpectedEof => return Err(error.into()),
            Ok(()) if magic == *MAGIC => {}
            Ok(()) | Err(_) => return Err(ArchiveError::NotAnArchive),
        }
        let mut format = [0; 4];
        exactly(&mut from, &mut format)?;
        let format = u32::from_be_bytes(format);
        if format != FORMAT {
            return Err(ArchiveError::UnknownFormat { found: format, known: FORMAT });
        }
        let mut id = [0; ID_BYTES];
        exactly(&mut from, &mut id)?;
        Ok(Self { from, sealer, id, at: 0, opened: Vec::new(), taken: 0, over: false })
    }

    /// The next byte; none after the last.
    pub(super) fn byte(&mut self) -> Result<Option<u8>, ArchiveError> {
        while self.taken == self.opened.len() {
            if self.over {
                return Ok(None);
            }
            self.open()?;
        }
        let byte = self.opened.get(self.taken).copied();
        self.taken += 1;
        Ok(byte)
    }

    /// The next `count` bytes.
    pub(super) fn take(&mut self, count: usize) -> Result<Vec<u8>, ArchiveError> {
        let mut bytes = Vec::new();
        while bytes.len() < count {
            if self.taken == self.opened.len() {
                if self.over {
                    return Err(ArchiveError::Damaged("it ends inside a record".to_owned()));
                }
                self.open()?;
                continue;
            }
            let until = self.opened.len().min(self.taken + (count - bytes.len()));
            bytes.extend_from_slice(self.opened.get(self.taken..until).unwrap_or_default());
            self.taken = until;
        }
        Ok(bytes)
    }

    fn open(&mut self) -> Result<(), ArchiveError> {
        let [mut place, mut length] = [[0; 1].to_vec(), [0; 4].to_vec()];
        exactly(&mut self.from, &mut place)?;
        exactly(&mut self.from, &mut length)?;
        let place = match place.as_slice() {
            [0] => Place::More,
            [1] => Place::Last,
            _ => return Err(self.damaged()),
        };
        let length = length.iter().fold(0usize, |length, byte| length << 8 | usize::from(*byte));
        if length > MAX_SEALED_SEGMENT_BYTES {
            return Err(self.damaged());
        }
        let mut blob = vec![0; length];
        exactly(&mut self.from, &mut blob)?;
        let opened = self.sealer.open(&context(self.id, self.at, place), &blob).map_err(|error| match error {
            OpenError::WrongKey(key) => ArchiveError::WrongKey(key),
            OpenError::Corrupt => self.damaged(),
            OpenError::UnknownFormat(found) => ArchiveError::UnknownFormat { found: found.into(), known: FORMAT },
        })?;
        self.opened = opened.expose().to_vec();
        self.taken = 0;
        self.at += 1;
        if place == Place::Last {
            self.over = true;
            if self.from.read(&mut [0])? != 0 {
                return Err(ArchiveError::Damaged("something follows its end".to_owned()));
            }
        }
        Ok(())
    }

    fn damaged(&self) -> ArchiveError {
        ArchiveError::Damaged(format!("its segment {} is not what was written there", self.at))
    }
}

fn exactly(from: &mut impl Read, bytes: &mut [u8]) -> Result<(), ArchiveError> {
    from.read_exact(bytes).map_err(|error| match error.kind() {
        ErrorKind::UnexpectedEof => ArchiveError::Truncated,
        _ => error.into(),
    })
}
