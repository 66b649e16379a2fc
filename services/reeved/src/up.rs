//! `reeved up`: every service in one process on an embedded store.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use reeve_agentmap::AgentmapService;
use reeve_answers::{Answers, FEED_ROWS, Feed, Reader};
use reeve_chassis::{Failure, Listener, Owner, Readiness, Row, ServeError, Server, Services, Setup, StartError};
use reeve_credentials::{ClusterKey, ClusterKeyError, Sealer, SecretString, mint_root};
use reeve_identity::{ADMIN_NAME, Bootstrap, BootstrapError, Bootstrapping, IdentityService};
use reeve_model::{Clock, Entropy, Violations};
use reeve_owner::{LocalOwners, Neighbours, Reconciler, Writer};
use reeve_policy::PolicyService;
use reeve_replica::{FeedServer, Replica, StoreSource, follow};
use reeve_sidecar::SocketError;
use reeve_store::{Embedded, EmbeddedOptions, OpenError, Store};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::Config;
use crate::secrets::{Origin, SecretError, Secrets};
use crate::serving::warn_of_root;
use crate::{Stop, VERSION};

/// The cluster key, in the data folder.
const CLUSTER_KEY: &str = "cluster-key";
/// The password of the first accounts, in the data folder.
const INITIAL_PASSWORD: &str = "initial-password";
/// The root token, in the data folder.
const ROOT_TOKEN: &str = "root-token";
/// The sidecar's socket, in the data folder, unless another is configured.
const SOCKET: &str = "sidecar.sock";

/// Why `reeved up` does not start.
#[derive(Debug, thiserror::Error)]
pub enum UpError {
    /// A secret cannot be read or kept.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The cluster key is none.
    #[error("the cluster key cannot be used: {0}")]
    ClusterKey(#[from] ClusterKeyError),
    /// The cluster is there and its key is not.
    #[error("{} is missing: put this cluster's key back there, or name it by `cluster_key_file` or `REEVE_CLUSTER_KEY`", .0.display())]
    KeyLost(PathBuf),
    /// Somebody asked for a stop before it was ready.
    #[error("stopped before it was ready")]
    Stopped,
    /// The store cannot be opened.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// A new cluster cannot be made, or this is another one's store.
    #[error(transparent)]
    Bootstrap(#[from] BootstrapError),
    /// The configuration of agent users is wrong.
    #[error("the configuration is wrong: {0:?}")]
    Config(Violations),
    /// Identity cannot start.
    #[error("the identity service cannot start: {0}")]
    Identity(#[from] reeve_identity::StartError),
    /// A service cannot start.
    #[error("the {service} service cannot start: {cause:?}")]
    Service {
        /// Which.
        service: &'static str,
        /// Why not.
        cause: Failure,
    },
    /// The address cannot be listened on.
    #[error("{address} cannot be listened on: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why not.
        source: std::io::Error,
    },
    /// The sidecar's socket cannot be listened on.
    #[error(transparent)]
    Socket(#[from] SocketError),
    /// What is served does not fit together.
    #[error(transparent)]
    Start(#[from] StartError),
}

/// How to sign in for the first time.
pub struct SignIn {
    /// The administrator's name.
    pub username: &'static str,
    /// The password, if `up` made it; it stands in the file below too.
    pub password: Option<SecretString>,
    /// Where the password is kept.
    pub password_file: PathBuf,
}

/// A cluster in one process.
pub struct Up {
    address: SocketAddr,
    socket: PathBuf,
    sign_in: Option<SignIn>,
    reader: Reader,
    readiness: Readiness,
    servers: [(Server, Listener); 2],
    store: Arc<Embedded>,
    tasks: TaskTracker,
    background: CancellationToken,
    stop: Stop,
}

impl Up {
    /// Opens the store, makes the cluster if there is none, and binds the listeners. Nothing is answered before
    /// [`Up::run`].
    ///
    /// # Errors
    /// [`UpError`].
    pub async fn start(
        config: Config,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        stop: Stop,
    ) -> Result<Self, UpError> {
        reeve_credentials::install_crypto_provider();
        let settings = config.settings().map_err(UpError::Config)?;
        warn_of_root(&settings);
        let secrets = Secrets::in_folder(&config.data)?;
        // the store first: whoever holds it is alone with the folder
        let options = EmbeddedOptions::default();
        let store = Arc::new(Embedded::open(&config.data, clock.clone(), entropy.clone(), options)?);
        let seam: Arc<dyn Store> = store.clone();
        let first = !reeve_identity::is_bootstrapped(seam.as_ref()).await.map_err(BootstrapError::Store)?;
        let sealer = Arc::new(Sealer::new(cluster_key(&config, &secrets, first, entropy.as_ref())?, Vec::new()));
        let of = Bootstrapping {
            store: seam.as_ref(),
            sealer: &sealer,
            clock: clock.as_ref(),
            entropy: entropy.as_ref(),
            config: &config.identity,
        };
        let sign_in = bootstrap(&config, &secrets, first, of).await?;

        let (tasks, background) = (TaskTracker::new(), CancellationToken::new());
        let source = || StoreSource::new(seam.clone());
        let replica = Replica::new(clock.clone(), Some(Arc::new(source())));
        tasks.spawn(follow(replica.clone(), source(), background.clone()));
        tokio::select! {
            biased;
            // a record that cannot be read keeps it from ever being ready
            () = stop.token().cancelled() => return Err(UpError::Stopped),
            () = replica.ready() => {}
        }

        let reader = Reader::new(replica.clone(), config.token_rules(), config.staleness());
        let writer = Writer::new(seam, replica.clone(), entropy.clone());
        let answers = Answers::new(reader.clone(), settings);
        let feed = Feed::new(reader.clone(), FeedServer::new(replica, stop.token().clone()));
        let parts = Parts { config: &config, writer, reader: &reader, answers: &answers, clock, entropy, sealer };
        let services = parts.owners(&tasks, &background).await?.merge(answers.services()).merge(feed.services());
        let readiness = Readiness::new();
        let setup = Setup {
            readiness: readiness.clone(),
            ..Setup::new(config.server.clone(), services, rows(), Arc::new(reader.clone()))
        };
        let beside = Setup {
            readiness: readiness.clone(),
            socket: reeve_sidecar::socket_policy(),
            ..Setup::new(
                config.server.clone(),
                reeve_sidecar::services(&answers),
                vec![reeve_sidecar::ROWS],
                Arc::new(reader.clone()),
            )
        };
        let (main, beside) = (setup.build()?, beside.build()?);
        let socket = config.sidecar.socket.clone().unwrap_or_else(|| config.data.join(SOCKET));
        let (address, listener) = listen(config.server.listen).await?;
        let unix = Listener::Unix(reeve_sidecar::bind(&socket)?);
        let servers = [(main, listener), (beside, unix)];
        Ok(Self { address, socket, sign_in, reader, readiness, servers, store, tasks, background, stop })
    }

    /// Where gRPC is answered.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where the sidecar answers.
    pub fn socket(&self) -> &std::path::Path {
        &self.socket
    }

    /// How to sign in, if this is the cluster's first start.
    pub fn sign_in(&self) -> Option<&SignIn> {
        self.sign_in.as_ref()
    }

    /// The handle that says whether it is ready.
    pub fn readiness(&self) -> Readiness {
        self.readiness.clone()
    }

    /// Answers until it is asked to stop; then drains and closes the store.
    ///
    /// # Errors
    /// A listener failed, or calls had to be cut off.
    pub async fn run(self) -> Result<(), ServeError> {
        let drain = self.stop.token().clone();
        self.tasks.spawn(self.reader.report(self.readiness, self.background.clone()));
        let [main, beside] = self.servers.map(|(server, listener)| server.serve(vec![listener], drain.clone()));
        let ended = tokio::join!(end_both(main, &self.stop), end_both(beside, &self.stop));
        self.background.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        self.store.close();
        ended.0.and(ended.1)
    }
}

/// When one server ends, however it ends, the other is asked to.
async fn end_both(server: impl Future<Output = Result<(), ServeError>>, stop: &Stop) -> Result<(), ServeError> {
    let ended = server.await;
    stop.ask();
    ended
}

/// Who may call what `up` serves.
fn rows() -> Vec<&'static [Row]> {
    vec![reeve_identity::ROWS, reeve_policy::ROWS, reeve_agentmap::ROWS, reeve_answers::ROWS, FEED_ROWS]
}

/// The cluster key. Only a first start makes one: to make another for a cluster that lost its own would hide the loss.
fn cluster_key(config: &Config, secrets: &Secrets, first: bool, entropy: &dyn Entropy) -> Result<ClusterKey, UpError> {
    let (file, variable) = (config.cluster_key_file.as_deref(), "REEVE_CLUSTER_KEY");
    let key = if first {
        let made = ClusterKey::generate(entropy)?;
        secrets.take(file, variable, CLUSTER_KEY, || made.to_text())?.0
    } else {
        secrets.find(file, variable, CLUSTER_KEY)?.ok_or_else(|| UpError::KeyLost(secrets.path(CLUSTER_KEY)))?.0
    };
    Ok(ClusterKey::parse(key.expose())?)
}

/// Makes the cluster if there is none. Its secrets are kept before anything is written, so that none is lost in between.
async fn bootstrap(
    config: &Config,
    secrets: &Secrets,
    first: bool,
    of: Bootstrapping<'_>,
) -> Result<Option<SignIn>, UpError> {
    let mut sign_in = None;
    let given = if first {
        let own = &config.bootstrap;
        let password_file = own.initial_password_file.as_deref();
        let (initial_password, origin) =
            secrets.take(password_file, "REEVE_INITIAL_PASSWORD", INITIAL_PASSWORD, || password(of.entropy))?;
        let (root_token, _) =
            secrets.take(own.root_token_file.as_deref(), "REEVE_ROOT_TOKEN", ROOT_TOKEN, || mint_root(of.entropy))?;
        sign_in = Some(SignIn {
            username: ADMIN_NAME,
            password: (origin == Origin::Kept).then(|| initial_password.clone()),
            password_file: secrets.path(INITIAL_PASSWORD),
        });
        Some(Bootstrap { initial_password, root_token })
    } else {
        None
    };
    reeve_identity::bootstrap(of, given).await?;
    Ok(sign_in)
}

/// A password that keeps the default rules, with 95 random bits: 16 base-62 characters in groups of four, and a `Ra7-` before them.
fn password(entropy: &dyn Entropy) -> SecretString {
    const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut text = String::from("Ra7");
    let mut taken = 0;
    while taken < 16 {
        let [byte] = entropy.bytes::<1>();
        // 248 is the largest multiple of 62 in a byte: beyond it some characters would come more often
        if let Some(character) = (byte < 248).then(|| ALPHABET.get(usize::from(byte % 62))).flatten() {
            if taken % 4 == 0 {
                text.push('-');
            }
            text.push(char::from(*character));
            taken += 1;
        }
    }
    SecretString::from(text)
}

async fn listen(address: SocketAddr) -> Result<(SocketAddr, Listener), UpError> {
    let failed = |source| UpError::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    Ok((listener.local_addr().map_err(failed)?, Listener::Tcp(listener)))
}

/// What the services are started with.
struct Parts<'a> {
    config: &'a Config,
    writer: Writer,
    reader: &'a Reader,
    answers: &'a Answers,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    sealer: Arc<Sealer>,
}

impl Parts<'_> {
    /// The services that own records.
    async fn owners(self, tasks: &TaskTracker, background: &CancellationToken) -> Result<Services, UpError> {
        let Self { config, writer, reader, answers, clock, entropy, sealer } = self;
        let failed = |service| move |cause| UpError::Service { service, cause };
        let identity = reeve_identity::Deps {
            writer: writer.clone(),
            reader: reader.clone(),
            clock: clock.clone(),
            entropy: entropy.clone(),
            sealer,
            config: config.identity.clone(),
            store_kind: "embedded",
            version: VERSION,
        };
        let identity = IdentityService::start(identity, tasks, background.clone()).await?;
        let replica = writer.replica().clone();
        let local = LocalOwners::new();
        let policy = reeve_policy::Deps {
            writer: writer.clone(),
            reader: reader.clone(),
            answers: answers.clone(),
            clock,
            entropy: entropy.clone(),
            neighbours: Neighbours::local(Owner::Policy, replica.clone(), local.clone()),
            config: config.policy.clone(),
            workspaces: config.workspaces.clone(),
        };
        let policy = PolicyService::start(policy).await.map_err(failed("policy"))?;
        let agentmap = reeve_agentmap::Deps { writer, reader: reader.clone(), answers: answers.clone() };
        let agentmap = AgentmapService::start(agentmap).await.map_err(failed("agentmap"))?;
        let reconciled = [policy.reconcile(), agentmap.reconcile()];
        local.register(&reconciled);
        for owner in reconciled {
            tasks.spawn(Reconciler::new(owner, replica.clone(), entropy.clone()).run(background.clone()));
        }
        Ok(identity.services().merge(policy.services()).merge(agentmap.services()))
    }
}

#[cfg(test)]
mod tests {
    use reeve_chassis::{OsEntropy, SystemClock};

    use super::*;

    #[tokio::test]
    async fn a_stop_is_heard_before_it_is_ready() {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config { data: folder.path().join("data"), ..Config::default() };
        config.server.listen = ([127, 0, 0, 1], 0).into();
        // what a hash costs is not what is tested here
        config.identity.passwords.hash.memory_kib = 64;
        let stop = Stop::new();
        stop.ask();
        let started = Up::start(config, Arc::new(SystemClock::new()), Arc::new(OsEntropy), stop).await;
        assert!(matches!(started, Err(UpError::Stopped)));
    }
}
