//! `reeved state import`: an archive into an empty store, all of it or nothing that anybody serves.

use std::fs::File;
use std::io::{BufReader, Seek as _};
use std::path::Path;

use reeve_credentials::Sealer;
use reeve_store::{
    CommitError, Key, MAX_KEY_BYTES, MAX_OPERATIONS, MAX_REQUEST_BYTES, Store, StoreError, Txn, is_reserved,
};
use reeve_world::PREFIX;

use super::archive::ArchiveReader;
use super::{ArchiveError, Header, StateError};

/// Bytes from which on a transaction takes no more entries.
const BATCH_BYTES: usize = 512 * 1024;
/// How often a transaction is tried whose answer did not come.
const ATTEMPTS: u32 = 5;

/// What was imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Imported {
    /// Where it is from.
    pub header: Header,
    /// How many keys.
    pub entries: u64,
}

/// An archive of which every byte was looked at.
pub struct Verified {
    path: std::path::PathBuf,
    file: File,
    header: Header,
    entries: u64,
}

impl Verified {
    /// Looks at every byte of the archive `path`. Nothing is written before it is known to be whole, and of this cluster key.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn read(path: &Path, sealer: &Sealer) -> Result<Self, StateError> {
        let archive = |cause| StateError::Archive { path: path.to_owned(), cause };
        let entry =
            |key: &Key, problem: String| Err(StateError::Entry { path: path.to_owned(), key: key.clone(), problem });
        let file = File::open(path).map_err(|error| archive(error.into()))?;
        let mut reader = ArchiveReader::begin(BufReader::new(&file), sealer).map_err(archive)?;
        let (mut entries, mut has_cluster) = (0, false);
        while let Some((key, value)) = reader.entry().map_err(archive)? {
            entries += 1;
            let size = key.as_str().len() + value.len();
            if key.as_str().is_empty() || key.as_str().len() > MAX_KEY_BYTES || size > MAX_REQUEST_BYTES {
                return entry(&key, format!("it has {size} bytes, and at most {MAX_REQUEST_BYTES} are allowed"));
            }
            if is_reserved(&key) {
                return entry(&key, "it is the store's own".to_owned());
            }
            if key.as_str().starts_with(PREFIX)
                && let Err(error) = reeve_replica::decode(key.as_str(), &value)
            {
                return entry(&key, error.to_string());
            }
            if key == reeve_identity::canary_key() {
                reeve_identity::open_canary(sealer, &value)?;
                has_cluster = true;
            }
        }
        let header = *reader.header();
        if !has_cluster {
            return Err(archive(ArchiveError::Damaged("it holds no cluster".to_owned())));
        }
        Ok(Self { path: path.to_owned(), file, header, entries })
    }

    /// Writes it into `store`, which holds nothing, and which nobody else has open.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn import(mut self, store: &dyn Store, sealer: &Sealer) -> Result<Imported, StateError> {
        let archive = |cause| StateError::Archive { path: self.path.clone(), cause };
        self.file.rewind().map_err(|error| archive(error.into()))?;
        let mut reader = ArchiveReader::begin(BufReader::new(&self.file), sealer).map_err(archive)?;
        if *reader.header() != self.header {
            return Err(archive(ArchiveError::Damaged("it was exchanged while it was read".to_owned())));
        }
        let (mut batch, mut bytes) = (Txn::new(), 0);
        while let Some((key, value)) = reader.entry().map_err(archive)? {
            let size = key.as_str().len() + value.len();
            if batch.ops.len() == MAX_OPERATIONS || (!batch.ops.is_empty() && bytes + size > BATCH_BYTES) {
                write(store, std::mem::take(&mut batch)).await?;
                bytes = 0;
            }
            bytes += size;
            batch = batch.put(key, value);
        }
        write(store, batch).await?;
        Ok(Imported { header: self.header, entries: self.entries })
    }
}

/// Writes one batch; again, when no answer came, for written twice it is the same.
async fn write(store: &dyn Store, batch: Txn) -> Result<(), StateError> {
    let mut attempt = 1;
    loop {
        match store.commit(batch.clone()).await {
            Ok(_) => return Ok(()),
            Err(CommitError::Store(StoreError::Unavailable(cause))) if attempt < ATTEMPTS => {
                tracing::warn!(cause, attempt, "the store did not answer: trying again");
                attempt += 1;
            }
            Err(CommitError::Store(error)) => return Err(error.into()),
            Err(CommitError::Conflict) => {
                return Err(StoreError::Corrupt("a write without guards met a conflict".to_owned()).into());
            }
        }
    }
}
