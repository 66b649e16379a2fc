//! Refuses calls beyond what the server can answer at once, instead of letting all of them wait.

use std::sync::Arc;

use http::{Request, Response};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::Status;
use tonic::body::Body;

use super::{Inner, Step};
use crate::error::Failure;
use crate::method::{Access, MethodTable};

/// The part of all places that calls without a token may hold: one in so many. A call that never sends its message holds
/// its place until the deadline, and anybody can make a thousand of them; who has a token is answered all the same.
pub(super) const PUBLIC_PART: usize = 4;

/// Admits so many calls at a time. A stream counts until it begins; probes do not count, for a busy server is not a
/// sick one.
pub(crate) struct Shed {
    slots: Arc<Semaphore>,
    public: Arc<Semaphore>,
    table: Arc<MethodTable>,
}

impl Shed {
    /// At most `limit` at a time, and of the methods that are open to anyone a part of that.
    pub(crate) fn new(limit: usize, table: Arc<MethodTable>) -> Self {
        let public = (limit / PUBLIC_PART).max(1);
        Self { slots: Arc::new(Semaphore::new(limit)), public: Arc::new(Semaphore::new(public)), table }
    }

    /// The places of one call, if there are any.
    fn places(&self, path: &str) -> Option<(OwnedSemaphorePermit, Option<OwnedSemaphorePermit>)> {
        let is_public = self.table.row(path).is_some_and(|row| row.access == Access::Public);
        let public = if is_public { Some(self.public.clone().try_acquire_owned().ok()?) } else { None };
        Some((self.slots.clone().try_acquire_owned().ok()?, public))
    }
}

impl Step for Shed {
    async fn around(&self, request: Request<Body>, inner: impl Inner) -> Response<Body> {
        if request.uri().path().starts_with("/grpc.health.v1.Health/") {
            return inner.answer(request).await;
        }
        match self.places(request.uri().path()) {
            Some(_places) => inner.answer(request).await,
            None => Status::from(Failure::too_busy()).into_http(),
        }
    }
}
