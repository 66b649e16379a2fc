//! Calls, as clients make them.

use reeve_api::identity as api;
use reeve_api::identity::group_service_client::GroupServiceClient;
use reeve_api::identity::robot_service_client::RobotServiceClient;
use reeve_api::identity::session_service_client::SessionServiceClient;
use reeve_api::identity::token_service_client::TokenServiceClient;
use reeve_api::identity::user_service_client::UserServiceClient;
use reeve_model::{GroupId, RobotId, Subject, UserId};
use tonic::{Request, Status};
use tonic_types::StatusExt as _;

use crate::stand::{Identity, PASSWORD};

/// A request with a bearer token.
pub(crate) fn bearing<T>(token: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    request
}

/// The reason of a status of Reeve.
pub(crate) fn reason<T: std::fmt::Debug>(result: Result<T, Status>) -> String {
    let status = result.unwrap_err();
    let info = status.get_details_error_info().unwrap_or_else(|| panic!("no ErrorInfo: {status:?}"));
    assert_eq!(info.domain, "reeve");
    info.reason
}

/// The fields that a status names.
pub(crate) fn fields<T: std::fmt::Debug>(result: Result<T, Status>) -> Vec<String> {
    let details = result.unwrap_err().get_details_bad_request().unwrap();
    details.field_violations.into_iter().map(|violation| violation.field).collect()
}

impl Identity {
    pub(crate) fn sessions(&self) -> SessionServiceClient<tonic::transport::Channel> {
        SessionServiceClient::new(self.channel.clone())
    }

    pub(crate) fn users(&self) -> UserServiceClient<tonic::transport::Channel> {
        UserServiceClient::new(self.channel.clone())
    }

    pub(crate) fn robots(&self) -> RobotServiceClient<tonic::transport::Channel> {
        RobotServiceClient::new(self.channel.clone())
    }

    pub(crate) fn groups(&self) -> GroupServiceClient<tonic::transport::Channel> {
        GroupServiceClient::new(self.channel.clone())
    }

    pub(crate) async fn try_login(&self, username: &str, password: &str) -> Result<api::LoginResponse, Status> {
        let request =
            api::LoginRequest { username: username.to_owned(), password: password.to_owned(), client: "it".to_owned() };
        self.sessions().login(request).await.map(tonic::Response::into_inner)
    }

    pub(crate) async fn login(&self, username: &str) -> api::SessionTokens {
        self.try_login(username, PASSWORD).await.unwrap().tokens.unwrap()
    }

    /// An access token of `admin`.
    pub(crate) async fn admin(&self) -> String {
        self.login("admin").await.access_token
    }

    pub(crate) async fn refresh(&self, refresh_token: &str) -> Result<api::SessionTokens, Status> {
        let request = api::RefreshRequest { refresh_token: refresh_token.to_owned() };
        self.sessions().refresh(request).await.map(|answer| answer.into_inner().tokens.unwrap())
    }

    pub(crate) async fn logout(&self, token: &str) -> Result<String, Status> {
        let answer = self.sessions().logout(bearing(token, api::LogoutRequest {})).await?;
        Ok(answer.into_inner().consistency_token)
    }

    pub(crate) async fn who_am_i(&self, token: &str) -> Result<api::WhoAmIResponse, Status> {
        let answer = self.sessions().who_am_i(bearing(token, api::WhoAmIRequest::default())).await?;
        Ok(answer.into_inner())
    }

    pub(crate) async fn create(&self, token: &str, request: api::CreateUserRequest) -> Result<api::User, Status> {
        let answer = self.users().create_user(bearing(token, request)).await?;
        Ok(answer.into_inner().user.unwrap())
    }

    /// Creates a user with the usual password.
    pub(crate) async fn user(&self, token: &str, name: &str) -> Subject {
        let created = self.create(token, new_user(name)).await.unwrap();
        Subject::User(UserId::parse(&created.uid).unwrap())
    }

    pub(crate) async fn activate(&self, token: &str, name: &str) -> Result<api::User, Status> {
        let request = api::ActivateUserRequest { username: name.to_owned() };
        Ok(self.users().activate_user(bearing(token, request)).await?.into_inner().user.unwrap())
    }

    pub(crate) async fn deactivate(&self, token: &str, name: &str) -> Result<api::User, Status> {
        let request = api::DeactivateUserRequest { username: name.to_owned() };
        Ok(self.users().deactivate_user(bearing(token, request)).await?.into_inner().user.unwrap())
    }

    pub(crate) async fn delete_user(&self, token: &str, name: &str) -> Result<String, Status> {
        let request = api::DeleteUserRequest { username: name.to_owned(), etag: String::new() };
        Ok(self.users().delete_user(bearing(token, request)).await?.into_inner().consistency_token)
    }

    pub(crate) async fn group(&self, token: &str, name: &str) -> Result<Subject, Status> {
        let request = api::CreateGroupRequest { name: name.to_owned(), description: "of a test".to_owned() };
        let group = self.groups().create_group(bearing(token, request)).await?.into_inner().group.unwrap();
        Ok(Subject::Group(GroupId::parse(&group.uid).unwrap()))
    }

    pub(crate) async fn show_group(&self, token: &str, name: &str) -> Result<api::Group, Status> {
        let request = api::GetGroupRequest { name: name.to_owned(), consistency: None };
        Ok(self.groups().get_group(bearing(token, request)).await?.into_inner().group.unwrap())
    }

    pub(crate) async fn delete_group(&self, token: &str, name: &str) -> Result<String, Status> {
        let request = api::DeleteGroupRequest { name: name.to_owned(), etag: String::new() };
        Ok(self.groups().delete_group(bearing(token, request)).await?.into_inner().consistency_token)
    }

    pub(crate) async fn add(&self, token: &str, group: &str, members: &[&str]) -> Result<String, Status> {
        let members = members.iter().map(|&name| name.to_owned()).collect();
        let request = api::AddMembersRequest { group: group.to_owned(), members };
        Ok(self.groups().add_members(bearing(token, request)).await?.into_inner().consistency_token)
    }

    pub(crate) async fn take_out(&self, token: &str, group: &str, members: &[&str]) -> Result<String, Status> {
        let members = members.iter().map(|&name| name.to_owned()).collect();
        let request = api::RemoveMembersRequest { group: group.to_owned(), members };
        Ok(self.groups().remove_members(bearing(token, request)).await?.into_inner().consistency_token)
    }

    /// Who is in a group, as they are written, by their names.
    pub(crate) async fn members(&self, token: &str, group: &str) -> Result<Vec<String>, Status> {
        let request = api::ListMembersRequest { group: group.to_owned(), ..Default::default() };
        let answer = self.groups().list_members(bearing(token, request)).await?.into_inner();
        assert_eq!(answer.next_page_token, "");
        let mut names: Vec<_> = answer.members.into_iter().map(|member| member.principal).collect();
        names.sort();
        Ok(names)
    }

    pub(crate) async fn get(&self, token: &str, name: &str) -> Result<api::User, Status> {
        let request = api::GetUserRequest { username: name.to_owned(), consistency: None };
        Ok(self.users().get_user(bearing(token, request)).await?.into_inner().user.unwrap())
    }

    pub(crate) async fn robot(&self, token: &str, name: &str) -> Result<Subject, Status> {
        let request = api::CreateRobotRequest { name: name.to_owned(), description: "of a test".to_owned() };
        let robot = self.robots().create_robot(bearing(token, request)).await?.into_inner().robot.unwrap();
        Ok(Subject::Robot(RobotId::parse(&robot.uid).unwrap()))
    }

    pub(crate) async fn delete_robot(&self, token: &str, name: &str) -> Result<String, Status> {
        let request = api::DeleteRobotRequest { name: name.to_owned() };
        Ok(self.robots().delete_robot(bearing(token, request)).await?.into_inner().consistency_token)
    }

    pub(crate) async fn mint(&self, token: &str, robot: &str, seconds: Option<i64>) -> Result<String, Status> {
        let ttl = seconds.map(|seconds| prost_types::Duration { seconds, nanos: 0 });
        let request = api::CreateTokenRequest { robot: robot.to_owned(), ttl };
        let mut tokens = TokenServiceClient::new(self.channel.clone());
        Ok(tokens.create_token(bearing(token, request)).await?.into_inner().token)
    }
}

pub(crate) fn new_user(name: &str) -> api::CreateUserRequest {
    api::CreateUserRequest { username: name.to_owned(), password: PASSWORD.to_owned(), ..Default::default() }
}
