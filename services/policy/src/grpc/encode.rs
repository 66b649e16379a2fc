//! Records as answers carry them.

use reeve_api::policy as wire;
use reeve_config_policy::LimitPrecedence;
use reeve_model::Timestamp;
use reeve_rbac::{BuiltinRole, Permission, ScopeKind};
use reeve_replica::etag;
use reeve_world::{Binding, ConfigPolicy, Record, Workspace, World};

use crate::app::WorkspaceGroup;

/// As `google.protobuf.Timestamp`.
fn timestamp(time: Timestamp) -> prost_types::Timestamp {
    let millis = i32::try_from(time.as_millis().rem_euclid(1000)).unwrap_or(0);
    prost_types::Timestamp { seconds: time.as_secs(), nanos: millis * 1_000_000 }
}

pub(super) fn workspace(workspace: &Workspace, group: WorkspaceGroup) -> wire::Workspace {
    let (group, problem) = match group {
        WorkspaceGroup::Named(name) => (name.to_string(), wire::GroupProblem::Unspecified),
        WorkspaceGroup::Off => (String::new(), wire::GroupProblem::Unspecified),
        WorkspaceGroup::Pending => (String::new(), wire::GroupProblem::GroupPending),
        WorkspaceGroup::NameTaken => (String::new(), wire::GroupProblem::GroupNameTaken),
    };
    wire::Workspace {
        uid: workspace.uid.to_string(),
        name: workspace.name.to_string(),
        description: workspace.description.clone(),
        etag: etag(&Record::Workspace(workspace.clone())),
        create_time: Some(timestamp(workspace.create_time)),
        update_time: Some(timestamp(workspace.update_time)),
        group,
        group_problem: problem.into(),
    }
}

pub(super) fn role(role: BuiltinRole) -> wire::Role {
    let place = |kind: &ScopeKind| kind.to_string();
    wire::Role {
        name: role.to_string(),
        description: role.description().to_owned(),
        permissions: role.permissions().iter().map(|permission: Permission| permission.to_string()).collect(),
        assignable_at: role.assignable_at().iter().map(place).collect(),
    }
}

pub(super) fn binding(world: &World, binding: &Binding) -> wire::Binding {
    wire::Binding {
        uid: binding.uid.to_string(),
        principal: world.subject_name(&binding.subject),
        role: binding.role.to_string(),
        resource: binding.resource.to_string(),
        expire_time: binding.expire_time.map(timestamp),
        note: binding.note.clone(),
        create_time: Some(timestamp(binding.create_time)),
    }
}

/// `scope` is how the caller named what the policy belongs to.
pub(super) fn config_policy(world: &World, scope: &str, policy: &ConfigPolicy) -> wire::ConfigPolicy {
    let limit_precedence = match (policy.workspace, policy.limit_precedence) {
        (Some(_), _) => wire::LimitPrecedence::Unspecified,
        (None, LimitPrecedence::StrictestWins) => wire::LimitPrecedence::StrictestWins,
        (None, LimitPrecedence::ClusterOverrides) => wire::LimitPrecedence::ClusterOverrides,
    };
    wire::ConfigPolicy {
        scope: scope.to_owned(),
        workload_type: policy.workload.to_string(),
        document: policy.document.clone(),
        limit_precedence: limit_precedence.into(),
        version: policy.version,
        author: world.principal_name(&policy.author),
        etag: etag(&Record::ConfigPolicy(policy.clone())),
        update_time: Some(timestamp(policy.update_time)),
    }
}
