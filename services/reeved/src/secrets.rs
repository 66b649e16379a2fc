//! The secrets that a server starts with: from files, from the environment, or made by `up` and kept 0600.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use reeve_credentials::SecretString;

/// Most bytes of a file that holds a secret.
const MAX_SECRET_FILE_BYTES: u64 = 64 * 1024;
/// Read and write for the owner alone.
const SECRET_FILE_MODE: u32 = 0o600;
/// Everything for the owner alone.
const SECRET_FOLDER_MODE: u32 = 0o700;

/// Why a secret cannot be read or kept.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The file cannot be used.
    #[error("{} cannot be {action}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// `read` or `written`.
        action: &'static str,
        /// Why not.
        source: io::Error,
    },
    /// The file holds nothing.
    #[error("{} is empty", .0.display())]
    Empty(PathBuf),
    /// The file is too large for a secret.
    #[error("{} is larger than {MAX_SECRET_FILE_BYTES} bytes", .0.display())]
    TooLarge(PathBuf),
    /// Others than its owner may read the file.
    #[error("{} may be read by others: run `chmod 600 {}`", .0.display(), .0.display())]
    Exposed(PathBuf),
}

/// The data folder, and the secrets that are kept there.
#[derive(Clone, Debug)]
pub struct Secrets {
    folder: PathBuf,
}

/// Where a secret came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A file or a variable that somebody named.
    Given,
    /// A file in the data folder that was there, or was just made.
    Kept,
}

impl Secrets {
    /// The secrets in `folder`, which is made, for its owner alone, if it is not there.
    ///
    /// # Errors
    /// The folder cannot be made.
    pub fn in_folder(folder: &Path) -> Result<Self, SecretError> {
        let made = fs::DirBuilder::new().recursive(true).mode(SECRET_FOLDER_MODE).create(folder);
        made.map_err(|source| SecretError::Io { path: folder.to_owned(), action: "made", source })?;
        Ok(Self { folder: folder.to_owned() })
    }

    /// The secrets in `folder`, which is not made.
    pub(crate) fn at(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// The path of the secret called `name`.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The secret from `file`, else from `variable`, else the one kept as `name`, else one that is made now and kept.
    pub(crate) fn take(
        &self,
        file: Option<&Path>,
        variable: &str,
        name: &str,
        make: impl FnOnce() -> SecretString,
    ) -> Result<(SecretString, Origin), SecretError> {
        if let Some(found) = self.find(file, variable, name)? {
            return Ok(found);
        }
        let made = make();
        keep(&self.path(name), &made)?;
        Ok((made, Origin::Kept))
    }

    /// The secret from `file`, else from `variable`, else the one kept as `name`.
    pub(crate) fn find(
        &self,
        file: Option<&Path>,
        variable: &str,
        name: &str,
    ) -> Result<Option<(SecretString, Origin)>, SecretError> {
        if let Some(given) = given(file, variable)? {
            return Ok(Some((given, Origin::Given)));
        }
        let path = self.path(name);
        if !path.exists() {
            return Ok(None);
        }
        if fs::metadata(&path).is_ok_and(|found| found.permissions().mode() & 0o077 != 0) {
            return Err(SecretError::Exposed(path));
        }
        Ok(Some((read(&path)?, Origin::Kept)))
    }
}

/// The secret from `file`, else from `variable`.
pub(crate) fn given(file: Option<&Path>, variable: &str) -> Result<Option<SecretString>, SecretError> {
    if let Some(file) = file {
        return read(file).map(Some);
    }
    let text = std::env::var(variable).ok().filter(|text| !text.is_empty());
    Ok(text.map(SecretString::from))
}

/// What a file holds, without the line end after it.
pub(crate) fn read(path: &Path) -> Result<SecretString, SecretError> {
    let io = |source| SecretError::Io { path: path.to_owned(), action: "read", source };
    if fs::metadata(path).map_err(io)?.len() > MAX_SECRET_FILE_BYTES {
        return Err(SecretError::TooLarge(path.to_owned()));
    }
    let text = SecretString::from(fs::read_to_string(path).map_err(io)?);
    match text.expose().trim_end_matches(['\r', '\n']) {
        "" => Err(SecretError::Empty(path.to_owned())),
        trimmed => Ok(SecretString::from(trimmed)),
    }
}

/// Writes a secret beside its place, durably, and moves it there: whatever happens, it is there whole or not at all.
fn keep(path: &Path, secret: &SecretString) -> Result<(), SecretError> {
    let aside = path.with_extension("new");
    let write = || {
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(SECRET_FILE_MODE).open(&aside)?;
        file.set_permissions(fs::Permissions::from_mode(SECRET_FILE_MODE))?;
        writeln!(file, "{}", secret.expose())?;
        file.sync_all()?;
        fs::rename(&aside, path)?;
        path.parent().map_or(Ok(()), |folder| fs::File::open(folder)?.sync_all())
    };
    write().map_err(|source| SecretError::Io { path: path.to_owned(), action: "written", source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_made_secret_is_kept_for_its_owner_alone_and_found_again() {
        let folder = tempfile::tempdir().unwrap();
        let secrets = Secrets::in_folder(&folder.path().join("data")).unwrap();
        let take = || secrets.take(None, "REEVE_TEST_UNSET", "key", || SecretString::from("made"));
        assert_eq!(take().unwrap().0.expose(), "made");
        let again = secrets.take(None, "REEVE_TEST_UNSET", "key", || SecretString::from("other")).unwrap();
        assert_eq!((again.0.expose(), again.1), ("made", Origin::Kept));
        assert_eq!(fs::metadata(secrets.path("key")).unwrap().permissions().mode() & 0o777, SECRET_FILE_MODE);
    }

    #[test]
    fn an_exposed_an_empty_and_a_missing_file_are_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let secrets = Secrets::in_folder(folder.path()).unwrap();
        let path = secrets.path("key");
        fs::write(&path, "x").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let kept = secrets.take(None, "REEVE_TEST_UNSET", "key", || SecretString::from("made"));
        assert!(matches!(kept, Err(SecretError::Exposed(at)) if at == path));
        fs::write(&path, "\n").unwrap();
        assert!(matches!(given(Some(&path), "REEVE_TEST_UNSET"), Err(SecretError::Empty(_))));
        assert!(matches!(given(Some(&secrets.path("none")), "REEVE_TEST_UNSET"), Err(SecretError::Io { .. })));
    }
}
