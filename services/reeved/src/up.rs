//! `reeved up`: every service in one process on an embedded store.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use reeve_chassis::{Listener, Owner, Readiness, ServeError, Server, Setup, StartError};
use reeve_credentials::{ClusterKey, SecretString, mint_root};
use reeve_identity::{ADMIN_NAME, Bootstrap, BootstrapError, Bootstrapping};
use reeve_model::{Clock, Entropy};
use reeve_sidecar::SocketError;
use reeve_store::{Embedded, EmbeddedOptions, OpenError, Store};
use tokio::net::TcpListener;

use crate::Stop;
use crate::assembly::{Assembled, Assembly, AssemblyError, Others};
use crate::config::Config;
use crate::keys::{CLUSTER_KEY_VARIABLE, ClusterKeys, KeysError};
use crate::secrets::{Origin, SecretError, Secrets};

/// The cluster key, in the data folder.
pub(crate) const CLUSTER_KEY: &str = "cluster-key";
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
    /// There is no cluster key to work with.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The store cannot be opened.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// A new cluster cannot be made, or this is another one's store.
    #[error(transparent)]
    Bootstrap(#[from] BootstrapError),
    /// The services cannot start over the store.
    #[error(transparent)]
    Assembly(#[from] AssemblyError),
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
}

impl From<StartError> for UpError {
    fn from(error: StartError) -> Self {
        Self::Assembly(error.into())
    }
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
    assembled: Assembled,
    readiness: Readiness,
    servers: [(Server, Listener); 2],
    store: Arc<Embedded>,
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
        let secrets = Secrets::in_folder(&config.data)?;
        // the store first: whoever holds it is alone with the folder
        let options = EmbeddedOptions::default();
        let store = Arc::new(Embedded::open(&config.data, clock.clone(), entropy.clone(), options)?);
        let seam: Arc<dyn Store> = store.clone();
        let first = !reeve_identity::is_bootstrapped(seam.as_ref()).await.map_err(BootstrapError::Store)?;
        let keys = cluster_keys(&config, &secrets, first, entropy.as_ref())?;
        let sealer = keys.sealer();
        let of = Bootstrapping {
            store: seam.as_ref(),
            sealer: &sealer,
            clock: clock.as_ref(),
            entropy: entropy.as_ref(),
            config: &config.identity,
        };
        let sign_in = bootstrap(&config, &secrets, first, of).await?;

        let assembly = Assembly {
            config: &config,
            store: seam,
            store_kind: "embedded",
            keys: &keys,
            clock,
            entropy,
            others: Others::Here,
            over: stop.token(),
        };
        let readiness = Readiness::new();
        let assembled = assembly.start(&Owner::ALL, readiness.clone()).await?;
        let beside = Setup {
            readiness: readiness.clone(),
            socket: reeve_sidecar::socket_policy(),
            ..Setup::new(
                config.server.clone(),
                reeve_sidecar::services(&assembled.answers),
                vec![reeve_sidecar::ROWS],
                Arc::new(assembled.reader.clone()),
            )
        };
        let (main, beside) = (assembled.setup(&config).build()?, beside.build()?);
        let socket = config.sidecar.socket.clone().unwrap_or_else(|| config.data.join(SOCKET));
        let (address, listener) = listen(config.server.listen).await?;
        let unix = Listener::Unix(reeve_sidecar::bind(&socket)?);
        let servers = [(main, listener), (beside, unix)];
        Ok(Self { address, socket, sign_in, assembled, readiness, servers, store, stop })
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
        let [main, beside] = self.servers.map(|(server, listener)| server.serve(vec![listener], drain.clone()));
        let both = async {
            let ended = tokio::join!(end_both(main, &self.stop), end_both(beside, &self.stop));
            ended.0.and(ended.1)
        };
        let ended = self.assembled.run(both).await;
        self.store.close();
        ended
    }
}

/// When one server ends, however it ends, the other is asked to.
async fn end_both(server: impl Future<Output = Result<(), ServeError>>, stop: &Stop) -> Result<(), ServeError> {
    let ended = server.await;
    stop.ask();
    ended
}

/// The cluster key. Only a first start makes one: to make another for a cluster that lost its own would hide the loss.
fn cluster_keys(
    config: &Config,
    secrets: &Secrets,
    first: bool,
    entropy: &dyn Entropy,
) -> Result<ClusterKeys, KeysError> {
    let file = config.cluster_key_file.as_deref();
    let key = if first {
        let made = ClusterKey::generate(entropy)?;
        secrets.take(file, CLUSTER_KEY_VARIABLE, CLUSTER_KEY, || made.to_text())?.0
    } else {
        let found = secrets.find(file, CLUSTER_KEY_VARIABLE, CLUSTER_KEY)?;
        found.ok_or_else(|| KeysError::Lost(secrets.path(CLUSTER_KEY)))?.0
    };
    ClusterKeys::with_older(ClusterKey::parse(key.expose())?, config)
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
        assert!(matches!(started, Err(UpError::Assembly(AssemblyError::Stopped))));
    }
}
