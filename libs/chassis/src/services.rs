//! The services of one server, by name: what is mounted, and what must have its rows, is one list.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use tonic::Status;
use tonic::body::Body;
use tonic::server::NamedService;
use tower::util::BoxCloneSyncService;
use tower::{Service, ServiceExt as _};

use crate::error::{Failure, UnavailableReason};
use crate::layers::Answer;
use crate::method::Row;
use crate::status;

type Mounted = BoxCloneSyncService<Request<Body>, Response<Body>, Infallible>;

/// The generated servers of one process.
#[derive(Clone, Default)]
pub struct Services {
    mounted: HashMap<&'static str, Mounted>,
}

impl Services {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Mounts a generated server, made with `.max_decoding_message_size(MAX_MESSAGE_BYTES)`.
    #[must_use]
    pub fn mount<S>(mut self, server: S) -> Self
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>
            + NamedService
            + Clone
            + Send
            + Sync
            + 'static,
        S::Future: Send + 'static,
    {
        self.mounted.insert(S::NAME, BoxCloneSyncService::new(server));
        self
    }

    /// In the place of every service that `rows` are about, one that says that it is not ready: what a process answers
    /// that has not loaded its state.
    pub fn not_ready(rows: &[&'static [Row]]) -> Self {
        let names = rows.iter().copied().flatten().filter_map(|row| row.method.split('/').nth(1));
        let mounted = names.map(|name| {
            let answer = tower::service_fn(|_: Request<Body>| std::future::ready(Ok(not_ready().into_http())));
            (name, BoxCloneSyncService::new(answer))
        });
        Self { mounted: mounted.collect() }
    }

    /// Mounts everything that `other` has.
    #[must_use]
    pub fn merge(mut self, other: Self) -> Self {
        self.mounted.extend(other.mounted);
        self
    }

    /// The names of what is mounted, sorted.
    pub fn names(&self) -> Vec<&'static str> {
        let mut names: Vec<_> = self.mounted.keys().copied().collect();
        names.sort_unstable();
        names
    }

    /// The router to them.
    pub(crate) fn into_router(self) -> Router {
        Router { mounted: Arc::new(self.mounted) }
    }
}

fn not_ready() -> Status {
    let message = "this service is starting: try again".to_owned();
    Failure::Unavailable { reason: UnavailableReason::NotSynced, message, retry_after: None }.into()
}

/// Finds the service of a call by the first segment of its path.
#[derive(Clone)]
pub(crate) struct Router {
    mounted: Arc<HashMap<&'static str, Mounted>>,
}

impl Service<Request<Body>> for Router {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Answer;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Answer {
        let name = request.uri().path().trim_start_matches('/').split('/').next().unwrap_or_default();
        match self.mounted.get(name).cloned() {
            Some(service) => Box::pin(service.oneshot(request)),
            None => Box::pin(std::future::ready(Ok(status::unknown_method().into_http()))),
        }
    }
}
