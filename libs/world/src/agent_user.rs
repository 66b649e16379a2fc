//! Agent users of a World: who a principal's tasks run as in a workspace.

use reeve_agent_user::{Refusal, Resolved, Settings, resolve};
use reeve_model::PrincipalId;

use crate::{Workspace, World};

/// Why an agent user could not be resolved. Never answered by the default.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AgentUserError {
    /// No such principal.
    #[error("there is no {0}")]
    Unknown(String),
    /// The user is deactivated.
    #[error("{0} is deactivated")]
    Inactive(String),
    /// It would be a user that the configuration refuses.
    #[error("{0}")]
    Refused(Refusal),
}

impl World {
    /// Who the tasks of `principal` run as in `workspace`. Robots resolve like users; root, which has no account, like a user
    /// without a link.
    ///
    /// # Errors
    /// An unknown or inactive principal, or a refusal by the configuration.
    pub fn resolve_agent_user(
        &self,
        principal: &PrincipalId,
        workspace: &Workspace,
        settings: &Settings,
    ) -> Result<Resolved, AgentUserError> {
        let unknown = || AgentUserError::Unknown(self.principal_name(principal));
        let (name, link) = match principal {
            PrincipalId::User(uid) => {
                let user = self.users.get(uid).ok_or_else(unknown)?;
                if !user.active {
                    return Err(AgentUserError::Inactive(self.principal_name(principal)));
                }
                (user.username.as_str(), self.user_links.get(uid))
            }
            PrincipalId::Robot(uid) => (self.robots.get(uid).ok_or_else(unknown)?.name.as_str(), None),
            PrincipalId::Root => ("root", None),
        };
        let overrides = self.workspace_agent_users.get(&workspace.uid);
        let (link, overrides) = (link.map(AsRef::as_ref), overrides.map(AsRef::as_ref));
        resolve(name, workspace.name.as_str(), link, overrides, settings).map_err(AgentUserError::Refused)
    }
}
