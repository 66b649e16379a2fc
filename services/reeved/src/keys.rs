//! The cluster keys of a process: the first seals, all open.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use reeve_credentials::{ClusterKey, ClusterKeyError, Sealer, ServiceTokens};

use crate::config::Config;
use crate::secrets::{SecretError, given, read};

/// Names the cluster key in the environment.
pub(crate) const CLUSTER_KEY_VARIABLE: &str = "REEVE_CLUSTER_KEY";

/// Why there is no cluster key to work with.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// It cannot be read.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// It is none.
    #[error("the cluster key cannot be used: {0}")]
    Unusable(#[from] ClusterKeyError),
    /// An older one is none.
    #[error("the cluster key in {} cannot be used: {cause}", path.display())]
    UnusableFile {
        /// Where it stands.
        path: PathBuf,
        /// What is wrong with it.
        cause: ClusterKeyError,
    },
    /// The cluster is there and its key is not.
    #[error("{} is missing: put this cluster's key back there, or name it by `cluster_key_file` or `REEVE_CLUSTER_KEY`", .0.display())]
    Lost(PathBuf),
    /// Nobody gave one.
    #[error(
        "there is no cluster key: make one with `reeved keys generate`, and give the same to every service, by \
         `cluster_key_file` or `REEVE_CLUSTER_KEY`"
    )]
    Missing,
}

/// The cluster key, and those of before.
pub struct ClusterKeys {
    current: ClusterKey,
    older: Vec<ClusterKey>,
}

impl ClusterKeys {
    /// `current`, and the older ones that the configuration names.
    pub(crate) fn with_older(current: ClusterKey, config: &Config) -> Result<Self, KeysError> {
        let older = config.older_cluster_key_files.iter().map(|path| key_in(path)).collect::<Result<_, _>>()?;
        Ok(Self { current, older })
    }

    /// Those that the configuration or the environment names. None is made: every service of a cluster has the same.
    ///
    /// # Errors
    /// [`KeysError`].
    pub fn given(config: &Config) -> Result<Self, KeysError> {
        let key = given(config.cluster_key_file.as_deref(), CLUSTER_KEY_VARIABLE)?.ok_or(KeysError::Missing)?;
        Self::with_older(ClusterKey::parse(key.expose())?, config)
    }

    /// Seals with the first, opens with all.
    pub fn sealer(&self) -> Arc<Sealer> {
        Arc::new(Sealer::new(self.current.clone(), self.older.clone()))
    }

    /// What services show each other.
    pub(crate) fn service_tokens(&self) -> Arc<ServiceTokens> {
        Arc::new(ServiceTokens::new(self.current.clone(), self.older.clone()))
    }
}

fn key_in(path: &Path) -> Result<ClusterKey, KeysError> {
    let text = read(path)?;
    ClusterKey::parse(text.expose()).map_err(|cause| KeysError::UnusableFile { path: path.to_owned(), cause })
}
