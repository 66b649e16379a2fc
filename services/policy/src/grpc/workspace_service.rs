//! `WorkspaceService`.

use std::sync::Arc;

use reeve_answers::{Page, Purpose};
use reeve_api::policy::workspace_service_server::WorkspaceService;
use reeve_api::policy::{
    self as wire, CreateWorkspaceRequest, CreateWorkspaceResponse, DeleteWorkspaceRequest, DeleteWorkspaceResponse,
    GetWorkspaceRequest, GetWorkspaceResponse, ListWorkspacesRequest, ListWorkspacesResponse,
};
use reeve_chassis::{CallDeadline, Failure, filtered, need};
use reeve_model::{Resource, Violations, WorkspaceName};
use reeve_world::{Workspace, World};
use tonic::{Request, Response, Status};

use super::decode::{self, all_right, read};
use super::encode;
use crate::app::{App, NewWorkspace, list_workspaces};
use crate::rows;

/// Serves the workspaces.
pub(super) struct Workspaces(pub(super) Arc<App>);

#[tonic::async_trait]
impl WorkspaceService for Workspaces {
    async fn create_workspace(
        &self,
        request: Request<CreateWorkspaceRequest>,
    ) -> Result<Response<CreateWorkspaceResponse>, Status> {
        Ok(Response::new(self.create(request).await?))
    }

    async fn get_workspace(
        &self,
        request: Request<GetWorkspaceRequest>,
    ) -> Result<Response<GetWorkspaceResponse>, Status> {
        Ok(Response::new(self.get(request).await?))
    }

    async fn list_workspaces(
        &self,
        request: Request<ListWorkspacesRequest>,
    ) -> Result<Response<ListWorkspacesResponse>, Status> {
        Ok(Response::new(self.list(request).await?))
    }

    async fn delete_workspace(
        &self,
        request: Request<DeleteWorkspaceRequest>,
    ) -> Result<Response<DeleteWorkspaceResponse>, Status> {
        Ok(Response::new(self.delete(request).await?))
    }
}

impl Workspaces {
    async fn create(&self, request: Request<CreateWorkspaceRequest>) -> Result<CreateWorkspaceResponse, Failure> {
        let (metadata, extensions, request) = request.into_parts();
        let mut violations = Violations::new();
        let name = violations.take("name", WorkspaceName::parse(&request.name));
        let description = decode::text("description", &request.description, &mut violations);
        all_right(violations)?;
        let new = NewWorkspace { name: read(name)?, description };
        let moment = self.0.moment_for_write(&metadata).await?;
        let granted = need(&extensions, &rows::CREATE_WORKSPACE, &moment, &Resource::cluster())?;
        let deadline = CallDeadline::of(&extensions);
        let (workspace, group, token) = self.0.create_workspace(&granted, &moment, new, deadline).await?;
        Ok(CreateWorkspaceResponse {
            workspace: Some(encode::workspace(&workspace, group)),
            consistency_token: token.to_string(),
        })
    }

    async fn get(&self, request: Request<GetWorkspaceRequest>) -> Result<GetWorkspaceResponse, Failure> {
        let (metadata, extensions, request) = request.into_parts();
        let mut violations = Violations::new();
        let name = violations.take("name", WorkspaceName::parse(&request.name));
        all_right(violations)?;
        let name = read(name)?;
        let moment = self.0.reader.at(&metadata, request.consistency.as_ref(), Purpose::Administration).await?;
        let resource = Resource::workspace(&name);
        need(&extensions, &rows::GET_WORKSPACE, &moment, &resource)?;
        let found = moment.world().workspace_by_name(name.as_str()).ok_or_else(|| Failure::not_found(resource))?;
        Ok(GetWorkspaceResponse { workspace: Some(self.encoded(moment.world(), found)) })
    }

    async fn list(&self, request: Request<ListWorkspacesRequest>) -> Result<ListWorkspacesResponse, Failure> {
        let (metadata, extensions, request) = request.into_parts();
        let mut violations = Violations::new();
        let page = Page::read(request.page_size, &request.page_token, &mut violations);
        all_right(violations)?;
        let moment = self.0.reader.at(&metadata, request.consistency.as_ref(), Purpose::Administration).await?;
        let granted = filtered(&extensions, &rows::LIST_WORKSPACES)?;
        let (workspaces, next_page_token) = list_workspaces(&granted, &moment, &read(page)?, &request.filter);
        Ok(ListWorkspacesResponse {
            workspaces: workspaces.iter().map(|workspace| self.encoded(moment.world(), workspace)).collect(),
            next_page_token,
            revision: moment.revision().get(),
        })
    }

    async fn delete(&self, request: Request<DeleteWorkspaceRequest>) -> Result<DeleteWorkspaceResponse, Failure> {
        let (metadata, extensions, request) = request.into_parts();
        let name = WorkspaceName::parse(&request.name).map_err(|error| Failure::invalid("name", error))?;
        let moment = self.0.moment_for_write(&metadata).await?;
        let granted = need(&extensions, &rows::DELETE_WORKSPACE, &moment, &Resource::workspace(&name))?;
        let (etag, deadline) = (decode::given(&request.etag), CallDeadline::of(&extensions));
        let token = self.0.delete_workspace(&granted, &moment, &name, etag, deadline).await?;
        Ok(DeleteWorkspaceResponse { consistency_token: token.to_string() })
    }

    fn encoded(&self, world: &World, workspace: &Workspace) -> wire::Workspace {
        encode::workspace(workspace, self.0.group_of(world, workspace))
    }
}
