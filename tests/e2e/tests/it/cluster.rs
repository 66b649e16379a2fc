//! A whole cluster in this process: what `reeved up` runs, on a free port and in a folder of its own.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use reeve_chassis::{OsEntropy, ServeError, SystemClock};
use reeve_model::Clock;
use reeved::{Config, Stop, Up};
use tempfile::TempDir;
use tokio::task::JoinHandle;

use crate::client::Client;

/// Everybody's password.
pub(crate) const PASSWORD: &str = "Correct-Horse-7";

/// A running cluster. It stops when it is told to, or with the test.
pub(crate) struct Cluster {
    pub(crate) address: SocketAddr,
    /// Where the sidecar answers that runs in the same process.
    pub(crate) socket: PathBuf,
    folder: Arc<TempDir>,
    clock: Arc<dyn Clock>,
    stop: Stop,
    served: JoinHandle<Result<(), ServeError>>,
}

impl Cluster {
    /// A new cluster under the system's clock.
    pub(crate) async fn start() -> Self {
        Self::with_clock(Arc::new(SystemClock::new())).await
    }

    /// A new cluster under another clock.
    pub(crate) async fn with_clock(clock: Arc<dyn Clock>) -> Self {
        Self::open(Arc::new(tempfile::tempdir().unwrap()), clock, None).await
    }

    async fn open(folder: Arc<TempDir>, clock: Arc<dyn Clock>, address: Option<SocketAddr>) -> Self {
        let password_file = folder.path().join("first-password");
        fs::write(&password_file, PASSWORD).unwrap();
        let mut config = Config { data: folder.path().join("data"), ..Config::default() };
        config.server.listen = address.unwrap_or(([127, 0, 0, 1], 0).into());
        config.bootstrap.initial_password_file = Some(password_file);
        // what a hash costs is not what is tested here
        config.identity.passwords.hash.memory_kib = 64;
        config.identity.passwords.hash.passes = 1;
        let stop = Stop::new();
        let up = Up::start(config, clock.clone(), Arc::new(OsEntropy), stop.clone()).await.unwrap();
        let (address, socket) = (up.address(), up.socket().to_owned());
        let served = tokio::spawn(up.run());
        Self { address, socket, folder, clock, stop, served }
    }

    /// Stops it, and waits until it has stopped.
    pub(crate) async fn stop(self) -> Stopped {
        self.stop.ask();
        self.served.await.unwrap().unwrap();
        Stopped { address: self.address, folder: self.folder, clock: self.clock }
    }

    /// A new connection without a token.
    pub(crate) async fn nobody(&self) -> Client {
        Client::connect(format!("http://{}", self.address)).await
    }

    /// Somebody, signed in over a connection of their own.
    pub(crate) async fn signed_in(&self, username: &str) -> Client {
        self.nobody().await.sign_in(username).await.unwrap()
    }

    /// The administrator.
    pub(crate) async fn admin(&self) -> Client {
        self.signed_in("admin").await
    }

    /// The root token's holder.
    pub(crate) async fn root(&self) -> Client {
        let token = fs::read_to_string(self.folder.path().join("data/root-token")).unwrap();
        self.nobody().await.with_token(token.trim())
    }

    /// The socket of the sidecar in this process, without a token.
    pub(crate) async fn beside(&self) -> Client {
        Client::connect(format!("unix:{}", self.socket.display())).await
    }
}

/// A cluster that has stopped.
pub(crate) struct Stopped {
    address: SocketAddr,
    folder: Arc<TempDir>,
    clock: Arc<dyn Clock>,
}

impl Stopped {
    /// Starts it again, on the same port and the same data.
    pub(crate) async fn start(self) -> Cluster {
        Cluster::open(self.folder, self.clock, Some(self.address)).await
    }
}
