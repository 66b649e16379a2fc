//! The file on disk: who may open it, how it comes into being, and whether it is one of ours.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use redb::{Builder, Database, DatabaseError, ReadableDatabase, TableHandle};
use reeve_model::{Clock, Entropy, StoreId, new_uuid};
use uuid::Uuid;

use super::tables::{
    COMMITS, CURRENT, EPOCH_KEY, LEASE_KEYS, LEASES, LOG, META, OLDEST_KEY, REVISION_KEY, SCHEMA, SCHEMA_KEY, UNDO,
    UUID_KEY,
};

/// The one file of the store.
const FILE: &str = "store.redb";
/// The file while it is being made; it takes its name when it is whole.
const UNFINISHED: &str = "store.redb.new";

/// The file while it is being imported; it takes its name when it is whole.
const IMPORTED: &str = "store.redb.import";

/// Why a store did not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Somebody has it open, in this process or another.
    #[error("`{}` is already open: one process at a time may use it, stop the other one or give this one its own folder", path.display())]
    AlreadyOpen {
        /// The folder.
        path: PathBuf,
    },
    /// The folder or the file cannot be made, read or written.
    #[error("`{}` cannot be used: {source}", path.display())]
    Unusable {
        /// What was tried.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The file is not a whole store.
    #[error("`{}` is corrupt, or no store: {detail}; restore it from an export", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        detail: String,
    },
    /// There is none, and none was to be made.
    #[error("there is no store in `{}`", path.display())]
    NoStore {
        /// The folder.
        path: PathBuf,
    },
    /// A store was to be made for an import, and there is one.
    #[error("there is a store in `{}` already: import into a folder without one", path.display())]
    StoreExists {
        /// The folder.
        path: PathBuf,
    },
    /// An import was begun and is not finished.
    #[error("an import into this folder was broken off: import again, or remove `{}`", path.display())]
    Unfinished {
        /// What is left of it.
        path: PathBuf,
    },
    /// A newer Reeve wrote the file.
    #[error("`{}` has schema {found}, this version reads up to {supported}: run the newer version", path.display())]
    NewerSchema {
        /// The file.
        path: PathBuf,
        /// What the file has.
        found: u128,
        /// What this version knows.
        supported: u128,
    },
}

/// An open file, and the lock on its folder.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) database: std::sync::Arc<Database>,
    /// Let go after the database: fields are dropped in this order.
    #[expect(dead_code, reason = "held, not read: dropping it lets the folder go")]
    pub(super) lock: Option<File>,
}

/// Opens the store in `dir`; makes a new one there, if `make` says so. After an unclean end the file is repaired first.
pub(super) fn open(
    dir: &Path,
    make: bool,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
    cache_bytes: usize,
) -> Result<(Opened, StoreId), OpenError> {
    if !make && !is_there(&dir.join(FILE))? {
        return Err(OpenError::NoStore { path: dir.to_owned() });
    }
    let lock = lock_folder(dir)?;
    let path = dir.join(FILE);
    if !is_there(&path)? {
        let imported = dir.join(IMPORTED);
        if is_there(&imported)? {
            return Err(OpenError::Unfinished { path: imported });
        }
        create(&dir.join(UNFINISHED), clock, entropy, cache_bytes)?;
        name(dir, UNFINISHED)?;
    }
    opened(&path, lock, cache_bytes)
}

/// Makes a store in `dir` that nobody opens before [`finish`].
pub(super) fn import(
    dir: &Path,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
    cache_bytes: usize,
) -> Result<(Opened, StoreId), OpenError> {
    let lock = lock_folder(dir)?;
    if is_there(&dir.join(FILE))? {
        return Err(OpenError::StoreExists { path: dir.to_owned() });
    }
    // what is left of an import that was broken off is written over
    let path = dir.join(IMPORTED);
    create(&path, clock, entropy, cache_bytes)?;
    opened(&path, lock, cache_bytes)
}

/// Lets the store be opened that was made for an import.
pub(super) fn finish(dir: &Path) -> Result<(), OpenError> {
    name(dir, IMPORTED)
}

fn opened(path: &Path, lock: File, cache_bytes: usize) -> Result<(Opened, StoreId), OpenError> {
    let mut builder = Builder::new();
    builder.set_cache_size(cache_bytes);
    let database = builder.open(path).map_err(|error| database_error(path, error))?;
    let store = identify(&database, path)?;
    Ok((Opened { database: std::sync::Arc::new(database), lock: Some(lock) }, store))
}

fn is_there(path: &Path) -> Result<bool, OpenError> {
    path.try_exists().map_err(|source| OpenError::Unusable { path: path.to_owned(), source })
}

/// Counts the epoch of the store in `dir` up.
pub(super) fn new_epoch(dir: &Path) -> Result<StoreId, OpenError> {
    let path = dir.join(FILE);
    // Opening a store makes one where none is; here that would hide a wrong folder.
    if !is_there(&path)? {
        return Err(OpenError::NoStore { path: dir.to_owned() });
    }
    let _lock = lock_folder(dir)?;
    let database = Builder::new().open(&path).map_err(|error| database_error(&path, error))?;
    let old = identify(&database, &path)?;
    let epoch = old.epoch.checked_add(1).ok_or_else(|| OpenError::Corrupt {
        path: path.clone(),
        detail: "there is no epoch after its last".to_owned(),
    })?;
    let write = || -> Result<(), redb::Error> {
        let write = database.begin_write()?;
        write.open_table(META)?.insert(EPOCH_KEY, u128::from(epoch))?;
        Ok(write.commit()?)
    };
    write().map_err(|error| storage_error(&path, error))?;
    Ok(StoreId { epoch, ..old })
}

/// Takes the lock on the folder, which lasts as long as the returned handle.
fn lock_folder(dir: &Path) -> Result<File, OpenError> {
    let unusable = |source| OpenError::Unusable { path: dir.to_owned(), source };
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir).map_err(unusable)?;
    let folder = File::open(dir).map_err(unusable)?;
    match folder.try_lock() {
        Ok(()) => Ok(folder),
        Err(TryLockError::WouldBlock) => Err(OpenError::AlreadyOpen { path: dir.to_owned() }),
        Err(TryLockError::Error(source)) => Err(unusable(source)),
    }
}

/// Makes the file of a new store, not under its own name: there it is whole or not at all.
fn create(path: &Path, clock: &dyn Clock, entropy: &dyn Entropy, cache_bytes: usize) -> Result<(), OpenError> {
    let unusable = |source| OpenError::Unusable { path: path.to_owned(), source };
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path).map_err(unusable)?;
    let mut builder = Builder::new();
    builder.set_cache_size(cache_bytes);
    let database = builder.create_file(file).map_err(|error| database_error(path, error))?;
    initialize(&database, clock, entropy).map_err(|error| storage_error(path, error))
}

/// Gives a whole file its own name, durably.
fn name(dir: &Path, from: &str) -> Result<(), OpenError> {
    let path = dir.join(from);
    let named = std::fs::rename(&path, dir.join(FILE)).and_then(|()| File::open(dir)?.sync_all());
    named.map_err(|source| OpenError::Unusable { path, source })
}

/// Writes the tables of a new store.
pub(super) fn initialize(database: &Database, clock: &dyn Clock, entropy: &dyn Entropy) -> Result<(), redb::Error> {
    let write = database.begin_write()?;
    {
        let mut meta = write.open_table(META)?;
        meta.insert(SCHEMA_KEY, SCHEMA)?;
        meta.insert(UUID_KEY, new_uuid(clock.now(), entropy).as_u128())?;
        for name in [EPOCH_KEY, REVISION_KEY, OLDEST_KEY] {
            meta.insert(name, 0)?;
        }
        write.open_table(CURRENT)?;
        write.open_table(LOG)?;
        write.open_table(UNDO)?;
        write.open_table(COMMITS)?;
        write.open_table(LEASES)?;
        write.open_table(LEASE_KEYS)?;
    }
    write.commit()?;
    Ok(())
}

/// Which store the file holds.
pub(super) fn identify(database: &Database, path: &Path) -> Result<StoreId, OpenError> {
    let corrupt = |detail: &str| OpenError::Corrupt { path: path.to_owned(), detail: detail.to_owned() };
    let read = database.begin_read().map_err(|error| storage_error(path, error.into()))?;
    let tables: Vec<_> = read.list_tables().map_err(|error| storage_error(path, error.into()))?.collect();
    if !tables.iter().any(|table| table.name() == META.name()) {
        return Err(corrupt("it was written by another program"));
    }
    let meta = read.open_table(META).map_err(|error| storage_error(path, error.into()))?;
    let number = |name: &str| {
        let found = meta.get(name).map_err(|error| storage_error(path, error.into()))?;
        found.map(|number| number.value()).ok_or_else(|| corrupt(&format!("`{name}` is missing")))
    };
    let found = number(SCHEMA_KEY)?;
    if found > SCHEMA {
        return Err(OpenError::NewerSchema { path: path.to_owned(), found, supported: SCHEMA });
    }
    let uuid = Uuid::from_u128(number(UUID_KEY)?);
    let epoch = u32::try_from(number(EPOCH_KEY)?).map_err(|_| corrupt("its epoch is out of range"))?;
    Ok(StoreId { uuid, epoch })
}

fn database_error(path: &Path, error: DatabaseError) -> OpenError {
    match error {
        DatabaseError::DatabaseAlreadyOpen => OpenError::AlreadyOpen { path: path.to_owned() },
        DatabaseError::Storage(error) => storage_error(path, error.into()),
        other => OpenError::Corrupt { path: path.to_owned(), detail: other.to_string() },
    }
}

/// What a failed request of the database's is to who opens it.
pub(super) fn storage_error(path: &Path, error: redb::Error) -> OpenError {
    /// What a file that is too short, or starts with something else, is reported as.
    const NO_DATABASE: [io::ErrorKind; 2] = [io::ErrorKind::InvalidData, io::ErrorKind::UnexpectedEof];
    match error {
        redb::Error::Io(source) if !NO_DATABASE.contains(&source.kind()) => {
            OpenError::Unusable { path: path.to_owned(), source }
        }
        other => OpenError::Corrupt { path: path.to_owned(), detail: other.to_string() },
    }
}
