//! Any set of owners over a store: one replica of it, what is answered from that, and the services on top.

use std::sync::Arc;

use reeve_agentmap::AgentmapService;
use reeve_answers::{Answers, FEED_ROWS, Feed, Reader};
use reeve_chassis::{Failure, Owner, Peers, Readiness, Row, ServiceTokenSource, Services, Setup, StartError};
use reeve_identity::{BootstrapError, IdentityService};
use reeve_model::{Clock, Entropy, Violations};
use reeve_owner::{LocalOwners, NEIGHBOUR_ROWS, NeighbourServer, Neighbours, Reconcile, Reconciler, Writer};
use reeve_policy::PolicyService;
use reeve_replica::{FeedServer, Replica, StoreSource, follow};
use reeve_store::{Store, StoreError};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::VERSION;
use crate::config::Config;
use crate::keys::ClusterKeys;
use crate::serving::warn_of_root;

/// Why services do not start over a store.
#[derive(Debug, thiserror::Error)]
pub enum AssemblyError {
    /// Somebody asked for a stop before they were ready.
    #[error("stopped before it was ready")]
    Stopped,
    /// The configuration is wrong.
    #[error("the configuration is wrong: {0:?}")]
    Config(Violations),
    /// Identity cannot start.
    #[error("the identity service cannot start: {0}")]
    Identity(#[from] reeve_identity::StartError),
    /// A service cannot start.
    #[error("the {service} service cannot start: {cause:?}")]
    Service {
        /// Which.
        service: Owner,
        /// Why not.
        cause: Failure,
    },
    /// What is served does not fit together.
    #[error(transparent)]
    Start(#[from] StartError),
}

/// What services are assembled from.
pub(crate) struct Assembly<'a> {
    pub(crate) config: &'a Config,
    /// Holds a cluster, whose key is the current one of `keys`.
    pub(crate) store: Arc<dyn Store>,
    /// `embedded` or `etcd`.
    pub(crate) store_kind: &'static str,
    pub(crate) keys: &'a ClusterKeys,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) others: Others,
    /// Cancelled when it is over: streams end, and nothing is waited for any more.
    pub(crate) over: &'a CancellationToken,
}

/// Where the owners are that are told of changes.
#[derive(Clone)]
pub(crate) enum Others {
    /// In this process.
    Here,
    /// In processes of their own.
    Apart { peers: Peers, tokens: ServiceTokenSource },
}

/// Services over a loaded replica.
pub(crate) struct Assembled {
    pub(crate) reader: Reader,
    pub(crate) answers: Answers,
    services: Services,
    rows: Vec<&'static [Row]>,
    readiness: Readiness,
    background: Background,
}

/// Who may call what a process with these owners serves, whose changes others are told of there.
pub(crate) fn rows(owners: &[Owner], others: &Others) -> Vec<&'static [Row]> {
    let told = matches!(others, Others::Apart { .. });
    owned_rows(owners).into_iter().chain([FEED_ROWS]).chain(told.then_some(NEIGHBOUR_ROWS)).collect()
}

/// Who may call what these owners alone serve.
pub(crate) fn owned_rows(owners: &[Owner]) -> Vec<&'static [Row]> {
    let of = |owner: &Owner| match owner {
        Owner::Identity => vec![reeve_identity::ROWS],
        // decisions and admission are answered where policy is
        Owner::Policy => vec![reeve_policy::ROWS, reeve_answers::ROWS],
        Owner::Agentmap => vec![reeve_agentmap::ROWS],
    };
    owners.iter().flat_map(of).collect()
}

impl Assembly<'_> {
    /// Loads the store, and starts `owners` over it.
    pub(crate) async fn start(self, owners: &[Owner], readiness: Readiness) -> Result<Assembled, AssemblyError> {
        let settings = self.config.settings().map_err(AssemblyError::Config)?;
        warn_of_root(&settings);
        let background = Background::default();
        let source = || StoreSource::new(self.store.clone());
        let replica = Replica::new(self.clock.clone(), Some(Arc::new(source())));
        background.tasks.spawn(follow(replica.clone(), source(), background.over.clone()));
        tokio::select! {
            biased;
            // a record that cannot be read keeps it from ever being ready
            () = self.over.cancelled() => return Err(AssemblyError::Stopped),
            () = replica.ready() => {}
        }
        let reader = Reader::new(replica.clone(), self.config.token_rules(), self.config.staleness());
        let writer = Writer::new(self.store.clone(), replica.clone(), self.entropy.clone());
        let answers = Answers::new(reader.clone(), settings);
        let feed = Feed::new(reader.clone(), FeedServer::new(replica, self.over.clone()));
        let local = LocalOwners::new();
        let parts = Parts {
            writer,
            reader: reader.clone(),
            answers: answers.clone(),
            local,
            others: &self.others,
            background: &background,
        };
        let (mut services, mut reconciled) = (feed.services(), Vec::new());
        for owner in owners {
            let started = match owner {
                Owner::Identity => self.identity(&parts).await?,
                Owner::Policy => self.policy(&parts).await?,
                Owner::Agentmap => self.agentmap(&parts).await?,
            };
            services = services.merge(started.services);
            reconciled.push(started.reconcile);
        }
        parts.local.register(&reconciled);
        for owner in reconciled {
            if matches!(self.others, Others::Apart { .. }) {
                services = services.merge(NeighbourServer::new(owner.clone(), reader.replica().clone()).services());
            }
            let reconciler = Reconciler::new(owner, reader.replica().clone(), self.entropy.clone());
            background.tasks.spawn(reconciler.run(background.over.clone()));
        }
        Ok(Assembled { reader, answers, services, rows: rows(owners, &self.others), readiness, background })
    }

    async fn identity(&self, parts: &Parts<'_>) -> Result<Started, AssemblyError> {
        let deps = reeve_identity::Deps {
            writer: parts.writer.clone(),
            reader: parts.reader.clone(),
            clock: self.clock.clone(),
            entropy: self.entropy.clone(),
            sealer: self.keys.sealer(),
            neighbours: parts.neighbours_of(Owner::Identity),
            config: self.config.identity.clone(),
            workspaces: self.config.workspaces.clone(),
            store_kind: self.store_kind,
            version: VERSION,
        };
        let Background { tasks, over } = parts.background;
        let identity = IdentityService::start(deps, tasks, over.clone()).await?;
        Ok(Started { services: identity.services(), reconcile: identity.reconcile() })
    }

    /// Decisions and admission are answered where policy is.
    async fn policy(&self, parts: &Parts<'_>) -> Result<Started, AssemblyError> {
        let deps = reeve_policy::Deps {
            writer: parts.writer.clone(),
            reader: parts.reader.clone(),
            answers: parts.answers.clone(),
            clock: self.clock.clone(),
            entropy: self.entropy.clone(),
            neighbours: parts.neighbours_of(Owner::Policy),
            config: self.config.policy.clone(),
            workspaces: self.config.workspaces.clone(),
        };
        let failed = |cause| AssemblyError::Service { service: Owner::Policy, cause };
        let policy = PolicyService::start(deps).await.map_err(failed)?;
        Ok(Started { services: policy.services().merge(parts.answers.services()), reconcile: policy.reconcile() })
    }

    async fn agentmap(&self, parts: &Parts<'_>) -> Result<Started, AssemblyError> {
        let deps = reeve_agentmap::Deps {
            writer: parts.writer.clone(),
            reader: parts.reader.clone(),
            answers: parts.answers.clone(),
        };
        let failed = |cause| AssemblyError::Service { service: Owner::Agentmap, cause };
        let agentmap = AgentmapService::start(deps).await.map_err(failed)?;
        Ok(Started { services: agentmap.services(), reconcile: agentmap.reconcile() })
    }
}

/// What every owner is started with.
struct Parts<'a> {
    writer: Writer,
    reader: Reader,
    answers: Answers,
    local: Arc<LocalOwners>,
    others: &'a Others,
    background: &'a Background,
}

impl Parts<'_> {
    fn neighbours_of(&self, owner: Owner) -> Neighbours {
        let replica = self.writer.replica().clone();
        match self.others {
            Others::Here => Neighbours::local(owner, replica, self.local.clone()),
            Others::Apart { peers, tokens } => Neighbours::remote(owner, replica, peers.clone(), tokens.clone()),
        }
    }
}

/// An owner that was started.
struct Started {
    services: Services,
    reconcile: Arc<dyn Reconcile>,
}

impl AssemblyError {
    /// Whether trying again may help: the store did not answer.
    pub(crate) fn may_pass(&self) -> bool {
        use reeve_identity::StartError as Identity;
        match self {
            Self::Identity(Identity::Cluster(BootstrapError::Store(StoreError::Unavailable(_)))) => true,
            Self::Identity(Identity::SigningKeys(cause)) | Self::Service { cause, .. } => {
                matches!(cause, Failure::Unavailable { .. })
            }
            Self::Identity(_) | Self::Stopped | Self::Config(_) | Self::Start(_) => false,
        }
    }
}

impl Assembled {
    /// The server of everything that is assembled.
    pub(crate) fn setup(&self, config: &Config) -> Setup {
        let (services, rows) = (self.services.clone(), self.rows.clone());
        let setup = Setup::new(config.server.clone(), services, rows, Arc::new(self.reader.clone()));
        Setup { readiness: self.readiness.clone(), ..setup }
    }

    /// Runs what `servers` do, and reports readiness meanwhile; then ends what runs beside them.
    pub(crate) async fn run<T>(self, servers: impl Future<Output = T>) -> T {
        let Self { reader, readiness, background, .. } = self;
        background.tasks.spawn(reader.report(readiness, background.over.clone()));
        let ended = servers.await;
        background.end().await;
        ended
    }
}

/// What runs beside the servers. Dropped, it is asked to end.
#[derive(Default)]
pub(crate) struct Background {
    pub(crate) tasks: TaskTracker,
    /// Cancelled when it is over.
    pub(crate) over: CancellationToken,
}

impl Background {
    /// Asks it to end, and waits until it has.
    pub(crate) async fn end(self) {
        self.over.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.over.cancel();
    }
}
