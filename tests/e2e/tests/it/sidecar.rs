//! A sidecar of its own, following the gRPC feed of a service over TCP: what `reeved sidecar` runs, in this process or as one.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use reeve_chassis::ServeError;
use reeve_model::Clock;
use reeved::{Alone, Config, Stop};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::client::Client;
use crate::process::Process;

/// How long the first snapshot may take.
const FIRST_SNAPSHOT: Duration = Duration::from_secs(20);

/// A running sidecar.
pub(crate) struct Sidecar {
    socket: PathBuf,
    running: Running,
}

enum Running {
    Here { _folder: TempDir, stop: Stop, served: JoinHandle<Result<(), ServeError>> },
    Apart(Process),
}

impl Sidecar {
    /// One in this process that follows `upstream`, as a robot that `admin` makes, by a clock of its own; ready.
    pub(crate) async fn following(upstream: SocketAddr, admin: &Client, clock: Arc<dyn Clock>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let token_file = folder.path().join("token");
        fs::write(&token_file, admin.make_robot("beside", Some("sidecar")).await).unwrap();
        let socket = folder.path().join("sidecar.sock");
        let mut config = Config::default();
        config.sidecar.upstreams = vec![format!("http://{upstream}")];
        config.sidecar.token_file = Some(token_file);
        config.sidecar.socket = Some(socket.clone());
        let stop = Stop::new();
        let alone = Alone::start(&config, clock, stop.clone()).unwrap();
        let readiness = alone.readiness();
        let served = tokio::spawn(alone.run());
        timeout(FIRST_SNAPSHOT, readiness.serving()).await.expect("a first snapshot");
        Self { socket, running: Running::Here { _folder: folder, stop, served } }
    }

    /// One that runs in a process of its own.
    pub(crate) fn apart(process: Process, socket: PathBuf) -> Self {
        Self { socket, running: Running::Apart(process) }
    }

    /// The socket, without a token.
    pub(crate) async fn nobody(&self) -> Client {
        Client::connect(format!("unix:{}", self.socket.display())).await
    }

    /// Stops it, and waits until it has stopped.
    pub(crate) async fn stop(self) {
        match self.running {
            Running::Here { stop, served, .. } => {
                stop.ask();
                served.await.unwrap().unwrap();
            }
            Running::Apart(process) => process.stop().await,
        }
    }
}
