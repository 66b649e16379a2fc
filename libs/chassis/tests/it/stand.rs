//! A server to test against: real services of the contract, with answers that a test can steer.

use std::pin::Pin;
use std::sync::Arc;

use futures_util::{Stream, StreamExt as _, stream};
use reeve_api::admission::admission_service_server::{AdmissionService, AdmissionServiceServer};
use reeve_api::admission::{AdmitRequest, AdmitResponse};
use reeve_api::feed::feed_service_server::{FeedService, FeedServiceServer};
use reeve_api::feed::{WatchRequest, WatchResponse};
use reeve_api::identity as api;
use reeve_api::identity::access_service_server::{AccessService, AccessServiceServer};
use reeve_api::identity::robot_service_server::{RobotService, RobotServiceServer};
use reeve_api::identity::token_service_server::{TokenService, TokenServiceServer};
use reeve_chassis::config::ServerConfig;
use reeve_chassis::{
    Access, Authenticate, Authority, Caller, Failure, Listener, MAX_MESSAGE_BYTES, On, Row, ServeError, Services,
    Setup, SocketPolicy, Unauthenticated, Via,
};
use reeve_model::{PrincipalId, Resource, Timestamp, UserId, WorkspaceName};
use reeve_rbac::Permission;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Response, Status};
use tonic_types::StatusExt as _;

pub(crate) static INFO: Row = Row { method: "/reeve.identity.v1.AccessService/GetServerInfo", access: Access::Public };
pub(crate) static CREATE: Row = Row {
    method: "/reeve.identity.v1.RobotService/CreateRobot",
    access: Access::Need(Permission::ROBOT_ADMINISTER, On::Cluster),
};
pub(crate) static LIST: Row =
    Row { method: "/reeve.identity.v1.RobotService/ListRobots", access: Access::Filtered("by what the caller views") };
pub(crate) static DELETE: Row = Row { method: "/reeve.identity.v1.RobotService/DeleteRobot", ..CREATE };
pub(crate) static TOKEN: Row = Row { method: "/reeve.identity.v1.TokenService/CreateToken", access: Access::Own };
pub(crate) static WATCH: Row =
    Row { method: "/reeve.feed.v1.FeedService/Watch", access: Access::Need(Permission::FEED_FOLLOW, On::Cluster) };
pub(crate) static ADMIT: Row = Row {
    method: "/reeve.admission.v1.AdmissionService/Admit",
    access: Access::Need(Permission::WORKLOAD_SUBMIT, On::Request),
};
pub(crate) static ROWS: &[Row] = &[INFO, CREATE, LIST, DELETE, TOKEN, WATCH, ADMIT];

/// Whom the tokens of the tests stand for: `admin` holds everything, `alice` what [`Stand::holds`] says.
pub(crate) fn caller(name: &str) -> Caller {
    Caller {
        principal: PrincipalId::User(UserId::from_uuid(uuid::Uuid::from_u128(7))),
        name: format!("user:{name}"),
        session: None,
        token_expire_time: Some(Timestamp::from_millis(1)),
        via: Via::Network,
    }
}

/// Every service of the test server.
#[derive(Clone)]
pub(crate) struct Stand {
    /// How many calls hang now.
    pub(crate) hanging: watch::Sender<usize>,
    /// Lets hanging calls go.
    pub(crate) release: Arc<Semaphore>,
    pub(crate) drain: CancellationToken,
}

#[tonic::async_trait]
impl Authenticate for Stand {
    async fn authenticate(&self, bearer: &str) -> Result<Caller, Failure> {
        match bearer {
            "expired" => Err(Unauthenticated::TokenExpired.into()),
            name => Ok(caller(name)),
        }
    }
}

impl Authority for Stand {
    fn holds(&self, caller: &Caller, permission: Permission, resource: &Resource) -> Result<bool, Failure> {
        let in_vision = resource.as_str() == "workspaces/vision" && permission == Permission::WORKLOAD_SUBMIT;
        Ok(caller.name == "user:admin" || (caller.name == "user:alice" && in_vision))
    }

    fn may_know(&self, caller: &Caller, resource: &Resource) -> bool {
        caller.name == "user:alice" && resource.as_str() == "workspaces/speech"
    }
}

#[tonic::async_trait]
impl AccessService for Stand {
    async fn get_server_info(
        &self,
        request: Request<api::GetServerInfoRequest>,
    ) -> Result<Response<api::GetServerInfoResponse>, Status> {
        reeve_chassis::public(&INFO)?;
        let known = request.extensions().get::<Caller>().is_some();
        Ok(Response::new(api::GetServerInfoResponse {
            version: if known { "known" } else { "nobody" }.to_owned(),
            ..Default::default()
        }))
    }
}

#[tonic::async_trait]
impl RobotService for Stand {
    async fn create_robot(
        &self,
        request: Request<api::CreateRobotRequest>,
    ) -> Result<Response<api::CreateRobotResponse>, Status> {
        let granted = reeve_chassis::need(request.extensions(), &CREATE, self, &Resource::cluster())?;
        assert!(granted.need().is_some());
        match request.into_inner().name.as_str() {
            "panic" => panic!("the handler's own words"),
            "internal" => Err(Failure::internal("the handler's own words").into()),
            "raw" => Err(Status::not_found("a library's own words")),
            "hang" => {
                self.hanging.send_modify(|count| *count += 1);
                self.release.acquire().await.unwrap().forget();
                Ok(Response::new(api::CreateRobotResponse::default()))
            }
            _ => Ok(Response::new(api::CreateRobotResponse::default())),
        }
    }

    async fn list_robots(
        &self,
        request: Request<api::ListRobotsRequest>,
    ) -> Result<Response<api::ListRobotsResponse>, Status> {
        let granted = reeve_chassis::filtered(request.extensions(), &LIST)?;
        let name = granted.caller().name.clone();
        let robots = vec![api::Robot { name, ..Default::default() }];
        Ok(Response::new(api::ListRobotsResponse { robots, ..Default::default() }))
    }

    async fn delete_robot(
        &self,
        _: Request<api::DeleteRobotRequest>,
    ) -> Result<Response<api::DeleteRobotResponse>, Status> {
        Ok(Response::new(api::DeleteRobotResponse::default()))
    }
}

#[tonic::async_trait]
impl TokenService for Stand {
    async fn create_token(
        &self,
        request: Request<api::CreateTokenRequest>,
    ) -> Result<Response<api::CreateTokenResponse>, Status> {
        let granted = reeve_chassis::own(request.extensions(), &TOKEN)?;
        let token = format!("{} {:?}", granted.caller().name, granted.caller().via);
        Ok(Response::new(api::CreateTokenResponse { token, ..Default::default() }))
    }
}

#[tonic::async_trait]
impl AdmissionService for Stand {
    async fn admit(&self, request: Request<AdmitRequest>) -> Result<Response<AdmitResponse>, Status> {
        let name = WorkspaceName::parse(&request.get_ref().workspace).unwrap();
        let workspace = Resource::workspace(&name);
        let granted = if request.get_ref().token.is_empty() {
            reeve_chassis::need(request.extensions(), &ADMIT, self, &workspace)?
        } else {
            let on_behalf = self.authenticate(&request.get_ref().token).await?;
            reeve_chassis::need_as(on_behalf, &ADMIT, self, &workspace)?
        };
        Ok(Response::new(AdmitResponse { principal: granted.caller().name.clone(), ..Default::default() }))
    }
}

#[tonic::async_trait]
impl FeedService for Stand {
    type WatchStream = Pin<Box<dyn Stream<Item = Result<WatchResponse, Status>> + Send>>;

    async fn watch(&self, request: Request<WatchRequest>) -> Result<Response<Self::WatchStream>, Status> {
        reeve_chassis::need(request.extensions(), &WATCH, self, &Resource::cluster())?;
        let once = stream::iter([Ok(WatchResponse::default())]);
        let open = once.chain(stream::pending()).take_until(self.drain.clone().cancelled_owned());
        Ok(Response::new(Box::pin(open)))
    }
}

/// A running server, and a client of it.
pub(crate) struct Running {
    pub(crate) stand: Stand,
    /// As a URL.
    pub(crate) address: String,
    pub(crate) channel: Channel,
    pub(crate) readiness: reeve_chassis::Readiness,
    pub(crate) served: JoinHandle<Result<(), ServeError>>,
}

pub(crate) fn services(stand: &Stand) -> Services {
    Services::new()
        .mount(AccessServiceServer::new(stand.clone()))
        .mount(RobotServiceServer::new(stand.clone()).max_decoding_message_size(MAX_MESSAGE_BYTES))
        .mount(TokenServiceServer::new(stand.clone()))
        .mount(AdmissionServiceServer::new(stand.clone()))
        .mount(FeedServiceServer::new(stand.clone()))
}

pub(crate) fn stand() -> Stand {
    Stand { hanging: watch::Sender::new(0), release: Arc::new(Semaphore::new(0)), drain: CancellationToken::new() }
}

pub(crate) fn setup(stand: &Stand, config: ServerConfig) -> Setup {
    Setup::new(config, services(stand), vec![ROWS], Arc::new(stand.clone()))
}

impl Running {
    pub(crate) async fn with(config: ServerConfig) -> Self {
        let stand = stand();
        Self::of(stand.clone(), setup(&stand, config)).await
    }

    pub(crate) async fn start() -> Self {
        Self::with(ServerConfig::default()).await
    }

    /// On a Unix socket in `folder`.
    pub(crate) async fn on_socket(folder: &std::path::Path, socket: SocketPolicy) -> Self {
        let stand = stand();
        let path = folder.join("s");
        let listener = tokio::net::UnixListener::bind(&path).unwrap();
        let setup = Setup { socket, ..setup(&stand, ServerConfig::default()) };
        Self::over(stand, setup, Listener::Unix(listener), format!("unix:{}", path.display())).await
    }

    /// On port 0.
    pub(crate) async fn of(stand: Stand, setup: Setup) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        Self::over(stand, setup, Listener::Tcp(listener), address).await
    }

    pub(crate) async fn over(stand: Stand, setup: Setup, listener: Listener, address: String) -> Self {
        let readiness = setup.readiness.clone();
        let server = setup.build().unwrap();
        let served = tokio::spawn(server.serve(vec![listener], stand.drain.clone()));
        let channel = Endpoint::try_from(address.clone()).unwrap().connect().await.unwrap();
        Self { stand, address, channel, readiness, served }
    }

    pub(crate) fn robots(&self) -> api::robot_service_client::RobotServiceClient<Channel> {
        api::robot_service_client::RobotServiceClient::new(self.channel.clone())
    }

    /// Waits until so many calls hang.
    pub(crate) async fn hanging(&self, count: usize) {
        self.stand.hanging.subscribe().wait_for(|hanging| *hanging == count).await.unwrap();
    }
}

/// A request with a bearer token.
pub(crate) fn bearing<T>(token: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    request
}

/// The request of a robot's creation, which steers the handler by the name.
pub(crate) fn robot(name: &str) -> api::CreateRobotRequest {
    api::CreateRobotRequest { name: name.to_owned(), ..Default::default() }
}

/// The reason of a status of Reeve.
pub(crate) fn reason(status: &Status) -> String {
    let info = status.get_details_error_info().unwrap_or_else(|| panic!("no ErrorInfo: {status:?}"));
    assert_eq!(info.domain, "reeve");
    info.reason
}
