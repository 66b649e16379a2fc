//! The one place where a failure becomes a gRPC status: code, reason, details, and a text that is safe to show.

use std::collections::HashMap;
use std::time::Duration;

use reeve_api::api::ErrorReason;
use reeve_model::Violations;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, FieldViolation, PreconditionViolation, StatusExt as _};

use crate::error::{ExhaustedReason, Failure, PreconditionSubject};
use crate::request_id::RequestId;

/// The domain of every `google.rpc.ErrorInfo`.
pub const ERROR_DOMAIN: &str = "reeve";
/// Most bytes of the repeated part of a status. Details travel base64-coded in a header, and some clients refuse
/// headers above 8 KiB in all.
pub const MAX_DETAIL_BYTES: usize = 4096;
/// Most characters of one text in a status: a message, a field, a description, a metadata value.
pub const MAX_TEXT_CHARS: usize = 512;
/// When to try again, where a failure does not say otherwise.
pub const DEFAULT_RETRY_AFTER: Duration = Duration::from_secs(1);

impl From<Failure> for Status {
    /// The status a client reads. A fault of Reeve is logged here, once, under the id of the call that the current
    /// task answers.
    fn from(failure: Failure) -> Self {
        failure.into_status(RequestId::current().as_ref())
    }
}

impl Failure {
    /// The status a client reads, for code outside the task that answers the call, such as what feeds a stream. A
    /// fault of Reeve is logged here, once, under `id`: the call's [`RequestId`], which is in its extensions.
    pub fn into_status(self, id: Option<&RequestId>) -> Status {
        let reason = self.reason();
        let mut details = ErrorDetails::new();
        let mut metadata = HashMap::new();
        let mut note = |key: &str, value: &str| metadata.insert(key.to_owned(), bounded(value));
        let (code, message) = match self {
            Self::Unauthenticated(why) => (Code::Unauthenticated, why.message().to_owned()),
            Self::Denied { permission, resource } => {
                note("permission", permission.as_str());
                note("resource", resource.as_str());
                (Code::PermissionDenied, format!("`{}` on `{resource}` is needed", permission.as_str()))
            }
            Self::Escalation { lacking, resource } => {
                let lacking = lacking.iter().map(|permission| permission.as_str()).collect::<Vec<_>>().join(",");
                note("lacking", &lacking);
                note("resource", resource.as_str());
                (Code::PermissionDenied, format!("it would give what you lack on `{resource}`: {lacking}"))
            }
            Self::Invalid(violations) => {
                let message = summary(violations.as_slice().iter().map(|v| (v.field.as_str(), v.description.as_str())));
                details.set_bad_request(bad_request(violations));
                (Code::InvalidArgument, message)
            }
            Self::NotFound { resource } => {
                note("resource", &resource);
                (Code::NotFound, format!("`{resource}` does not exist, or you may not know that it does"))
            }
            Self::AlreadyExists { resource } => {
                note("resource", &resource);
                (Code::AlreadyExists, format!("`{resource}` exists already"))
            }
            Self::EtagMismatch { resource } => {
                note("resource", &resource);
                (Code::Aborted, format!("`{resource}` was changed since it was read: read it again"))
            }
            Self::Precondition { reason, violations } => {
                let found = summary(violations.iter().map(|v| (v.subject.as_str(), v.description.as_str())));
                let name = name_of(reason.reason());
                details.set_precondition_failure(precondition_failure(name, violations));
                (Code::FailedPrecondition, join(reason.message(), &found))
            }
            Self::Exhausted { reason: ExhaustedReason::TooBusy, retry_after } => {
                details.set_retry_info(Some(retry_after.unwrap_or(DEFAULT_RETRY_AFTER)));
                (Code::ResourceExhausted, "too many callers are waiting: try again later".to_owned())
            }
            Self::Exhausted { reason: ExhaustedReason::LimitReached { limit }, retry_after } => {
                note("limit", limit);
                if retry_after.is_some() {
                    details.set_retry_info(retry_after);
                }
                (Code::ResourceExhausted, format!("the limit `{limit}` is reached"))
            }
            Self::Unavailable { reason, message, retry_after } => {
                details.set_retry_info(Some(retry_after.unwrap_or(DEFAULT_RETRY_AFTER)));
                tracing::warn!(reason = name_of(reason.reason()), message, "a call could not be answered");
                (Code::Unavailable, message)
            }
            Self::Internal(cause) => {
                tracing::error!(request_id = id.map(RequestId::as_str), cause = cause.chain(), "a call failed");
                if let Some(id) = id {
                    note("request_id", id.as_str());
                }
                (Code::Internal, "a fault of the server: its log has the cause under the request id".to_owned())
            }
        };
        details.set_error_info(name_of(reason), ERROR_DOMAIN, metadata);
        Status::with_error_details(code, bounded(&message), details)
    }
}

/// `TOKEN_MISSING`: the name of an enum value without the enum's.
fn name_of(reason: ErrorReason) -> &'static str {
    let name = reason.as_str_name();
    name.strip_prefix("ERROR_REASON_").unwrap_or(name)
}

/// A method that nobody serves.
pub(crate) fn unknown_method() -> Status {
    bare(Code::Unimplemented, "UNIMPLEMENTED", "this server has no such method")
}

/// A call that took longer than its deadline, or than the server lets one take.
pub(crate) fn deadline_exceeded() -> Status {
    bare(Code::DeadlineExceeded, "DEADLINE_EXCEEDED", "the call took longer than its deadline")
}

/// A call that its caller broke off.
pub(crate) fn cut_off() -> Status {
    bare(Code::Cancelled, "CANCELLED", "the call was cut off")
}

/// A status that the transport made, with the details that every status of Reeve has.
pub(crate) fn bare(code: Code, reason: &str, message: &str) -> Status {
    let mut details = ErrorDetails::new();
    details.set_error_info(reason, ERROR_DOMAIN, HashMap::new());
    Status::with_error_details(code, bounded(message), details)
}

fn bad_request(violations: Violations) -> Vec<FieldViolation> {
    let all = violations.into_vec().into_iter().map(|v| (v.field, v.description));
    within_bounds(all).into_iter().map(|(field, description)| FieldViolation::new(field, description)).collect()
}

fn precondition_failure(reason: &str, violations: Vec<PreconditionSubject>) -> Vec<PreconditionViolation> {
    let all = violations.into_iter().map(|v| (v.subject, v.description));
    let kept = within_bounds(all).into_iter();
    kept.map(|(subject, description)| PreconditionViolation::new(reason, subject, description)).collect()
}

/// As many as fit into a status; where some do not, a last entry says how many.
fn within_bounds(all: impl ExactSizeIterator<Item = (String, String)>) -> Vec<(String, String)> {
    let total = all.len();
    let mut kept = Vec::new();
    let mut bytes = 0;
    for (name, description) in all {
        let (name, description) = (bounded(&name), bounded(&description));
        bytes += name.len() + description.len();
        if bytes > MAX_DETAIL_BYTES {
            kept.push((String::new(), format!("and {} more", total - kept.len())));
            break;
        }
        kept.push((name, description));
    }
    kept
}

/// `field: what is wrong`, each, for people who read the message alone.
fn summary<'a>(all: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    all.map(|(name, description)| join(name, description)).collect::<Vec<_>>().join("; ")
}

fn join(what: &str, about: &str) -> String {
    match (what.is_empty(), about.is_empty()) {
        (_, true) => what.to_owned(),
        (true, false) => about.to_owned(),
        (false, false) => format!("{what}: {about}"),
    }
}

/// The text, cut where it is longer than a status may carry.
fn bounded(text: &str) -> String {
    match text.char_indices().nth(MAX_TEXT_CHARS) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
    }
}
