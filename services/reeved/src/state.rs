//! What an operator does with all of the state at once: export it, import it, begin a new epoch.

mod archive;
mod export;
mod import;
mod place;
mod segments;

use std::path::PathBuf;

use reeve_identity::BootstrapError;
use reeve_store::{Key, StoreError};

pub use self::archive::{ArchiveError, Header};
pub use self::export::{Exported, export};
pub use self::import::{Imported, Verified};
pub use self::place::{Place, PlaceError};

/// Why the state was not exported or imported.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The archive cannot be used, or not be written.
    #[error("{}: {cause}", path.display())]
    Archive {
        /// Where it is.
        path: PathBuf,
        /// What is wrong with it.
        cause: ArchiveError,
    },
    /// Something is there already.
    #[error("{} exists: name another file, or remove it", .0.display())]
    Exists(PathBuf),
    /// There is nothing to export, or it cannot be opened with this cluster key.
    #[error(transparent)]
    Cluster(#[from] BootstrapError),
    /// The store cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The revision that was read was forgotten meanwhile.
    #[error(
        "the store forgot revision {0} while it was exported: let etcd keep more (`--auto-compaction-retention`), and try again"
    )]
    Forgotten(reeve_model::Revision),
    /// The archive holds what cannot be imported.
    #[error("{}: it holds `{key}`, which cannot be imported: {problem}", path.display())]
    Entry {
        /// Where the archive is.
        path: PathBuf,
        /// The key.
        key: Key,
        /// What is wrong.
        problem: String,
    },
}
