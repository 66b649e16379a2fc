//! The credentials file: private, locked while written, never half-written.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use thiserror::Error;

use crate::credentials::{Credentials, FORM};
use crate::surroundings::Environment;

/// The credentials file's name within its folder.
const FILE: &str = "credentials.json";
/// The mode of the folder.
const FOLDER_MODE: u32 = 0o700;
/// The mode of the file.
const FILE_MODE: u32 = 0o600;
/// A larger file is not one that this program wrote.
const FILE_BYTES_MAX: u64 = 4 << 20;
/// How long one command waits for another to finish writing.
const LOCK_WAIT: Duration = Duration::from_secs(5);
/// How often it looks whether the other has finished.
const LOCK_POLL: Duration = Duration::from_millis(20);

/// Why the credentials file cannot be used.
#[derive(Debug, Error)]
pub(crate) enum CacheError {
    /// There is nowhere to keep it.
    #[error("nowhere to keep credentials: neither `XDG_CONFIG_HOME` nor `HOME` is an absolute path")]
    NoHome,
    /// The operating system refused.
    #[error("cannot {action} `{path}`: {cause}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file or folder.
        path: PathBuf,
        /// What the operating system says.
        cause: io::Error,
    },
    /// Another command holds the lock.
    #[error("another `reeve` has been writing `{path}` for {waited} s", waited = LOCK_WAIT.as_secs())]
    Busy {
        /// The locked file.
        path: PathBuf,
    },
    /// A later version wrote it.
    #[error("`{path}` was written by a later version of reeve (form {form}; this one knows {known})", known = FORM)]
    Later {
        /// The credentials file.
        path: PathBuf,
        /// The form it says it has.
        form: u32,
    },
}

/// What loading found.
pub(crate) struct Loaded {
    /// The credentials; none, if there is no file.
    pub(crate) credentials: Credentials,
    /// Where a damaged file was set aside to.
    pub(crate) set_aside: Option<PathBuf>,
}

/// Where the credentials file lies.
pub(crate) struct Cache {
    folder: Option<PathBuf>,
}

enum Content {
    Read(Box<Credentials>),
    Damaged,
}

impl Cache {
    /// The cache of whoever has this environment: `${XDG_CONFIG_HOME:-~/.config}/reeve`.
    pub(crate) fn of(environment: &Environment) -> Self {
        let config = environment
            .absolute_path("XDG_CONFIG_HOME")
            .or_else(|| environment.absolute_path("HOME").map(|home| home.join(".config")));
        Self { folder: config.map(|config| config.join("reeve")) }
    }

    /// The credentials as they are now. A damaged file is set aside, and counts as none.
    pub(crate) async fn load(&self, now_seconds: i64) -> Result<Loaded, CacheError> {
        let Some(folder) = &self.folder else {
            return Ok(Loaded { credentials: Credentials::default(), set_aside: None });
        };
        match read(folder)? {
            Content::Read(credentials) => Ok(Loaded { credentials: *credentials, set_aside: None }),
            Content::Damaged => {
                let _lock = lock(folder).await?;
                read_or_set_aside(folder, now_seconds)
            }
        }
    }

    /// Changes the credentials as they are at that moment, and returns them as they are then.
    pub(crate) async fn update(
        &self,
        now_seconds: i64,
        change: impl FnOnce(&mut Credentials),
    ) -> Result<Loaded, CacheError> {
        let folder = self.folder.as_deref().ok_or(CacheError::NoHome)?;
        make_private_folder(folder)?;
        let _lock = lock(folder).await?;
        let mut loaded = read_or_set_aside(folder, now_seconds)?;
        change(&mut loaded.credentials);
        write(folder, &loaded.credentials)?;
        Ok(loaded)
    }
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> CacheError {
    move |cause| CacheError::Io { action, path: path.to_owned(), cause }
}

fn make_private_folder(folder: &Path) -> Result<(), CacheError> {
    DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(folder).map_err(failed("make", folder))?;
    let mode = fs::metadata(folder).map_err(failed("look at", folder))?.permissions().mode();
    if mode & 0o777 != FOLDER_MODE {
        fs::set_permissions(folder, Permissions::from_mode(FOLDER_MODE)).map_err(failed("make private", folder))?;
    }
    Ok(())
}

/// The lock is a file of its own, because the credentials file is replaced. It is freed when the handle is closed, also by a crash.
async fn lock(folder: &Path) -> Result<File, CacheError> {
    let path = folder.join("credentials.lock");
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(FILE_MODE)
        .open(&path)
        .map_err(failed("open", &path))?;
    let mut waited = Duration::ZERO;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(cause)) => return Err(failed("lock", &path)(cause)),
            Err(TryLockError::WouldBlock) if waited >= LOCK_WAIT => return Err(CacheError::Busy { path }),
            Err(TryLockError::WouldBlock) => {
                tokio::time::sleep(LOCK_POLL).await;
                waited += LOCK_POLL;
            }
        }
    }
}

fn read(folder: &Path) -> Result<Content, CacheError> {
    let path = folder.join(FILE);
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(missing) if missing.kind() == io::ErrorKind::NotFound => return Ok(Content::Read(Box::default())),
        Err(cause) => return Err(failed("open", &path)(cause)),
    };
    let mode = file.metadata().map_err(failed("look at", &path))?.permissions().mode();
    if mode & 0o077 != 0 {
        file.set_permissions(Permissions::from_mode(FILE_MODE)).map_err(failed("make private", &path))?;
    }
    let mut bytes = Vec::new();
    let read = file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(failed("read", &path))?;
    if u64::try_from(read).is_ok_and(|read| read > FILE_BYTES_MAX) {
        return Ok(Content::Damaged);
    }
    match serde_json::from_slice::<Credentials>(&bytes) {
        Ok(credentials) if credentials.form == FORM => Ok(Content::Read(Box::new(credentials))),
        Ok(credentials) if credentials.form > FORM => Err(CacheError::Later { path, form: credentials.form }),
        Ok(_) | Err(_) => match form_of(&bytes) {
            Some(form) if form > FORM => Err(CacheError::Later { path, form }),
            _ => Ok(Content::Damaged),
        },
    }
}

/// The form that a file says it has, though the rest of it may be unknown here.
fn form_of(bytes: &[u8]) -> Option<u32> {
    let value = serde_json::from_slice::<serde_json::Value>(bytes).ok()?;
    value.get("form")?.as_u64().and_then(|form| u32::try_from(form).ok())
}

/// Under the lock, so that a file that another command has just written anew is not taken for the damaged one.
fn read_or_set_aside(folder: &Path, now_seconds: i64) -> Result<Loaded, CacheError> {
    match read(folder)? {
        Content::Read(credentials) => Ok(Loaded { credentials: *credentials, set_aside: None }),
        Content::Damaged => {
            let aside = folder.join(format!("{FILE}.damaged-{now_seconds}"));
            let path = folder.join(FILE);
            fs::rename(&path, &aside).map_err(failed("set aside", &path))?;
            Ok(Loaded { credentials: Credentials::default(), set_aside: Some(aside) })
        }
    }
}

/// Written aside and renamed: a reader sees the old file or the new one. Called under the lock.
fn write(folder: &Path, credentials: &Credentials) -> Result<(), CacheError> {
    let (path, aside) = (folder.join(FILE), folder.join("credentials.json.new"));
    match fs::remove_file(&aside) {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => return Err(failed("remove", &aside)(cause)),
        _ => {}
    }
    let mut text =
        serde_json::to_vec_pretty(credentials).map_err(|refused| failed("encode", &path)(io::Error::other(refused)))?;
    text.push(b'\n');
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(FILE_MODE)
        .open(&aside)
        .map_err(failed("create", &aside))?;
    file.write_all(&text).and_then(|()| file.sync_all()).map_err(failed("write", &aside))?;
    fs::rename(&aside, &path).map_err(failed("replace", &path))?;
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed("sync", folder))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credentials::{Activation, Session};
    use crate::secret::Secret;

    const SERVER: &str = "http://127.0.0.1:7300";

    fn session() -> Session {
        Session {
            access_token: Secret::new("access"),
            access_token_expires: 100,
            refresh_token: Secret::new("refresh"),
            session_expires: 200,
        }
    }

    fn cache_in(home: &Path) -> (Cache, PathBuf) {
        let cache = Cache::of(&[("HOME", home)].into_iter().collect());
        (cache, home.join(".config/reeve"))
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[tokio::test]
    async fn the_file_is_private_in_a_private_folder() {
        let home = tempfile::tempdir().unwrap();
        let (cache, folder) = cache_in(home.path());
        fs::create_dir_all(&folder).unwrap();
        fs::set_permissions(&folder, Permissions::from_mode(0o755)).unwrap();
        cache.update(0, |all| all.sign_in(SERVER, "alice", session(), Activation::Active)).await.ok().unwrap();
        assert_eq!(mode(&folder), 0o700);
        assert_eq!(mode(&folder.join(FILE)), 0o600);
        let names = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect::<Vec<_>>();
        assert!(!names.iter().any(|name| name == "credentials.json.new"), "{names:?}");
    }

    #[tokio::test]
    async fn what_was_written_is_read_again() {
        let home = tempfile::tempdir().unwrap();
        let (cache, _) = cache_in(home.path());
        cache.update(0, |all| all.sign_in(SERVER, "alice", session(), Activation::Active)).await.ok().unwrap();
        let credentials = cache.load(0).await.ok().unwrap().credentials;
        assert_eq!(credentials.active(SERVER), Some("alice"));
        assert!(credentials.session(SERVER, "alice") == Some(&session()));
    }

    #[tokio::test]
    async fn a_file_that_others_could_read_is_made_private() {
        let home = tempfile::tempdir().unwrap();
        let (cache, folder) = cache_in(home.path());
        cache.update(0, |_| ()).await.ok().unwrap();
        fs::set_permissions(folder.join(FILE), Permissions::from_mode(0o644)).unwrap();
        cache.load(0).await.ok().unwrap();
        assert_eq!(mode(&folder.join(FILE)), 0o600);
    }

    #[tokio::test]
    async fn a_damaged_file_is_set_aside_and_counts_as_none() {
        let home = tempfile::tempdir().unwrap();
        let (cache, folder) = cache_in(home.path());
        for damaged in ["", "{", "[]", r#"{"form":1,"servers":{"x":7}}"#, r#"{"form":0}"#, "\u{0}"] {
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join(FILE), damaged).unwrap();
            let loaded = cache.load(1_700_000_000).await.ok().unwrap();
            let aside = loaded.set_aside.unwrap();
            assert_eq!(fs::read_to_string(&aside).unwrap(), damaged);
            assert!(!folder.join(FILE).exists());
            assert!(loaded.credentials.users(SERVER).is_empty());
        }
    }

    #[tokio::test]
    async fn a_file_of_a_later_version_is_left_alone() {
        let home = tempfile::tempdir().unwrap();
        let (cache, folder) = cache_in(home.path());
        fs::create_dir_all(&folder).unwrap();
        for later in [r#"{"form":2}"#, r#"{"form":2,"servers":[1]}"#] {
            fs::write(folder.join(FILE), later).unwrap();
            assert!(matches!(cache.load(0).await, Err(CacheError::Later { form: 2, .. })));
            assert!(matches!(cache.update(0, |_| ()).await, Err(CacheError::Later { form: 2, .. })));
            assert_eq!(fs::read_to_string(folder.join(FILE)).unwrap(), later);
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn writers_at_the_same_time_lose_nothing() {
        let home = tempfile::tempdir().unwrap();
        let writers = (0..16).map(|n| {
            let (cache, _) = cache_in(home.path());
            tokio::spawn(async move {
                let name = format!("user{n}");
                cache.update(0, |all| all.sign_in(SERVER, &name, session(), Activation::OnRequest)).await.is_ok()
            })
        });
        for writer in writers.collect::<Vec<_>>() {
            assert!(writer.await.unwrap());
        }
        assert_eq!(cache_in(home.path()).0.load(0).await.ok().unwrap().credentials.users(SERVER).len(), 16);
    }

    #[tokio::test(start_paused = true)]
    async fn a_lock_that_is_never_freed_is_an_error() {
        let home = tempfile::tempdir().unwrap();
        let (cache, folder) = cache_in(home.path());
        cache.update(0, |_| ()).await.ok().unwrap();
        let _held = lock(&folder).await.unwrap();
        assert!(matches!(cache.update(0, |_| ()).await, Err(CacheError::Busy { .. })));
    }

    #[tokio::test]
    async fn without_a_home_nothing_is_remembered_and_writing_says_so() {
        let cache = Cache::of(&Environment::default());
        assert!(cache.load(0).await.ok().unwrap().credentials.users(SERVER).is_empty());
        assert!(matches!(cache.update(0, |_| ()).await, Err(CacheError::NoHome)));
    }

    #[test]
    fn a_relative_xdg_config_home_is_ignored() {
        let environment = [("XDG_CONFIG_HOME", "relative"), ("HOME", "/home/alice")].into_iter().collect();
        assert_eq!(Cache::of(&environment).folder, Some(PathBuf::from("/home/alice/.config/reeve")));
    }
}
