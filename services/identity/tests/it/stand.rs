//! A cluster to test against: an embedded store, any number of identities over it, a clock that stands still.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use reeve_answers::{Reader, Staleness};
use reeve_chassis::config::ServerConfig;
use reeve_chassis::{Listener, Owner, Setup};
use reeve_credentials::{ClusterKey, Sealer, SecretString, mint_root};
use reeve_identity::{
    Bootstrap, BootstrapError, BootstrapOutcome, Bootstrapping, Deps, HashConfig, IdentityConfig, IdentityService,
    PasswordsConfig, ROWS, bootstrap,
};
use reeve_model::{
    BindingId, Clock, Consistency, Entropy, ManualClock, Resource, Revision, SeededEntropy, StoreId, Subject,
    Timestamp, WorkspaceId,
};
use reeve_owner::{Neighbours, PublishedTxn, Reconciler, WorkspacesConfig, Writer};
use reeve_rbac::BuiltinRole;
use reeve_replica::{Replica, StoreSource, follow};
use reeve_store::{
    CommitError, Committed, Embedded, EmbeddedOptions, Key, Lease, LeaseId, Page, Store, StoreError, Txn, Versioned,
    Watch,
};
use reeve_world::{Binding, Record, RecordKey, Workspace, World};
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;
use tonic::transport::{Channel, Endpoint};

/// The password of both accounts of a new cluster.
pub(crate) const PASSWORD: &str = "Correct1Horse";
/// When the clock starts.
pub(crate) const START: Timestamp = Timestamp::from_millis(1_795_223_017_000);

/// A store that can be cut off from being written, at once or after some more writes.
pub(crate) struct Cuttable {
    inner: Embedded,
    left: AtomicU64,
}

impl Cuttable {
    pub(crate) fn cut(&self, cut: bool) {
        self.left.store(if cut { 0 } else { u64::MAX }, Ordering::SeqCst);
    }

    /// Lets so many writes through, and no more: as when a process dies between two of them.
    pub(crate) fn cut_after(&self, writes: u64) {
        self.left.store(writes, Ordering::SeqCst);
    }

    /// Where the store is.
    pub(crate) async fn list_revision(&self) -> Revision {
        self.inner.barrier().await.unwrap()
    }

    /// Every key and value, in one.
    pub(crate) async fn everything(&self) -> Vec<u8> {
        let page = self.inner.list("", None, 10_000, None).await.unwrap();
        page.items
            .into_iter()
            .flat_map(|item| [item.key.as_str().as_bytes().to_vec(), item.value.to_vec()].concat())
            .collect()
    }
}

#[tonic::async_trait]
impl Store for Cuttable {
    fn id(&self) -> StoreId {
        self.inner.id()
    }

    async fn get(&self, key: &Key) -> Result<Option<Versioned>, StoreError> {
        self.inner.get(key).await
    }

    async fn list(
        &self,
        prefix: &str,
        after: Option<&Key>,
        limit: usize,
        at: Option<Revision>,
    ) -> Result<Page, StoreError> {
        self.inner.list(prefix, after, limit, at).await
    }

    async fn commit(&self, txn: Txn) -> Result<Committed, CommitError> {
        let take = |left: u64| left.checked_sub(1);
        if self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, take).is_err() {
            return Err(StoreError::Unavailable("cut off by the test".to_owned()).into());
        }
        self.inner.commit(txn).await
    }

    async fn watch(&self, prefix: &str, after: Revision) -> Result<Watch, StoreError> {
        self.inner.watch(prefix, after).await
    }

    async fn barrier(&self) -> Result<Revision, StoreError> {
        self.inner.barrier().await
    }

    async fn grant_lease(&self, ttl: Duration) -> Result<Lease, StoreError> {
        self.inner.grant_lease(ttl).await
    }

    async fn keep_lease_alive(&self, lease: LeaseId) -> Result<(), StoreError> {
        self.inner.keep_lease_alive(lease).await
    }

    async fn revoke_lease(&self, lease: LeaseId) -> Result<(), StoreError> {
        self.inner.revoke_lease(lease).await
    }
}

/// A store with its clock, its randomness and its cluster key.
pub(crate) struct Ground {
    _folder: tempfile::TempDir,
    pub(crate) store: Arc<Cuttable>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) key: ClusterKey,
    pub(crate) sealer: Arc<Sealer>,
    pub(crate) root_token: String,
}

/// Hashes that cost next to nothing.
pub(crate) fn cheap() -> HashConfig {
    HashConfig { memory_kib: 8, passes: 1, lanes: 1 }
}

pub(crate) fn config() -> IdentityConfig {
    IdentityConfig {
        passwords: PasswordsConfig { hash: cheap(), ..PasswordsConfig::default() },
        ..IdentityConfig::default()
    }
}

impl Ground {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::at(START));
        let entropy: Arc<dyn Entropy> = Arc::new(SeededEntropy::new(7));
        let store = open(folder.path(), &clock, &entropy);
        let key = ClusterKey::generate(entropy.as_ref()).unwrap();
        let sealer = Arc::new(Sealer::new(key.clone(), Vec::new()));
        let root_token = mint_root(entropy.as_ref()).expose().to_owned();
        Self { _folder: folder, store, clock, entropy, key, sealer, root_token }
    }

    pub(crate) fn first(&self, password: &str) -> Bootstrap {
        Bootstrap {
            initial_password: SecretString::from(password),
            root_token: SecretString::from(self.root_token.as_str()),
        }
    }

    pub(crate) async fn bootstrap(
        &self,
        sealer: &Sealer,
        first: Option<Bootstrap>,
    ) -> Result<BootstrapOutcome, BootstrapError> {
        let of = Bootstrapping {
            store: self.store.as_ref(),
            sealer,
            clock: self.clock.as_ref(),
            entropy: self.entropy.as_ref(),
            config: &config(),
        };
        bootstrap(of, first).await
    }

    /// One identity over this store, serving.
    pub(crate) async fn identity(&self, config: IdentityConfig) -> Identity {
        let shutdown = CancellationToken::new();
        let deps = self.deps(config, &shutdown).await;
        let (reader, replica) = (deps.reader.clone(), deps.writer.replica().clone());
        let service = IdentityService::start(deps, &TaskTracker::new(), shutdown.clone()).await.unwrap();
        let server = ServerConfig::default();
        let mut setup = Setup::new(server, service.services(), vec![ROWS], Arc::new(reader));
        setup.clock = self.clock.clone();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(setup.build().unwrap().serve(vec![Listener::Tcp(listener)], shutdown.clone()));
        let channel = Endpoint::try_from(address).unwrap().connect().await.unwrap();
        Identity { service, replica, channel, _shutdown: shutdown.drop_guard() }
    }

    /// What an identity over this store is made of, with a replica that follows it.
    pub(crate) async fn deps(&self, config: IdentityConfig, shutdown: &CancellationToken) -> Deps {
        let source = || StoreSource::new(self.store.clone());
        let replica = Replica::new(self.clock.clone(), Some(Arc::new(source())));
        tokio::spawn(follow(replica.clone(), source(), shutdown.clone()));
        replica.ready().await;
        let reader = Reader::new(replica.clone(), config.token_rules(), Staleness::default());
        let writer = Writer::new(self.store.clone(), replica.clone(), self.entropy.clone());
        Deps {
            writer,
            reader,
            clock: self.clock.clone(),
            entropy: self.entropy.clone(),
            sealer: self.sealer.clone(),
            neighbours: Neighbours::untold(Owner::Identity, replica),
            config,
            workspaces: WorkspacesConfig::default(),
            store_kind: "embedded",
            version: "1.2.3",
        }
    }

    /// A cluster that was bootstrapped, and one identity over it.
    pub(crate) async fn started() -> (Self, Identity) {
        let ground = Self::new();
        ground.bootstrap(&ground.sealer, Some(ground.first(PASSWORD))).await.unwrap();
        let identity = ground.identity(config()).await;
        (ground, identity)
    }

    /// Writes what policy would: a workspace.
    pub(crate) async fn workspace(&self, name: &str) -> WorkspaceId {
        let uid = WorkspaceId::new(self.clock.now(), self.entropy.as_ref());
        let now = self.clock.now();
        let (name, description) = (name_of(name), String::new());
        let workspace = Workspace { uid, name, description, create_time: now, update_time: now };
        self.store.commit(Txn::new().publish(&Record::Workspace(workspace))).await.unwrap();
        uid
    }

    /// Writes what policy would: a binding.
    pub(crate) async fn bind(&self, identity: &Identity, subject: Subject, role: BuiltinRole, on: &str) {
        self.bind_until(identity, subject, role, on, None).await;
    }

    pub(crate) async fn bind_until(
        &self,
        identity: &Identity,
        subject: Subject,
        role: BuiltinRole,
        on: &str,
        expire_time: Option<Timestamp>,
    ) {
        let resource = Resource::parse(on).unwrap();
        let workspace = match resource.workspace_name() {
            None => None,
            Some(name) => Some(identity.newest().await.workspace_by_name(name).unwrap().uid),
        };
        let binding = Binding {
            uid: BindingId::new(self.clock.now(), self.entropy.as_ref()),
            subject,
            role,
            resource,
            workspace,
            expire_time,
            note: String::new(),
            create_time: self.clock.now(),
        };
        self.store.commit(Txn::new().publish(&Record::Binding(binding))).await.unwrap();
        identity.newest().await;
    }

    /// Removes what policy would: a workspace.
    pub(crate) async fn no_workspace(&self, uid: WorkspaceId) {
        let key = RecordKey::Workspace(uid).to_string();
        self.store.commit(Txn::new().delete(Key::new(key))).await.unwrap();
    }

    /// How many keys there are under a prefix.
    pub(crate) async fn count(&self, prefix: &str) -> usize {
        self.store.list(prefix, None, 10_000, None).await.unwrap().items.len()
    }
}

pub(crate) fn open(folder: &Path, clock: &Arc<ManualClock>, entropy: &Arc<dyn Entropy>) -> Arc<Cuttable> {
    let options = EmbeddedOptions::default();
    let inner = Embedded::open(folder, clock.clone(), entropy.clone(), options).unwrap();
    Arc::new(Cuttable { inner, left: AtomicU64::new(u64::MAX) })
}

fn name_of(text: &str) -> reeve_model::WorkspaceName {
    reeve_model::WorkspaceName::parse(text).unwrap()
}

/// One identity of a cluster.
pub(crate) struct Identity {
    pub(crate) service: IdentityService,
    pub(crate) replica: Replica,
    pub(crate) channel: Channel,
    _shutdown: DropGuard,
}

impl Identity {
    /// The World as new as the store is.
    pub(crate) async fn newest(&self) -> World {
        let wait = Duration::from_secs(10);
        let view = self.replica.view_at(Consistency::FullyConsistent, Duration::MAX, wait).await;
        view.unwrap().world().clone()
    }

    /// Reconciles everything, to the end.
    pub(crate) async fn reconcile(&self, ground: &Ground) {
        self.newest().await;
        let entropy = ground.entropy.clone();
        Reconciler::new(self.service.reconcile(), self.replica.clone(), entropy).everything().await.unwrap();
    }

    /// Moves the clock, and waits until the replica was confirmed since.
    pub(crate) async fn advance(&self, ground: &Ground, by: Duration) {
        ground.clock.advance(by);
        ground.store.barrier().await.unwrap();
        while self.replica.view(Duration::ZERO).is_err() {
            tokio::task::yield_now().await;
        }
    }
}
