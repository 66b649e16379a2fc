//! The agentmap service: which Unix user a task runs as. It alone writes links and workspaces' overrides.

mod app;
mod grpc;
mod keys;
mod rows;

use std::sync::Arc;

use reeve_answers::{Answers, Reader};
use reeve_chassis::{Failure, Services};
use reeve_owner::{Reconcile, Writer};

use crate::app::App;

pub use rows::ROWS;

/// What the service is made of.
pub struct Deps {
    /// Writes to the store.
    pub writer: Writer,
    /// Reads the replica that follows the same store. It needs a barrier: every write is decided on the newest state.
    pub reader: Reader,
    /// Answers `ResolveAgentUser`.
    pub answers: Answers,
}

/// The agentmap service.
#[derive(Clone)]
pub struct AgentmapService {
    app: Arc<App>,
}

impl AgentmapService {
    /// Starts the service. It has nothing to prepare.
    ///
    /// # Errors
    /// None of its own.
    #[expect(clippy::unused_async, reason = "every service starts alike")]
    pub async fn start(deps: Deps) -> Result<Self, Failure> {
        let Deps { writer, reader, answers } = deps;
        Ok(Self { app: Arc::new(App { writer, reader, answers }) })
    }

    /// The server of `AgentUserService`; its rows are [`ROWS`].
    pub fn services(&self) -> Services {
        grpc::services(&self.app)
    }

    /// What keeps this service's records fitting those of the others; a `Reconciler` calls it.
    pub fn reconcile(&self) -> Arc<dyn Reconcile> {
        self.app.clone()
    }
}
