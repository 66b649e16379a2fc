//! One server of an owner: its connection, and whether it answers.

use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use http::header::CONTENT_TYPE;
use http::{Request, Response, StatusCode};
use tonic::body::Body;
use tonic::transport::Channel;
use tonic::{Code, Status, TimeoutExpired};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tower::ServiceExt as _;

use super::PeerUrl;
use super::body::{BrokenOff, Tail};
use crate::health::LIVE;
use crate::owner::Owner;
use crate::server::MAX_HEADER_BYTES;

/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// How often a quiet connection is asked whether it lives.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(2);
/// How long it may take to say so. With the interval it bounds how long a server that stands still holds calls.
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(3);
/// How long a server that failed is left alone between two probes.
const PROBE_INTERVAL: Duration = Duration::from_secs(1);
/// How long a probe may take; longer than a connection, so that it learns of one that cannot be made.
const PROBE_TIMEOUT: Duration = Duration::from_secs(3);
const _: () = assert!(PROBE_TIMEOUT.as_millis() > CONNECT_TIMEOUT.as_millis());

/// Why there is no answer to pass on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failed {
    /// The time of the call is over.
    TimedOut,
    /// The caller broke the message off.
    NoMessage,
    /// The server was not reached, or the connection broke before it answered.
    NoAnswer,
    /// What answered is not a server of Reeve.
    NotReeve,
}

/// One server.
pub(super) struct Endpoint {
    owner: Owner,
    url: String,
    channel: Channel,
    state: Mutex<State>,
}

/// Whether calls pass it over, and whether somebody looks after it.
#[derive(Clone, Copy, Default)]
struct State {
    passed_over: bool,
    probed: bool,
}

impl Endpoint {
    pub(super) fn new(owner: Owner, url: PeerUrl) -> Self {
        let name = url.to_string();
        let channel = tonic::transport::Endpoint::from(url.into_uri())
            .connect_timeout(CONNECT_TIMEOUT)
            .http2_keep_alive_interval(KEEPALIVE_INTERVAL)
            .keep_alive_timeout(KEEPALIVE_TIMEOUT)
            .keep_alive_while_idle(true)
            .http2_max_header_list_size(MAX_HEADER_BYTES)
            .tcp_nodelay(true)
            .connect_lazy();
        Self { owner, url: name, channel, state: Mutex::default() }
    }

    pub(super) fn owner(&self) -> Owner {
        self.owner
    }

    /// Whether it failed and has not answered since.
    pub(super) fn is_passed_over(&self) -> bool {
        self.state().passed_over
    }

    /// Its answer to a call, whose message may be `broken_off`.
    pub(super) async fn call(
        self: &Arc<Self>,
        request: Request<Body>,
        broken_off: &BrokenOff,
    ) -> Result<Response<Body>, Failed> {
        match self.channel.clone().oneshot(request).await {
            Ok(response) => self.checked(response, broken_off),
            Err(error) if is_timeout(&error) => Err(Failed::TimedOut),
            // whoever does that must not have servers passed over that answer
            Err(_) if broken_off.is_so() => Err(Failed::NoMessage),
            Err(error) => {
                self.failed(&error);
                Err(Failed::NoAnswer)
            }
        }
    }

    /// The answer, where it is one of Reeve. A server of Reeve never refuses without details; a proxy does.
    fn checked(self: &Arc<Self>, response: Response<Body>, broken_off: &BrokenOff) -> Result<Response<Body>, Failed> {
        let content = response.headers().get(CONTENT_TYPE).map(http::HeaderValue::as_bytes);
        let is_grpc = content.is_some_and(|content| content.starts_with(b"application/grpc"));
        if response.status() != StatusCode::OK || !is_grpc {
            let problem = format!("it answered with HTTP {}, and not as a gRPC server", response.status().as_u16());
            self.pass_over(&problem);
            return Err(Failed::NotReeve);
        }
        if let Some(status) = Status::from_header_map(response.headers())
            && status.code() == Code::Unavailable
            && status.details().is_empty()
        {
            self.pass_over(&format!("what stands before it answered: {}", status.message()));
            return Err(Failed::NotReeve);
        }
        self.answered();
        let (endpoint, broken_off) = (self.clone(), broken_off.clone());
        Ok(response.map(|body| Body::new(Tail::new(body, endpoint, broken_off))))
    }

    fn answered(&self) {
        let was = std::mem::take(&mut self.state().passed_over);
        if was {
            tracing::info!(owner = self.owner.name(), url = self.url, "a server of another service answers again");
        }
    }

    /// Notes that it failed, and why.
    pub(super) fn failed(self: &Arc<Self>, error: &(dyn Error + 'static)) {
        self.pass_over(&innermost(error));
    }

    fn pass_over(self: &Arc<Self>, problem: &str) {
        let before = {
            let mut state = self.state();
            std::mem::replace(&mut *state, State { passed_over: true, probed: true })
        };
        if !before.passed_over {
            let (owner, url) = (self.owner.name(), self.url.as_str());
            tracing::warn!(owner, url, problem, "a server of another service cannot be reached");
        }
        if !before.probed {
            tokio::spawn(probe(Arc::downgrade(self)));
        }
    }

    /// Whether it still waits for a probe that is answered.
    fn wants_probe(&self) -> bool {
        let mut state = self.state();
        state.probed = state.passed_over;
        state.probed
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Asks a server whether it lives until it does, or nobody wants to know.
async fn probe(endpoint: Weak<Endpoint>) {
    loop {
        let Some(channel) = wanted(&endpoint) else { return };
        let mut health = HealthClient::new(channel);
        let check = health.check(HealthCheckRequest { service: LIVE.to_owned() });
        if let Ok(Ok(_)) = tokio::time::timeout(PROBE_TIMEOUT, check).await
            && let Some(endpoint) = endpoint.upgrade()
        {
            endpoint.answered();
            continue;
        }
        tokio::time::sleep(PROBE_INTERVAL).await;
    }
}

/// The connection of a server that waits for its probe.
fn wanted(endpoint: &Weak<Endpoint>) -> Option<Channel> {
    let endpoint = endpoint.upgrade()?;
    endpoint.wants_probe().then(|| endpoint.channel.clone())
}

fn is_timeout(error: &(dyn Error + 'static)) -> bool {
    error.is::<TimeoutExpired>() || error.source().is_some_and(is_timeout)
}

/// The innermost cause: what the transport says of itself is that it failed.
fn innermost(error: &(dyn Error + 'static)) -> String {
    error.source().map_or_else(|| error.to_string(), innermost)
}
