//! What an operator does with the file as a whole: make one for an import, put one under a new epoch.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use reeve_model::{Clock, Entropy};

use super::{Embedded, EmbeddedOptions, OpenError, file};

impl Embedded {
    /// Makes a store in the folder `dir`, where none is, for an import to write. Nobody opens it before it is finished.
    ///
    /// # Errors
    /// As for [`Embedded::open`]; `StoreExists`, when there is one.
    pub fn import(
        dir: &Path,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        options: EmbeddedOptions,
    ) -> Result<EmbeddedImport, OpenError> {
        let (opened, id) = file::import(dir, &*clock, &*entropy, options.cache_bytes)?;
        let embedded = Self::start(opened, id, clock, entropy, &options);
        Ok(EmbeddedImport { embedded: embedded.map_err(|error| file::storage_error(dir, error))?, dir: dir.to_owned() })
    }
}

/// A store that is being imported, which nobody else can open.
#[derive(Debug)]
pub struct EmbeddedImport {
    embedded: Embedded,
    dir: PathBuf,
}

impl EmbeddedImport {
    /// Where to write what is imported.
    pub fn store(&self) -> &Embedded {
        &self.embedded
    }

    /// Lets the store be opened, durably. Blocks for as long as the disk takes.
    ///
    /// # Errors
    /// The folder cannot be used.
    pub fn finish(self) -> Result<Embedded, OpenError> {
        file::finish(&self.dir)?;
        Ok(self.embedded)
    }
}
