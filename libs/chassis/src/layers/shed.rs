//! Refuses calls beyond what the server can answer at once, instead of letting all of them wait.

use std::sync::Arc;

use http::{Request, Response};
use tokio::sync::Semaphore;
use tonic::Status;
use tonic::body::Body;

use super::{Inner, Step};
use crate::error::Failure;

/// Admits so many calls at a time. A stream counts until it begins; probes do not count, for a busy server is not a
/// sick one.
pub(crate) struct Shed {
    slots: Arc<Semaphore>,
}

impl Shed {
    /// At most `limit` at a time.
    pub(crate) fn new(limit: usize) -> Self {
        Self { slots: Arc::new(Semaphore::new(limit)) }
    }
}

impl Step for Shed {
    async fn around(&self, request: Request<Body>, inner: impl Inner) -> Response<Body> {
        if request.uri().path().starts_with("/grpc.health.v1.Health/") {
            return inner.answer(request).await;
        }
        match self.slots.clone().try_acquire_owned() {
            Ok(_slot) => inner.answer(request).await,
            Err(_) => Status::from(Failure::too_busy()).into_http(),
        }
    }
}
