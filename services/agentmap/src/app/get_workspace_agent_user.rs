//! `GetWorkspaceAgentUser`: what a workspace overrides.

use reeve_agent_user::Override;
use reeve_answers::Moment;
use reeve_chassis::{Failure, Granted};
use reeve_model::WorkspaceName;

use super::workspace;

/// What the workspace overrides; nothing, where nothing was set.
///
/// # Errors
/// [`Failure::NotFound`].
pub(crate) fn get_workspace_agent_user(
    _granted: &Granted,
    moment: &Moment,
    name: &WorkspaceName,
) -> Result<Override, Failure> {
    let found = moment.world().workspace_agent_user(&workspace(moment, name)?);
    Ok(found.map(|overrides| Override::clone(overrides)).unwrap_or_default())
}
