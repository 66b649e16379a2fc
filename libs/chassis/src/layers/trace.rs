//! Names each call, and says at debug how it went.

use std::sync::Arc;

use http::{HeaderValue, Request, Response};
use reeve_model::{Clock, Entropy};
use tonic::body::Body;
use tonic::{Code, Status};
use tracing::Instrument as _;

use super::{Inner, Step};
use crate::request_id::{CURRENT, REQUEST_ID_HEADER, RequestId};

/// Gives a call its request id and its span.
pub(crate) struct Trace {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
}

impl Step for Trace {
    async fn around(&self, mut request: Request<Body>, inner: impl Inner) -> Response<Body> {
        let id = RequestId::of(request.headers(), &*self.clock, &*self.entropy);
        request.extensions_mut().insert(id.clone());
        let span = tracing::debug_span!("request", method = request.uri().path(), request_id = id.as_str());
        let started = self.clock.monotonic();
        let mut response = CURRENT.scope(id.clone(), inner.answer(request)).instrument(span.clone()).await;
        let duration = self.clock.monotonic().saturating_sub(started);
        let code = code_of(&response);
        span.in_scope(|| tracing::debug!(?code, duration_us = duration.as_micros(), "answered"));
        if let Ok(value) = HeaderValue::from_str(id.as_str()) {
            response.headers_mut().insert(REQUEST_ID_HEADER, value);
        }
        response
    }
}

/// What the answer begins with; a stream may end otherwise.
fn code_of(response: &Response<Body>) -> Code {
    Status::from_header_map(response.headers()).map_or(Code::Ok, |status| status.code())
}
