//! Sends a call to its owner, where that is another service.

use std::collections::BTreeMap;

use http::header::{
    CONNECTION, FORWARDED, HOST, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderName, HeaderValue, Request, Response};
use tokio::sync::{Semaphore, SemaphorePermit};
use tonic::Status;
use tonic::body::Body;

use super::shed::PUBLIC_PART;
use super::{Inner, Step};
use crate::call_deadline::CallDeadline;
use crate::error::{Failure, UnavailableReason};
use crate::forward::{Before, FORWARDED_BY_HEADER, Forward, Way};
use crate::owner::Owner;
use crate::request_id::{REQUEST_ID_HEADER, RequestId};

/// The part of all places that calls to one owner may hold: one in so many. An owner that stands still holds its calls
/// until that is found out; what this server answers itself is answered all the same.
const OWNER_PART: usize = 4;

/// What is about one connection (RFC 9110 §7.6.1), or what a client says about itself and nobody could believe. The
/// transport makes `te` anew.
const NOT_KEPT: [HeaderName; 14] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    TE,
    TRANSFER_ENCODING,
    UPGRADE,
    HOST,
    FORWARDED,
    HeaderName::from_static("x-forwarded-for"),
    HeaderName::from_static("x-forwarded-host"),
    HeaderName::from_static("x-forwarded-proto"),
    HeaderName::from_static("x-real-ip"),
];

/// Forwards what is not mounted here. A call keeps its message, its metadata and what is left of its time; it loses the
/// rights that the way it came gave it, for the owner sees a call from the network.
pub(crate) struct Forwarding {
    forward: Forward,
    mounted: Vec<&'static str>,
    places: BTreeMap<Owner, Places>,
}

/// The places of the calls to one owner, and of those among them that need no token: whoever has none keeps nobody out who
/// has one.
struct Places {
    all: Semaphore,
    public: Semaphore,
}

impl Places {
    fn new(part: usize) -> Self {
        Self { all: Semaphore::new(part), public: Semaphore::new((part / PUBLIC_PART).max(1)) }
    }

    /// Those of one call, if there are any.
    fn take(&self, is_public: bool) -> Option<(SemaphorePermit<'_>, Option<SemaphorePermit<'_>>)> {
        let public = if is_public { Some(self.public.try_acquire().ok()?) } else { None };
        Some((self.all.try_acquire().ok()?, public))
    }
}

impl Forwarding {
    /// By `forward`, except for the services `mounted` here; at most a part of `limit` calls to one owner at a time.
    pub(crate) fn new(forward: Forward, mounted: Vec<&'static str>, limit: usize) -> Self {
        let part = (limit / OWNER_PART).max(1);
        let places = Owner::ALL.into_iter().map(|owner| (owner, Places::new(part))).collect();
        Self { forward, mounted, places }
    }

    fn way(&self, request: &Request<Body>) -> Way {
        let path = request.uri().path();
        let name = path.strip_prefix('/').and_then(|rest| rest.split('/').next()).unwrap_or_default();
        match Owner::of_service(name) {
            Some(owner) if !self.mounted.contains(&name) => self.forward.way(owner, Before::of(request.headers())),
            Some(_) | None => Way::Here,
        }
    }

    async fn send(&self, request: Request<Body>, owner: Owner) -> Response<Body> {
        let is_public = self.forward.is_public(request.uri().path());
        let Some(_places) = self.places.get(&owner).and_then(|places| places.take(is_public)) else {
            return Status::from(Failure::too_busy()).into_http();
        };
        let deadline = CallDeadline::of(request.extensions());
        let request = self.outgoing(request);
        self.forward.peers.to(owner).call_by(request, deadline).await
    }

    /// The call as its owner gets it: nothing of the extensions, where this server keeps what it found out.
    fn outgoing(&self, request: Request<Body>) -> Request<Body> {
        let (mut parts, body) = request.into_parts();
        for name in NOT_KEPT {
            parts.headers.remove(name);
        }
        parts.headers.insert(TE, HeaderValue::from_static("trailers"));
        parts.headers.insert(FORWARDED_BY_HEADER, HeaderValue::from_static(self.forward.name()));
        let id = parts.extensions.get::<RequestId>().and_then(|id| HeaderValue::from_str(id.as_str()).ok());
        if let Some(id) = id {
            parts.headers.insert(REQUEST_ID_HEADER, id);
        }
        let mut outgoing = Request::new(body);
        *outgoing.method_mut() = parts.method;
        *outgoing.uri_mut() = parts.uri;
        *outgoing.headers_mut() = parts.headers;
        outgoing
    }
}

impl Step for Option<Forwarding> {
    async fn around(&self, mut request: Request<Body>, inner: impl Inner) -> Response<Body> {
        let Some(forwarding) = self else { return inner.answer(request).await };
        match forwarding.way(&request) {
            Way::Here => {
                // It has said what it had to say.
                request.headers_mut().remove(FORWARDED_BY_HEADER);
                inner.answer(request).await
            }
            Way::To(owner) => forwarding.send(request, owner).await,
            Way::Lost(owner, before) => lost(owner, before).into_http(),
        }
    }
}

/// A call that somebody sent here for the owner's.
fn lost(owner: Owner, before: Before) -> Status {
    let whose = match before {
        Before::Service(Some(service)) => format!(" of the {service} service"),
        Before::Service(None) | Before::Nobody => String::new(),
        Before::Sidecar => {
            return misdirected("`sidecar.upstreams` of a sidecar names a sidecar: name a service".to_owned());
        }
    };
    misdirected(format!("`services.{owner}`{whose} names a server that is not {owner}"))
}

fn misdirected(message: String) -> Status {
    Failure::Unavailable { reason: UnavailableReason::OwnerUnavailable, message, retry_after: None }.into()
}
