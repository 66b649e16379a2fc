//! `GetUserLink`: one's own, or anybody's for who may set them.

use std::sync::Arc;

use reeve_agent_user::AgentUser;
use reeve_answers::Moment;
use reeve_chassis::{Authority, Failure, Granted};
use reeve_model::{PrincipalId, Resource, Username};
use reeve_rbac::Permission;

use super::user;

/// The link of a user.
///
/// # Errors
/// [`Failure::Denied`], [`Failure::NotFound`].
pub(crate) fn get_user_link(
    granted: &Granted,
    moment: &Moment,
    username: &Username,
) -> Result<Arc<AgentUser>, Failure> {
    let (caller, found) = (granted.caller(), user(moment, username));
    let oneself = found.as_ref().is_ok_and(|user| caller.principal == PrincipalId::User(user.uid));
    let (permission, resource) = (Permission::AGENT_USER_SET, Resource::cluster());
    if !oneself && !moment.holds(caller, permission, &resource)? {
        return Err(Failure::Denied { permission, resource });
    }
    let link = moment.world().user_link(&found?.uid);
    link.cloned().ok_or_else(|| Failure::not_found(link_name(username)))
}

/// How a user's link is named in errors.
pub(super) fn link_name(username: &Username) -> String {
    format!("user:{username}/agent-user")
}
