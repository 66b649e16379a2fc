//! Who may call the read services.

use reeve_chassis::{Access, On, Row};
use reeve_rbac::Permission;

/// `Check`.
pub(crate) const CHECK: Row = Row {
    method: "/reeve.policy.v1.DecisionService/Check",
    access: Access::Filtered("oneself, or anybody for who holds role.view at the resource"),
};

/// `Admit`.
pub const ADMIT: Row = Row {
    method: "/reeve.admission.v1.AdmissionService/Admit",
    access: Access::Filtered("the submission of the caller, or of whose token the request holds"),
};

/// `ResolveConfig`, which the policy service mounts with the rest of its service.
pub const RESOLVE_CONFIG: Row = Row {
    method: "/reeve.policy.v1.ConfigPolicyService/ResolveConfig",
    access: Access::Filtered("who may submit workloads of the type in the workspace"),
};

/// `ResolveAgentUser`, which the agent-mapping service mounts with the rest of its service.
pub const RESOLVE_AGENT_USER: Row = Row {
    method: "/reeve.agentmap.v1.AgentUserService/ResolveAgentUser",
    access: Access::Filtered("oneself where one may submit, or anybody for who holds agentUser.view in the workspace"),
};

/// `Watch`.
pub(crate) const WATCH: Row = Row {
    method: "/reeve.feed.v1.FeedService/Watch",
    access: Access::NeedOrService(Permission::FEED_FOLLOW, On::Cluster),
};

/// Who may call what [`Answers::services`](crate::Answers::services) mounts.
pub const ROWS: &[Row] = &[CHECK, ADMIT];

/// Who may call what [`Feed::services`](crate::Feed::services) mounts.
pub const FEED_ROWS: &[Row] = &[WATCH];
