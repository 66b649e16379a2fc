//! The three owners over one store, each with a replica, a server and a way to the others of its own.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use reeve_agentmap::AgentmapService;
use reeve_answers::{Answers, Reader, Settings, Staleness};
use reeve_chassis::config::ServerConfig;
use reeve_chassis::{Listener, Owner, PeerUrl, Peers, Row, ServiceDoor, ServiceTokenSource, Services, Setup};
use reeve_config_policy::PriorityOrder;
use reeve_credentials::{ClusterKey, Sealer, SecretString, ServiceTokens, mint_root};
use reeve_identity::{
    Bootstrap, Bootstrapping, HashConfig, IdentityConfig, IdentityService, PasswordsConfig, bootstrap,
};
use reeve_model::{Consistency, ConsistencyToken, Entropy, ManualClock, Revision, SeededEntropy, Timestamp};
use reeve_owner::{NEIGHBOUR_ROWS, NeighbourServer, Neighbours, Reconcile, Reconciler, WorkspacesConfig, Writer};
use reeve_policy::{PolicyConfig, PolicyService};
use reeve_replica::{Replica, StoreSource, follow};
use reeve_store::{Embedded, EmbeddedOptions, Store};
use reeve_world::World;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;
use tonic::transport::{Channel, Endpoint};

pub(crate) const START: Timestamp = Timestamp::from_millis(1_795_223_017_000);
/// How long anything is waited for at most.
const PATIENCE: Duration = Duration::from_secs(20);

/// Whether owners tell each other of their writes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Telling {
    /// Over gRPC, with service tokens.
    Over,
    /// Never: as if each had died right after its write.
    Never,
}

/// Whether owners reconcile in the background.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reconciling {
    On,
    Off,
}

/// One owner.
pub(crate) struct Instance {
    pub(crate) replica: Replica,
    pub(crate) channel: Channel,
    pub(crate) reconcile: Arc<dyn Reconcile>,
}

pub(crate) struct Cluster {
    pub(crate) store: Arc<Embedded>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) tokens: Arc<ServiceTokens>,
    pub(crate) root_token: String,
    pub(crate) owners: BTreeMap<Owner, Instance>,
    entropy: Arc<dyn Entropy>,
    _stop: DropGuard,
    _folder: tempfile::TempDir,
}

/// What the owners are made of.
struct Ground {
    store: Arc<Embedded>,
    clock: Arc<ManualClock>,
    entropy: Arc<dyn Entropy>,
    sealer: Arc<Sealer>,
    tokens: Arc<ServiceTokens>,
    peers: Option<Peers>,
    stop: CancellationToken,
}

/// An owner before it serves.
struct Made {
    services: Services,
    rows: &'static [Row],
    reconcile: Arc<dyn Reconcile>,
}

pub(crate) fn key(number: u64) -> ClusterKey {
    ClusterKey::generate(&SeededEntropy::new(number)).unwrap()
}

fn identity_config() -> IdentityConfig {
    let hash = HashConfig { memory_kib: 8, passes: 1, lanes: 1 };
    IdentityConfig { passwords: PasswordsConfig { hash, ..PasswordsConfig::default() }, ..IdentityConfig::default() }
}

impl Cluster {
    pub(crate) async fn start(telling: Telling, reconciling: Reconciling) -> Self {
        Self::with_silent(telling, reconciling, None).await
    }

    /// In place of `silent`, the others find somebody who takes their calls and never answers.
    pub(crate) async fn with_silent(telling: Telling, reconciling: Reconciling, silent: Option<Owner>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::at(START));
        let entropy: Arc<dyn Entropy> = Arc::new(SeededEntropy::new(7));
        let options = EmbeddedOptions::default();
        let store = Arc::new(Embedded::open(folder.path(), clock.clone(), entropy.clone(), options).unwrap());
        let sealer = Arc::new(Sealer::new(key(1), Vec::new()));
        let root_token = mint_root(entropy.as_ref()).expose().to_owned();
        let first = Bootstrap {
            initial_password: SecretString::from("Correct1Horse"),
            root_token: SecretString::from(root_token.as_str()),
        };
        let of = Bootstrapping {
            store: store.as_ref(),
            sealer: &sealer,
            clock: clock.as_ref(),
            entropy: entropy.as_ref(),
            config: &identity_config(),
        };
        bootstrap(of, Some(first)).await.unwrap();

        let mut listeners = BTreeMap::new();
        for owner in Owner::ALL {
            listeners.insert(owner, TcpListener::bind("127.0.0.1:0").await.unwrap());
        }
        let url = |listener: &TcpListener| format!("http://{}", listener.local_addr().unwrap());
        let stop = CancellationToken::new();
        let mut servers: Vec<(Owner, Vec<PeerUrl>)> =
            listeners.iter().map(|(owner, listener)| (*owner, vec![url(listener).parse().unwrap()])).collect();
        if let Some(silent) = silent {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            servers.retain(|(owner, _)| *owner != silent);
            servers.push((silent, vec![url(&listener).parse().unwrap()]));
            tokio::spawn(swallow(listener, stop.clone()));
        }
        let tokens = Arc::new(ServiceTokens::new(key(1), Vec::new()));
        let peers = (telling == Telling::Over).then(|| Peers::new(servers));
        let ground = Ground { store, clock, entropy, sealer, tokens, peers, stop };
        let mut owners = BTreeMap::new();
        for (owner, listener) in listeners {
            owners.insert(owner, ground.instance(owner, listener, reconciling).await);
        }
        let Ground { store, clock, entropy, tokens, stop, .. } = ground;
        let stop = stop.drop_guard();
        Self { store, clock, tokens, root_token, owners, entropy, _stop: stop, _folder: folder }
    }

    pub(crate) fn channel(&self, owner: Owner) -> Channel {
        self.owners[&owner].channel.clone()
    }

    /// The newest records, as `owner` sees them.
    pub(crate) async fn world_of(&self, owner: Owner) -> World {
        let replica = &self.owners[&owner].replica;
        let view = replica.view_at(Consistency::FullyConsistent, PATIENCE, PATIENCE).await.unwrap();
        view.world().clone()
    }

    pub(crate) async fn world(&self) -> World {
        self.world_of(Owner::Policy).await
    }

    /// Waits until the records are as `wanted` says.
    pub(crate) async fn until(&self, what: &str, wanted: impl Fn(&World) -> bool) {
        let replica = &self.owners[&Owner::Policy].replica;
        let waited = tokio::time::timeout(PATIENCE, async {
            loop {
                let snapshot = replica.latest().unwrap();
                if wanted(snapshot.world()) {
                    return;
                }
                replica.reach(snapshot.revision().next(), PATIENCE).await.unwrap();
            }
        });
        assert!(waited.await.is_ok(), "not in time: {what}");
    }

    /// Does what the background does, until nobody finds anything to do.
    pub(crate) async fn reconcile_all(&self) {
        loop {
            let before = self.store.barrier().await.unwrap();
            for owner in Owner::ALL {
                self.reconcile(owner).await;
            }
            if self.store.barrier().await.unwrap() == before {
                return;
            }
        }
    }

    /// Everything that one owner finds to do.
    pub(crate) async fn reconcile(&self, owner: Owner) {
        self.world_of(owner).await;
        let Instance { replica, reconcile, .. } = &self.owners[&owner];
        Reconciler::new(reconcile.clone(), replica.clone(), self.entropy.clone()).everything().await.unwrap();
    }

    /// Every key of the store, with the revision that last wrote it.
    pub(crate) async fn everything(&self) -> Vec<(String, Revision)> {
        let page = self.store.list("", None, 10_000, None).await.unwrap();
        assert!(!page.more);
        page.items.into_iter().map(|item| (item.key.to_string(), item.mod_revision)).collect()
    }

    /// The proof of what the store holds now.
    pub(crate) async fn token(&self) -> ConsistencyToken {
        ConsistencyToken { store: self.store.id(), revision: self.store.barrier().await.unwrap() }
    }
}

impl Ground {
    async fn instance(&self, owner: Owner, listener: TcpListener, reconciling: Reconciling) -> Instance {
        let source = || StoreSource::new(self.store.clone());
        let replica = Replica::new(self.clock.clone(), Some(Arc::new(source())));
        tokio::spawn(follow(replica.clone(), source(), self.stop.clone()));
        replica.ready().await;
        let reader = Reader::new(replica.clone(), identity_config().token_rules(), Staleness::default());
        let made = self.owner(owner, &replica, &reader).await;
        if reconciling == Reconciling::On {
            let reconciler = Reconciler::new(made.reconcile.clone(), replica.clone(), self.entropy.clone());
            tokio::spawn(reconciler.run(self.stop.clone()));
        }
        let neighbour = NeighbourServer::new(made.reconcile.clone(), replica.clone());
        let url = format!("http://{}", listener.local_addr().unwrap());
        let services = made.services.merge(neighbour.services());
        let setup = Setup {
            service_tokens: Some(ServiceDoor { tokens: self.tokens.clone(), audiences: vec![owner] }),
            clock: self.clock.clone(),
            ..Setup::new(ServerConfig::default(), services, vec![made.rows, NEIGHBOUR_ROWS], Arc::new(reader))
        };
        tokio::spawn(setup.build().unwrap().serve(vec![Listener::Tcp(listener)], self.stop.clone()));
        let channel = Endpoint::try_from(url).unwrap().connect().await.unwrap();
        Instance { replica, channel, reconcile: made.reconcile }
    }

    async fn owner(&self, owner: Owner, replica: &Replica, reader: &Reader) -> Made {
        let writer = Writer::new(self.store.clone(), replica.clone(), self.entropy.clone());
        let (clock, entropy, reader) = (self.clock.clone(), self.entropy.clone(), reader.clone());
        let settings = Settings {
            agent_user: reeve_agent_user::Settings::default(),
            priority_order: PriorityOrder::LowerIsHigher,
            default_priority: None,
        };
        let answers = Answers::new(reader.clone(), settings);
        let (neighbours, workspaces) = (self.neighbours(owner, replica), WorkspacesConfig::default());
        match owner {
            Owner::Identity => {
                let (sealer, config) = (self.sealer.clone(), identity_config());
                let deps = reeve_identity::Deps {
                    writer,
                    reader,
                    clock,
                    entropy,
                    sealer,
                    neighbours,
                    config,
                    workspaces,
                    store_kind: "embedded",
                    version: "1.2.3",
                };
                let service = IdentityService::start(deps, &TaskTracker::new(), self.stop.clone()).await.unwrap();
                Made { services: service.services(), rows: reeve_identity::ROWS, reconcile: service.reconcile() }
            }
            Owner::Policy => {
                let config = PolicyConfig::default();
                let deps =
                    reeve_policy::Deps { writer, reader, answers, clock, entropy, neighbours, config, workspaces };
                let service = PolicyService::start(deps).await.unwrap();
                Made { services: service.services(), rows: reeve_policy::ROWS, reconcile: service.reconcile() }
            }
            Owner::Agentmap => {
                let service = AgentmapService::start(reeve_agentmap::Deps { writer, reader, answers }).await.unwrap();
                Made { services: service.services(), rows: reeve_agentmap::ROWS, reconcile: service.reconcile() }
            }
        }
    }

    fn neighbours(&self, owner: Owner, replica: &Replica) -> Neighbours {
        match &self.peers {
            Some(peers) => {
                let tokens = ServiceTokenSource::new(self.tokens.clone(), self.clock.clone());
                Neighbours::remote(owner, replica.clone(), peers.clone(), tokens)
            }
            None => Neighbours::untold(owner, replica.clone()),
        }
    }
}

/// Takes connections, and says nothing.
async fn swallow(listener: TcpListener, stop: CancellationToken) {
    let mut taken = Vec::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            Ok((stream, _)) = listener.accept() => taken.push(stream),
        }
    }
}
