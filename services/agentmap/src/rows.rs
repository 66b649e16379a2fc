//! Who may call each method.

use reeve_answers::RESOLVE_AGENT_USER;
use reeve_chassis::{Access, On, Row};
use reeve_rbac::Permission;

/// Who may change links and overrides.
const SET: Access = Access::Need(Permission::AGENT_USER_SET, On::Cluster);

pub(crate) const LINK_USER: Row = Row { method: "/reeve.agentmap.v1.AgentUserService/LinkUser", access: SET };
pub(crate) const UNLINK_USER: Row = Row { method: "/reeve.agentmap.v1.AgentUserService/UnlinkUser", access: SET };
pub(crate) const GET_USER_LINK: Row = Row {
    method: "/reeve.agentmap.v1.AgentUserService/GetUserLink",
    access: Access::Filtered("oneself, or anybody for who holds agentUser.set"),
};
pub(crate) const SET_WORKSPACE_AGENT_USER: Row =
    Row { method: "/reeve.agentmap.v1.AgentUserService/SetWorkspaceAgentUser", access: SET };
pub(crate) const CLEAR_WORKSPACE_AGENT_USER: Row =
    Row { method: "/reeve.agentmap.v1.AgentUserService/ClearWorkspaceAgentUser", access: SET };
pub(crate) const GET_WORKSPACE_AGENT_USER: Row = Row {
    method: "/reeve.agentmap.v1.AgentUserService/GetWorkspaceAgentUser",
    access: Access::Need(Permission::AGENT_USER_VIEW, On::Request),
};

/// Who may call what [`AgentmapService::services`](crate::AgentmapService::services) mounts.
pub const ROWS: &[Row] = &[
    LINK_USER,
    UNLINK_USER,
    GET_USER_LINK,
    SET_WORKSPACE_AGENT_USER,
    CLEAR_WORKSPACE_AGENT_USER,
    GET_WORKSPACE_AGENT_USER,
    RESOLVE_AGENT_USER,
];
