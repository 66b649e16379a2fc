//! Why a command has no answer, how that is said, and the exit status.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::time::Duration;

use reeve_api::api::ErrorReason;
use thiserror::Error;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::cache::CacheError;
use crate::file::FileError;
use crate::reason;
use crate::server::AddressError;
use crate::table::plain;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Yes, or done: 0.
    Yes,
    /// No, or failed: 1.
    No,
    /// Misuse, refused before anything was sent: 2.
    Usage,
    /// Not signed in: 3.
    NotSignedIn,
    /// The server cannot be reached: 4.
    Unreachable,
}

impl Exit {
    /// The exit status.
    pub const fn code(self) -> u8 {
        match self {
            Self::Yes => 0,
            Self::No => 1,
            Self::Usage => 2,
            Self::NotSignedIn => 3,
            Self::Unreachable => 4,
        }
    }
}

/// Why a command has no answer.
#[derive(Debug, Error)]
pub(crate) enum Failure {
    /// The arguments, the environment, or a file cannot be used.
    #[error("{0}")]
    Usage(String),
    /// A file given with `-f` cannot be sent.
    #[error(transparent)]
    File(#[from] FileError),
    /// What was given is no server's address.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// There is nobody to act as.
    #[error("{message}")]
    NotSignedIn {
        /// What is missing.
        message: String,
        /// What to do.
        next: String,
    },
    /// No answer came.
    #[error("cannot reach the server at {server}: {cause}")]
    Unreachable {
        /// The address.
        server: String,
        /// What the transport says.
        cause: String,
    },
    /// The server said no.
    #[error("{}", .0.message)]
    Refused(Box<Refusal>),
    /// The credentials file cannot be used.
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// Something on this machine went wrong.
    #[error("{0}")]
    Local(String),
    /// The answer cannot be written.
    #[error("cannot write the answer: {0}")]
    Output(io::Error),
}

/// What a call was made with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Credential {
    /// A session of this user.
    Session(String),
    /// `REEVE_TOKEN`.
    Token,
    /// Nothing: the call that signs in.
    None,
}

/// A server's no.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// The gRPC status.
    pub(crate) code: Code,
    /// The reason, as the server wrote it; empty if it gave none.
    pub(crate) reason_name: String,
    /// The reason, if this version knows it.
    pub(crate) reason: Option<ErrorReason>,
    /// What the reason is about.
    pub(crate) metadata: BTreeMap<String, String>,
    /// For people.
    pub(crate) message: String,
    /// Every field that is wrong, or every precondition that does not hold: what, and why.
    pub(crate) violations: Vec<(String, String)>,
    /// When to try again.
    pub(crate) retry_after: Option<Duration>,
    /// What the call was made with.
    pub(crate) credential: Credential,
}

impl Failure {
    /// Misuse.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::Usage(message.into())
    }

    /// A fault of this machine.
    pub(crate) fn local(message: impl Into<String>) -> Self {
        Self::Local(message.into())
    }

    /// What a status means: an answer of Reeve, or that something else answered in its place.
    pub(crate) fn of_status(status: &Status, server: &str, credential: Credential) -> Self {
        let info = status.get_details_error_info();
        let from_transport = std::error::Error::source(status).is_some();
        let unanswered = matches!(status.code(), Code::Unavailable | Code::Cancelled | Code::DeadlineExceeded);
        if info.is_none() && (from_transport || unanswered || status.code() == Code::Unknown) {
            let cause = match status.message() {
                "" => status.code().to_string(),
                message => message.to_owned(),
            };
            return Self::Unreachable { server: server.to_owned(), cause };
        }
        Self::Refused(Box::new(Refusal::read(status, credential)))
    }

    /// The reason, if a server gave one that this version knows.
    pub(crate) fn reason(&self) -> Option<ErrorReason> {
        match self {
            Self::Refused(refusal) => refusal.reason,
            _ => None,
        }
    }

    /// Whether the server did not accept the credentials.
    pub(crate) fn is_unauthenticated(&self) -> bool {
        matches!(self, Self::Refused(refusal) if refusal.code == Code::Unauthenticated)
    }

    /// The exit status.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Usage(_) | Self::File(_) | Self::Address(_) => Exit::Usage,
            Self::NotSignedIn { .. } => Exit::NotSignedIn,
            Self::Unreachable { .. } => Exit::Unreachable,
            Self::Refused(refusal) if refusal.code == Code::Unauthenticated => Exit::NotSignedIn,
            Self::Refused(_) | Self::Cache(_) | Self::Local(_) | Self::Output(_) => Exit::No,
        }
    }

    /// Lines for people: what happened, the reason, every violation, and what to do next.
    pub(crate) fn render(&self) -> String {
        if matches!(self, Self::Output(cause) if cause.kind() == io::ErrorKind::BrokenPipe) {
            return String::new();
        }
        let mut text = format!("error: {}\n", plain(&self.headline()));
        if let Self::Refused(refusal) = self {
            if !refusal.reason_name.is_empty() {
                let _ = writeln!(text, "reason: {}", plain(&refusal.reason_name));
            }
            for (subject, description) in &refusal.violations {
                let _ = writeln!(text, "  {}: {}", plain(subject), plain(description));
            }
        }
        if let Some(next) = self.next() {
            let _ = writeln!(text, "next: {}", plain(&next));
        }
        text
    }

    /// What happened, in one line. Wrong fields follow on lines of their own, and are only counted here.
    fn headline(&self) -> String {
        match self {
            Self::Refused(refusal) if refusal.code == Code::InvalidArgument => match refusal.violations.len() {
                0 => self.to_string(),
                1 => "a field of the request is wrong".to_owned(),
                count => format!("{count} fields of the request are wrong"),
            },
            _ => self.to_string(),
        }
    }

    fn next(&self) -> Option<String> {
        match self {
            Self::Usage(_) => Some("`reeve --help` lists commands, `reeve COMMAND --help` explains one".to_owned()),
            Self::File(_) | Self::Address(_) | Self::Local(_) | Self::Output(_) => None,
            Self::NotSignedIn { next, .. } => Some(next.clone()),
            Self::Unreachable { .. } => Some(
                "check that the server runs and that the address is its gRPC address; `--server` or `REEVE_SERVER` names another"
                    .to_owned(),
            ),
            Self::Cache(CacheError::NoHome) => Some("set `HOME` or `XDG_CONFIG_HOME`".to_owned()),
            Self::Cache(CacheError::Busy { .. }) => Some("end the other command, then run this one again".to_owned()),
            Self::Cache(CacheError::Later { .. }) => {
                Some("use that version, or set `XDG_CONFIG_HOME` to another folder".to_owned())
            }
            Self::Cache(CacheError::Io { .. }) => {
                Some("check the owner and the mode of the folder, and the space on its disk".to_owned())
            }
            Self::Refused(refusal) => reason::next(refusal),
        }
    }
}

impl Refusal {
    fn read(status: &Status, credential: Credential) -> Self {
        let details = status.get_error_details();
        let (reason_name, metadata) =
            details.error_info().map(|info| (info.reason.clone(), info.metadata.clone())).unwrap_or_default();
        let fields = details.bad_request().map(|bad| bad.field_violations.as_slice()).unwrap_or_default();
        let conditions = details.precondition_failure().map(|bad| bad.violations.as_slice()).unwrap_or_default();
        let fields = fields.iter().map(|bad| (bad.field.clone(), bad.description.clone()));
        let conditions = conditions.iter().map(|bad| (bad.subject.clone(), bad.description.clone()));
        let message = match status.message() {
            "" => format!("the server answered {:?}", status.code()),
            message => message.to_owned(),
        };
        Self {
            code: status.code(),
            reason: ErrorReason::from_str_name(&format!("ERROR_REASON_{reason_name}")),
            reason_name,
            metadata: metadata.into_iter().collect(),
            message,
            violations: fields.chain(conditions).collect(),
            retry_after: details.retry_info().and_then(|retry| retry.retry_delay),
            credential,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use tonic_types::{ErrorDetails, FieldViolation};

    use super::*;

    const SERVER: &str = "http://127.0.0.1:7300";

    fn refused(code: Code, reason: &str, credential: Credential) -> Failure {
        let details = ErrorDetails::with_error_info(reason, "reeve", HashMap::<String, String>::new());
        Failure::of_status(&Status::with_error_details(code, "the text", details), SERVER, credential)
    }

    #[test]
    fn exits_follow_from_what_failed() {
        for (failure, exit) in [
            (Failure::usage("x"), Exit::Usage),
            (Failure::local("x"), Exit::No),
            (refused(Code::Unauthenticated, "SESSION_ENDED", Credential::Token), Exit::NotSignedIn),
            (refused(Code::PermissionDenied, "PERMISSION_DENIED", Credential::Token), Exit::No),
            (refused(Code::Unavailable, "STALE_REPLICA", Credential::Token), Exit::No),
            (Failure::of_status(&Status::unavailable("gone"), SERVER, Credential::Token), Exit::Unreachable),
            (Failure::of_status(&Status::not_found("x"), SERVER, Credential::Token), Exit::No),
        ] {
            assert_eq!(failure.exit(), exit, "{failure:?}");
        }
    }

    #[test]
    fn every_violation_has_a_line() {
        let mut details = ErrorDetails::new();
        details.set_error_info("INVALID_ARGUMENT", "reeve", HashMap::<String, String>::new());
        details.set_bad_request(vec![
            FieldViolation::new("username", "must be 2 to 128 characters"),
            FieldViolation::new("password", "must have a number"),
        ]);
        let status =
            Status::with_error_details(Code::InvalidArgument, "username: must be …; password: must …", details);
        let text = Failure::of_status(&status, SERVER, Credential::Token).render();
        assert_eq!(
            text,
            "error: 2 fields of the request are wrong\nreason: INVALID_ARGUMENT\n  username: must be 2 to 128 characters\n  password: must have a number\n"
        );
    }

    #[test]
    fn an_ended_session_says_how_to_sign_in_again() {
        let text = refused(Code::Unauthenticated, "SESSION_ENDED", Credential::Session("alice".to_owned())).render();
        assert!(text.contains("reason: SESSION_ENDED\n") && text.contains("`reeve login alice`"), "{text}");
        let text = refused(Code::Unauthenticated, "TOKEN_EXPIRED", Credential::Token).render();
        assert!(text.contains("REEVE_TOKEN"), "{text}");
    }

    #[test]
    fn a_reason_of_a_later_server_is_shown_as_it_is() {
        let text = refused(Code::FailedPrecondition, "MOON_PHASE", Credential::Token).render();
        assert_eq!(text, "error: the text\nreason: MOON_PHASE\n");
    }

    #[test]
    fn a_server_cannot_write_to_the_terminal_with_its_text() {
        let text = Failure::of_status(&Status::not_found("\u{1b}[2J"), SERVER, Credential::Token).render();
        assert!(!text.contains('\u{1b}'), "{text}");
    }
}
