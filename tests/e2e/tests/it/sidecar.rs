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
use crate::member::Member;

/// How long the first snapshot may take.
const FIRST_SNAPSHOT: Duration = Duration::from_secs(20);

/// A running sidecar.
pub(crate) enum Sidecar {
    /// In this process.
    Here(Here),
    /// In a process of its own.
    Apart(Member),
}

/// A sidecar in this process.
pub(crate) struct Here {
    folder: TempDir,
    stop: Stop,
    served: JoinHandle<Result<(), ServeError>>,
}

impl Sidecar {
    /// One in this process that follows `upstream`, as a robot that `admin` makes, by a clock of its own; ready.
    pub(crate) async fn following(upstream: SocketAddr, admin: &Client, clock: Arc<dyn Clock>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let token_file = folder.path().join("token");
        fs::write(&token_file, admin.make_robot("beside", Some("sidecar")).await).unwrap();
        let mut config = Config::default();
        config.sidecar.upstreams = vec![format!("http://{upstream}")];
        config.sidecar.token_file = Some(token_file);
        config.sidecar.socket = Some(socket(&folder));
        let stop = Stop::new();
        let alone = Alone::start(&config, clock, stop.clone()).unwrap();
        let readiness = alone.readiness();
        let served = tokio::spawn(alone.run());
        timeout(FIRST_SNAPSHOT, readiness.serving()).await.expect("a first snapshot");
        Self::Here(Here { folder, stop, served })
    }

    /// The socket, without a token.
    pub(crate) async fn nobody(&self) -> Client {
        match self {
            Self::Here(here) => Client::connect(format!("unix:{}", socket(&here.folder).display())).await,
            Self::Apart(member) => member.nobody(),
        }
    }

    /// Stops it, and waits until it has stopped.
    pub(crate) async fn stop(self) {
        match self {
            Self::Here(here) => {
                here.stop.ask();
                here.served.await.unwrap().unwrap();
            }
            Self::Apart(member) => member.stop().await,
        }
    }
}

fn socket(folder: &TempDir) -> PathBuf {
    folder.path().join("sidecar.sock")
}
