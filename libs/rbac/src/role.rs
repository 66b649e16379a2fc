//! The built-in roles: what each holds, where each may be assigned, and what it reaches from there.

use std::fmt;

use reeve_model::Resource;

use crate::nearest::{nearest, printable};
use crate::{Permission as P, PermissionSet, ScopeKind};

/// A built-in role. Built-in roles cannot be changed or deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BuiltinRole {
    /// Everything, everywhere, present and future.
    ClusterAdmin,
    /// Runs a workspace: what happens in it, and who may take part.
    WorkspaceAdmin,
    /// Creates workspaces.
    WorkspaceCreator,
    /// Works in a workspace.
    Editor,
    /// Works in a workspace, without interactive workloads and without entering running ones.
    EditorRestricted,
    /// Sees what is in a workspace.
    Viewer,
    /// Sees that jobs exist, no more.
    Lister,
    /// Administers users, groups and tokens.
    IdentityAdmin,
    /// Administers upstream identity providers.
    ConnectorAdmin,
    /// Administers robots.
    RobotAdmin,
    /// Sees everything, changes nothing.
    Auditor,
    /// What a sidecar beside a scheduler needs.
    Sidecar,
}

/// A text that names no role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownRole {
    /// What was given, printable and cut to a bounded length.
    pub given: String,
    /// The known role that is nearest to it, if any is near.
    pub nearest: Option<BuiltinRole>,
}

const LISTER: PermissionSet = PermissionSet::of(&[P::WORKSPACE_VIEW, P::WORKLOAD_LIST]);
const VIEWER: PermissionSet = PermissionSet::of(&[
    P::WORKSPACE_VIEW,
    P::PROJECT_VIEW,
    P::WORKLOAD_LIST,
    P::WORKLOAD_VIEW,
    P::WORKLOAD_LOGS,
    P::ARTIFACT_VIEW,
    P::CONFIG_POLICY_VIEW,
    P::TASK_VIEW,
]);
const EDITOR: PermissionSet = VIEWER.union(PermissionSet::of(&[
    P::WORKLOAD_SUBMIT,
    P::WORKLOAD_SUBMIT_INTERACTIVE,
    P::WORKLOAD_EXEC,
    P::WORKLOAD_UPDATE,
    P::WORKLOAD_STOP,
    P::WORKLOAD_DELETE,
    P::ARTIFACT_WRITE,
    P::ARTIFACT_DELETE,
    P::PROJECT_CREATE,
    P::PROJECT_UPDATE,
]));
const EDITOR_RESTRICTED: PermissionSet =
    EDITOR.difference(PermissionSet::of(&[P::WORKLOAD_SUBMIT_INTERACTIVE, P::WORKLOAD_EXEC]));
const WORKSPACE_ADMIN: PermissionSet = EDITOR.union(PermissionSet::of(&[
    P::PROJECT_DELETE,
    P::WORKSPACE_UPDATE,
    P::WORKSPACE_DELETE,
    P::ROLE_VIEW,
    P::ROLE_BIND,
    P::CONFIG_POLICY_SET,
    P::AGENT_USER_VIEW,
    P::TASK_END,
]));
const IDENTITY_ADMIN: PermissionSet =
    PermissionSet::of(&[P::USER_VIEW, P::USER_ADMINISTER, P::GROUP_VIEW, P::GROUP_ADMINISTER, P::TOKEN_ADMINISTER]);
const AUDITOR: PermissionSet = PermissionSet::of(&[
    P::USER_VIEW,
    P::GROUP_VIEW,
    P::CLUSTER_VIEW,
    P::WORKLOAD_LIST,
    P::WORKLOAD_VIEW,
    P::ARTIFACT_VIEW,
    P::PROJECT_VIEW,
    P::WORKSPACE_VIEW,
    P::ROLE_VIEW,
    P::CONFIG_POLICY_VIEW,
    P::AGENT_USER_VIEW,
    P::TASK_VIEW,
]);
const SIDECAR: PermissionSet = PermissionSet::of(&[
    P::FEED_FOLLOW,
    P::TASK_REGISTER,
    P::TASK_END,
    P::TASK_VIEW,
    P::ROLE_VIEW,
    P::CONFIG_POLICY_VIEW,
    P::AGENT_USER_VIEW,
]);

impl BuiltinRole {
    /// Every built-in role.
    pub const ALL: &[Self] = &[
        Self::ClusterAdmin,
        Self::WorkspaceAdmin,
        Self::WorkspaceCreator,
        Self::Editor,
        Self::EditorRestricted,
        Self::Viewer,
        Self::Lister,
        Self::IdentityAdmin,
        Self::ConnectorAdmin,
        Self::RobotAdmin,
        Self::Auditor,
        Self::Sidecar,
    ];

    /// Reads the written form, exactly.
    ///
    /// # Errors
    /// Any other text, with the nearest known name.
    pub fn parse(text: &str) -> Result<Self, UnknownRole> {
        Self::ALL
            .iter()
            .copied()
            .find(|role| role.as_str() == text)
            .ok_or_else(|| UnknownRole { given: printable(text), nearest: nearest(text, Self::ALL, Self::as_str) })
    }

    /// The written form.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ClusterAdmin => "clusterAdmin",
            Self::WorkspaceAdmin => "workspaceAdmin",
            Self::WorkspaceCreator => "workspaceCreator",
            Self::Editor => "editor",
            Self::EditorRestricted => "editorRestricted",
            Self::Viewer => "viewer",
            Self::Lister => "lister",
            Self::IdentityAdmin => "identityAdmin",
            Self::ConnectorAdmin => "connectorAdmin",
            Self::RobotAdmin => "robotAdmin",
            Self::Auditor => "auditor",
            Self::Sidecar => "sidecar",
        }
    }

    /// One sentence for people.
    pub const fn description(self) -> &'static str {
        match self {
            Self::ClusterAdmin => "Everything, everywhere, present and future.",
            Self::WorkspaceAdmin => "Runs a workspace: what happens in it, and who may take part.",
            Self::WorkspaceCreator => "Creates workspaces.",
            Self::Editor => "Works in a workspace: workloads, artifacts and projects.",
            Self::EditorRestricted => "An editor without interactive workloads and without entering running ones.",
            Self::Viewer => "Sees what is in a workspace.",
            Self::Lister => "Sees that jobs exist, no more.",
            Self::IdentityAdmin => "Administers users, groups and tokens.",
            Self::ConnectorAdmin => "Administers upstream identity providers.",
            Self::RobotAdmin => "Administers robots.",
            Self::Auditor => "Sees everything, changes nothing.",
            Self::Sidecar => "What a sidecar beside a scheduler needs.",
        }
    }

    /// What it holds: what binding it conveys.
    pub const fn permissions(self) -> PermissionSet {
        match self {
            Self::ClusterAdmin => PermissionSet::ALL,
            Self::WorkspaceAdmin => WORKSPACE_ADMIN,
            Self::WorkspaceCreator => PermissionSet::of(&[P::WORKSPACE_CREATE]),
            Self::Editor => EDITOR,
            Self::EditorRestricted => EDITOR_RESTRICTED,
            Self::Viewer => VIEWER,
            Self::Lister => LISTER,
            Self::IdentityAdmin => IDENTITY_ADMIN,
            Self::ConnectorAdmin => PermissionSet::of(&[P::CONNECTOR_ADMINISTER]),
            Self::RobotAdmin => PermissionSet::of(&[P::ROBOT_ADMINISTER]),
            Self::Auditor => AUDITOR,
            Self::Sidecar => SIDECAR,
        }
    }

    /// The kinds of places at which it may be bound.
    pub const fn assignable_at(self) -> &'static [ScopeKind] {
        match self {
            Self::WorkspaceAdmin => &[ScopeKind::Cluster, ScopeKind::Workspace],
            Self::Editor | Self::EditorRestricted | Self::Viewer | Self::Lister => {
                &[ScopeKind::Cluster, ScopeKind::Workspace, ScopeKind::Below]
            }
            Self::ClusterAdmin
            | Self::WorkspaceCreator
            | Self::IdentityAdmin
            | Self::ConnectorAdmin
            | Self::RobotAdmin
            | Self::Auditor
            | Self::Sidecar => &[ScopeKind::Cluster],
        }
    }

    /// Whether it may be bound on `resource`.
    pub fn allows(self, resource: &Resource) -> bool {
        self.assignable_at().contains(&ScopeKind::of(resource))
    }

    /// Whether it may be bound at the cluster only. Such a role holds on `cluster` itself; bound there, any other one
    /// holds in every workspace and not on `cluster`.
    pub const fn is_cluster_role(self) -> bool {
        matches!(self.assignable_at(), [ScopeKind::Cluster])
    }

    /// What it gives on a place of kind `asked` when bound on a place of kind `bound`, the same one or one above it.
    ///
    /// A role bound where it may not be bound gives nothing.
    pub fn reach(self, bound: ScopeKind, asked: ScopeKind) -> PermissionSet {
        if !self.assignable_at().contains(&bound) {
            return PermissionSet::NONE;
        }
        match asked {
            ScopeKind::Cluster if self.is_cluster_role() => self.permissions(),
            ScopeKind::Cluster => PermissionSet::NONE,
            ScopeKind::Workspace | ScopeKind::Below => {
                self.permissions().intersection(PermissionSet::WORKSPACE_AND_BELOW)
            }
        }
    }
}

impl fmt::Display for BuiltinRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for UnknownRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is not a role", self.given)?;
        self.nearest.map_or(Ok(()), |nearest| write!(f, ": the nearest is `{nearest}`"))
    }
}

impl std::error::Error for UnknownRole {}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(wanted: impl Fn(&str, &str) -> bool) -> PermissionSet {
        let matches = |p: &&P| p.as_str().split_once('.').is_some_and(|(noun, verb)| wanted(noun, verb));
        P::ALL.iter().filter(matches).copied().collect()
    }

    #[test]
    fn an_auditor_holds_every_view_and_list() {
        assert_eq!(BuiltinRole::Auditor.permissions(), named(|_, verb| ["view", "list"].contains(&verb)));
    }

    #[test]
    fn an_editor_holds_all_of_workloads_and_artifacts() {
        let whole = named(|noun, _| ["workload", "artifact"].contains(&noun));
        assert!(whole.is_subset(BuiltinRole::Editor.permissions()));
    }

    #[test]
    fn an_identity_admin_holds_all_of_users_and_groups() {
        let whole = named(|noun, _| ["user", "group"].contains(&noun)).with(P::TOKEN_ADMINISTER);
        assert_eq!(BuiltinRole::IdentityAdmin.permissions(), whole);
    }

    #[test]
    fn a_workspace_admin_holds_whatever_a_workspace_role_conveys() {
        for role in BuiltinRole::ALL.iter().filter(|role| !role.is_cluster_role()) {
            assert!(role.permissions().is_subset(BuiltinRole::WorkspaceAdmin.permissions()), "{role}");
        }
    }

    #[test]
    fn no_role_assignable_below_the_cluster_holds_a_cluster_only_permission() {
        for role in BuiltinRole::ALL.iter().filter(|role| !role.is_cluster_role()) {
            assert!(role.permissions().is_subset(PermissionSet::WORKSPACE_AND_BELOW), "{role}");
        }
    }

    #[test]
    fn roles_read_back_exactly_and_others_are_refused_with_the_nearest() {
        for role in BuiltinRole::ALL {
            assert_eq!(BuiltinRole::parse(role.as_str()), Ok(*role));
        }
        let error = BuiltinRole::parse("Editor").unwrap_err();
        assert_eq!(error.to_string(), "`Editor` is not a role: the nearest is `editor`");
        assert_eq!(BuiltinRole::parse("owner").unwrap_err().nearest, None);
    }
}
