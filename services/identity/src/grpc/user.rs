//! `UserService`.

use reeve_answers::{Moment, Page, Purpose, filter_matches};
use reeve_api::identity as api;
use reeve_api::identity::user_service_server::UserService;
use reeve_chassis::{Authority, CallDeadline, Failure, filtered, need};
use reeve_credentials::SecretString;
use reeve_model::{DisplayName, PrincipalId, Resource, UserId, Username, Violations};
use reeve_rbac::Permission;
use tonic::metadata::MetadataMap;
use tonic::{Request, Response, Status};

use super::encode::{user, user_of};
use super::read::{all_right, filter, required, seen};
use crate::IdentityService;
use crate::app::create_user::{NewUser, Rank, create_user};
use crate::app::delete_user::delete_user;
use crate::app::set_active;
use crate::rows::{ACTIVATE_USER, CREATE_USER, DEACTIVATE_USER, DELETE_USER, GET_USER, LIST_USERS};

impl IdentityService {
    /// What an administrative write is authorised by.
    pub(super) async fn moment_for_write(&self, metadata: &MetadataMap) -> Result<Moment, Failure> {
        self.shared.reader.newest(metadata, Purpose::Administration).await
    }

    /// Reads a new user, and holds the password against the rules.
    fn new_user(&self, request: api::CreateUserRequest) -> Result<NewUser, Failure> {
        let api::CreateUserRequest { username, display_name, password, admin } = request;
        let password = SecretString::from(password);
        let mut violations = Violations::new();
        for fault in self.shared.passwords.check(&username, &password) {
            violations.add("password", fault);
        }
        let username = violations.take("username", Username::parse(&username));
        let display_name = match display_name.trim() {
            "" => None,
            text => violations.take("display_name", DisplayName::parse(text)),
        };
        let Some(username) = username else { return Err(Failure::Invalid(violations)) };
        all_right(violations)?;
        let rank = if admin { Rank::Administrator } else { Rank::Plain };
        Ok(NewUser { username, display_name, password, rank })
    }
}

#[tonic::async_trait]
impl UserService for IdentityService {
    async fn create_user(
        &self,
        request: Request<api::CreateUserRequest>,
    ) -> Result<Response<api::CreateUserResponse>, Status> {
        let moment = self.moment_for_write(request.metadata()).await?;
        let granted = need(request.extensions(), &CREATE_USER, &moment, &Resource::cluster())?;
        let new = self.new_user(request.into_inner())?;
        let (created, proof) = create_user(&granted, &moment, &self.shared, new).await?;
        Ok(Response::new(api::CreateUserResponse { user: Some(user(created)), consistency_token: proof.to_string() }))
    }

    async fn get_user(&self, request: Request<api::GetUserRequest>) -> Result<Response<api::GetUserResponse>, Status> {
        let granted = filtered(request.extensions(), &GET_USER)?;
        let (metadata, request) = (request.metadata(), request.get_ref());
        let name = required("username", &request.username)?;
        let moment = self.shared.reader.at(metadata, request.consistency.as_ref(), Purpose::Administration).await?;
        let (caller, cluster) = (granted.caller(), Resource::cluster());
        let found = moment.world().user_by_name(name);
        let oneself = found.is_some_and(|found| caller.principal == PrincipalId::User(found.uid));
        // Who may not see users does not learn here whether there is one.
        if !oneself && !moment.holds(caller, Permission::USER_VIEW, &cluster)? {
            return Err(Failure::Denied { permission: Permission::USER_VIEW, resource: cluster }.into());
        }
        let found = found.ok_or_else(|| Failure::not_found(format!("user:{name}")))?;
        Ok(Response::new(api::GetUserResponse { user: Some(user_of(moment.world(), found)) }))
    }

    async fn list_users(
        &self,
        request: Request<api::ListUsersRequest>,
    ) -> Result<Response<api::ListUsersResponse>, Status> {
        let consistency = request.get_ref().consistency.as_ref();
        let moment = self.shared.reader.at(request.metadata(), consistency, Purpose::Administration).await?;
        need(request.extensions(), &LIST_USERS, &moment, &Resource::cluster())?;
        let request = request.get_ref();
        let mut violations = Violations::new();
        let page = Page::read(request.page_size, &request.page_token, &mut violations);
        filter(&request.filter, &mut violations);
        let Some(page) = page else { return Err(Failure::Invalid(violations).into()) };
        all_right(violations)?;
        let world = moment.world();
        let after = page.after.map(UserId::from_uuid);
        let wanted = world.users_after(after.as_ref()).filter(|user| {
            let display_name = user.display_name.as_ref().map_or("", DisplayName::as_str);
            (user.active || request.include_inactive)
                && filter_matches(&request.filter, &[user.username.as_str(), display_name])
        });
        let (users, next_page_token) = page.take(wanted, |user| *user.uid.as_uuid());
        Ok(Response::new(api::ListUsersResponse {
            users: users.into_iter().map(|user| user_of(world, user)).collect(),
            next_page_token,
            revision: moment.revision().get(),
        }))
    }

    async fn activate_user(
        &self,
        request: Request<api::ActivateUserRequest>,
    ) -> Result<Response<api::ActivateUserResponse>, Status> {
        let moment = self.moment_for_write(request.metadata()).await?;
        let granted = need(request.extensions(), &ACTIVATE_USER, &moment, &Resource::cluster())?;
        let name = required("username", &request.get_ref().username)?;
        let (activated, proof) = set_active::activate(&granted, &moment, &self.shared, name).await?;
        let consistency_token = proof.to_string();
        Ok(Response::new(api::ActivateUserResponse { user: Some(user(activated)), consistency_token }))
    }

    async fn deactivate_user(
        &self,
        request: Request<api::DeactivateUserRequest>,
    ) -> Result<Response<api::DeactivateUserResponse>, Status> {
        let moment = self.moment_for_write(request.metadata()).await?;
        let granted = need(request.extensions(), &DEACTIVATE_USER, &moment, &Resource::cluster())?;
        let name = required("username", &request.get_ref().username)?;
        let (deactivated, proof) = set_active::deactivate(&granted, &moment, &self.shared, name).await?;
        let consistency_token = proof.to_string();
        Ok(Response::new(api::DeactivateUserResponse { user: Some(user(deactivated)), consistency_token }))
    }

    async fn delete_user(
        &self,
        request: Request<api::DeleteUserRequest>,
    ) -> Result<Response<api::DeleteUserResponse>, Status> {
        let moment = self.moment_for_write(request.metadata()).await?;
        let granted = need(request.extensions(), &DELETE_USER, &moment, &Resource::cluster())?;
        let name = required("username", &request.get_ref().username)?;
        let (etag, deadline) = (seen(&request.get_ref().etag), CallDeadline::of(request.extensions()));
        let proof = delete_user(&granted, &moment, &self.shared, name, etag, deadline).await?;
        Ok(Response::new(api::DeleteUserResponse { consistency_token: proof.to_string() }))
    }
}
