//! Where the servers' folders lie: in memory where there is room, for what etcd waits for is the disk.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;

/// Memory, as a folder.
const MEMORY: &str = "/dev/shm";

/// Room there that must be free, in bytes, before it is used: etcd lays out 128 MB a node at start.
const ROOM: u64 = 2 << 30;

/// How the folders' names begin.
const PREFIX: &str = "reeve-etcd-";

/// The file in each folder that its test holds locked.
const LOCK: &str = "lock";

/// How old a folder without a lock is at least when nobody is about to lock it any more.
const SETTLED: Duration = Duration::from_secs(10);

/// A folder that goes when it is dropped; and if it never is, when the next one is made.
pub(crate) struct Home {
    folder: TempDir,
    _lock: File,
}

impl Home {
    /// Makes one, and removes those that killed tests left behind.
    pub(crate) fn make() -> Self {
        let base = base();
        sweep(&base);
        let folder = tempfile::Builder::new().prefix(PREFIX).tempdir_in(base).expect("a folder can be made");
        let lock = File::create(folder.path().join(LOCK)).expect("a file can be made");
        lock.lock().expect("a file of one's own can be locked");
        Self { folder, _lock: lock }
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }
}

fn base() -> PathBuf {
    let memory = Path::new(MEMORY);
    let room = rustix::fs::statvfs(memory).map_or(0, |found| found.f_bavail.saturating_mul(found.f_frsize));
    if room >= ROOM { memory.to_path_buf() } else { std::env::temp_dir() }
}

fn sweep(base: &Path) {
    let Ok(entries) = fs::read_dir(base) else { return };
    let ours = entries.flatten().filter(|entry| entry.file_name().to_string_lossy().starts_with(PREFIX));
    for folder in ours.map(|entry| entry.path()).filter(|folder| is_left_behind(folder)) {
        // another test may be removing it as well
        let _gone = fs::remove_dir_all(folder);
    }
}

fn is_left_behind(folder: &Path) -> bool {
    let age = folder.metadata().and_then(|found| found.modified()).map(|made| made.elapsed().unwrap_or_default());
    if age.is_err() || age.is_ok_and(|age| age < SETTLED) {
        return false;
    }
    match File::open(folder.join(LOCK)) {
        Ok(lock) => !matches!(lock.try_lock(), Err(TryLockError::WouldBlock)),
        Err(_) => true,
    }
}
