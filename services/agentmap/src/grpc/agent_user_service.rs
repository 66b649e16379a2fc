//! `AgentUserService`.

use std::sync::Arc;

use reeve_agent_user::{AgentUser, MASK_FIELD};
use reeve_answers::Purpose;
use reeve_api::agentmap::agent_user_service_server::AgentUserService;
use reeve_api::agentmap::{
    ClearWorkspaceAgentUserRequest, ClearWorkspaceAgentUserResponse, GetUserLinkRequest, GetUserLinkResponse,
    GetWorkspaceAgentUserRequest, GetWorkspaceAgentUserResponse, LinkUserRequest, LinkUserResponse,
    ResolveAgentUserRequest, ResolveAgentUserResponse, SetWorkspaceAgentUserRequest, SetWorkspaceAgentUserResponse,
    UnlinkUserRequest, UnlinkUserResponse,
};
use reeve_chassis::{Failure, filtered, need};
use reeve_model::{Resource, Username, Violations, WorkspaceName};
use tonic::{Request, Response, Status};

use super::messages;
use crate::app::{App, NewLink, OverrideChange, get_user_link, get_workspace_agent_user};
use crate::rows;

/// Serves the agent users.
pub(super) struct AgentUsers(pub(super) Arc<App>);

#[tonic::async_trait]
impl AgentUserService for AgentUsers {
    async fn link_user(&self, request: Request<LinkUserRequest>) -> Result<Response<LinkUserResponse>, Status> {
        Ok(Response::new(self.link(request).await?))
    }

    async fn unlink_user(&self, request: Request<UnlinkUserRequest>) -> Result<Response<UnlinkUserResponse>, Status> {
        Ok(Response::new(self.unlink(request).await?))
    }

    async fn get_user_link(
        &self,
        request: Request<GetUserLinkRequest>,
    ) -> Result<Response<GetUserLinkResponse>, Status> {
        Ok(Response::new(self.get_link(request).await?))
    }

    async fn set_workspace_agent_user(
        &self,
        request: Request<SetWorkspaceAgentUserRequest>,
    ) -> Result<Response<SetWorkspaceAgentUserResponse>, Status> {
        Ok(Response::new(self.set_override(request).await?))
    }

    async fn clear_workspace_agent_user(
        &self,
        request: Request<ClearWorkspaceAgentUserRequest>,
    ) -> Result<Response<ClearWorkspaceAgentUserResponse>, Status> {
        Ok(Response::new(self.clear_override(request).await?))
    }

    async fn get_workspace_agent_user(
        &self,
        request: Request<GetWorkspaceAgentUserRequest>,
    ) -> Result<Response<GetWorkspaceAgentUserResponse>, Status> {
        Ok(Response::new(self.get_override(request).await?))
    }

    async fn resolve_agent_user(
        &self,
        request: Request<ResolveAgentUserRequest>,
    ) -> Result<Response<ResolveAgentUserResponse>, Status> {
        Ok(Response::new(self.0.answers.resolve_agent_user(request).await?))
    }
}

impl AgentUsers {
    async fn link(&self, request: Request<LinkUserRequest>) -> Result<LinkUserResponse, Failure> {
        let (metadata, extensions, request) = request.into_parts();
        let mut violations = Violations::new();
        let username = violations.take("username", Username::parse(&request.username));
        let draft = messages::agent_user_draft(request.agent_user.unwrap_or_default());
        let agent_user = match AgentUser::parse(&draft, "agent_user.") {
            Ok(agent_user) => Some(agent_user),
            Err(wrong) => {
                wrong.into_vec().into_iter().for_each(|wrong| violations.add(wrong.field, wrong.description));
                None
            }
        };
        let (Some(username), Some(agent_user)) = (username, agent_user) else {
            return Err(Failure::Invalid(violations));
        };
        let new = NewLink { username, agent_user, allow_shared: request.allow_shared };
        let moment = self.0.moment_for_write(&metadata).await?;
        let granted = need(&extensions, &rows::LINK_USER, &moment, &Resource::cluster())?;
        let token = self.0.link_user(&granted, &moment, &new).await?;
        Ok(LinkUserResponse {
            agent_user: Some(messages::agent_user(&new.agent_user)),
            warnings: new.agent_user.warnings().iter().map(ToString::to_string).collect(),
            consistency_token: token.to_string(),
        })
    }

    async fn unlink(&self, request: Request<UnlinkUserRequest>) -> Result<UnlinkUserResponse, Failure> {
        let (metadata, extensions, request) = request.into_parts();
        let username = username(&request.username)?;
        let moment = self.0.moment_for_write(&metadata).await?;
        let granted = need(&extensions, &rows::UNLINK_USER, &moment, &Resource::cluster())?;
        let token = self.0.unlink_user(&granted, &moment, &username).await?;
        Ok(UnlinkUserResponse { consistency_token: token.to_string() })
    }

    async fn get_link(&self, request: Request<GetUserLinkRequest>) -> Result<GetUserLinkResponse, Failure> {
        let (metadata, extensions, request) = request.into_parts();
        let username = username(&request.username)?;
        let moment = self.0.reader.at(&metadata, request.consistency.as_ref(), Purpose::Administration).await?;
        let granted = filtered(&extensions, &rows::GET_USER_LINK)?;
        let link = get_user_link(&granted, &moment, &username)?;
        Ok(GetUserLinkResponse { agent_user: Some(messages::agent_user(&link)) })
    }

    async fn set_override(
        &self,
        request: Request<SetWorkspaceAgentUserRequest>,
    ) -> Result<SetWorkspaceAgentUserResponse, Failure> {
        let (metadata, extensions, request) = request.into_parts();
        let (name, change) = override_change(request)?;
        let moment = self.0.moment_for_write(&metadata).await?;
        let granted = need(&extensions, &rows::SET_WORKSPACE_AGENT_USER, &moment, &Resource::cluster())?;
        let (overrides, token) = self.0.set_workspace_agent_user(&granted, &moment, &name, &change).await?;
        Ok(SetWorkspaceAgentUserResponse {
            agent_user: Some(messages::workspace_agent_user(&overrides)),
            consistency_token: token.to_string(),
        })
    }

    async fn clear_override(
        &self,
        request: Request<ClearWorkspaceAgentUserRequest>,
    ) -> Result<ClearWorkspaceAgentUserResponse, Failure> {
        let (metadata, extensions, request) = request.into_parts();
        let name = workspace(&request.workspace)?;
        let moment = self.0.moment_for_write(&metadata).await?;
        let granted = need(&extensions, &rows::CLEAR_WORKSPACE_AGENT_USER, &moment, &Resource::cluster())?;
        let token = self.0.clear_workspace_agent_user(&granted, &moment, &name).await?;
        Ok(ClearWorkspaceAgentUserResponse { consistency_token: token.to_string() })
    }

    async fn get_override(
        &self,
        request: Request<GetWorkspaceAgentUserRequest>,
    ) -> Result<GetWorkspaceAgentUserResponse, Failure> {
        let (metadata, extensions, request) = request.into_parts();
        let name = workspace(&request.workspace)?;
        let moment = self.0.reader.at(&metadata, request.consistency.as_ref(), Purpose::Administration).await?;
        let granted = need(&extensions, &rows::GET_WORKSPACE_AGENT_USER, &moment, &Resource::workspace(&name))?;
        let overrides = get_workspace_agent_user(&granted, &moment, &name)?;
        Ok(GetWorkspaceAgentUserResponse { agent_user: Some(messages::workspace_agent_user(&overrides)) })
    }
}

fn username(text: &str) -> Result<Username, Failure> {
    Username::parse(text).map_err(|error| Failure::invalid("username", error))
}

fn workspace(text: &str) -> Result<WorkspaceName, Failure> {
    WorkspaceName::parse(text).map_err(|error| Failure::invalid("workspace", error))
}

/// Reads what is to change of a workspace's override.
fn override_change(request: SetWorkspaceAgentUserRequest) -> Result<(WorkspaceName, OverrideChange), Failure> {
    let mut violations = Violations::new();
    let name = violations.take("workspace", WorkspaceName::parse(&request.workspace));
    let mask = request.update_mask.map(|mask| mask.paths);
    match (&request.agent_user, mask.as_deref()) {
        // with a mask, no value means that the fields in it are cleared; without one, it would mean all of them
        (None, None) => violations.add("agent_user", "it is missing: to override nothing, clear it"),
        (_, Some([])) => violations.add(MASK_FIELD, "it names no field: name some, or leave it out"),
        (Some(_), None) | (_, Some(_)) => {}
    }
    let draft = messages::override_draft(request.agent_user.unwrap_or_default());
    let change = match OverrideChange::parse(draft, mask) {
        Ok(change) => Some(change),
        Err(wrong) => {
            wrong.into_vec().into_iter().for_each(|wrong| violations.add(wrong.field, wrong.description));
            None
        }
    };
    match (name, change) {
        (Some(name), Some(change)) if violations.is_empty() => Ok((name, change)),
        _ => Err(Failure::Invalid(violations)),
    }
}
