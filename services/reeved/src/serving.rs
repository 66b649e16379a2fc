//! Stopping: a signal, or whoever started the server, asks once; everything drains.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Asks a server to stop.
#[derive(Clone, Debug, Default)]
pub struct Stop(CancellationToken);

impl Stop {
    /// Nobody has asked yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks. Asking again changes nothing.
    pub fn ask(&self) {
        self.0.cancel();
    }

    /// Asks on SIGTERM and SIGINT.
    ///
    /// # Errors
    /// The signals cannot be listened to.
    pub fn on_signals(&self) -> std::io::Result<()> {
        let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        let stop = self.clone();
        tokio::spawn(async move {
            tokio::select! {
                _ = terminate.recv() => tracing::info!("stopping on SIGTERM"),
                _ = interrupt.recv() => tracing::info!("stopping on SIGINT"),
            }
            stop.ask();
        });
        Ok(())
    }

    /// The token that is cancelled when somebody asks.
    pub(crate) fn token(&self) -> &CancellationToken {
        &self.0
    }
}
