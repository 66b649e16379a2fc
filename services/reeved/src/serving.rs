//! What every server process does alike: warn of what is unsafe, and stop when it is asked to.

use reeve_agent_user::RootTasks;
use reeve_answers::Settings;
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

/// Says at every start that tasks may run as root.
pub(crate) fn warn_of_root(settings: &Settings) {
    let agent_user = &settings.agent_user;
    if agent_user.root_tasks == RootTasks::Allowed {
        let default = if agent_user.default_task.is_root() { "and do so for every user without a link" } else { "" };
        tracing::warn!("tasks may run as root {default}: `security.allow_root = false` refuses that");
    }
}
