//! `reeved state export`: everything that the store holds, at one revision, in one sealed file.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use reeve_credentials::Sealer;
use reeve_model::{Clock, Entropy, Revision};
use reeve_store::{Key, Page, Store, StoreError};

use super::archive::ArchiveWriter;
use super::{ArchiveError, Header, StateError};

/// Most entries that are asked of the store at a time.
const PAGE: usize = 1000;
/// Read and write for the owner alone.
const ARCHIVE_MODE: u32 = 0o600;

/// What was exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exported {
    /// Where it is from.
    pub header: Header,
    /// How many keys.
    pub entries: u64,
}

/// Writes all of `store` at one revision to the new file `out`, sealed with the cluster key; or nothing at all. What is
/// written to the store meanwhile goes on, and is not in it.
///
/// Keys that hang on leases are written like all others: what Reeve keeps hangs on none.
///
/// # Errors
/// [`StateError`].
pub async fn export(
    store: &dyn Store,
    sealer: &Sealer,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
    out: &Path,
) -> Result<Exported, StateError> {
    if out.symlink_metadata().is_ok() {
        return Err(StateError::Exists(out.to_owned()));
    }
    reeve_identity::check_cluster_key(store, sealer).await?;
    let unfinished = Unfinished::beside(out);
    let page = page_of(store, None, None).await?;
    let header = Header { store: store.id(), revision: page.revision, time: clock.now() };
    let (entries, file) = unfinished.fill(store, header, page, sealer, entropy).await?;
    unfinished.keep(&file, out)?;
    Ok(Exported { header, entries })
}

async fn page_of(store: &dyn Store, after: Option<&Key>, at: Option<Revision>) -> Result<Page, StateError> {
    store.list("", after, PAGE, at).await.map_err(|error| match error {
        StoreError::Compacted { asked, .. } => StateError::Forgotten(asked),
        error => error.into(),
    })
}

/// The archive while it is written, beside its place; removed when it is dropped.
struct Unfinished {
    path: PathBuf,
}

impl Unfinished {
    fn beside(out: &Path) -> Self {
        let mut name = out.file_name().unwrap_or_default().to_owned();
        name.push(".unfinished");
        Self { path: out.with_file_name(name) }
    }

    async fn fill(
        &self,
        store: &dyn Store,
        header: Header,
        mut page: Page,
        sealer: &Sealer,
        entropy: &dyn Entropy,
    ) -> Result<(u64, File), StateError> {
        let failed = |cause| StateError::Archive { path: self.path.clone(), cause };
        let out = BufWriter::new(self.create().map_err(|error| failed(error.into()))?);
        let mut archive = ArchiveWriter::begin(out, &header, sealer, entropy).map_err(failed)?;
        loop {
            let last = page.items.last().map(|item| item.key.clone());
            for item in page.items {
                archive.entry(&item.key, item.value).map_err(failed)?;
            }
            if !page.more {
                break;
            }
            page = page_of(store, last.as_ref(), Some(header.revision)).await?;
        }
        let (entries, mut out) = archive.end().map_err(failed)?;
        out.flush().map_err(|error| failed(error.into()))?;
        let file = out.into_inner().map_err(|error| failed(error.into_error().into()))?;
        Ok((entries, file))
    }

    /// A new file: what an export that was broken off has left, or somebody else has put there, is neither followed nor filled.
    fn create(&self) -> io::Result<File> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        OpenOptions::new().write(true).create_new(true).mode(ARCHIVE_MODE).open(&self.path)
    }

    /// Moves it to its place, durably.
    fn keep(&self, file: &File, out: &Path) -> Result<(), StateError> {
        let moved = file.sync_all().and_then(|()| fs::rename(&self.path, out)).and_then(|()| {
            let folder = out.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
            File::open(folder)?.sync_all()
        });
        moved.map_err(|error| StateError::Archive { path: out.to_owned(), cause: ArchiveError::Io(error) })
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // it is gone where it was moved to its place
        let _ = fs::remove_file(&self.path);
    }
}
