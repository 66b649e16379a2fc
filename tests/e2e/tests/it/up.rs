//! A whole cluster in this process: what `reeved up` runs, on a free port and in a folder of its own.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use reeve_chassis::{OsEntropy, ServeError};
use reeve_model::Clock;
use reeved::{Config, Stop};
use tempfile::TempDir;
use tokio::task::JoinHandle;

use crate::cluster::PASSWORD;

/// A running cluster. It stops when it is told to, or with the test.
pub(crate) struct Up {
    pub(crate) address: SocketAddr,
    /// Where the sidecar answers that runs in the same process.
    pub(crate) socket: PathBuf,
    folder: Arc<TempDir>,
    clock: Arc<dyn Clock>,
    stop: Stop,
    served: JoinHandle<Result<(), ServeError>>,
}

impl Up {
    pub(crate) async fn start(clock: Arc<dyn Clock>) -> Self {
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
        let up = reeved::Up::start(config, clock.clone(), Arc::new(OsEntropy), stop.clone()).await.unwrap();
        let (address, socket) = (up.address(), up.socket().to_owned());
        let served = tokio::spawn(up.run());
        Self { address, socket, folder, clock, stop, served }
    }

    /// The root token.
    pub(crate) fn root(&self) -> String {
        fs::read_to_string(self.folder.path().join("data/root-token")).unwrap().trim().to_owned()
    }

    /// Stops it, waits until it has stopped, and says how to start it again on the same port and the same data.
    pub(crate) async fn stop(self) -> StoppedUp {
        self.stop.ask();
        self.served.await.unwrap().unwrap();
        StoppedUp { address: self.address, folder: self.folder, clock: self.clock }
    }
}

/// A cluster in this process that has stopped.
pub(crate) struct StoppedUp {
    address: SocketAddr,
    folder: Arc<TempDir>,
    clock: Arc<dyn Clock>,
}

impl StoppedUp {
    pub(crate) async fn start(self) -> Up {
        Up::open(self.folder, self.clock, Some(self.address)).await
    }
}
