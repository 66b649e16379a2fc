//! Where the state is that a command is about: an embedded store or one in etcd, opened, or made for an import.

use std::path::PathBuf;
use std::sync::Arc;

use reeve_credentials::ClusterKey;
use reeve_model::{Clock, Entropy, StoreId};
use reeve_store::{
    Embedded, EmbeddedImport, EmbeddedOptions, Etcd, EtcdImport, OpenError, OpenEtcdError, Store, StoreError,
};

use crate::config::Config;
use crate::etcd::{EtcdSetupError, etcd_options};
use crate::keys::{CLUSTER_KEY_VARIABLE, ClusterKeys, KeysError};
use crate::secrets::Secrets;
use crate::up::CLUSTER_KEY;

/// Which store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// The one in a folder.
    Embedded(PathBuf),
    /// The one in the etcd of the configuration.
    Etcd,
}

/// Why a store cannot be opened or made.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    /// The embedded store does not open.
    #[error(transparent)]
    Embedded(#[from] OpenError),
    /// The one in etcd does not.
    #[error(transparent)]
    Etcd(#[from] OpenEtcdError),
    /// What etcd is reached with cannot be read.
    #[error(transparent)]
    Setup(#[from] EtcdSetupError),
    /// It was written, and could not be finished.
    #[error("the import could not be finished: {0}")]
    Finish(#[from] StoreError),
}

/// A store that is open.
pub enum OpenPlace {
    /// In a folder.
    Embedded(Embedded),
    /// In etcd.
    Etcd(Etcd),
}

/// A store that was made for an import, and that nobody else can open.
pub enum NewPlace {
    /// In a folder.
    Embedded(EmbeddedImport),
    /// In etcd.
    Etcd(EtcdImport),
}

impl Place {
    /// The cluster keys: those that are given; for a folder without any, the one that `up` keeps there.
    ///
    /// # Errors
    /// [`KeysError`].
    pub fn keys(&self, config: &Config) -> Result<ClusterKeys, KeysError> {
        let Self::Embedded(folder) = self else { return ClusterKeys::given(config) };
        let found = Secrets::at(folder).find(config.cluster_key_file.as_deref(), CLUSTER_KEY_VARIABLE, CLUSTER_KEY)?;
        let (key, _) = found.ok_or(KeysError::Missing)?;
        ClusterKeys::with_older(ClusterKey::parse(key.expose())?, config)
    }

    /// Opens what is there.
    ///
    /// # Errors
    /// [`PlaceError`]; there is none.
    pub async fn open(
        &self,
        config: &Config,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Result<OpenPlace, PlaceError> {
        Ok(match self {
            Self::Embedded(folder) => {
                let options = EmbeddedOptions { create: false, ..EmbeddedOptions::default() };
                OpenPlace::Embedded(Embedded::open(folder, clock, entropy, options)?)
            }
            Self::Etcd => OpenPlace::Etcd(Etcd::open(etcd_options(&config.etcd)?, clock, entropy).await?),
        })
    }

    /// Makes a store where none is.
    ///
    /// # Errors
    /// [`PlaceError`]; there is one.
    pub async fn make(
        &self,
        config: &Config,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Result<NewPlace, PlaceError> {
        Ok(match self {
            Self::Embedded(folder) => {
                NewPlace::Embedded(Embedded::import(folder, clock, entropy, EmbeddedOptions::default())?)
            }
            Self::Etcd => NewPlace::Etcd(Etcd::import(etcd_options(&config.etcd)?, clock, entropy).await?),
        })
    }

    /// Puts what is there under a new epoch.
    ///
    /// # Errors
    /// [`PlaceError`]; there is none.
    pub async fn new_epoch(&self, config: &Config, entropy: Arc<dyn Entropy>) -> Result<StoreId, PlaceError> {
        Ok(match self {
            Self::Embedded(folder) => Embedded::new_epoch(folder)?,
            Self::Etcd => Etcd::new_epoch(etcd_options(&config.etcd)?, entropy).await?,
        })
    }
}

impl OpenPlace {
    /// The store, whatever its kind.
    pub fn store(&self) -> &dyn Store {
        match self {
            Self::Embedded(store) => store,
            Self::Etcd(store) => store,
        }
    }
}

impl NewPlace {
    /// Where to write what is imported.
    pub fn store(&self) -> &dyn Store {
        match self {
            Self::Embedded(import) => import.store(),
            Self::Etcd(import) => import.store(),
        }
    }

    /// Lets the store be opened.
    ///
    /// # Errors
    /// [`PlaceError`].
    pub async fn finish(self) -> Result<(), PlaceError> {
        match self {
            Self::Embedded(import) => drop(import.finish()?),
            Self::Etcd(import) => drop(import.finish().await?),
        }
        Ok(())
    }
}
