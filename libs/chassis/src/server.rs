//! One server: its services behind the steps that every call takes, from the first connection to the drained last.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{BoxFuture, try_join_all};
use reeve_model::{Clock, Entropy};
use tokio_util::sync::CancellationToken;
use tonic::transport::server::Server as Transport;
use tonic_health::pb::health_server::HealthServer;
use tower::ServiceBuilder;

use crate::authenticate::{Authenticate, AuthenticateLayer, SocketPolicy};
use crate::clock::{OsEntropy, SystemClock};
use crate::config::ServerConfig;
use crate::connection::{Listener, accept_tcp, accept_unix};
use crate::forward::Forward;
use crate::health::{HealthAnswers, Readiness};
use crate::layers::{Before, CatchPanics, Deadline, Forwarding, Inner, Shed, Speak, Trace};
use crate::method::{MethodTable, Row, TableError, services_of};
use crate::owner::Owner;
use crate::service_door::{Door, ServiceDoor};
use crate::services::Services;
use crate::{MAX_AUTHORIZATION_BYTES, MAX_MESSAGE_BYTES};

/// Most calls and streams at once on one connection.
pub const MAX_STREAMS_PER_CONNECTION: u32 = 1000;
/// Most bytes of a call's headers: room for the largest `authorization`, twice, so that one that is too large is
/// refused with a reason.
pub const MAX_HEADER_BYTES: u32 = 4 * 16 * 1024;
/// How often a quiet connection is asked whether it lives.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(30);
/// How long it may take to say so.
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long connections may take to end once they are cut.
const CUT_TIMEOUT: Duration = Duration::from_secs(1);
const _: () = assert!(MAX_HEADER_BYTES as usize > 2 * MAX_AUTHORIZATION_BYTES);

/// What a server is made of.
pub struct Setup {
    /// Its limits.
    pub config: ServerConfig,
    /// What it serves.
    pub services: Services,
    /// Who may call it: the rows of every service mounted.
    pub rows: Vec<&'static [Row]>,
    /// Who tokens stand for.
    pub authenticate: Arc<dyn Authenticate>,
    /// What a Unix socket's peers may do without one.
    pub socket: SocketPolicy,
    /// Whether calls that others own are forwarded, and to whom. None: they are `UNIMPLEMENTED`.
    pub forward: Option<Forward>,
    /// How the services of the cluster prove themselves here. None: no service token is taken.
    pub service_tokens: Option<ServiceDoor>,
    /// Whether it is ready; the owner keeps a clone.
    pub readiness: Readiness,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness, for request ids.
    pub entropy: Arc<dyn Entropy>,
}

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The method table does not fit what is served.
    #[error("the method table does not fit: {}", list(.0))]
    Table(Vec<TableError>),
    /// The contract cannot be reflected.
    #[error("reflection cannot be built")]
    Reflection(#[source] tonic_reflection::server::Error),
}

/// Why a server ended otherwise than by a drain.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The transport failed.
    #[error("the transport failed")]
    Transport(#[source] tonic::transport::Error),
    /// Calls were still running when the drain timeout was over; they were cut off.
    #[error("calls were cut off: they did not end within {0:?}")]
    CutOff(Duration),
}

fn list(errors: &[TableError]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

impl Setup {
    /// A server with the real clock and randomness, no special rights for sockets, and a readiness of its own.
    pub fn new(
        config: ServerConfig,
        services: Services,
        rows: Vec<&'static [Row]>,
        authenticate: Arc<dyn Authenticate>,
    ) -> Self {
        Self {
            config,
            services,
            rows,
            authenticate,
            socket: SocketPolicy::default(),
            forward: None,
            service_tokens: None,
            readiness: Readiness::new(),
            clock: Arc::new(SystemClock::new()),
            entropy: Arc::new(OsEntropy),
        }
    }

    /// Checks that every method mounted has its row, before any port is used.
    ///
    /// # Errors
    /// [`StartError`]: everything that does not fit.
    pub fn build(mut self) -> Result<Server, StartError> {
        let names = self.services.names();
        let table =
            MethodTable::new(&self.rows, &names, reeve_api::DESCRIPTOR_SET).map_err(StartError::Table).map(Arc::new)?;
        if self.config.reflection {
            let mut reached: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            if let Some(forward) = &self.forward {
                let of_others = |name: &String| Owner::of_service(name).is_some_and(|owner| forward.reaches(owner));
                let contract =
                    services_of(reeve_api::DESCRIPTOR_SET).map_err(|error| StartError::Table(vec![error]))?;
                reached.extend(contract.into_iter().filter(|name| of_others(name) && !names.contains(&name.as_str())));
            }
            self.services = reflected(self.services, &reached).map_err(StartError::Reflection)?;
        }
        Ok(Server { setup: self, names, table })
    }
}

/// The services, and reflection over them in both versions: some grpcurls ask for one, some for the other.
fn reflected(services: Services, names: &[String]) -> Result<Services, tonic_reflection::server::Error> {
    let builder = || {
        let all = names.iter().map(String::as_str).chain([
            "grpc.health.v1.Health",
            "grpc.reflection.v1.ServerReflection",
            "grpc.reflection.v1alpha.ServerReflection",
        ]);
        let builder = tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(reeve_api::DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET)
            .include_reflection_service(false);
        all.fold(builder, tonic_reflection::server::Builder::with_service_name)
    };
    let v1 = builder().build_v1()?.max_decoding_message_size(MAX_MESSAGE_BYTES);
    let v1alpha = builder().build_v1alpha()?.max_decoding_message_size(MAX_MESSAGE_BYTES);
    Ok(services.mount(v1).mount(v1alpha))
}

/// A server whose methods all have their rows.
pub struct Server {
    setup: Setup,
    names: Vec<&'static str>,
    table: Arc<MethodTable>,
}

impl Server {
    /// Who may call each method.
    pub fn table(&self) -> &MethodTable {
        &self.table
    }

    /// Serves on every listener until `drain` is cancelled: then health says so, services end their streams (each has
    /// its clone of the token), no connection is accepted, running calls finish, and what has not ended after the
    /// drain timeout is cut off. Dropping the future cuts everything off.
    ///
    /// # Errors
    /// [`ServeError`].
    pub async fn serve(self, listeners: Vec<Listener>, drain: CancellationToken) -> Result<(), ServeError> {
        let drain_timeout = self.setup.config.drain_timeout.get();
        let cut = CancellationToken::new();
        let _cut_when_dropped = cut.clone().drop_guard();
        let stack = self.stack(&drain);
        let each = listeners.into_iter().map(|listener| listen(listener, stack.clone(), drain.clone(), cut.clone()));
        let mut all = try_join_all(each);
        tokio::select! {
            ended = &mut all => return ended.map(drop).map_err(ServeError::Transport),
            () = drain.cancelled() => tracing::info!("draining"),
        }
        if let Ok(ended) = tokio::time::timeout(drain_timeout, &mut all).await {
            return ended.map(drop).map_err(ServeError::Transport);
        }
        cut.cancel();
        // Whether or not every connection notices in time, the calls were cut off.
        let _ = tokio::time::timeout(CUT_TIMEOUT, all).await;
        Err(ServeError::CutOff(drain_timeout))
    }

    /// The steps of every call, outermost first.
    fn stack(self, drain: &CancellationToken) -> impl Inner + Sync {
        let Setup { config, services, authenticate, socket, readiness, clock, entropy, .. } = self.setup;
        let door = Door::new(self.setup.service_tokens, clock.clone());
        let (mounted, limit) = (self.names.clone(), config.concurrency_limit);
        let forwarding = self.setup.forward.map(|forward| Forwarding::new(forward, mounted, limit));
        let health = HealthAnswers { readiness, services: self.names, drain: drain.clone() };
        let health = HealthServer::new(health).max_decoding_message_size(MAX_MESSAGE_BYTES);
        ServiceBuilder::new()
            // Outermost, so that everything below is logged under the request's id, refusals and panics too.
            .layer(Before::new(Trace { clock, entropy }))
            // Above all that can panic, below what names the call that did.
            .layer(Before::new(CatchPanics))
            // Above every place where the transport's own refusals arise: deadlines, decoding, unknown methods.
            .layer(Before::new(Speak))
            // Before the token is looked at: that costs a signature check, which a flood must not get.
            .layer(Before::new(Shed::new(config.concurrency_limit, self.table.clone())))
            // Inside the limit, so that a call that is given up frees its place; around authentication, which may wait.
            .layer(Before::new(Deadline { limit: config.request_timeout.get() }))
            // Inside everything that bounds a call, before the token is looked at: that is for the owner to do.
            .layer(Before::new(forwarding))
            // Innermost: whatever comes past it is a method of the table, and its caller is known.
            .layer(AuthenticateLayer::new(self.table, authenticate).with_socket_policy(socket).with_door(door))
            .service(services.mount(health).into_router())
    }
}

fn listen(
    listener: Listener,
    stack: impl Inner + Sync,
    drain: CancellationToken,
    cut: CancellationToken,
) -> BoxFuture<'static, Result<(), tonic::transport::Error>> {
    let transport = Transport::builder()
        .http2_keepalive_interval(Some(KEEPALIVE_INTERVAL))
        .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT))
        .http2_max_header_list_size(MAX_HEADER_BYTES)
        .max_concurrent_streams(MAX_STREAMS_PER_CONNECTION);
    let drained = drain.clone().cancelled_owned();
    match listener {
        Listener::Tcp(listener) => {
            Box::pin(transport.serve_with_incoming_shutdown(stack, accept_tcp(listener, cut, drain), drained))
        }
        Listener::Unix(listener) => {
            Box::pin(transport.serve_with_incoming_shutdown(stack, accept_unix(listener, cut, drain), drained))
        }
    }
}
