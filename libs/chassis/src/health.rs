//! `grpc.health.v1`, overall and for each service, from one handle that the server's owner turns.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};

use futures_util::{Stream, stream};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_server::Health;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

use crate::error::Failure;

/// The health name that is serving as long as the process answers at all.
pub const LIVE: &str = "live";

/// Whether something can be served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Serving {
    /// It can.
    Yes,
    /// It cannot, and why not, for the log.
    No(String),
}

#[derive(Clone, Debug)]
struct State {
    overall: Serving,
    exceptions: BTreeMap<&'static str, Serving>,
}

/// The handle: whether the server is ready. It begins not serving.
#[derive(Clone, Debug)]
pub struct Readiness {
    state: watch::Sender<State>,
    /// What is to be kept in mind, said with every change.
    note: Arc<OnceLock<String>>,
}

impl Default for Readiness {
    fn default() -> Self {
        Self::new()
    }
}

impl Readiness {
    /// Not serving: starting.
    pub fn new() -> Self {
        let state = State { overall: Serving::No("starting".to_owned()), exceptions: BTreeMap::new() };
        Self { state: watch::Sender::new(state), note: Arc::default() }
    }

    /// Says whether the server as a whole, and every service not spoken of alone, can be served.
    pub fn set(&self, serving: Serving) {
        self.state.send_if_modified(|state| {
            let changed = state.overall != serving;
            if changed {
                tracing::info!(?serving, note = self.note.get(), "readiness");
                state.overall = serving;
            }
            changed
        });
    }

    /// Says once what is to be kept in mind whenever it says whether it is ready: a version with known faults.
    pub fn note(&self, text: impl Into<String>) {
        // the first is what stands in the log already
        let _ = self.note.set(text.into());
    }

    /// Says whether one service can be served, whatever the rest: a feed is ready before decisions are.
    pub fn set_service(&self, name: &'static str, serving: Serving) {
        self.state.send_if_modified(|state| {
            let changed = state.exceptions.get(name) != Some(&serving);
            if changed {
                tracing::info!(service = name, ?serving, "readiness");
                state.exceptions.insert(name, serving);
            }
            changed
        });
    }

    /// Whether the server as a whole is ready.
    pub fn is_serving(&self) -> bool {
        self.state.borrow().overall == Serving::Yes
    }

    /// Whether the server as a whole is ready, and why not.
    pub fn overall(&self) -> Serving {
        self.state.borrow().overall.clone()
    }

    /// Waits until the server as a whole is ready.
    pub async fn serving(&self) {
        // The sender lives in `self`, so the wait cannot fail.
        let _ = self.state.subscribe().wait_for(|state| state.overall == Serving::Yes).await;
    }
}

/// Answers `grpc.health.v1` from a [`Readiness`]. Draining is not serving, and ends the watches.
pub(crate) struct HealthAnswers {
    pub(crate) readiness: Readiness,
    pub(crate) services: Vec<&'static str>,
    pub(crate) drain: CancellationToken,
}

impl HealthAnswers {
    fn knows(&self, name: &str) -> bool {
        name.is_empty() || name == LIVE || self.services.contains(&name)
    }
}

fn status_of(state: &State, name: &str, drain: &CancellationToken) -> ServingStatus {
    let serving = state.exceptions.get(name).unwrap_or(&state.overall);
    match serving {
        // A process that drains is alive, and is not to be killed for it.
        _ if name == LIVE => ServingStatus::Serving,
        _ if drain.is_cancelled() => ServingStatus::NotServing,
        Serving::Yes => ServingStatus::Serving,
        Serving::No(_) => ServingStatus::NotServing,
    }
}

fn response(status: ServingStatus) -> HealthCheckResponse {
    HealthCheckResponse { status: status.into() }
}

type Watch = Pin<Box<dyn Stream<Item = Result<HealthCheckResponse, Status>> + Send>>;

#[tonic::async_trait]
impl Health for HealthAnswers {
    async fn check(&self, request: Request<HealthCheckRequest>) -> Result<Response<HealthCheckResponse>, Status> {
        let name = request.into_inner().service;
        if !self.knows(&name) {
            return Err(Failure::not_found(name).into());
        }
        Ok(Response::new(response(status_of(&self.readiness.state.borrow(), &name, &self.drain))))
    }

    type WatchStream = Watch;

    async fn watch(&self, request: Request<HealthCheckRequest>) -> Result<Response<Watch>, Status> {
        let name = request.into_inner().service;
        let follower = Follower {
            state: self.readiness.state.subscribe(),
            drain: self.drain.clone(),
            known: self.knows(&name),
            name,
            said: None,
        };
        let said = stream::unfold(follower, |mut follower| async move {
            let status = follower.next().await?;
            Some((Ok(response(status)), follower))
        });
        Ok(Response::new(Box::pin(said)))
    }
}

/// One watch: says a status when it differs from the one said last.
struct Follower {
    state: watch::Receiver<State>,
    drain: CancellationToken,
    known: bool,
    name: String,
    said: Option<ServingStatus>,
}

impl Follower {
    /// The next status; none once the server drains and has said so.
    async fn next(&mut self) -> Option<ServingStatus> {
        loop {
            let draining = self.drain.is_cancelled();
            let status = if self.known {
                status_of(&self.state.borrow_and_update(), &self.name, &self.drain)
            } else {
                ServingStatus::ServiceUnknown
            };
            if self.said != Some(status) {
                self.said = Some(status);
                return Some(status);
            }
            if draining {
                return None;
            }
            tokio::select! {
                changed = self.state.changed() => changed.ok()?,
                () = self.drain.cancelled() => {}
            }
        }
    }
}
