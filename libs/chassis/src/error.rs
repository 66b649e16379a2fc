//! Why a call failed, before that has anything to do with gRPC.
//!
//! What a client may read and what only the log may read are two types: [`Cause`] has no way to the client.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use reeve_api::api::ErrorReason;
use reeve_model::{Resource, Violations};
use reeve_rbac::Permission;

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
        /// When it may succeed; [`DEFAULT_RETRY_AFTER`](crate::DEFAULT_RETRY_AFTER) where nothing better is known.
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
    /// No service token, where only a service may call.
    ServiceTokenNeeded,
    /// A service token, where users call.
    ServiceTokenMisplaced,
    /// A service token of another cluster, for another service, or none at all.
    ServiceTokenRefused,
    /// A genuine service token, of a time that is not now.
    ServiceClocksDiffer,
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
    /// What is newest in the store was asked of a server that has none.
    NoStore,
    /// It is the group of a workspace.
    WorkspaceGroup,
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
    /// The service that owns the method cannot be reached, or did not answer to the end.
    OwnerUnavailable,
}

/// Why Reeve itself failed: for the log alone. It has no `Display`.
pub struct Cause(Box<dyn Error + Send + Sync>);

impl Cause {
    /// The error that was met, or a text that says what was found.
    pub fn new(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(error.into())
    }

    /// The error and everything below it, for the log.
    pub(crate) fn chain(&self) -> String {
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
    pub(crate) fn reason(self) -> ErrorReason {
        match self {
            Self::TokenMissing => ErrorReason::TokenMissing,
            Self::TokenMalformed
            | Self::ServiceTokenNeeded
            | Self::ServiceTokenMisplaced
            | Self::ServiceTokenRefused => ErrorReason::TokenMalformed,
            Self::TokenExpired | Self::ServiceClocksDiffer => ErrorReason::TokenExpired,
            Self::TokenRevoked => ErrorReason::TokenRevoked,
            Self::SessionEnded => ErrorReason::SessionEnded,
            Self::UserInactive => ErrorReason::UserInactive,
            Self::InvalidCredentials => ErrorReason::InvalidCredentials,
        }
    }

    pub(crate) fn message(self) -> &'static str {
        match self {
            Self::TokenMissing => "no token was sent: add `authorization: Bearer TOKEN`",
            Self::TokenMalformed => "the token cannot be read, or nobody has it",
            Self::TokenExpired => "the token has expired",
            Self::TokenRevoked => "the token was revoked",
            Self::SessionEnded => "the session has ended: log in again",
            Self::UserInactive => "the user is deactivated",
            Self::InvalidCredentials => "wrong name or password",
            Self::ServiceTokenNeeded => "only the services of the cluster call this method, with a service token",
            Self::ServiceTokenMisplaced => "a service token is for what services tell each other, not for this method",
            Self::ServiceTokenRefused => "the service token is of another cluster key, or for another service",
            Self::ServiceClocksDiffer => {
                "the service token is of another time: the clocks of the services differ, set them right"
            }
        }
    }
}

impl PreconditionReason {
    pub(crate) fn reason(self) -> ErrorReason {
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
            Self::NoStore => ErrorReason::NoStore,
            Self::WorkspaceGroup => ErrorReason::WorkspaceGroup,
        }
    }

    pub(crate) fn message(self) -> &'static str {
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
            Self::NoStore => "this server follows a feed and cannot ask the store what is newest",
            Self::WorkspaceGroup => "the group comes and goes with its workspace",
        }
    }
}

impl UnavailableReason {
    pub(crate) fn reason(self) -> ErrorReason {
        match self {
            Self::StaleReplica => ErrorReason::StaleReplica,
            Self::StoreUnavailable => ErrorReason::StoreUnavailable,
            Self::NotSynced => ErrorReason::NotSynced,
            Self::StoreRegressed => ErrorReason::StoreRegressed,
            Self::OwnerUnavailable => ErrorReason::OwnerUnavailable,
        }
    }
}
