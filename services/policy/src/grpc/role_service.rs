//! `RoleService`.

use reeve_api::policy::role_service_server::RoleService;
use reeve_api::policy::{ListRolesRequest, ListRolesResponse};
use reeve_chassis::filtered;
use reeve_rbac::BuiltinRole;
use tonic::{Request, Response, Status};

use super::encode;
use crate::rows;

/// Serves the roles, which are built in.
pub(super) struct Roles;

#[tonic::async_trait]
impl RoleService for Roles {
    async fn list_roles(&self, request: Request<ListRolesRequest>) -> Result<Response<ListRolesResponse>, Status> {
        filtered(request.extensions(), &rows::LIST_ROLES)?;
        let mut roles = BuiltinRole::ALL.to_vec();
        roles.sort_by_key(|role| role.permissions().len());
        Ok(Response::new(ListRolesResponse { roles: roles.into_iter().map(encode::role).collect() }))
    }
}
