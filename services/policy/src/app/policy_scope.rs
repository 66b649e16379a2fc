//! What a config policy belongs to: the cluster, or one workspace.

use reeve_chassis::Failure;
use reeve_config_policy::{Scope, WorkloadType};
use reeve_model::{Resource, ResourceError, WorkspaceId};
use reeve_world::World;

/// The cluster, or a workspace by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PolicyScope(Resource);

impl PolicyScope {
    /// Reads `cluster` or `workspaces/ID`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let resource = Resource::parse(text).map_err(|error: ResourceError| error.to_string())?;
        if resource.is_cluster() || resource.is_workspace() {
            return Ok(Self(resource));
        }
        Err(format!("`{resource}` has no policies of its own: write `cluster` or `workspaces/ID`"))
    }

    /// As a resource.
    pub(crate) fn resource(&self) -> &Resource {
        &self.0
    }

    /// Whether it is the cluster.
    pub(crate) fn is_cluster(&self) -> bool {
        self.0.is_cluster()
    }

    /// The workspace's uid; none for the cluster.
    ///
    /// # Errors
    /// [`Failure::NotFound`].
    pub(super) fn workspace(&self, world: &World) -> Result<Option<WorkspaceId>, Failure> {
        let Some(name) = self.0.workspace_name() else { return Ok(None) };
        let found = world.workspace_by_name(name).ok_or_else(|| Failure::not_found(&self.0))?;
        Ok(Some(found.uid))
    }

    /// As policies are attributed.
    pub(super) fn attributed(&self) -> Scope {
        self.0.workspace_name().map_or(Scope::Cluster, |name| Scope::Workspace(name.to_owned()))
    }

    /// How the policy of a workload type here is named in errors.
    pub(super) fn policy_name(&self, workload: WorkloadType) -> String {
        format!("{}/config-policies/{workload}", self.0)
    }
}
