//! What etcd's errors mean: whether something may have taken effect, and what is to be done.

use std::error::Error as _;

use tonic::{Code, ConnectError, Status};

use crate::StoreError;

/// Why one request to one member failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// Nothing of it took effect: it was never sent, or the member said that it did not begin. Another may be asked.
    NotDone(String),
    /// It may or may not have taken effect.
    Unknown(String),
    /// The sign-in is no longer known. Nothing took effect.
    SignedOut(String),
    /// The account may not, or there is none. Nothing took effect.
    Denied(String),
    /// What came is larger than is decoded.
    TooLarge,
    /// The revision asked for is no longer kept.
    Compacted,
    /// The revision asked for is ahead.
    Future,
    /// What to tell the caller, whoever is asked.
    Final(StoreError),
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Final(error)
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::NotDone(why) | Failure::Unknown(why) => Self::Unavailable(why),
            Failure::SignedOut(why) | Failure::Denied(why) => Self::Unavailable(denied(&why)),
            Failure::TooLarge => Self::Unavailable("etcd's answer is too large".to_owned()),
            Failure::Compacted => Self::Unavailable("etcd compacted what was being read: try again".to_owned()),
            Failure::Future => Self::Unavailable("etcd is behind what was being read: try again".to_owned()),
            Failure::Final(error) => error,
        }
    }
}

/// What a message of etcd's means.
#[derive(Clone, Copy)]
enum Meaning {
    NotDone,
    Unknown,
    SignedOut,
    Denied,
    Compacted,
    Future,
    NoSpace,
    NoSuchLease,
    Refused,
    Corrupt,
}

/// Every message that a request of this store can be answered with, after `etcdserver: `. Versions differ in the code that
/// they send it with, and some send none.
const MESSAGES: &[(&str, Meaning)] = &[
    ("mvcc: required revision has been compacted", Meaning::Compacted),
    ("mvcc: required revision is a future revision", Meaning::Future),
    // The request that finds no more space may be the last one that was stored.
    ("mvcc: database space exceeded", Meaning::NoSpace),
    ("no space", Meaning::NoSpace),
    ("requested lease not found", Meaning::NoSuchLease),
    ("too large lease TTL", Meaning::Refused),
    ("request is too large", Meaning::Refused),
    ("too many operations in txn request", Meaning::Refused),
    ("duplicate key given in txn request", Meaning::Refused),
    ("key is not provided", Meaning::Refused),
    ("value is provided", Meaning::Refused),
    ("lease is provided", Meaning::Refused),
    ("not capable", Meaning::Refused),
    ("invalid sort option", Meaning::Refused),
    ("invalid auth token", Meaning::SignedOut),
    ("revision of auth store is old", Meaning::SignedOut),
    // Authentication was turned on while this process was signed in as nobody.
    ("user name is empty", Meaning::SignedOut),
    ("permission denied", Meaning::Denied),
    ("authentication failed, invalid user ID or password", Meaning::Denied),
    ("authentication is not enabled", Meaning::Denied),
    ("invalid auth management", Meaning::Denied),
    ("user name not found", Meaning::Denied),
    ("no leader", Meaning::NotDone),
    ("not leader", Meaning::NotDone),
    ("too many requests", Meaning::NotDone),
    ("rpc not supported for learner", Meaning::NotDone),
    ("leader changed", Meaning::Unknown),
    ("server stopped", Meaning::Unknown),
    ("request timed out", Meaning::Unknown),
    ("request timed out, possibly due to previous leader failure", Meaning::Unknown),
    ("request timed out, possibly due to connection lost", Meaning::Unknown),
    ("request timed out, waiting for the applied index took too long", Meaning::Unknown),
    ("unhealthy cluster", Meaning::Unknown),
    ("cluster ID mismatch", Meaning::Unknown),
    ("corrupt cluster", Meaning::Corrupt),
];

/// What an error of the client's means.
pub(super) fn failure(error: etcd_client::Error) -> Failure {
    use etcd_client::Error;
    match error {
        Error::GRpcStatus(status) => of_status(&status),
        // The client's own words for a time to live of zero, which is how etcd says it.
        Error::LeaseKeepAliveError(text) if text == "lease not found" => Failure::Final(StoreError::NoSuchLease),
        Error::InvalidArgs(text) => Failure::Final(StoreError::Refused(text)),
        error @ (Error::InvalidUri(_) | Error::InvalidMetadataValue(_)) => {
            Failure::Final(StoreError::Refused(error.to_string()))
        }
        Error::TransportError(error) => Failure::Unknown(innermost_of(&error)),
        error @ (Error::IoError(_)
        | Error::WatchError(_)
        | Error::Utf8Error(_)
        | Error::LeaseKeepAliveError(_)
        | Error::ElectError(_)
        | Error::EndpointError(_)
        | Error::EndpointsNotManaged
        | Error::Internal(_)) => Failure::Unknown(error.to_string()),
    }
}

/// What a message means that came without an error: why a watch was cancelled.
pub(super) fn of_message(text: &str) -> Option<Failure> {
    // Some versions put the whole error of their own inside: `rpc error: code = ... desc = etcdserver: ...`.
    let message = text.rsplit_once("etcdserver: ").map(|(_, message)| message)?;
    let (_, meaning) = MESSAGES.iter().find(|(known, _)| *known == message)?;
    Some(of_meaning(*meaning, message))
}

fn of_status(status: &Status) -> Failure {
    if let Some(failure) = of_message(status.message()) {
        return failure;
    }
    if never_sent(status) {
        return Failure::NotDone(innermost(status));
    }
    let text = format!("{:?}: {}", status.code(), innermost(status));
    match status.code() {
        Code::OutOfRange if status.message().contains("message length too large") => Failure::TooLarge,
        // The member's own server refuses what is larger than it takes before it looks at it.
        Code::ResourceExhausted if status.message().contains("larger than max") => {
            Failure::Final(StoreError::Refused(text))
        }
        Code::Unauthenticated => Failure::SignedOut(text),
        Code::PermissionDenied => Failure::Denied(text),
        Code::Unimplemented => {
            Failure::Final(StoreError::Unavailable(format!("this is not etcd 3.4 or newer: {text}")))
        }
        Code::DataLoss => Failure::Final(StoreError::Corrupt(text)),
        _ => Failure::Unknown(text),
    }
}

fn of_meaning(meaning: Meaning, message: &str) -> Failure {
    let text = format!("etcd says: {message}");
    match meaning {
        Meaning::NotDone => Failure::NotDone(text),
        Meaning::Unknown => Failure::Unknown(text),
        Meaning::SignedOut => Failure::SignedOut(text),
        Meaning::Denied => Failure::Denied(text),
        Meaning::Compacted => Failure::Compacted,
        Meaning::Future => Failure::Future,
        Meaning::NoSpace => Failure::Final(StoreError::Unavailable(format!(
            "etcd is out of space ({message}): compact and defragment it, or raise --quota-backend-bytes, then disarm the \
             alarm with `etcdctl alarm disarm`"
        ))),
        Meaning::NoSuchLease => Failure::Final(StoreError::NoSuchLease),
        Meaning::Refused => Failure::Final(StoreError::Refused(text)),
        Meaning::Corrupt => Failure::Final(StoreError::Corrupt(text)),
    }
}

/// What to say when etcd lets this process not do it.
pub(super) fn denied(why: &str) -> String {
    format!("{why}: check the user name and the password, and that the user's role may read and write the whole prefix")
}

/// Whether the request never left: there was no connection.
fn never_sent(status: &Status) -> bool {
    let mut cause = status.source();
    while let Some(error) = cause {
        if error.downcast_ref::<ConnectError>().is_some() {
            return true;
        }
        cause = error.source();
    }
    false
}

/// What happened at the bottom: the layers above say no more than that something did.
fn innermost(status: &Status) -> String {
    status.source().map_or_else(|| status.message().to_owned(), innermost_of)
}

fn innermost_of(error: &(dyn std::error::Error + 'static)) -> String {
    let mut error = error;
    while let Some(cause) = error.source() {
        error = cause;
    }
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(failure: &Failure) -> &'static str {
        match failure {
            Failure::NotDone(_) => "not done",
            Failure::Unknown(_) => "unknown",
            Failure::SignedOut(_) => "signed out",
            Failure::Denied(_) => "denied",
            Failure::TooLarge => "too large",
            Failure::Compacted => "compacted",
            Failure::Future => "future",
            Failure::Final(StoreError::NoSuchLease) => "no such lease",
            Failure::Final(StoreError::Refused(_)) => "refused",
            Failure::Final(StoreError::Unavailable(_)) => "unavailable",
            Failure::Final(StoreError::Corrupt(_)) => "corrupt",
            Failure::Final(_) => "another",
        }
    }

    #[test]
    fn every_error_of_etcd_means_something() {
        for (code, message, expected) in [
            (Code::OutOfRange, "etcdserver: mvcc: required revision has been compacted", "compacted"),
            (Code::OutOfRange, "etcdserver: mvcc: required revision is a future revision", "future"),
            (Code::ResourceExhausted, "etcdserver: mvcc: database space exceeded", "unavailable"),
            (Code::NotFound, "etcdserver: requested lease not found", "no such lease"),
            (Code::OutOfRange, "etcdserver: too large lease TTL", "refused"),
            (Code::InvalidArgument, "etcdserver: request is too large", "refused"),
            (Code::InvalidArgument, "etcdserver: too many operations in txn request", "refused"),
            (Code::ResourceExhausted, "grpc: received message larger than max (2 vs. 1)", "refused"),
            (Code::Unauthenticated, "etcdserver: invalid auth token", "signed out"),
            (Code::InvalidArgument, "etcdserver: revision of auth store is old", "signed out"),
            (Code::InvalidArgument, "etcdserver: user name is empty", "signed out"),
            (Code::Unauthenticated, "anything", "signed out"),
            (Code::PermissionDenied, "etcdserver: permission denied", "denied"),
            (Code::InvalidArgument, "etcdserver: authentication failed, invalid user ID or password", "denied"),
            (Code::FailedPrecondition, "etcdserver: authentication is not enabled", "denied"),
            (Code::Unavailable, "etcdserver: no leader", "not done"),
            (Code::ResourceExhausted, "etcdserver: too many requests", "not done"),
            (Code::Unavailable, "etcdserver: rpc not supported for learner", "not done"),
            (Code::Unavailable, "etcdserver: leader changed", "unknown"),
            (Code::Unavailable, "etcdserver: request timed out", "unknown"),
            (Code::Unavailable, "etcdserver: request timed out, possibly due to connection lost", "unknown"),
            (Code::Unavailable, "etcdserver: server stopped", "unknown"),
            (Code::DataLoss, "etcdserver: corrupt cluster", "corrupt"),
            (Code::DataLoss, "anything", "corrupt"),
            (Code::Unimplemented, "unknown service etcdserverpb.KV", "unavailable"),
            (
                Code::OutOfRange,
                "Error, decoded message length too large: found 5 bytes, the limit is: 4 bytes",
                "too large",
            ),
            // Without a code, as errors come that the member does not translate.
            (Code::Unknown, "etcdserver: mvcc: required revision has been compacted", "compacted"),
            (Code::Unknown, "etcdserver: invalid auth token", "signed out"),
            // Whatever is not known may have taken effect.
            (Code::Unavailable, "transport error", "unknown"),
            (Code::Cancelled, "Timeout expired", "unknown"),
            (Code::Internal, "h2 protocol error", "unknown"),
            (Code::Unknown, "etcdserver: something new", "unknown"),
            (Code::Ok, "", "unknown"),
        ] {
            let failure = failure(etcd_client::Error::GRpcStatus(Status::new(code, message)));
            assert_eq!(shape(&failure), expected, "{code:?} {message}");
        }
    }

    #[test]
    fn a_request_that_found_no_connection_was_not_done() {
        let refused = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
        let status = Status::from_error(Box::new(ConnectError(Box::new(refused))));
        assert_eq!(shape(&of_status(&status)), "not done");
    }

    #[test]
    fn the_reason_of_a_cancelled_watch_is_known_inside_another() {
        let reason = "rpc error: code = PermissionDenied desc = etcdserver: permission denied";
        assert_eq!(of_message(reason).as_ref().map(shape), Some("denied"));
        assert!(of_message("watcher removed").is_none());
    }

    #[test]
    fn a_lease_of_no_time_left_is_gone() {
        let error = etcd_client::Error::LeaseKeepAliveError("lease not found".to_owned());
        assert_eq!(shape(&failure(error)), "no such lease");
    }

    #[test]
    fn out_of_space_says_what_to_do() {
        let status = Status::new(Code::ResourceExhausted, "etcdserver: mvcc: database space exceeded");
        let error = StoreError::from(of_status(&status)).to_string();
        assert!(error.contains("alarm disarm") && error.contains("--quota-backend-bytes"), "{error}");
    }
}
