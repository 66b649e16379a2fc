//! The other services of the cluster: where each listens, and a call to whichever of its servers answers.

mod body;
mod endpoint;
mod url;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use http::{HeaderValue, Request, Response};
use tonic::Status;
use tonic::body::Body;
use tower::Service;

use crate::call_deadline::CallDeadline;
use crate::error::{Failure, UnavailableReason};
use crate::layers::{Answer, GRPC_TIMEOUT, timeout_of, timeout_text};
use crate::owner::Owner;
use crate::status;
use body::Unsent;
use endpoint::{Endpoint, Failed};

pub use url::{PeerUrl, PeerUrlError};

/// The servers of every owner. Clones share their connections.
///
/// Connections are made when they are needed, one to each server, and asked whether they live. A call goes to the
/// servers of an owner in turn; one that failed is passed over until it answers a probe, and is called all the same
/// where all have failed. A call goes to the next server only where nothing of its message was sent: what may have been
/// executed is never sent twice.
#[derive(Clone, Default)]
pub struct Peers {
    owners: BTreeMap<Owner, Arc<Pool>>,
}

impl Peers {
    /// The servers named. To be called within a Tokio runtime.
    pub fn new(servers: impl IntoIterator<Item = (Owner, Vec<PeerUrl>)>) -> Self {
        let named = servers.into_iter().filter(|(_, urls)| !urls.is_empty());
        Self { owners: named.map(|(owner, urls)| (owner, Arc::new(Pool::new(owner, urls)))).collect() }
    }

    /// Whether a server of the owner is named.
    pub fn has(&self, owner: Owner) -> bool {
        self.owners.contains_key(&owner)
    }

    /// The owner, as what a generated client calls. Nothing is added to a call; where no server of the owner is named,
    /// it is answered as one that cannot be reached.
    pub fn to(&self, owner: Owner) -> ToOwner {
        ToOwner { owner, pool: self.owners.get(&owner).cloned() }
    }
}

/// One owner, as what a generated client calls: `UserServiceClient::new(peers.to(Owner::Identity))`.
#[derive(Clone)]
pub struct ToOwner {
    owner: Owner,
    pool: Option<Arc<Pool>>,
}

impl ToOwner {
    /// Calls one of the owner's servers, which is told to answer by `deadline`.
    pub(crate) async fn call_by(self, request: Request<Body>, deadline: Option<CallDeadline>) -> Response<Body> {
        match self.pool {
            Some(pool) => pool.call(request, deadline).await,
            None => unnamed(self.owner).into_http(),
        }
    }
}

impl Service<Request<Body>> for ToOwner {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Answer;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // Which server is asked is found when the call is made.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Answer {
        let deadline = timeout_of(request.headers()).map(CallDeadline::after);
        let to = self.clone();
        Box::pin(async move { Ok(to.call_by(request, deadline).await) })
    }
}

/// The servers of one owner.
struct Pool {
    owner: Owner,
    endpoints: Vec<Arc<Endpoint>>,
    next: AtomicUsize,
}

impl Pool {
    fn new(owner: Owner, urls: Vec<PeerUrl>) -> Self {
        let endpoints = urls.into_iter().map(|url| Arc::new(Endpoint::new(owner, url))).collect();
        Self { owner, endpoints, next: AtomicUsize::new(0) }
    }

    /// Every server once: in turn, and those that failed last.
    fn in_turn(&self) -> Vec<&Arc<Endpoint>> {
        let start = self.next.fetch_add(1, Ordering::Relaxed) % self.endpoints.len().max(1);
        let mut all: Vec<_> = self.endpoints.iter().cycle().skip(start).take(self.endpoints.len()).collect();
        // asked once for each: another call may change the answer meanwhile, and what sorts must hold still
        all.sort_by_cached_key(|endpoint| endpoint.is_passed_over());
        all
    }

    async fn call(&self, request: Request<Body>, deadline: Option<CallDeadline>) -> Response<Body> {
        let (parts, body) = request.into_parts();
        let unsent = Unsent::new(body);
        for endpoint in self.in_turn() {
            let mut attempt = Request::new(Body::new(unsent.body()));
            attempt.method_mut().clone_from(&parts.method);
            attempt.uri_mut().clone_from(&parts.uri);
            *attempt.version_mut() = http::Version::HTTP_2;
            attempt.headers_mut().clone_from(&parts.headers);
            if let Some(deadline) = deadline {
                let left = deadline.left();
                if left.is_zero() {
                    return status::deadline_exceeded().into_http();
                }
                if let Ok(value) = HeaderValue::from_str(&timeout_text(left)) {
                    attempt.headers_mut().insert(GRPC_TIMEOUT, value);
                }
            }
            match endpoint.call(attempt, unsent.broken_off()).await {
                Ok(response) => return response,
                Err(Failed::TimedOut) => return status::deadline_exceeded().into_http(),
                Err(Failed::NoMessage) => return status::cut_off().into_http(),
                Err(Failed::NoAnswer) if unsent.is_whole() => {}
                Err(Failed::NoAnswer | Failed::NotReeve) => return broken(self.owner).into_http(),
            }
        }
        unreachable(self.owner).into_http()
    }
}

fn unavailable(message: String) -> Status {
    Failure::Unavailable { reason: UnavailableReason::OwnerUnavailable, message, retry_after: None }.into()
}

fn unnamed(owner: Owner) -> Status {
    unavailable(format!("the {owner} service cannot be reached: no server is named in `services.{owner}`"))
}

fn unreachable(owner: Owner) -> Status {
    unavailable(format!("the {owner} service cannot be reached: try again"))
}

/// A call that was sent, and whose answer did not come.
fn broken(owner: Owner) -> Status {
    unavailable(format!("the {owner} service did not answer to the end: the call may have been done; try again"))
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::pin::Pin;
    use std::vec;

    use bytes::Bytes;
    use http_body::{Body as HttpBody, Frame};

    use super::*;

    /// A message of frames, some of which fail.
    struct Said(vec::IntoIter<Result<Frame<Bytes>, Status>>);

    impl HttpBody for Said {
        type Data = Bytes;
        type Error = Status;

        fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
            Poll::Ready(self.0.next())
        }
    }

    /// A server that reads each message to its end before it answers.
    async fn patient() -> PeerUrl {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        let service = tower::service_fn(|request: Request<Body>| async move {
            let mut body = request.into_body();
            while let Some(Ok(_)) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {}
            let status = Status::with_details(tonic::Code::NotFound, "nothing", Bytes::from_static(b"x"));
            Ok::<_, Infallible>(status.into_http::<Body>())
        });
        let incoming = tokio_stream::wrappers::TcpListenerStream::new(listener);
        tokio::spawn(tonic::transport::Server::builder().serve_with_incoming(service, incoming));
        url
    }

    fn call(frames: Vec<Result<Frame<Bytes>, Status>>) -> Request<Body> {
        Request::post("/reeve.identity.v1.UserService/GetUser")
            .header(http::header::CONTENT_TYPE, "application/grpc")
            .body(Body::new(Said(frames.into_iter())))
            .unwrap()
    }

    #[tokio::test]
    async fn a_caller_who_breaks_off_has_no_server_passed_over() {
        let pool = Pool::new(Owner::Identity, vec![patient().await]);
        let begun = || Ok(Frame::data(Bytes::from_static(&[0, 0, 0, 0, 9])));
        let said = |response: Response<Body>| Status::from_header_map(response.headers()).unwrap().code();
        let cut_off = vec![begun(), Err(Status::cancelled("the caller is gone"))];
        assert_eq!(said(pool.call(call(cut_off), None).await), tonic::Code::Cancelled);
        assert!(!pool.endpoints[0].is_passed_over());
        assert_eq!(said(pool.call(call(vec![begun()]), None).await), tonic::Code::NotFound);
    }
}
