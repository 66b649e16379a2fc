//! `reeved identity | policy | agentmap`: one owner in a process of its own, over etcd.

mod begin;
mod guard;
mod patience;
mod room;

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use reeve_chassis::{
    Forward, Listener, Owner, Peers, Readiness, ServeError, ServiceDoor, ServiceTokenSource, Setup, StartError,
};
use reeve_identity::BootstrapError;
use reeve_model::{Clock, Entropy};
use reeve_store::{EtcdOptions, OpenEtcdError, StoreError};
use tokio_util::sync::CancellationToken;

use self::begin::Begun;
use self::guard::guard;
use self::room::room;
use crate::Stop;
use crate::assembly::{AssemblyError, Others, owned_rows};
use crate::config::Config;
use crate::etcd::{EtcdSetupError, etcd_options};
use crate::keys::{ClusterKeys, KeysError};
use crate::secrets::SecretError;

/// Why a service does not start, or did not end well.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// There is no cluster key to work with.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// Etcd cannot be asked.
    #[error(transparent)]
    Setup(#[from] EtcdSetupError),
    /// The address cannot be listened on.
    #[error("{address} cannot be listened on: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why not.
        source: std::io::Error,
    },
    /// A secret of the first start cannot be read.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// There is no cluster, and not what one is made with.
    #[error(
        "this is the first start of the cluster, and it lacks {}; nothing was written", .0.join(", and ")
    )]
    FirstStart(Vec<&'static str>),
    /// What is in etcd cannot be used.
    #[error(transparent)]
    Etcd(#[from] OpenEtcdError),
    /// It is another cluster's, or none can be made.
    #[error(transparent)]
    Cluster(#[from] BootstrapError),
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The services cannot start over the store.
    #[error(transparent)]
    Assembly(#[from] AssemblyError),
    /// The store is no longer the one that was served.
    #[error("{0}; ended, so that nothing is answered from two stores: start again")]
    Replaced(String),
    /// The server failed, or calls had to be cut off.
    #[error(transparent)]
    Serve(#[from] ServeError),
}

impl From<StartError> for ServiceError {
    fn from(error: StartError) -> Self {
        Self::Assembly(error.into())
    }
}

/// One owner's service.
pub struct Service {
    owner: Owner,
    config: Config,
    keys: ClusterKeys,
    etcd: EtcdOptions,
    peers: Peers,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    address: SocketAddr,
    listener: TcpListener,
    readiness: Readiness,
    stop: Stop,
}

impl Service {
    /// Reads what it is given, and binds the listener. Etcd is asked by [`Service::run`]. To be called within a Tokio
    /// runtime.
    ///
    /// # Errors
    /// [`ServiceError`].
    pub fn start(
        owner: Owner,
        config: Config,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        stop: Stop,
    ) -> Result<Self, ServiceError> {
        reeve_credentials::install_crypto_provider();
        let (keys, etcd) = (ClusterKeys::given(&config)?, etcd_options(&config.etcd)?);
        for other in config.services.unnamed(owner) {
            tracing::warn!(
                "`services.{other}` is empty: calls for {other} are not forwarded, and {other} is not told of changes"
            );
        }
        let address = config.server.listen;
        let failed = |source| ServiceError::Listen { address, source };
        let listener = TcpListener::bind(address).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        tracing::info!("listening on {address}");
        let (peers, readiness) = (config.services.peers(), Readiness::new());
        Ok(Self { owner, config, keys, etcd, peers, clock, entropy, address, listener, readiness, stop })
    }

    /// Where gRPC is answered.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The handle that says whether it is ready.
    pub fn readiness(&self) -> Readiness {
        self.readiness.clone()
    }

    /// Waits for etcd and for the cluster, and answers until it is asked to stop; then drains. Until it is ready its health
    /// is `NOT_SERVING`, and what is asked is `UNAVAILABLE`, or forwarded.
    ///
    /// # Errors
    /// What waiting cannot cure; the store was replaced while it was served; the server failed.
    pub async fn run(self) -> Result<(), ServiceError> {
        // the same socket twice: no connection is refused while one server takes over from the other
        let (first, second) = (self.listener()?, self.listener()?);
        // ends the service when it is asked to stop, or when the store is replaced
        let (over, taken_over) = (self.stop.token().child_token(), CancellationToken::new());
        let mut waiting = std::pin::pin!(room(&self)?.serve(vec![first], taken_over.clone()));
        let begun = tokio::select! {
            biased;
            () = self.stop.token().cancelled() => None,
            begun = self.begin(&over) => Some(begun?),
            ended = &mut waiting => return Ok(ended?),
        };
        taken_over.cancel();
        match begun {
            None => Ok(waiting.await?),
            Some(begun) => {
                let (waited, served) = tokio::join!(waiting, self.serve(begun, second, over));
                served.and(Ok(waited?))
            }
        }
    }

    async fn serve(&self, begun: Begun, listener: Listener, over: CancellationToken) -> Result<(), ServiceError> {
        let Begun { assembled, store } = begun;
        let server = self.with_others(assembled.setup(&self.config)).build()?;
        let serving = async {
            let ended = server.serve(vec![listener], over.clone()).await;
            over.cancel();
            ended
        };
        let guarded = guard(&store, &self.readiness, &over);
        let (ended, replaced) = assembled.run(async { tokio::join!(serving, guarded) }).await;
        match replaced {
            Some(why) => Err(ServiceError::Replaced(why)),
            None => Ok(ended?),
        }
    }

    /// What every server of this service does alike: forward, and let services in.
    fn with_others(&self, setup: Setup) -> Setup {
        Setup {
            readiness: self.readiness.clone(),
            clock: self.clock.clone(),
            forward: Some(Forward::as_service(self.owner, self.peers.clone()).knowing(&owned_rows(&Owner::ALL))),
            service_tokens: Some(ServiceDoor { tokens: self.keys.service_tokens(), audiences: vec![self.owner] }),
            ..setup
        }
    }

    fn others(&self) -> Others {
        let tokens = ServiceTokenSource::new(self.keys.service_tokens(), self.clock.clone());
        Others::Apart { peers: self.peers.clone(), tokens }
    }

    fn listener(&self) -> Result<Listener, ServiceError> {
        let failed = |source| ServiceError::Listen { address: self.address, source };
        let listener = self.listener.try_clone().map_err(failed)?;
        Ok(Listener::Tcp(tokio::net::TcpListener::from_std(listener).map_err(failed)?))
    }
}
