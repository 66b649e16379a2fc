//! A caller with a token: every service of the contract over one connection.

use std::time::Duration;

use reeve_api::admission::admission_service_client::AdmissionServiceClient;
use reeve_api::agentmap::agent_user_service_client::AgentUserServiceClient;
use reeve_api::api::{Consistency, consistency::Requirement};
use reeve_api::identity as id;
use reeve_api::policy as pol;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::cluster::PASSWORD;

/// How long a server may take to say how it is.
const HEALTH_DEADLINE: Duration = Duration::from_secs(2);

/// Puts a token on each call, if there is one.
#[derive(Clone)]
pub(crate) struct Bearer(Option<MetadataValue<Ascii>>);

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(value) = &self.0 {
            request.metadata_mut().insert("authorization", value.clone());
        }
        Ok(request)
    }
}

/// A connection, and who calls over it.
#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) channel: Channel,
    /// The access, robot or root token; empty for nobody.
    pub(crate) token: String,
    /// The session's refresh token, if it came from a login.
    pub(crate) refresh: String,
}

type Bearing = InterceptedService<Channel, Bearer>;

macro_rules! services {
    ($($method:ident: $client:ty;)+) => {$(
        pub(crate) fn $method(&self) -> $client {
            <$client>::new(Bearing::new(self.channel.clone(), self.bearer()))
        }
    )+};
}

impl Client {
    /// Nobody, at `address`: `http://HOST:PORT` or `unix:PATH`.
    pub(crate) async fn connect(address: String) -> Self {
        let channel = Endpoint::from_shared(address).unwrap().tcp_nodelay(true).connect().await.unwrap();
        Self { channel, token: String::new(), refresh: String::new() }
    }

    /// As [`Client::connect`], with the first call.
    pub(crate) fn lazy(address: String) -> Self {
        let channel = Endpoint::from_shared(address).unwrap().tcp_nodelay(true).connect_lazy();
        Self { channel, token: String::new(), refresh: String::new() }
    }

    /// The same connection with another token.
    pub(crate) fn with_token(&self, token: &str) -> Self {
        Self { channel: self.channel.clone(), token: token.to_owned(), refresh: String::new() }
    }

    /// Signs in over the same connection.
    pub(crate) async fn sign_in(&self, username: &str) -> Result<Self, Status> {
        let request =
            id::LoginRequest { username: username.to_owned(), password: PASSWORD.to_owned(), client: "e2e".to_owned() };
        let tokens = self.with_token("").sessions().login(request).await?.into_inner().tokens.unwrap();
        Ok(Self { channel: self.channel.clone(), token: tokens.access_token, refresh: tokens.refresh_token })
    }

    pub(crate) fn bearer(&self) -> Bearer {
        Bearer((!self.token.is_empty()).then(|| format!("Bearer {}", self.token).parse().unwrap()))
    }

    services! {
        sessions: id::session_service_client::SessionServiceClient<Bearing>;
        users: id::user_service_client::UserServiceClient<Bearing>;
        groups: id::group_service_client::GroupServiceClient<Bearing>;
        robots: id::robot_service_client::RobotServiceClient<Bearing>;
        tokens: id::token_service_client::TokenServiceClient<Bearing>;
        workspaces: pol::workspace_service_client::WorkspaceServiceClient<Bearing>;
        bindings: pol::binding_service_client::BindingServiceClient<Bearing>;
        decisions: pol::decision_service_client::DecisionServiceClient<Bearing>;
        policies: pol::config_policy_service_client::ConfigPolicyServiceClient<Bearing>;
        agent_users: AgentUserServiceClient<Bearing>;
        admission: AdmissionServiceClient<Bearing>;
    }

    /// Creates a user with the password that everybody has here; the proof of the write.
    pub(crate) async fn make_user(&self, name: &str) -> String {
        let request =
            id::CreateUserRequest { username: name.to_owned(), password: PASSWORD.to_owned(), ..Default::default() };
        self.users().create_user(request).await.unwrap().into_inner().consistency_token
    }

    /// Creates a workspace; the proof of the write.
    pub(crate) async fn make_workspace(&self, name: &str) -> String {
        let request = pol::CreateWorkspaceRequest { name: name.to_owned(), ..Default::default() };
        self.workspaces().create_workspace(request).await.unwrap().into_inner().consistency_token
    }

    /// Makes one binding; the proof of the write.
    pub(crate) async fn bind(&self, principal: &str, role: &str, resource: &str) -> Result<String, Status> {
        let request = pol::BindRequest { grants: vec![grant(principal, role, resource)] };
        Ok(self.bindings().bind(request).await?.into_inner().consistency_token)
    }

    /// Removes one binding; the proof of the write.
    pub(crate) async fn unbind(&self, principal: &str, role: &str, resource: &str) -> Result<String, Status> {
        let request = pol::UnbindRequest { grants: vec![grant(principal, role, resource)] };
        Ok(self.bindings().unbind(request).await?.into_inner().consistency_token)
    }

    /// Deactivates a user; the proof of the write.
    pub(crate) async fn deactivate(&self, name: &str) -> Result<String, Status> {
        let request = id::DeactivateUserRequest { username: name.to_owned() };
        Ok(self.users().deactivate_user(request).await?.into_inner().consistency_token)
    }

    /// Creates a robot with a role at the cluster, if one is named; its token.
    pub(crate) async fn make_robot(&self, name: &str, role: Option<&str>) -> String {
        let request = id::CreateRobotRequest { name: name.to_owned(), ..Default::default() };
        self.robots().create_robot(request).await.unwrap();
        if let Some(role) = role {
            self.bind(&format!("robot:{name}"), role, "cluster").await.unwrap();
        }
        let request = id::CreateTokenRequest { robot: name.to_owned(), ttl: None };
        self.tokens().create_token(request).await.unwrap().into_inner().token
    }

    /// Sets a policy for experiments or tasks; the answer.
    pub(crate) async fn set_policy(
        &self,
        scope: &str,
        workload_type: &str,
        document: &str,
    ) -> Result<pol::SetConfigPolicyResponse, Status> {
        let policy = pol::ConfigPolicy {
            scope: scope.to_owned(),
            workload_type: workload_type.to_owned(),
            document: document.to_owned(),
            ..Default::default()
        };
        let request = pol::SetConfigPolicyRequest { policy: Some(policy), allow_conflicts: false };
        Ok(self.policies().set_config_policy(request).await?.into_inner())
    }

    /// What the server says of itself or of one of its services.
    pub(crate) async fn health(&self, service: &str) -> Result<ServingStatus, Status> {
        let mut request = Request::new(HealthCheckRequest { service: service.to_owned() });
        request.set_timeout(HEALTH_DEADLINE);
        Ok(HealthClient::new(self.channel.clone()).check(request).await?.into_inner().status())
    }

    /// The store's revision now.
    pub(crate) async fn revision(&self) -> u64 {
        let request = pol::CheckRequest {
            permission: "workload.submit".to_owned(),
            resource: "workspaces/default".to_owned(),
            consistency: Some(Consistency { requirement: Some(Requirement::FullyConsistent(true)) }),
            ..Default::default()
        };
        self.decisions().check(request).await.unwrap().into_inner().revision
    }
}

/// A grant without an end.
pub(crate) fn grant(principal: &str, role: &str, resource: &str) -> pol::Grant {
    pol::Grant {
        principal: principal.to_owned(),
        role: role.to_owned(),
        resource: resource.to_owned(),
        ..Default::default()
    }
}

/// At least as new as a write.
#[expect(clippy::unnecessary_wraps, reason = "as the fields of requests are")]
pub(crate) fn after(token: &str) -> Option<Consistency> {
    Some(Consistency { requirement: Some(Requirement::AtLeastAsFresh(token.to_owned())) })
}

/// A configuration as text.
#[expect(clippy::unnecessary_wraps, reason = "as the fields of requests are")]
pub(crate) fn text(config: &str) -> Option<pol::WorkloadConfig> {
    Some(pol::WorkloadConfig { form: Some(pol::workload_config::Form::Text(config.to_owned())) })
}
