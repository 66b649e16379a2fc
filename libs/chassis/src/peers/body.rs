//! The two bodies of a call to another service: one that knows whether it was begun, and one that ends with a status.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body as HttpBody, Frame, SizeHint};
use tonic::Status;
use tonic::body::Body;

use super::broken;
use super::endpoint::Endpoint;

/// The body of a request, while it is not known to whom it goes.
///
/// A method runs once its message is complete, so a call of which nothing but headers left this process was not
/// executed. The transport reads a body only to send it: a body that was not read was not sent.
pub(super) struct Unsent {
    unsent: Arc<Mutex<Option<Body>>>,
    broken_off: BrokenOff,
}

/// Whether a request's body ended with an error: what breaks by that is the caller's doing, and says nothing of a server.
#[derive(Clone, Default)]
pub(super) struct BrokenOff(Arc<AtomicBool>);

impl BrokenOff {
    pub(super) fn is_so(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Unsent {
    pub(super) fn new(body: Body) -> Self {
        Self { unsent: Arc::new(Mutex::new(Some(body))), broken_off: BrokenOff::default() }
    }

    /// The body, for one attempt to send it.
    pub(super) fn body(&self) -> Attempt {
        Attempt { unsent: self.unsent.clone(), broken_off: self.broken_off.clone(), begun: None }
    }

    /// Whether the caller broke it off.
    pub(super) const fn broken_off(&self) -> &BrokenOff {
        &self.broken_off
    }

    /// Whether no attempt has read any of it.
    pub(super) fn is_whole(&self) -> bool {
        self.unsent.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }
}

/// The body for one attempt; the first that reads it has it.
pub(super) struct Attempt {
    unsent: Arc<Mutex<Option<Body>>>,
    broken_off: BrokenOff,
    begun: Option<Body>,
}

impl Attempt {
    fn asked<T>(&self, ask: impl Fn(&Body) -> T) -> Option<T> {
        match &self.begun {
            Some(body) => Some(ask(body)),
            None => self.unsent.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(ask),
        }
    }
}

impl HttpBody for Attempt {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if self.begun.is_none() {
            let body = self.unsent.lock().unwrap_or_else(PoisonError::into_inner).take();
            self.begun = body;
        }
        match &mut self.begun {
            Some(body) => {
                let polled = Pin::new(body).poll_frame(cx);
                if matches!(polled, Poll::Ready(Some(Err(_)))) {
                    self.broken_off.0.store(true, Ordering::Relaxed);
                }
                polled
            }
            // Another attempt has it: this one must not look complete.
            None => Poll::Ready(Some(Err(Status::cancelled("the message is gone")))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.asked(HttpBody::is_end_stream).unwrap_or(false)
    }

    fn size_hint(&self) -> SizeHint {
        self.asked(HttpBody::size_hint).unwrap_or_default()
    }
}

/// The body of an answer. Where the connection breaks, the caller is told so as every other failure is told: with
/// trailers, not by a connection that breaks as well.
pub(super) struct Tail {
    body: Body,
    endpoint: Arc<Endpoint>,
    broken_off: BrokenOff,
    ended: bool,
}

impl Tail {
    pub(super) fn new(body: Body, endpoint: Arc<Endpoint>, broken_off: BrokenOff) -> Self {
        Self { body, endpoint, broken_off, ended: false }
    }
}

impl HttpBody for Tail {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        match Pin::new(&mut self.body).poll_frame(cx) {
            Poll::Ready(Some(Err(error))) => {
                self.ended = true;
                if !self.broken_off.is_so() {
                    Endpoint::failed(&self.endpoint, &error);
                }
                let mut trailers = HeaderMap::new();
                broken(self.endpoint.owner()).add_header(&mut trailers)?;
                Poll::Ready(Some(Ok(Frame::trailers(trailers))))
            }
            polled => polled,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.ended || self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
