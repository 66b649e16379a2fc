//! What every server needs: configuration, authentication, the method table, errors, health, telemetry, drain.
//!
//! A request goes one way: the steps of [`Server`], then a service's `grpc/` (decode, ask the gate), then its `app/`,
//! which takes what only the gate makes.

pub mod config;
pub mod telemetry;

mod authenticate;
mod call_deadline;
mod clock;
mod connection;
mod error;
mod forward;
mod gate;
mod health;
mod layers;
mod method;
mod owner;
mod peers;
mod principal;
mod request_id;
mod server;
mod service_door;
mod services;
mod status;

pub use authenticate::{
    Authenticate, AuthenticateLayer, AuthenticateService, MAX_AUTHORIZATION_BYTES, SocketPolicy, bearer,
};
pub use call_deadline::CallDeadline;
pub use clock::{OsEntropy, SystemClock};
pub use connection::{Listener, MAX_CONNECTIONS};
pub use error::{
    Cause, ExhaustedReason, Failure, PreconditionReason, PreconditionSubject, Unauthenticated, UnavailableReason,
};
pub use forward::{FORWARDED_BY_HEADER, Forward};
pub use gate::{Anyone, Authority, FromService, Granted, filtered, need, need_as, or_service, own, public, service};
pub use health::{LIVE, Readiness, Serving};
pub use layers::Answer;
pub use method::{Access, MethodTable, On, Row, TableError};
pub use owner::{Owner, UnknownOwner};
pub use peers::{PeerUrl, PeerUrlError, Peers, ToOwner};
pub use principal::{Caller, Via};
pub use request_id::{MAX_REQUEST_ID_BYTES, REQUEST_ID_HEADER, RequestId};
pub use server::{MAX_HEADER_BYTES, MAX_STREAMS_PER_CONNECTION, ServeError, Server, Setup, StartError};
pub use service_door::{ServiceBearer, ServiceDoor, ServiceTokenSource};
pub use services::Services;
pub use status::{DEFAULT_RETRY_AFTER, ERROR_DOMAIN, MAX_DETAIL_BYTES, MAX_TEXT_CHARS};

/// Most bytes of a message, either way. Every generated server is mounted with
/// `.max_decoding_message_size(MAX_MESSAGE_BYTES)`.
pub const MAX_MESSAGE_BYTES: usize = 4 * 1024 * 1024;
