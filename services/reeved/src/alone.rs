//! `reeved sidecar`: a sidecar in a process of its own, following the feed of a service.

use std::path::PathBuf;
use std::sync::Arc;

use reeve_answers::{Answers, Reader};
use reeve_chassis::{Forward, Listener, Owner, PeerUrl, Peers, Readiness, ServeError, Server, Setup, StartError};
use reeve_model::{Clock, Violations};
use reeve_replica::{FeedSource, Replica, follow};
use reeve_sidecar::{SocketError, Upstreams};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::Stop;
use crate::assembly::owned_rows;
use crate::config::Config;
use crate::serving::warn_of_root;

/// Why a sidecar does not start.
#[derive(Debug, thiserror::Error)]
pub enum AloneError {
    /// The configuration lacks something.
    #[error("the configuration is wrong: {}", list(.0))]
    Config(Violations),
    /// The socket cannot be listened on.
    #[error(transparent)]
    Socket(#[from] SocketError),
    /// What is served does not fit together.
    #[error(transparent)]
    Start(#[from] StartError),
}

fn list(violations: &Violations) -> String {
    let each = violations.as_slice().iter().map(|found| format!("`{}` {}", found.field, found.description));
    each.collect::<Vec<_>>().join("; ")
}

/// A sidecar.
pub struct Alone {
    socket: PathBuf,
    reader: Reader,
    readiness: Readiness,
    server: Server,
    listener: Listener,
    tasks: TaskTracker,
    background: CancellationToken,
    stop: Stop,
}

impl Alone {
    /// Binds the socket and begins to follow. What is asked before the first snapshot is complete is answered `UNAVAILABLE`.
    ///
    /// # Errors
    /// [`AloneError`].
    pub fn start(config: &Config, clock: Arc<dyn Clock>, stop: Stop) -> Result<Self, AloneError> {
        reeve_credentials::install_crypto_provider();
        let settings = config.settings().map_err(AloneError::Config)?;
        warn_of_root(&settings);
        let mut lacking = Violations::new();
        config.sidecar.validate_alone(&mut lacking);
        let (Some(token_file), Some(socket), true) =
            (config.sidecar.token_file.clone(), config.sidecar.socket.clone(), lacking.is_empty())
        else {
            return Err(AloneError::Config(lacking));
        };
        let (tasks, background) = (TaskTracker::new(), CancellationToken::new());
        let replica = Replica::new(clock, None);
        let urls: Vec<PeerUrl> = config.sidecar.upstreams.iter().filter_map(|url| url.parse().ok()).collect();
        let peers = Peers::new(Owner::ALL.map(|owner| (owner, urls.clone())));
        let upstreams = Upstreams::new(config.sidecar.upstreams.clone(), token_file);
        let reader = Reader::new(replica.clone(), config.token_rules(), config.staleness());
        let answers = Answers::new(reader.clone(), settings);
        let readiness = Readiness::new();
        let setup = Setup {
            readiness: readiness.clone(),
            socket: reeve_sidecar::socket_policy(),
            forward: Some(Forward::as_sidecar(peers).knowing(&owned_rows(&Owner::ALL))),
            ..Setup::new(
                config.server.clone(),
                reeve_sidecar::services(&answers),
                vec![reeve_sidecar::ROWS],
                Arc::new(reader.clone()),
            )
        };
        let server = setup.build()?;
        let listener = Listener::Unix(reeve_sidecar::bind(&socket)?);
        tasks.spawn(follow(replica, FeedSource::new(upstreams), background.clone()));
        Ok(Self { socket, reader, readiness, server, listener, tasks, background, stop })
    }

    /// Where it answers.
    pub fn socket(&self) -> &std::path::Path {
        &self.socket
    }

    /// The handle that says whether it is ready.
    pub fn readiness(&self) -> Readiness {
        self.readiness.clone()
    }

    /// Answers until it is asked to stop; then drains.
    ///
    /// # Errors
    /// The listener failed, or calls had to be cut off.
    pub async fn run(self) -> Result<(), ServeError> {
        self.tasks.spawn(self.reader.report(self.readiness, self.background.clone()));
        let ended = self.server.serve(vec![self.listener], self.stop.token().clone()).await;
        self.background.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        ended
    }
}
