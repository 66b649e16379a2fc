//! A caller of the process, over its socket.

use std::net::SocketAddr;

use reeve_api::identity::{
    CreateUserRequest, LoginRequest, session_service_client::SessionServiceClient,
    user_service_client::UserServiceClient,
};
use reeve_api::policy::{
    BindRequest, CreateWorkspaceRequest, Grant, binding_service_client::BindingServiceClient,
    workspace_service_client::WorkspaceServiceClient,
};
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};

/// Everybody's password.
pub(crate) const PASSWORD: &str = "Correct-Horse-7";

/// A connection and a token.
#[derive(Clone)]
pub(crate) struct Client {
    channel: Channel,
    token: String,
}

impl Client {
    /// Somebody, signed in.
    pub(crate) async fn sign_in(address: SocketAddr, username: &str, password: &str) -> Result<Self, Status> {
        let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();
        let channel = endpoint.connect().await.map_err(|error| Status::unavailable(error.to_string()))?;
        let request =
            LoginRequest { username: username.to_owned(), password: password.to_owned(), ..Default::default() };
        let answer = SessionServiceClient::new(channel.clone()).login(request).await?.into_inner();
        Ok(Self { channel, token: answer.tokens.unwrap().access_token })
    }

    /// The holder of a token.
    pub(crate) async fn with_token(address: SocketAddr, token: &str) -> Self {
        let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();
        Self { channel: endpoint.connect().await.unwrap(), token: token.to_owned() }
    }

    /// The token.
    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    /// A request with the token.
    pub(crate) fn bearing<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        request.metadata_mut().insert("authorization", format!("Bearer {}", self.token).parse().unwrap());
        request
    }

    /// Somebody else over the same connection, with the password that everybody has here.
    pub(crate) async fn as_user(&self, username: &str) -> Self {
        let request =
            LoginRequest { username: username.to_owned(), password: PASSWORD.to_owned(), ..Default::default() };
        let answer = self.sessions().login(request).await.unwrap().into_inner();
        Self { channel: self.channel.clone(), token: answer.tokens.unwrap().access_token }
    }

    pub(crate) fn channel(&self) -> Channel {
        self.channel.clone()
    }

    pub(crate) fn sessions(&self) -> SessionServiceClient<Channel> {
        SessionServiceClient::new(self.channel.clone())
    }

    pub(crate) fn users(&self) -> UserServiceClient<Channel> {
        UserServiceClient::new(self.channel.clone())
    }

    pub(crate) fn workspaces(&self) -> WorkspaceServiceClient<Channel> {
        WorkspaceServiceClient::new(self.channel.clone())
    }

    pub(crate) fn bindings(&self) -> BindingServiceClient<Channel> {
        BindingServiceClient::new(self.channel.clone())
    }

    /// Creates a user with the password that everybody has here.
    pub(crate) async fn make_user(&self, name: &str) -> Result<(), Status> {
        let request =
            CreateUserRequest { username: name.to_owned(), password: PASSWORD.to_owned(), ..Default::default() };
        self.users().create_user(self.bearing(request)).await.map(drop)
    }

    /// Creates a workspace.
    pub(crate) async fn make_workspace(&self, name: &str) -> Result<(), Status> {
        let request = CreateWorkspaceRequest { name: name.to_owned(), ..Default::default() };
        self.workspaces().create_workspace(self.bearing(request)).await.map(drop)
    }

    /// Makes one binding.
    pub(crate) async fn bind(&self, principal: &str, role: &str, resource: &str) -> Result<(), Status> {
        let grant = Grant {
            principal: principal.to_owned(),
            role: role.to_owned(),
            resource: resource.to_owned(),
            ..Default::default()
        };
        self.bindings().bind(self.bearing(BindRequest { grants: vec![grant] })).await.map(drop)
    }
}
