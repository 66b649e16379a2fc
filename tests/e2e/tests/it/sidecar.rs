//! A sidecar of its own, following the gRPC feed of a service over TCP: what `reeved sidecar` runs.

use std::fs;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use reeve_chassis::ServeError;
use reeve_model::Clock;
use reeved::{Alone, Config, Stop};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::client::Client;

/// How long the first snapshot may take.
const FIRST_SNAPSHOT: Duration = Duration::from_secs(20);

/// A running sidecar.
pub(crate) struct Sidecar {
    folder: TempDir,
    stop: Stop,
    served: JoinHandle<Result<(), ServeError>>,
}

impl Sidecar {
    /// Follows `upstream`, as a robot that `admin` makes; ready.
    pub(crate) async fn following(upstream: SocketAddr, admin: &Client, clock: Arc<dyn Clock>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let token_file = folder.path().join("token");
        fs::write(&token_file, admin.make_robot("beside", Some("sidecar")).await).unwrap();
        let mut config = Config::default();
        config.sidecar.upstreams = vec![format!("http://{upstream}")];
        config.sidecar.token_file = Some(token_file);
        config.sidecar.socket = Some(folder.path().join("sidecar.sock"));
        let stop = Stop::new();
        let alone = Alone::start(&config, clock, stop.clone()).unwrap();
        let readiness = alone.readiness();
        let served = tokio::spawn(alone.run());
        timeout(FIRST_SNAPSHOT, readiness.serving()).await.expect("a first snapshot");
        Self { folder, stop, served }
    }

    /// The socket, without a token.
    pub(crate) async fn nobody(&self) -> Client {
        Client::connect(format!("unix:{}", self.folder.path().join("sidecar.sock").display())).await
    }

    /// Stops it, and waits until it has stopped.
    pub(crate) async fn stop(self) {
        self.stop.ask();
        self.served.await.unwrap().unwrap();
    }
}
