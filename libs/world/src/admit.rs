//! Admission: who is this, may they do it here, what may the workload look like, and as which Unix user does it run.

use reeve_agent_user::{Resolved, Settings};
use reeve_config_policy::{Document, PriorityOrder, Resolution, Violation, WorkloadType};
use reeve_model::{PrincipalId, Resource, Timestamp, WorkspaceName};
use reeve_rbac::Permission;

use crate::{AgentUserError, ConfigError, Reason, World};

/// The scheduler's question about an authenticated principal.
#[derive(Clone, Debug)]
pub struct AdmissionRequest<'a> {
    /// Who submits.
    pub principal: PrincipalId,
    /// Where.
    pub workspace: &'a WorkspaceName,
    /// What kind of workload.
    pub workload: WorkloadType,
    /// What they wrote.
    pub config: &'a Document,
    /// Which numbers are higher priorities.
    pub priority_order: PriorityOrder,
    /// The scheduler's own default priority.
    pub default_priority: Option<i64>,
}

/// Whether the workload may run.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// It may.
    Allow(Box<Admission>),
    /// It may not.
    Deny {
        /// Every reason.
        denials: Vec<Denial>,
        /// Every limit that the config does not keep.
        violations: Vec<Violation>,
    },
}

/// Everything that a scheduler needs to run the workload.
#[derive(Clone, Debug)]
pub struct Admission {
    /// The effective config, and what changed.
    pub resolution: Resolution,
    /// Who it runs as.
    pub agent_user: Resolved,
}

/// One reason why a workload may not run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Denial {
    /// The principal is unknown or deactivated.
    Principal(String),
    /// No such workspace.
    UnknownWorkspace(String),
    /// The principal may not submit there.
    Permission(String),
    /// The config does not keep a limit.
    Config(String),
    /// The agent user is not allowed.
    AgentUser(String),
}

impl Denial {
    /// The reason for people.
    pub fn message(&self) -> &str {
        match self {
            Self::Principal(text)
            | Self::UnknownWorkspace(text)
            | Self::Permission(text)
            | Self::Config(text)
            | Self::AgentUser(text) => text,
        }
    }
}

/// The permission that submitting a workload type needs.
pub(crate) fn submission(workload: WorkloadType) -> Permission {
    if workload.is_interactive() { Permission::WORKLOAD_SUBMIT_INTERACTIVE } else { Permission::WORKLOAD_SUBMIT }
}

impl World {
    /// The permission that submitting `workload` needs.
    pub fn submission_permission(workload: WorkloadType) -> Permission {
        submission(workload)
    }

    /// Decides on a submission. Somebody who may not submit learns nothing of the policies that hold there.
    ///
    /// # Errors
    /// The config cannot be resolved: the result is past a bound, or a policy that applies cannot be read. Nothing is admitted.
    pub fn admit(
        &self,
        request: &AdmissionRequest<'_>,
        settings: &Settings,
        now: Timestamp,
    ) -> Result<Verdict, ConfigError> {
        let resource = Resource::workspace(request.workspace);
        let denied = |denial| Ok(Verdict::Deny { denials: vec![denial], violations: Vec::new() });
        let answer = match self.check(&request.principal, submission(request.workload), &resource, now) {
            Ok(answer) => answer,
            Err(error) => return denied(Denial::Permission(error.to_string())),
        };
        let workspace = match (answer.allowed, self.workspace_by_name(request.workspace.as_str())) {
            (true, Some(workspace)) => workspace,
            (true, None) => return denied(Denial::UnknownWorkspace(answer.message)),
            (false, _) => {
                return denied(match answer.reason {
                    Reason::UnknownPrincipal | Reason::InactivePrincipal => Denial::Principal(answer.message),
                    Reason::UnknownWorkspace => Denial::UnknownWorkspace(answer.message),
                    _ => Denial::Permission(answer.message),
                });
            }
        };
        let resolution = self.resolve_config(
            workspace,
            request.workload,
            request.config,
            request.priority_order,
            request.default_priority,
        )?;
        let agent_user = self.resolve_agent_user(&request.principal, workspace, settings);
        let mut denials: Vec<Denial> =
            resolution.violations.iter().map(|violation| Denial::Config(violation.message.clone())).collect();
        match agent_user {
            Ok(agent_user) if denials.is_empty() => {
                return Ok(Verdict::Allow(Box::new(Admission { resolution, agent_user })));
            }
            Ok(_) => {}
            Err(error @ AgentUserError::Refused(_)) => denials.push(Denial::AgentUser(error.to_string())),
            Err(error) => denials.push(Denial::Principal(error.to_string())),
        }
        Ok(Verdict::Deny { denials, violations: resolution.violations })
    }
}
