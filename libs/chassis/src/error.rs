//! Why a call failed, and the one place where that becomes a gRPC status.
//!
//! What a client may read and what only the log may read are two types: [`Cause`] has no way to the client.

use std::collections::HashMap;
use std::error::Error;
use std::fmt;
use std::time::Duration;

use reeve_api::api::ErrorReason;
use reeve_model::{Resource, Violations};
use reeve_rbac::Permission;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, FieldViolation, PreconditionViolation, StatusExt as _};

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

/// Why a call failed. `app/` code returns it; it becomes a status at the boundary.
#[derive(Debug)]
pub enum Failure {
    /// The caller did not prove who they are.
    Unauthenticated(Unauthenticated),
    /// The caller lacks a permission.
    Denied {
        /// What is lacking.
        permission: Permission,
        /// Where.
        resource: Resource,
    },
    /// The caller would give power that they lack.
    Escalation {
        /// What the caller lacks there.
        lacking: Vec<Permission>,
        /// Where.
        resource: Resource,
    },
    /// The request is wrong: every field that is.
    Invalid(Violations),
    /// It does not exist, or the caller may not know that it does.
    NotFound {
        /// As the caller wrote it: `workspaces/vision`, `user:alice`.
        resource: String,
    },
    /// The name or the grant is taken.
    AlreadyExists {
        /// What is taken.
        resource: String,
    },
    /// Somebody else changed it since it was read.
    EtagMismatch {
        /// What was changed.
        resource: String,
    },
    /// The state of the system does not admit it.
    Precondition {
        /// Which state.
        reason: PreconditionReason,
        /// What stands against it, each.
        violations: Vec<PreconditionSubject>,
    },
    /// Too much is asked for.
    Exhausted {
        /// Of what.
        reason: ExhaustedReason,
        /// When it may succeed.
        retry_after: Option<Duration>,
    },
    /// It cannot be answered now.
    Unavailable {
        /// Why not.
        reason: UnavailableReason,
        /// Public text.
        message: String,
        /// When it may succeed; [`DEFAULT_RETRY_AFTER`] where nothing better is known.
        retry_after: Option<Duration>,
    },
    /// A fault of Reeve. The cause goes to the log, a request id to the client.
    Internal(Cause),
}

/// Why a caller is nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unauthenticated {
    /// No credentials.
    TokenMissing,
    /// Unreadable credentials, or ones that no one has.
    TokenMalformed,
    /// Genuine, and expired.
    TokenExpired,
    /// Genuine, and revoked.
    TokenRevoked,
    /// Genuine, of a session that has ended.
    SessionEnded,
    /// Genuine, of a user who is deactivated.
    UserInactive,
    /// Wrong name or password at login.
    InvalidCredentials,
}

/// Which state of the system stands against a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PreconditionReason {
    /// No active administrator would be left.
    LastAdmin,
    /// The role cannot be held there.
    RoleNotAssignable,
    /// The policy contradicts itself or the cluster's.
    PolicyContradiction,
    /// A cluster policy contradicts workspaces' policies.
    PolicyConflict,
    /// The agent user is one that is not allowed.
    AgentUserRefused,
    /// A uid, gid or Unix name is in use by another link.
    AgentUserShared,
    /// The user is deactivated.
    PrincipalInactive,
    /// The consistency token is of another store, or of before a restore.
    ForeignToken,
    /// It is built in.
    BuiltIn,
}

/// One thing that stands against a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreconditionSubject {
    /// What it is about: `user:alice`, `workspaces/vision`, `limits.max_slots`.
    pub subject: String,
    /// What stands against it, and what would help.
    pub description: String,
}

/// What there is too little of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExhaustedReason {
    /// Too many callers are waiting.
    TooBusy,
    /// A limit of the cluster is reached.
    LimitReached {
        /// The limit's name, as documented.
        limit: &'static str,
    },
}

/// Why a call cannot be answered now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnavailableReason {
    /// The replica could not confirm for too long that its state is current.
    StaleReplica,
    /// The store cannot be reached or cannot write.
    StoreUnavailable,
    /// The replica has not reached the state asked for in time.
    NotSynced,
    /// The store is behind what was already served.
    StoreRegressed,
}

/// Why Reeve itself failed: for the log alone. It has no `Display`.
pub struct Cause(Box<dyn Error + Send + Sync>);

impl Cause {
    /// The error that was met, or a text that says what was found.
    pub fn new(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(error.into())
    }

    /// The error and everything below it, for the log.
    fn chain(&self) -> String {
        let mut text = self.0.to_string();
        let mut below = self.0.source();
        while let Some(error) = below {
            text.push_str(": ");
            text.push_str(&error.to_string());
            below = error.source();
        }
        text
    }
}

impl fmt::Debug for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Cause").field(&self.chain()).finish()
    }
}

impl Failure {
    /// A fault of Reeve.
    pub fn internal(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Internal(Cause::new(error))
    }

    /// One wrong field, where only one can be known.
    pub fn invalid(field: impl Into<String>, description: impl fmt::Display) -> Self {
        let mut violations = Violations::new();
        violations.add(field, description.to_string());
        Self::Invalid(violations)
    }

    /// Something that does not exist, or that the caller may not know of.
    pub fn not_found(resource: impl fmt::Display) -> Self {
        Self::NotFound { resource: resource.to_string() }
    }

    /// A name or a grant that is taken.
    pub fn already_exists(resource: impl fmt::Display) -> Self {
        Self::AlreadyExists { resource: resource.to_string() }
    }

    /// One thing that stands against the call.
    pub fn precondition(
        reason: PreconditionReason,
        subject: impl fmt::Display,
        description: impl fmt::Display,
    ) -> Self {
        let violation = PreconditionSubject { subject: subject.to_string(), description: description.to_string() };
        Self::Precondition { reason, violations: vec![violation] }
    }

    /// Too many callers.
    pub fn too_busy() -> Self {
        Self::Exhausted { reason: ExhaustedReason::TooBusy, retry_after: None }
    }

    /// Why, as a client reads it: the value's name without its prefix is `ErrorInfo.reason`.
    pub fn reason(&self) -> ErrorReason {
        match self {
            Self::Unauthenticated(why) => why.reason(),
            Self::Denied { .. } => ErrorReason::PermissionDenied,
            Self::Escalation { .. } => ErrorReason::Escalation,
            Self::Invalid(_) => ErrorReason::InvalidArgument,
            Self::NotFound { .. } => ErrorReason::NotFound,
            Self::AlreadyExists { .. } => ErrorReason::AlreadyExists,
            Self::EtagMismatch { .. } => ErrorReason::EtagMismatch,
            Self::Precondition { reason, .. } => reason.reason(),
            Self::Exhausted { reason: ExhaustedReason::TooBusy, .. } => ErrorReason::TooBusy,
            Self::Exhausted { reason: ExhaustedReason::LimitReached { .. }, .. } => ErrorReason::LimitReached,
            Self::Unavailable { reason, .. } => reason.reason(),
            Self::Internal(_) => ErrorReason::Internal,
        }
    }
}

impl From<Unauthenticated> for Failure {
    fn from(why: Unauthenticated) -> Self {
        Self::Unauthenticated(why)
    }
}

impl From<Violations> for Failure {
    fn from(violations: Violations) -> Self {
        Self::Invalid(violations)
    }
}

impl Unauthenticated {
    fn reason(self) -> ErrorReason {
        match self {
            Self::TokenMissing => ErrorReason::TokenMissing,
            Self::TokenMalformed => ErrorReason::TokenMalformed,
            Self::TokenExpired => ErrorReason::TokenExpired,
            Self::TokenRevoked => ErrorReason::TokenRevoked,
            Self::SessionEnded => ErrorReason::SessionEnded,
            Self::UserInactive => ErrorReason::UserInactive,
            Self::InvalidCredentials => ErrorReason::InvalidCredentials,
        }
    }

    fn message(self) -> &'static str {
        match self {
            Self::TokenMissing => "no token was sent: add `authorization: Bearer TOKEN`",
            Self::TokenMalformed => "the token cannot be read, or nobody has it",
            Self::TokenExpired => "the token has expired",
            Self::TokenRevoked => "the token was revoked",
            Self::SessionEnded => "the session has ended: log in again",
            Self::UserInactive => "the user is deactivated",
            Self::InvalidCredentials => "wrong name or password",
        }
    }
}

impl PreconditionReason {
    fn reason(self) -> ErrorReason {
        match self {
            Self::LastAdmin => ErrorReason::LastAdmin,
            Self::RoleNotAssignable => ErrorReason::RoleNotAssignable,
            Self::PolicyContradiction => ErrorReason::PolicyContradiction,
            Self::PolicyConflict => ErrorReason::PolicyConflict,
            Self::AgentUserRefused => ErrorReason::AgentUserRefused,
            Self::AgentUserShared => ErrorReason::AgentUserShared,
            Self::PrincipalInactive => ErrorReason::PrincipalInactive,
            Self::ForeignToken => ErrorReason::ForeignToken,
            Self::BuiltIn => ErrorReason::BuiltIn,
        }
    }

    fn message(self) -> &'static str {
        match self {
            Self::LastAdmin => "the cluster would be left without an active administrator",
            Self::RoleNotAssignable => "the role cannot be held there",
            Self::PolicyContradiction => "the policy contradicts itself or the cluster's",
            Self::PolicyConflict => "the cluster policy contradicts policies of workspaces",
            Self::AgentUserRefused => "the agent user is not allowed",
            Self::AgentUserShared => "the agent user is in use by another link",
            Self::PrincipalInactive => "the user is deactivated",
            Self::ForeignToken => "the consistency token is of another store, or of before a restore",
            Self::BuiltIn => "it is built in and cannot be changed so",
        }
    }
}

impl UnavailableReason {
    fn reason(self) -> ErrorReason {
        match self {
            Self::StaleReplica => ErrorReason::StaleReplica,
            Self::StoreUnavailable => ErrorReason::StoreUnavailable,
            Self::NotSynced => ErrorReason::NotSynced,
            Self::StoreRegressed => ErrorReason::StoreRegressed,
        }
    }
}

impl From<Failure> for Status {
    /// The status a client reads. A fault of Reeve is logged here, once, under the request's id.
    fn from(failure: Failure) -> Self {
        let reason = failure.reason();
        let mut details = ErrorDetails::new();
        let mut metadata = HashMap::new();
        let mut note = |key: &str, value: &str| metadata.insert(key.to_owned(), bounded(value));
        let (code, message) = match failure {
            Failure::Unauthenticated(why) => (Code::Unauthenticated, why.message().to_owned()),
            Failure::Denied { permission, resource } => {
                note("permission", permission.as_str());
                note("resource", resource.as_str());
                (Code::PermissionDenied, format!("`{}` on `{resource}` is needed", permission.as_str()))
            }
            Failure::Escalation { lacking, resource } => {
                let lacking = lacking.iter().map(|permission| permission.as_str()).collect::<Vec<_>>().join(",");
                note("lacking", &lacking);
                note("resource", resource.as_str());
                (Code::PermissionDenied, format!("it would give what you lack on `{resource}`: {lacking}"))
            }
            Failure::Invalid(violations) => {
                let message = summary(violations.as_slice().iter().map(|v| (v.field.as_str(), v.description.as_str())));
                details.set_bad_request(bad_request(violations));
                (Code::InvalidArgument, message)
            }
            Failure::NotFound { resource } => {
                note("resource", &resource);
                (Code::NotFound, format!("`{resource}` does not exist, or you may not know that it does"))
            }
            Failure::AlreadyExists { resource } => {
                note("resource", &resource);
                (Code::AlreadyExists, format!("`{resource}` exists already"))
            }
            Failure::EtagMismatch { resource } => {
                note("resource", &resource);
                (Code::Aborted, format!("`{resource}` was changed since it was read: read it again"))
            }
            Failure::Precondition { reason, violations } => {
                let found = summary(violations.iter().map(|v| (v.subject.as_str(), v.description.as_str())));
                let name = name_of(reason.reason());
                details.set_precondition_failure(precondition_failure(name, violations));
                (Code::FailedPrecondition, join(reason.message(), &found))
            }
            Failure::Exhausted { reason: ExhaustedReason::TooBusy, retry_after } => {
                details.set_retry_info(Some(retry_after.unwrap_or(DEFAULT_RETRY_AFTER)));
                (Code::ResourceExhausted, "too many callers are waiting: try again later".to_owned())
            }
            Failure::Exhausted { reason: ExhaustedReason::LimitReached { limit }, retry_after } => {
                note("limit", limit);
                if retry_after.is_some() {
                    details.set_retry_info(retry_after);
                }
                (Code::ResourceExhausted, format!("the limit `{limit}` is reached"))
            }
            Failure::Unavailable { reason, message, retry_after } => {
                details.set_retry_info(Some(retry_after.unwrap_or(DEFAULT_RETRY_AFTER)));
                tracing::warn!(reason = name_of(reason.reason()), message, "a call could not be answered");
                (Code::Unavailable, message)
            }
            Failure::Internal(cause) => {
                let id = RequestId::current();
                tracing::error!(
                    request_id = id.as_ref().map(RequestId::as_str),
                    cause = cause.chain(),
                    "a call failed"
                );
                if let Some(id) = id {
                    note("request_id", id.as_str());
                }
                (Code::Internal, "a fault of the server: its log has the cause under the request id".to_owned())
            }
        };
        details.set_error_info(name_of(reason), ERROR_DOMAIN, metadata);
        Self::with_error_details(code, bounded(&message), details)
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
