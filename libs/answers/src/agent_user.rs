//! `ResolveAgentUser`, and how a resolved agent user travels.

use reeve_agent_user::Resolved;
use reeve_api::agentmap::{
    FieldSource, NameServiceLines, ResolveAgentUserRequest, ResolveAgentUserResponse, ResolvedAgentUser,
    SecurityContext, SupplementaryGroup,
};
use reeve_chassis::{Authority, Failure, PreconditionReason, filtered};
use reeve_model::{PrincipalId, Resource, Violations, WorkspaceName};
use reeve_rbac::Permission;
use reeve_world::AgentUserError;
use tonic::Request;

use crate::answers::{all_right, known_workspace};
use crate::rows::RESOLVE_AGENT_USER;
use crate::{Answers, Purpose};

impl Answers {
    /// Says who a user's tasks, or the caller's, run as in a workspace.
    ///
    /// # Errors
    /// [`Failure::Invalid`], [`Failure::NotFound`], [`Failure::Denied`]; [`Failure::Precondition`] for an inactive user, and
    /// for an agent user that the configuration refuses.
    pub async fn resolve_agent_user(
        &self,
        request: Request<ResolveAgentUserRequest>,
    ) -> Result<ResolveAgentUserResponse, Failure> {
        let granted = filtered(request.extensions(), &RESOLVE_AGENT_USER)?;
        let (metadata, request) = (request.metadata(), request.get_ref());
        let mut violations = Violations::new();
        let workspace = violations.take("workspace", WorkspaceName::parse(&request.workspace));
        all_right(violations)?;
        let Some(workspace) = workspace else { return Err(Failure::internal("no workspace and no violation")) };
        let moment = self.reader.at(metadata, request.consistency.as_ref(), Purpose::Decision).await?;
        let (world, caller) = (moment.world(), granted.caller());
        let known = known_workspace(&moment, caller, &workspace)?;
        let about = match request.username.as_str() {
            "" => Some(caller.principal),
            name => world.user_by_name(name).map(|user| PrincipalId::User(user.uid)),
        };
        let resource = Resource::workspace(&workspace);
        let needed =
            if about == Some(caller.principal) { Permission::WORKLOAD_SUBMIT } else { Permission::AGENT_USER_VIEW };
        if !moment.holds(caller, needed, &resource)? {
            return Err(Failure::Denied { permission: needed, resource });
        }
        let Some(about) = about else { return Err(Failure::not_found(format!("user:{}", request.username))) };
        let resolved = world.resolve_agent_user(&about, known, &self.settings.agent_user).map_err(refused)?;
        Ok(ResolveAgentUserResponse { agent_user: Some(message(&resolved)), revision: moment.revision().get() })
    }
}

fn refused(error: AgentUserError) -> Failure {
    match &error {
        AgentUserError::Unknown(name) => Failure::not_found(name),
        AgentUserError::Inactive(name) => Failure::precondition(PreconditionReason::PrincipalInactive, name, &error),
        AgentUserError::Refused(refusal) => {
            Failure::precondition(PreconditionReason::AgentUserRefused, format!("user:{}", refusal.username), &error)
        }
    }
}

/// As it travels.
pub(crate) fn message(resolved: &Resolved) -> ResolvedAgentUser {
    let (nss, security) = (resolved.nss(), resolved.security_context());
    let groups = resolved.supplementary.value.iter();
    ResolvedAgentUser {
        uid: resolved.uid.value.get(),
        user: resolved.user.value.to_string(),
        gid: resolved.gid.value.get(),
        group: resolved.group.value.to_string(),
        supplementary_groups: groups
            .map(|group| SupplementaryGroup { gid: Some(group.gid.get()), name: group.name.to_string() })
            .collect(),
        home: resolved.home.as_ref().map(|home| home.value.to_string()).unwrap_or_default(),
        sources: resolved
            .sources()
            .into_iter()
            .map(|(field, source)| FieldSource { field: field.to_owned(), source: source.to_string() })
            .collect(),
        nss: Some(NameServiceLines { passwd: nss.passwd, shadow: nss.shadow, group: nss.group }),
        docker_user: resolved.docker_user(),
        security_context: Some(SecurityContext {
            run_as_user: security.run_as_user,
            run_as_group: security.run_as_group,
            supplemental_groups: security.supplemental_groups,
            fs_group: security.fs_group,
        }),
        warnings: resolved.warnings().iter().map(ToString::to_string).collect(),
    }
}
