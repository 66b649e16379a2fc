//! What every server needs: configuration, authentication, the method table, errors, health, telemetry, drain.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;

mod authenticate;
mod clock;
mod error;
mod gate;
mod method;
mod principal;
mod request_id;

pub use authenticate::{Authenticate, AuthenticateLayer, AuthenticateService, MAX_AUTHORIZATION_BYTES, SocketPolicy};
pub use clock::{OsEntropy, SystemClock};
pub use error::{
    Cause, DEFAULT_RETRY_AFTER, ERROR_DOMAIN, ExhaustedReason, Failure, MAX_DETAIL_BYTES, MAX_TEXT_CHARS,
    PreconditionReason, PreconditionSubject, Unauthenticated, UnavailableReason,
};
pub use gate::{Anyone, Authority, Granted, filtered, need, need_as, own, public};
pub use method::{Access, MethodTable, On, Row, TableError};
pub use principal::{Caller, Via};
pub use request_id::{MAX_REQUEST_ID_BYTES, REQUEST_ID_HEADER, RequestId};

/// Most bytes of a message, either way. Every generated server is mounted with
/// `.max_decoding_message_size(MAX_MESSAGE_BYTES)`.
pub const MAX_MESSAGE_BYTES: usize = 4 * 1024 * 1024;

/// What a layer's service answers with, sooner or later; it has no way to fail but by a status.
pub type Answer = Pin<Box<dyn Future<Output = Result<http::Response<tonic::body::Body>, Infallible>> + Send>>;
