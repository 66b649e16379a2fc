//! The layer before the router: a method that nobody serves ends here, and so does a caller who is nobody.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::header::AUTHORIZATION;
use http::{HeaderMap, Request, Response};
use reeve_credentials::ServiceTokens;
use tonic::body::Body;
use tonic::transport::server::UdsConnectInfo;
use tower::{Layer, Service};

use crate::Answer;
use crate::error::{Failure, Unauthenticated};
use crate::method::{Access, MethodTable, Row};
use crate::principal::{Caller, Via};
use crate::service_door::{Door, ServiceCaller};
use crate::status;

/// Most bytes of an `authorization` header.
pub const MAX_AUTHORIZATION_BYTES: usize = 16 * 1024;

/// Turns a bearer token into a caller.
#[tonic::async_trait]
pub trait Authenticate: Send + Sync + 'static {
    /// Who holds the token.
    ///
    /// # Errors
    /// [`Failure::Unauthenticated`] with the reason; [`Failure::Unavailable`] where it cannot be said now.
    async fn authenticate(&self, bearer: &str) -> Result<Caller, Failure>;
}

/// What a call over a Unix socket may do without a bearer token.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum SocketPolicy {
    /// No more than a call over the network.
    #[default]
    RequireBearer,
    /// Reach the methods named (full paths), without a caller: whoever may open the socket is trusted to bring the
    /// token of the one it asks for inside the request.
    TrustPeers(BTreeSet<&'static str>),
}

/// Puts [`AuthenticateService`] before a router.
#[derive(Clone)]
pub struct AuthenticateLayer {
    rules: Arc<Rules>,
}

struct Rules {
    table: Arc<MethodTable>,
    authenticate: Arc<dyn Authenticate>,
    socket: SocketPolicy,
    door: Door,
}

impl AuthenticateLayer {
    /// Calls are let through as `table` says, and callers named by `authenticate`.
    pub fn new(table: Arc<MethodTable>, authenticate: Arc<dyn Authenticate>) -> Self {
        let (socket, door) = (SocketPolicy::default(), Door::shut());
        Self { rules: Arc::new(Rules { table, authenticate, socket, door }) }
    }

    /// The same, with another policy for Unix sockets.
    pub fn with_socket_policy(self, socket: SocketPolicy) -> Self {
        let Rules { table, authenticate, door, .. } = &*self.rules;
        let (table, authenticate, door) = (table.clone(), authenticate.clone(), door.clone());
        Self { rules: Arc::new(Rules { table, authenticate, socket, door }) }
    }

    /// The same, with a door for the services of the cluster.
    pub(crate) fn with_door(self, door: Door) -> Self {
        let Rules { table, authenticate, socket, .. } = &*self.rules;
        let (table, authenticate, socket) = (table.clone(), authenticate.clone(), socket.clone());
        Self { rules: Arc::new(Rules { table, authenticate, socket, door }) }
    }
}

impl<S> Layer<S> for AuthenticateLayer {
    type Service = AuthenticateService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        AuthenticateService { rules: self.rules.clone(), inner }
    }
}

/// Lets a call through to `inner` with its [`Caller`] in the extensions, or answers it.
#[derive(Clone)]
pub struct AuthenticateService<S> {
    rules: Arc<Rules>,
    inner: S,
}

impl<S> Service<Request<Body>> for AuthenticateService<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Answer;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // The inner service is asked once the caller is known: readiness that is found now may be gone by then.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Body>) -> Answer {
        let (rules, inner) = (self.rules.clone(), self.inner.clone());
        Box::pin(async move {
            let Some(row) = rules.table.row(request.uri().path()) else {
                return Ok(status::unknown_method().into_http());
            };
            // Nobody but this layer says who calls.
            request.extensions_mut().remove::<Caller>();
            request.extensions_mut().remove::<ServiceCaller>();
            let via = via(&request);
            match rules.who(row, via, request.headers()).await {
                Ok(Who::Caller(caller)) => {
                    request.extensions_mut().insert(caller);
                }
                Ok(Who::Service(service)) => {
                    request.extensions_mut().insert(service);
                }
                Ok(Who::Unnamed) => {}
                Err(failure) => return Ok(tonic::Status::from(failure).into_http()),
            }
            tower::ServiceExt::oneshot(inner, request).await
        })
    }
}

/// Who calls a method that its row lets them call.
enum Who {
    Caller(Caller),
    Service(ServiceCaller),
    /// Nobody in particular: the method is open, or a trusted peer calls for somebody else.
    Unnamed,
}

impl Rules {
    /// Who calls. A service is let in only where the row names services.
    async fn who(&self, row: &Row, via: Via, headers: &HeaderMap) -> Result<Who, Failure> {
        if row.access == Access::Public {
            return Ok(Who::Unnamed);
        }
        let token = match bearer(headers) {
            Ok(token) => token,
            Err(Unauthenticated::TokenMissing) if self.trusts(via, row) => return Ok(Who::Unnamed),
            Err(why) => return Err(why.into()),
        };
        match (row.access, ServiceTokens::is_branded(token)) {
            (Access::Service | Access::NeedOrService(..), true) => Ok(Who::Service(self.door.enter(token, row)?)),
            (Access::Service, false) => Err(Unauthenticated::ServiceTokenNeeded.into()),
            (_, true) => {
                tracing::info!(method = row.method, "a service token was sent where users call");
                Err(Unauthenticated::ServiceTokenMisplaced.into())
            }
            (_, false) => {
                let caller = self.authenticate.authenticate(token).await?;
                Ok(Who::Caller(Caller { via, ..caller }))
            }
        }
    }

    /// Whether a peer may call without a token. No socket makes its peer a service.
    fn trusts(&self, via: Via, row: &Row) -> bool {
        match (&self.socket, via) {
            (SocketPolicy::TrustPeers(methods), Via::Socket { .. }) => {
                row.access != Access::Service && methods.contains(row.method)
            }
            (SocketPolicy::TrustPeers(_), Via::Network) | (SocketPolicy::RequireBearer, _) => false,
        }
    }
}

/// The way the call came. A socket whose peer the kernel does not name counts as the network: fewer rights, not more.
fn via(request: &Request<Body>) -> Via {
    let peer = request.extensions().get::<UdsConnectInfo>().and_then(|info| info.peer_cred);
    peer.map_or(Via::Network, |peer| Via::Socket { uid: peer.uid() })
}

/// The token of the one `authorization: Bearer TOKEN` header (RFC 6750 §2.1; the scheme in any case, RFC 9110 §11.1).
///
/// # Errors
/// There is no such header, or it cannot be read.
pub fn bearer(headers: &HeaderMap) -> Result<&str, Unauthenticated> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next().ok_or(Unauthenticated::TokenMissing)?;
    if values.next().is_some() || value.len() > MAX_AUTHORIZATION_BYTES {
        return Err(Unauthenticated::TokenMalformed);
    }
    let text = value.to_str().map_err(|_| Unauthenticated::TokenMalformed)?;
    match text.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") && is_token(token.trim_matches(' ')) => {
            Ok(token.trim_matches(' '))
        }
        _ => Err(Unauthenticated::TokenMalformed),
    }
}

/// `b64token` of RFC 6750 §2.1, with `=` anywhere.
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte))
}
