//! Any set of owners over a store: one replica of it, what is answered from that, and the services on top.

use std::sync::Arc;

use reeve_agentmap::AgentmapService;
use reeve_answers::{Answers, FEED_ROWS, Feed, Reader};
use reeve_chassis::{Failure, Owner, Readiness, Row, ServeError, Server, Services, Setup, StartError};
use reeve_identity::IdentityService;
use reeve_model::{Clock, Entropy, Violations};
use reeve_owner::{LocalOwners, Neighbours, Reconcile, Reconciler, Writer};
use reeve_policy::PolicyService;
use reeve_replica::{FeedServer, Replica, StoreSource, follow};
use reeve_store::Store;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::Config;
use crate::keys::ClusterKeys;
use crate::serving::warn_of_root;
use crate::{Stop, VERSION};

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
    pub(crate) stop: &'a Stop,
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
            () = self.stop.token().cancelled() => return Err(AssemblyError::Stopped),
            () = replica.ready() => {}
        }
        let reader = Reader::new(replica.clone(), self.config.token_rules(), self.config.staleness());
        let writer = Writer::new(self.store.clone(), replica.clone(), self.entropy.clone());
        let answers = Answers::new(reader.clone(), settings);
        let feed = Feed::new(reader.clone(), FeedServer::new(replica, self.stop.token().clone()));
        let local = LocalOwners::new();
        let parts = Parts { writer, reader: reader.clone(), answers: answers.clone(), local, background: &background };
        let (mut services, mut rows, mut reconciled) = (feed.services(), vec![FEED_ROWS], Vec::new());
        for owner in owners {
            let started = match owner {
                Owner::Identity => self.identity(&parts).await?,
                Owner::Policy => self.policy(&parts).await?,
                Owner::Agentmap => self.agentmap(&parts).await?,
            };
            services = services.merge(started.services);
            rows.extend(started.rows);
            reconciled.extend(started.reconcile);
        }
        parts.local.register(&reconciled);
        for owner in reconciled {
            let reconciler = Reconciler::new(owner, reader.replica().clone(), self.entropy.clone());
            background.tasks.spawn(reconciler.run(background.over.clone()));
        }
        Ok(Assembled { reader, answers, services, rows, readiness, background })
    }

    async fn identity(&self, parts: &Parts<'_>) -> Result<Started, AssemblyError> {
        let deps = reeve_identity::Deps {
            writer: parts.writer.clone(),
            reader: parts.reader.clone(),
            clock: self.clock.clone(),
            entropy: self.entropy.clone(),
            sealer: self.keys.sealer(),
            config: self.config.identity.clone(),
            store_kind: self.store_kind,
            version: VERSION,
        };
        let Background { tasks, over } = parts.background;
        let identity = IdentityService::start(deps, tasks, over.clone()).await?;
        Ok(Started { services: identity.services(), rows: vec![reeve_identity::ROWS], reconcile: None })
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
        Ok(Started {
            services: policy.services().merge(parts.answers.services()),
            rows: vec![reeve_policy::ROWS, reeve_answers::ROWS],
            reconcile: Some(policy.reconcile()),
        })
    }

    async fn agentmap(&self, parts: &Parts<'_>) -> Result<Started, AssemblyError> {
        let deps = reeve_agentmap::Deps {
            writer: parts.writer.clone(),
            reader: parts.reader.clone(),
            answers: parts.answers.clone(),
        };
        let failed = |cause| AssemblyError::Service { service: Owner::Agentmap, cause };
        let agentmap = AgentmapService::start(deps).await.map_err(failed)?;
        Ok(Started {
            services: agentmap.services(),
            rows: vec![reeve_agentmap::ROWS],
            reconcile: Some(agentmap.reconcile()),
        })
    }
}

/// What every owner is started with.
struct Parts<'a> {
    writer: Writer,
    reader: Reader,
    answers: Answers,
    local: Arc<LocalOwners>,
    background: &'a Background,
}

impl Parts<'_> {
    fn neighbours_of(&self, owner: Owner) -> Neighbours {
        Neighbours::local(owner, self.writer.replica().clone(), self.local.clone())
    }
}

/// An owner that was started.
struct Started {
    services: Services,
    rows: Vec<&'static [Row]>,
    reconcile: Option<Arc<dyn Reconcile>>,
}

impl Assembled {
    /// The server of everything that is assembled.
    pub(crate) fn server(&self, config: &Config) -> Result<Server, StartError> {
        let (services, rows) = (self.services.clone(), self.rows.clone());
        let authenticate = Arc::new(self.reader.clone());
        let setup = Setup::new(config.server.clone(), services, rows, authenticate);
        Setup { readiness: self.readiness.clone(), ..setup }.build()
    }

    /// Runs what `servers` do, and reports readiness meanwhile; then ends what runs beside them.
    pub(crate) async fn run(self, servers: impl Future<Output = Result<(), ServeError>>) -> Result<(), ServeError> {
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
