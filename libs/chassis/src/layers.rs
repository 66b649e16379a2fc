//! The steps that every call takes on its way to a service, each in its file; their order is in `server.rs`.

mod deadline;
mod forward;
mod panics;
mod shed;
mod speak;
mod trace;

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use tonic::body::Body;
use tower::{Layer, Service, ServiceExt as _};

pub(crate) use deadline::{Deadline, GRPC_TIMEOUT, timeout_of, timeout_text};
pub(crate) use forward::Forwarding;
pub(crate) use panics::CatchPanics;
pub(crate) use shed::Shed;
pub(crate) use speak::Speak;
pub(crate) use trace::Trace;

/// What a service answers with, sooner or later: it has no way to fail but by a status.
pub type Answer = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

/// What lies further in.
pub(crate) trait Inner:
    Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send> + Clone + Send + 'static
{
    /// Its answer.
    fn answer(self, request: Request<Body>) -> impl Future<Output = Response<Body>> + Send {
        async move {
            match self.oneshot(request).await {
                Ok(response) => response,
                Err(never) => match never {},
            }
        }
    }
}

impl<S> Inner for S where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send> + Clone + Send + 'static
{
}

/// Something done around a call.
pub(crate) trait Step: Send + Sync + 'static {
    /// Answers the call, by way of `inner` or without.
    fn around(&self, request: Request<Body>, inner: impl Inner) -> impl Future<Output = Response<Body>> + Send;
}

/// Puts a step before a service.
pub(crate) struct Before<T>(pub(crate) Arc<T>);

impl<T> Clone for Before<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T: Step> Before<T> {
    /// The layer of this step.
    pub(crate) fn new(step: T) -> Self {
        Self(Arc::new(step))
    }
}

impl<T, S> Layer<S> for Before<T> {
    type Service = Stepped<T, S>;

    fn layer(&self, inner: S) -> Stepped<T, S> {
        Stepped { step: self.0.clone(), inner }
    }
}

/// A service with a step before it.
pub(crate) struct Stepped<T, S> {
    step: Arc<T>,
    inner: S,
}

impl<T, S: Clone> Clone for Stepped<T, S> {
    fn clone(&self) -> Self {
        Self { step: self.step.clone(), inner: self.inner.clone() }
    }
}

impl<T: Step, S: Inner> Service<Request<Body>> for Stepped<T, S> {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Answer;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // What lies further in is asked when the step gets to it: readiness found now may be gone by then.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Answer {
        let (step, inner) = (self.step.clone(), self.inner.clone());
        Box::pin(async move { Ok(step.around(request, inner).await) })
    }
}
