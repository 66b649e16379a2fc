//! The running service: what its parts share, and the tasks beside it.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use reeve_answers::Reader;
use reeve_chassis::Failure;
use reeve_credentials::{HashParamsError, Hasher, PasswordPolicy, Sealer};
use reeve_model::{Clock, Entropy};
use reeve_owner::{Neighbours, Reconcile, WorkspacesConfig, Writer};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::bootstrap::{BootstrapError, check_cluster_key};
use crate::config::IdentityConfig;
use crate::hashing::HashPool;
use crate::signing::Signing;
use crate::sweep::Sweep;

/// How often signing keys are looked after, and what is spent is swept.
const MAINTENANCE_INTERVAL: Duration = Duration::from_mins(1);

/// What identity is made of.
pub struct Deps {
    /// Writes to the store.
    pub writer: Writer,
    /// Reads the replica that follows it.
    pub reader: Reader,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// Seals and opens what is secret.
    pub sealer: Arc<Sealer>,
    /// The other owners.
    pub neighbours: Neighbours,
    /// The configuration, which has been validated.
    pub config: IdentityConfig,
    /// Whether workspaces have groups.
    pub workspaces: WorkspacesConfig,
    /// `embedded` or `etcd`.
    pub store_kind: &'static str,
    /// The version of the server.
    pub version: &'static str,
}

/// What every call shares.
pub(crate) struct Shared {
    pub(crate) writer: Writer,
    pub(crate) reader: Reader,
    pub(crate) clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    pub(crate) sealer: Arc<Sealer>,
    pub(crate) neighbours: Neighbours,
    pub(crate) config: IdentityConfig,
    pub(crate) workspaces: WorkspacesConfig,
    pub(crate) passwords: PasswordPolicy,
    pub(crate) hashing: HashPool,
    pub(crate) signing: Signing,
    sweep: Mutex<Sweep>,
    pub(crate) store_kind: &'static str,
    pub(crate) version: &'static str,
}

impl Shared {
    pub(crate) fn entropy(&self) -> &dyn Entropy {
        self.entropy.as_ref()
    }
}

/// Why identity does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The store holds no cluster, or one of another cluster key.
    #[error(transparent)]
    Cluster(#[from] BootstrapError),
    /// The cost of password hashes is out of bounds.
    #[error(transparent)]
    HashParams(#[from] HashParamsError),
    /// No thread could be started.
    #[error("the hashing threads could not be started")]
    Threads(#[from] io::Error),
    /// The signing keys could not be read or written.
    #[error("the signing keys could not be read or written: {0:?}")]
    SigningKeys(Failure),
}

/// The identity service. Copies are the same service.
#[derive(Clone)]
pub struct IdentityService {
    pub(crate) shared: Arc<Shared>,
}

impl IdentityService {
    /// Starts the service over a cluster that was bootstrapped; what it does in the background is tracked by `tasks` and ends
    /// on `shutdown`.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start(deps: Deps, tasks: &TaskTracker, shutdown: CancellationToken) -> Result<Self, StartError> {
        let Deps { writer, reader, clock, entropy, sealer, neighbours, config, workspaces, store_kind, version } = deps;
        check_cluster_key(writer.store().as_ref(), &sealer).await?;
        if config.passwords.allow_blank {
            tracing::warn!(
                "blank passwords are allowed (`identity.passwords.allow_blank`): anybody can sign in as who has one"
            );
        }
        let hashing = HashPool::start(Hasher::new(config.passwords.hash.params())?)?;
        let passwords = config.passwords.policy();
        let (signing, sweep) = (Signing::default(), Mutex::default());
        signing.keep(&writer, &sealer, clock.now()).await.map_err(StartError::SigningKeys)?;
        let shared = Arc::new(Shared {
            writer,
            reader,
            clock,
            entropy,
            sealer,
            neighbours,
            config,
            workspaces,
            passwords,
            hashing,
            signing,
            sweep,
            store_kind,
            version,
        });
        let service = Self { shared };
        tasks.spawn(service.clone().keep_up(shutdown));
        Ok(service)
    }

    /// What keeps this service's records fitting those of the others; a `Reconciler` calls it.
    pub fn reconcile(&self) -> Arc<dyn Reconcile> {
        self.shared.clone()
    }

    /// Does now what the background task does every minute: writes the next signing key when it is due, and sweeps.
    ///
    /// # Errors
    /// The store cannot be read or written.
    pub async fn maintain(&self) -> Result<(), Failure> {
        let shared = &self.shared;
        shared.signing.keep(&shared.writer, &shared.sealer, shared.clock.now()).await?;
        shared.sweep.lock().await.turn(shared).await
    }

    async fn keep_up(self, shutdown: CancellationToken) {
        let mut turns = tokio::time::interval(MAINTENANCE_INTERVAL);
        turns.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                _ = turns.tick() => {}
            }
            let done = tokio::select! {
                () = shutdown.cancelled() => return,
                done = self.maintain() => done,
            };
            if let Err(failure) = done {
                tracing::warn!(?failure, "keys were not looked after, or not everything that is spent was swept");
            }
        }
    }
}
