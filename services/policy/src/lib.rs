//! The policy service: workspaces, roles, bindings and config policies. It alone writes them.

mod app;
mod config;
mod grpc;
mod keys;
mod rows;

use std::sync::Arc;

use reeve_answers::{Answers, Reader};
use reeve_chassis::{Failure, Services};
use reeve_model::{Clock, Entropy};
use reeve_owner::{Neighbours, Reconcile, WorkspacesConfig, Writer};

use crate::app::{App, Groups};

pub use config::PolicyConfig;
pub use rows::ROWS;

/// What the service is made of.
pub struct Deps {
    /// Writes to the store.
    pub writer: Writer,
    /// Reads the replica that follows the same store. It needs a barrier: every write is decided on the newest state.
    pub reader: Reader,
    /// Answers `ResolveConfig`; its settings are what policies are checked under.
    pub answers: Answers,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness, for uids.
    pub entropy: Arc<dyn Entropy>,
    /// The other owners.
    pub neighbours: Neighbours,
    /// The section `policy` of the configuration.
    pub config: PolicyConfig,
    /// The section `workspaces` of the configuration.
    pub workspaces: WorkspacesConfig,
}

/// The policy service.
#[derive(Clone)]
pub struct PolicyService {
    app: Arc<App>,
}

impl PolicyService {
    /// Makes sure that the store has had its first workspace, `default`.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] when the store cannot write; [`Failure::Internal`] for a configuration that was not validated.
    pub async fn start(deps: Deps) -> Result<Self, Failure> {
        let Deps { writer, reader, answers, clock, entropy, neighbours, config, workspaces } = deps;
        let role = config.role().map_err(Failure::internal)?;
        let groups = Groups::of(&workspaces).map_err(Failure::internal)?;
        let app = App { writer, reader, answers, clock, entropy, neighbours, groups };
        app.make_default_workspace(role).await?;
        Ok(Self { app: Arc::new(app) })
    }

    /// The servers of `WorkspaceService`, `RoleService`, `BindingService` and `ConfigPolicyService`; their rows are [`ROWS`].
    pub fn services(&self) -> Services {
        grpc::services(&self.app)
    }

    /// What keeps this service's records fitting those of the others; a `Reconciler` calls it.
    pub fn reconcile(&self) -> Arc<dyn Reconcile> {
        self.app.clone()
    }
}
