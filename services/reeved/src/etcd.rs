//! From the section `etcd` to what the store is opened with: files are read, the password is found.

use std::path::{Path, PathBuf};

use reeve_store::{EtcdClientCertificate, EtcdCredentials, EtcdOptions, EtcdTls};

use crate::config::EtcdConfig;
use crate::secrets::{SecretError, given};

/// Names the password in the environment.
const PASSWORD_VARIABLE: &str = "REEVE_ETCD_PASSWORD";

/// Why etcd cannot be asked.
#[derive(Debug, thiserror::Error)]
pub enum EtcdSetupError {
    /// The password cannot be read.
    #[error("the password of etcd's user cannot be used: {0}")]
    Password(#[from] SecretError),
    /// There is a user, and no password.
    #[error("`etcd.username` has no password: set `etcd.password_file`, or `REEVE_ETCD_PASSWORD`")]
    NoPassword,
    /// A file of `etcd.tls` cannot be read.
    #[error("{} cannot be read: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
}

/// How the configured etcd is reached. It makes no store.
pub(crate) fn etcd_options(config: &EtcdConfig) -> Result<EtcdOptions, EtcdSetupError> {
    let mut options = EtcdOptions::new(config.endpoints.clone(), config.prefix.clone());
    options.idle_tick = config.idle_tick.get();
    if let Some(ca_file) = &config.tls.ca_file {
        let client = match (&config.tls.cert_file, &config.tls.key_file) {
            (Some(cert), Some(key)) => {
                Some(EtcdClientCertificate { certificate_pem: read(cert)?, key_pem: read(key)? })
            }
            _ => None,
        };
        options.tls = Some(EtcdTls { ca_pem: read(ca_file)?, client });
    }
    if let Some(username) = &config.username {
        let password = given(config.password_file.as_deref(), PASSWORD_VARIABLE)?.ok_or(EtcdSetupError::NoPassword)?;
        let password = password.expose().to_owned();
        options.credentials = Some(EtcdCredentials { username: username.clone(), password });
    }
    Ok(options)
}

fn read(path: &Path) -> Result<Vec<u8>, EtcdSetupError> {
    std::fs::read(path).map_err(|source| EtcdSetupError::File { path: path.to_owned(), source })
}
