//! From nothing to services over a loaded store: whatever may come by itself is waited for.

use std::sync::Arc;

use reeve_chassis::Owner;
use reeve_identity::{Bootstrap, BootstrapError, Bootstrapping};
use reeve_store::{Etcd, OpenEtcdError, Store, StoreError};

use tokio_util::sync::CancellationToken;

use super::guard::guard;
use super::patience::Patience;
use super::{Service, ServiceError};
use crate::assembly::{Assembled, Assembly};
use crate::secrets::given;

/// A service that can answer.
pub(super) struct Begun {
    pub(super) assembled: Assembled,
    pub(super) store: Arc<Etcd>,
}

impl Service {
    /// Waits for etcd and for the cluster; loads it, and starts the owner over it.
    pub(super) async fn begin(&self, over: &CancellationToken) -> Result<Begun, ServiceError> {
        let mut patience = Patience::new(&self.readiness, self.entropy.as_ref());
        let store = self.open(&mut patience).await?;
        self.join(store.as_ref(), &mut patience).await?;
        let owners = [self.owner];
        loop {
            let assembly = Assembly {
                config: &self.config,
                store: store.clone(),
                store_kind: "etcd",
                keys: &self.keys,
                clock: self.clock.clone(),
                entropy: self.entropy.clone(),
                others: self.others(),
                over,
            };
            let started = tokio::select! {
                started = assembly.start(&owners, self.readiness.clone()) => started,
                // what is loaded may never be ready, and another store never is
                Some(why) = guard(&store, &self.readiness, over) => return Err(ServiceError::Replaced(why)),
            };
            match started {
                Ok(assembled) => return Ok(Begun { assembled, store }),
                Err(error) if error.may_pass() => patience.wait(error.to_string()).await,
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// The store in etcd. Identity makes it, when it has what a first start needs.
    async fn open(&self, patience: &mut Patience<'_>) -> Result<Arc<Etcd>, ServiceError> {
        let mut options = self.etcd.clone();
        loop {
            let error = match Etcd::open(options.clone(), self.clock.clone(), self.entropy.clone()).await {
                Ok(etcd) => {
                    if let Some(warning) = etcd.version_warning() {
                        tracing::warn!("{warning}");
                        self.readiness.note(warning);
                    }
                    return Ok(Arc::new(etcd));
                }
                Err(error) => error,
            };
            match error {
                OpenEtcdError::NoStore { .. } if self.owner == Owner::Identity && !options.create => {
                    // what is refused is refused before anything is written
                    self.first()?.check(&self.config.identity)?;
                    options.create = true;
                }
                OpenEtcdError::NoStore { .. } => patience.wait(self.no_cluster()).await,
                error if error.may_pass() => patience.wait(error.to_string()).await,
                error => return Err(error.into()),
            }
        }
    }

    /// Waits for the cluster in the store, whose key must be ours. Identity makes it.
    async fn join(&self, store: &dyn Store, patience: &mut Patience<'_>) -> Result<(), ServiceError> {
        let sealer = self.keys.sealer();
        loop {
            let joined = match reeve_identity::check_cluster_key(store, &sealer).await {
                Err(BootstrapError::NotBootstrapped) if self.owner == Owner::Identity => {
                    let of = Bootstrapping {
                        store,
                        sealer: &sealer,
                        clock: self.clock.as_ref(),
                        entropy: self.entropy.as_ref(),
                        config: &self.config.identity,
                    };
                    reeve_identity::bootstrap(of, Some(self.first()?)).await.map(drop)
                }
                checked => checked,
            };
            match joined {
                Ok(()) => return Ok(()),
                Err(BootstrapError::NotBootstrapped) => patience.wait(self.no_cluster()).await,
                Err(BootstrapError::Store(StoreError::Unavailable(why))) => patience.wait(why).await,
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn no_cluster(&self) -> String {
        format!("for identity to make the cluster under `{}`: is `etcd.prefix` right?", self.etcd.prefix)
    }

    /// What a first start is given.
    fn first(&self) -> Result<Bootstrap, ServiceError> {
        let own = &self.config.bootstrap;
        let password = given(own.initial_password_file.as_deref(), "REEVE_INITIAL_PASSWORD")?;
        let root_token = given(own.root_token_file.as_deref(), "REEVE_ROOT_TOKEN")?;
        match (password, root_token) {
            (Some(initial_password), Some(root_token)) => Ok(Bootstrap { initial_password, root_token }),
            (password, root_token) => {
                let lacks = [
                    (
                        password.is_none(),
                        "a password for `admin`: set `REEVE_INITIAL_PASSWORD` or `bootstrap.initial_password_file`",
                    ),
                    (
                        root_token.is_none(),
                        "a root token: make one with `reeved keys root-token`, and set `REEVE_ROOT_TOKEN` or \
                         `bootstrap.root_token_file`",
                    ),
                ];
                Err(ServiceError::FirstStart(lacks.into_iter().filter(|lack| lack.0).map(|lack| lack.1).collect()))
            }
        }
    }
}
