//! A server that answers as a test tells it to, and remembers what it was asked.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

use prost_types::Timestamp;
use reeve_api::admission::admission_service_server::{AdmissionService, AdmissionServiceServer};
use reeve_api::admission::{AdmitRequest, AdmitResponse};
use reeve_api::api::Consistency;
use reeve_api::api::consistency::Requirement;
use reeve_api::identity::group_service_server::GroupServiceServer;
use reeve_api::identity::session_service_server::{SessionService, SessionServiceServer};
use reeve_api::identity::user_service_server::{UserService, UserServiceServer};
use reeve_api::identity::*;
use reeve_api::policy::decision_service_server::{DecisionService, DecisionServiceServer};
use reeve_api::policy::{CheckRequest, CheckResponse, Reason};
use tokio::net::{TcpListener, UnixListener};
use tokio_stream::wrappers::{TcpListenerStream, UnixListenerStream};
use tonic::service::Routes;
use tonic::transport::Server;
use tonic::{Code, Request, Response, Status};
use tonic_types::{ErrorDetails, FieldViolation, StatusExt as _};

/// When every test begins, in seconds since the Unix epoch.
pub(crate) const START: i64 = 1_800_000_000;
pub(crate) const PASSWORD: &str = "Correct-Horse-1";

/// What the server knows and has been asked.
#[derive(Default)]
pub(crate) struct State {
    /// Tokens that are accepted, with their principal.
    pub(crate) tokens: BTreeMap<String, String>,
    /// Refresh tokens that can be exchanged, with their user.
    pub(crate) refresh: BTreeMap<String, String>,
    pub(crate) logins: usize,
    pub(crate) refreshes: usize,
    pub(crate) logouts: usize,
    pub(crate) created: Vec<CreateUserRequest>,
    /// What else was written, in short.
    pub(crate) changes: Vec<String>,
    /// The consistency of every read.
    pub(crate) consistency: Vec<Option<Consistency>>,
    /// Consistency tokens that this store has not given.
    pub(crate) foreign: Vec<String>,
    pub(crate) checked: Vec<CheckRequest>,
    pub(crate) admitted: Vec<AdmitRequest>,
    pub(crate) verdict: AdmitResponse,
    issued: usize,
}

#[derive(Clone, Default)]
pub(crate) struct Fake(Arc<Mutex<State>>);

impl Fake {
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    fn routes(&self) -> Routes {
        Routes::new(SessionServiceServer::new(self.clone()))
            .add_service(UserServiceServer::new(self.clone()))
            .add_service(GroupServiceServer::new(self.clone()))
            .add_service(DecisionServiceServer::new(self.clone()))
            .add_service(AdmissionServiceServer::new(self.clone()))
    }

    /// Serves on a free port.
    pub(crate) async fn serve(&self) -> String {
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let server = Server::builder().add_routes(self.routes());
        tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
        address
    }

    /// Serves on a socket.
    pub(crate) fn serve_on(&self, socket: &Path) -> String {
        let listener = UnixListener::bind(socket).unwrap();
        let server = Server::builder().add_routes(self.routes());
        tokio::spawn(server.serve_with_incoming(UnixListenerStream::new(listener)));
        format!("unix:{}", socket.display())
    }

    fn authenticated<T>(&self, request: &Request<T>) -> Result<String, Status> {
        let header = request.metadata().get("authorization").and_then(|value| value.to_str().ok()).unwrap_or("");
        let token = header.strip_prefix("Bearer ").ok_or_else(|| refused(Code::Unauthenticated, "TOKEN_MISSING"))?;
        let known = self.state().tokens.get(token).cloned();
        known.ok_or_else(|| refused(Code::Unauthenticated, "TOKEN_EXPIRED"))
    }

    fn tokens(&self, user: &str) -> SessionTokens {
        let mut state = self.state();
        state.issued += 1;
        let (access, refresh) = (format!("access-{}", state.issued), format!("refresh-{}", state.issued));
        state.tokens.insert(access.clone(), format!("user:{user}"));
        state.refresh.insert(refresh.clone(), user.to_owned());
        let at = |seconds| Some(Timestamp { seconds, nanos: 0 });
        SessionTokens {
            access_token: access,
            access_token_expire_time: at(START + 900),
            refresh_token: refresh,
            session_expire_time: at(START + 30 * 86_400),
        }
    }

    pub(crate) fn noted(&self, consistency: Option<Consistency>) -> Result<(), Status> {
        let mut state = self.state();
        state.consistency.push(consistency.clone());
        match consistency.and_then(|consistency| consistency.requirement) {
            Some(Requirement::AtLeastAsFresh(token)) if state.foreign.contains(&token) => {
                Err(refused(Code::FailedPrecondition, "FOREIGN_TOKEN"))
            }
            _ => Ok(()),
        }
    }
}

pub(crate) fn refused(code: Code, reason: &str) -> Status {
    let details = ErrorDetails::with_error_info(reason, "reeve", HashMap::<String, String>::new());
    Status::with_error_details(code, "refused by the test's server", details)
}

#[tonic::async_trait]
impl SessionService for Fake {
    async fn login(&self, request: Request<LoginRequest>) -> Result<Response<LoginResponse>, Status> {
        let request = request.into_inner();
        if request.password != PASSWORD {
            return Err(refused(Code::Unauthenticated, "INVALID_CREDENTIALS"));
        }
        self.state().logins += 1;
        let username = request.username.to_lowercase();
        let tokens = Some(self.tokens(&username));
        Ok(Response::new(LoginResponse { tokens, username, consistency_token: "login".to_owned() }))
    }

    async fn refresh(&self, request: Request<RefreshRequest>) -> Result<Response<RefreshResponse>, Status> {
        self.state().refreshes += 1;
        let user = self.state().refresh.remove(&request.into_inner().refresh_token);
        let user = user.ok_or_else(|| refused(Code::Unauthenticated, "SESSION_ENDED"))?;
        Ok(Response::new(RefreshResponse { tokens: Some(self.tokens(&user)) }))
    }

    async fn logout(&self, request: Request<LogoutRequest>) -> Result<Response<LogoutResponse>, Status> {
        self.authenticated(&request)?;
        self.state().logouts += 1;
        Ok(Response::new(LogoutResponse { consistency_token: "logout".to_owned() }))
    }

    async fn who_am_i(&self, request: Request<WhoAmIRequest>) -> Result<Response<WhoAmIResponse>, Status> {
        let principal = self.authenticated(&request)?;
        self.noted(request.into_inner().consistency)?;
        Ok(Response::new(WhoAmIResponse { principal, ..WhoAmIResponse::default() }))
    }
}

#[tonic::async_trait]
impl UserService for Fake {
    async fn create_user(&self, request: Request<CreateUserRequest>) -> Result<Response<CreateUserResponse>, Status> {
        self.authenticated(&request)?;
        let request = request.into_inner();
        if request.username == "x" {
            let mut details = ErrorDetails::new();
            details.set_error_info("INVALID_ARGUMENT", "reeve", HashMap::<String, String>::new());
            details.set_bad_request(vec![
                FieldViolation::new("username", "must be 2 to 128 characters"),
                FieldViolation::new("password", "must have a number"),
            ]);
            return Err(Status::with_error_details(Code::InvalidArgument, "2 fields are wrong", details));
        }
        let user = User { username: request.username.clone(), active: true, ..User::default() };
        self.state().created.push(request);
        Ok(Response::new(CreateUserResponse { user: Some(user), consistency_token: "create".to_owned() }))
    }

    async fn get_user(&self, request: Request<GetUserRequest>) -> Result<Response<GetUserResponse>, Status> {
        self.authenticated(&request)?;
        Err(refused(Code::NotFound, "NOT_FOUND"))
    }

    /// Two pages of one user each.
    async fn list_users(&self, request: Request<ListUsersRequest>) -> Result<Response<ListUsersResponse>, Status> {
        self.authenticated(&request)?;
        let request = request.into_inner();
        self.noted(request.consistency)?;
        let (username, next) = if request.page_token.is_empty() { ("alice", "second") } else { ("bob", "") };
        let user = User { username: username.to_owned(), active: true, ..User::default() };
        Ok(Response::new(ListUsersResponse { users: vec![user], next_page_token: next.to_owned(), revision: 7 }))
    }

    async fn activate_user(&self, _: Request<ActivateUserRequest>) -> Result<Response<ActivateUserResponse>, Status> {
        Err(Status::unavailable("the test's server is going away"))
    }

    async fn deactivate_user(
        &self,
        _: Request<DeactivateUserRequest>,
    ) -> Result<Response<DeactivateUserResponse>, Status> {
        Err(refused(Code::FailedPrecondition, "LAST_ADMIN"))
    }

    async fn delete_user(&self, request: Request<DeleteUserRequest>) -> Result<Response<DeleteUserResponse>, Status> {
        self.authenticated(&request)?;
        self.state().changes.push(format!("delete {}", request.into_inner().username));
        Ok(Response::new(DeleteUserResponse { consistency_token: "delete".to_owned() }))
    }
}

#[tonic::async_trait]
impl DecisionService for Fake {
    async fn check(&self, request: Request<CheckRequest>) -> Result<Response<CheckResponse>, Status> {
        self.authenticated(&request)?;
        let request = request.into_inner();
        let allowed = request.permission == "workload.submit";
        self.state().checked.push(request);
        let reason = Reason { message: "role editor on workspaces/vision".to_owned(), ..Reason::default() };
        Ok(Response::new(CheckResponse { allowed, reason: Some(reason), revision: 7, age: None }))
    }
}

#[tonic::async_trait]
impl AdmissionService for Fake {
    async fn admit(&self, request: Request<AdmitRequest>) -> Result<Response<AdmitResponse>, Status> {
        let principal = self.authenticated(&request)?;
        let mut state = self.state();
        state.admitted.push(request.into_inner());
        Ok(Response::new(AdmitResponse { principal, revision: 42, ..state.verdict.clone() }))
    }
}
