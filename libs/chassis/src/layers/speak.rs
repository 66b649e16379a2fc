//! Makes the transport's own refusals speak as Reeve does: the right code, a reason, no text of a library.

use http::{Request, Response};
use reeve_model::Violations;
use tonic::body::Body;
use tonic::{Code, Status};

use super::{Inner, Step};
use crate::MAX_MESSAGE_BYTES;
use crate::error::Failure;
use crate::status as ours;

/// Rewrites a status without details. Every failure of Reeve has them; what has none was made further down.
pub(crate) struct Speak;

impl Step for Speak {
    async fn around(&self, request: Request<Body>, inner: impl Inner) -> Response<Body> {
        let mut response = inner.answer(request).await;
        if let Some(status) = Status::from_header_map(response.headers())
            && status.code() != Code::Ok
            && status.details().is_empty()
        {
            // The rest of the headers stays: `grpc-accept-encoding` says what would have been understood.
            let said = rewritten(&status).into_http::<()>();
            for (name, value) in said.headers() {
                response.headers_mut().insert(name, value.clone());
            }
        }
        response
    }
}

/// The same refusal, in Reeve's words. Texts are those of tonic 0.14 and prost 0.14; the tests find a change.
fn rewritten(status: &Status) -> Status {
    let text = status.message();
    let too_large = text.starts_with("Error, decoded message length too large")
        || text.starts_with("Error decompressing: size limit");
    let undecodable = text.starts_with("failed to decode Protobuf message");
    let incomplete = ["Missing request message", "protocol error:", "Unexpected EOF", "Error decompressing"];
    match status.code() {
        Code::OutOfRange | Code::ResourceExhausted if too_large => {
            refused(&format!("it is larger than {MAX_MESSAGE_BYTES} bytes: send less at once"))
        }
        Code::Internal if undecodable => refused("it cannot be decoded as the message that this method takes"),
        Code::Internal if incomplete.iter().any(|start| text.starts_with(start)) => {
            refused("it is not one complete gRPC message")
        }
        Code::Unimplemented if text.is_empty() => ours::unknown_method(),
        Code::Unimplemented => ours::bare(Code::Unimplemented, "UNIMPLEMENTED", "its encoding is not understood here"),
        // The caller went away: nobody reads this.
        Code::Cancelled => ours::cut_off(),
        Code::Ok
        | Code::Unknown
        | Code::InvalidArgument
        | Code::DeadlineExceeded
        | Code::NotFound
        | Code::AlreadyExists
        | Code::PermissionDenied
        | Code::ResourceExhausted
        | Code::FailedPrecondition
        | Code::Aborted
        | Code::OutOfRange
        | Code::Internal
        | Code::Unavailable
        | Code::DataLoss
        | Code::Unauthenticated => {
            Failure::internal(format!("a status without details: {:?}: {text}", status.code())).into()
        }
    }
}

/// A request that is wrong as a whole, before it has fields.
fn refused(problem: &str) -> Status {
    let mut violations = Violations::new();
    violations.add("", format!("the request cannot be read: {problem}"));
    Failure::Invalid(violations).into()
}
