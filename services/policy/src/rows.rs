//! Who may call each method.

use reeve_answers::RESOLVE_CONFIG;
use reeve_chassis::{Access, On, Row};
use reeve_rbac::Permission;

pub(crate) const CREATE_WORKSPACE: Row = Row {
    method: "/reeve.policy.v1.WorkspaceService/CreateWorkspace",
    access: Access::Need(Permission::WORKSPACE_CREATE, On::Cluster),
};
pub(crate) const GET_WORKSPACE: Row = Row {
    method: "/reeve.policy.v1.WorkspaceService/GetWorkspace",
    access: Access::Need(Permission::WORKSPACE_VIEW, On::Request),
};
pub(crate) const LIST_WORKSPACES: Row = Row {
    method: "/reeve.policy.v1.WorkspaceService/ListWorkspaces",
    access: Access::Filtered("the workspaces on which the caller holds workspace.view"),
};
pub(crate) const DELETE_WORKSPACE: Row = Row {
    method: "/reeve.policy.v1.WorkspaceService/DeleteWorkspace",
    access: Access::Need(Permission::WORKSPACE_DELETE, On::Request),
};
pub(crate) const LIST_ROLES: Row = Row {
    method: "/reeve.policy.v1.RoleService/ListRoles",
    access: Access::Filtered("nothing: the roles are the same for every caller"),
};
pub(crate) const BIND: Row =
    Row { method: "/reeve.policy.v1.BindingService/Bind", access: Access::Need(Permission::ROLE_BIND, On::Request) };
pub(crate) const UNBIND: Row =
    Row { method: "/reeve.policy.v1.BindingService/Unbind", access: Access::Need(Permission::ROLE_BIND, On::Request) };
pub(crate) const LIST_BINDINGS: Row = Row {
    method: "/reeve.policy.v1.BindingService/ListBindings",
    access: Access::Need(Permission::ROLE_VIEW, On::Request),
};
pub(crate) const SET_CONFIG_POLICY: Row = Row {
    method: "/reeve.policy.v1.ConfigPolicyService/SetConfigPolicy",
    access: Access::Need(Permission::CONFIG_POLICY_SET, On::Request),
};
pub(crate) const GET_CONFIG_POLICY: Row = Row {
    method: "/reeve.policy.v1.ConfigPolicyService/GetConfigPolicy",
    access: Access::Filtered("configPolicy.view at the scope; the cluster's also for who may submit in a workspace"),
};
pub(crate) const DELETE_CONFIG_POLICY: Row = Row {
    method: "/reeve.policy.v1.ConfigPolicyService/DeleteConfigPolicy",
    access: Access::Need(Permission::CONFIG_POLICY_SET, On::Request),
};

/// Who may call what [`PolicyService::services`](crate::PolicyService::services) mounts.
pub const ROWS: &[Row] = &[
    CREATE_WORKSPACE,
    GET_WORKSPACE,
    LIST_WORKSPACES,
    DELETE_WORKSPACE,
    LIST_ROLES,
    BIND,
    UNBIND,
    LIST_BINDINGS,
    SET_CONFIG_POLICY,
    GET_CONFIG_POLICY,
    DELETE_CONFIG_POLICY,
    RESOLVE_CONFIG,
];
