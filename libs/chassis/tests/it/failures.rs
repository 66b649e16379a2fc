//! Every failure, as a client reads it.

use std::collections::BTreeSet;
use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use reeve_api::api::ErrorReason;
use reeve_chassis::{
    ExhaustedReason, Failure, MAX_DETAIL_BYTES, PreconditionReason, REQUEST_ID_HEADER, Unauthenticated,
    UnavailableReason,
};
use reeve_model::{Resource, Violations};
use reeve_rbac::Permission;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::stand::{Running, bearing, reason, robot};

fn vision() -> Resource {
    Resource::parse("workspaces/vision").unwrap()
}

/// Each failure with its code and reason.
fn table() -> Vec<(Failure, Code, ErrorReason)> {
    let mut table = vec![
        (
            Failure::Denied { permission: Permission::ROLE_BIND, resource: vision() },
            Code::PermissionDenied,
            ErrorReason::PermissionDenied,
        ),
        (
            Failure::Escalation { lacking: vec![Permission::ROLE_BIND, Permission::ROLE_VIEW], resource: vision() },
            Code::PermissionDenied,
            ErrorReason::Escalation,
        ),
        (Failure::invalid("name", "it is empty"), Code::InvalidArgument, ErrorReason::InvalidArgument),
        (Failure::not_found(vision()), Code::NotFound, ErrorReason::NotFound),
        (Failure::already_exists("user:alice"), Code::AlreadyExists, ErrorReason::AlreadyExists),
        (Failure::EtagMismatch { resource: "user:alice".to_owned() }, Code::Aborted, ErrorReason::EtagMismatch),
        (Failure::too_busy(), Code::ResourceExhausted, ErrorReason::TooBusy),
        (
            Failure::Exhausted { reason: ExhaustedReason::LimitReached { limit: "sessions" }, retry_after: None },
            Code::ResourceExhausted,
            ErrorReason::LimitReached,
        ),
        (Failure::internal("own words"), Code::Internal, ErrorReason::Internal),
    ];
    for (why, reason) in [
        (Unauthenticated::TokenMissing, ErrorReason::TokenMissing),
        (Unauthenticated::TokenMalformed, ErrorReason::TokenMalformed),
        (Unauthenticated::TokenExpired, ErrorReason::TokenExpired),
        (Unauthenticated::TokenRevoked, ErrorReason::TokenRevoked),
        (Unauthenticated::SessionEnded, ErrorReason::SessionEnded),
        (Unauthenticated::UserInactive, ErrorReason::UserInactive),
        (Unauthenticated::InvalidCredentials, ErrorReason::InvalidCredentials),
        (Unauthenticated::ServiceTokenNeeded, ErrorReason::TokenMalformed),
        (Unauthenticated::ServiceTokenMisplaced, ErrorReason::TokenMalformed),
        (Unauthenticated::ServiceTokenRefused, ErrorReason::TokenMalformed),
        (Unauthenticated::ServiceClocksDiffer, ErrorReason::TokenExpired),
    ] {
        table.push((why.into(), Code::Unauthenticated, reason));
    }
    for (state, reason) in [
        (PreconditionReason::LastAdmin, ErrorReason::LastAdmin),
        (PreconditionReason::RoleNotAssignable, ErrorReason::RoleNotAssignable),
        (PreconditionReason::PolicyContradiction, ErrorReason::PolicyContradiction),
        (PreconditionReason::PolicyConflict, ErrorReason::PolicyConflict),
        (PreconditionReason::AgentUserRefused, ErrorReason::AgentUserRefused),
        (PreconditionReason::AgentUserShared, ErrorReason::AgentUserShared),
        (PreconditionReason::PrincipalInactive, ErrorReason::PrincipalInactive),
        (PreconditionReason::ForeignToken, ErrorReason::ForeignToken),
        (PreconditionReason::BuiltIn, ErrorReason::BuiltIn),
        (PreconditionReason::NoStore, ErrorReason::NoStore),
        (PreconditionReason::WorkspaceGroup, ErrorReason::WorkspaceGroup),
    ] {
        table.push((Failure::precondition(state, "user:alice", "why"), Code::FailedPrecondition, reason));
    }
    for (state, reason) in [
        (UnavailableReason::StaleReplica, ErrorReason::StaleReplica),
        (UnavailableReason::StoreUnavailable, ErrorReason::StoreUnavailable),
        (UnavailableReason::NotSynced, ErrorReason::NotSynced),
        (UnavailableReason::StoreRegressed, ErrorReason::StoreRegressed),
        (UnavailableReason::OwnerUnavailable, ErrorReason::OwnerUnavailable),
    ] {
        let failure = Failure::Unavailable { reason: state, message: "not now".to_owned(), retry_after: None };
        table.push((failure, Code::Unavailable, reason));
    }
    table
}

#[test]
fn every_failure_has_its_code_its_reason_and_a_text() {
    for (failure, code, expected) in table() {
        let shown = format!("{failure:?}");
        assert_eq!(failure.reason(), expected, "{shown}");
        let status = Status::from(failure);
        let name = expected.as_str_name().strip_prefix("ERROR_REASON_").unwrap();
        assert_eq!((status.code(), reason(&status).as_str()), (code, name), "{shown}");
        assert!(!status.message().is_empty(), "{shown}");
    }
}

#[test]
fn every_documented_reason_is_one_that_something_gives() {
    let given: BTreeSet<i32> = table().iter().map(|(failure, ..)| failure.reason().into()).collect();
    let documented: BTreeSet<i32> = (1..1000).filter(|number| ErrorReason::try_from(*number).is_ok()).collect();
    // A reason that is in the contract for another layer stands here, with that layer.
    let of_the_transport = BTreeSet::from(
        [ErrorReason::Cancelled, ErrorReason::DeadlineExceeded, ErrorReason::Unimplemented].map(i32::from),
    );
    assert_eq!(documented.difference(&given).copied().collect::<BTreeSet<_>>(), of_the_transport);
}

#[test]
fn details_are_those_that_the_contract_names() {
    let info = |failure: Failure| Status::from(failure).get_details_error_info().unwrap().metadata;
    let denied = info(Failure::Denied { permission: Permission::ROLE_BIND, resource: vision() });
    assert_eq!((denied["permission"].as_str(), denied["resource"].as_str()), ("role.bind", "workspaces/vision"));
    let lacking = vec![Permission::ROLE_BIND, Permission::ROLE_VIEW];
    assert_eq!(info(Failure::Escalation { lacking, resource: vision() })["lacking"], "role.bind,role.view");
    assert_eq!(info(Failure::not_found("user:alice"))["resource"], "user:alice");
    let limit = Failure::Exhausted { reason: ExhaustedReason::LimitReached { limit: "sessions" }, retry_after: None };
    assert_eq!(info(limit)["limit"], "sessions");

    let status = Status::from(Failure::precondition(PreconditionReason::LastAdmin, "user:alice", "the only one"));
    let violations = status.get_details_precondition_failure().unwrap().violations;
    assert_eq!((violations[0].r#type.as_str(), violations[0].subject.as_str()), ("LAST_ADMIN", "user:alice"));
}

#[test]
fn a_failure_that_may_pass_says_when_to_try_again() {
    let busy = Status::from(Failure::too_busy()).get_details_retry_info().unwrap();
    assert_eq!(busy.retry_delay, Some(Duration::from_secs(1)));
    let stale = Failure::Unavailable {
        reason: UnavailableReason::StaleReplica,
        message: "no".to_owned(),
        retry_after: Some(Duration::from_secs(7)),
    };
    assert_eq!(Status::from(stale).get_details_retry_info().unwrap().retry_delay, Some(Duration::from_secs(7)));
}

#[test]
fn every_wrong_field_is_named() {
    let mut violations = Violations::new();
    violations.add("name", "it is empty");
    violations.add("grants[2].role", "there is no such role");
    let status = Status::from(Failure::from(violations));
    let fields = status.get_details_bad_request().unwrap().field_violations;
    let fields: Vec<_> = fields.iter().map(|v| (v.field.as_str(), v.description.as_str())).collect();
    assert_eq!(fields, [("name", "it is empty"), ("grants[2].role", "there is no such role")]);
    assert_eq!(status.message(), "name: it is empty; grants[2].role: there is no such role");
}

#[test]
fn a_status_fits_into_the_headers_of_every_client() {
    let mut violations = Violations::new();
    for number in 0..1000 {
        violations.add(format!("grants[{number}].principal"), "é".repeat(5000));
    }
    let status = Status::from(Failure::from(violations));
    let fields = status.get_details_bad_request().unwrap().field_violations;
    assert_eq!(fields.last().unwrap().description, format!("and {} more", 1000 - (fields.len() - 1)));
    assert!(status.details().len() < MAX_DETAIL_BYTES + 512, "{}", status.details().len());
    let response = status.into_http::<()>();
    let bytes: usize = response.headers().iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    assert!(bytes < 16 * 1024, "{bytes}");
}

/// Where the log of a test goes.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

#[tokio::test]
async fn a_fault_is_logged_once_under_the_request_id_and_told_to_nobody() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_max_level(tracing::Level::WARN)
        .with_writer(move || writer.clone())
        .finish();
    // One thread runs the whole test, the server's tasks too.
    let _guard = tracing::subscriber::set_default(subscriber);
    let running = Running::start().await;
    for (at, name) in ["internal", "panic", "raw"].into_iter().enumerate() {
        let id = format!("call-{name}");
        let mut request = bearing("admin", robot(name));
        request.metadata_mut().insert(REQUEST_ID_HEADER, id.parse().unwrap());
        let status = running.robots().create_robot(request).await.unwrap_err();
        assert_eq!((status.code(), reason(&status).as_str()), (Code::Internal, "INTERNAL"), "{name}");
        assert!(!format!("{status:?}").contains("own words"), "{status:?}");
        assert_eq!(status.get_details_error_info().unwrap().metadata["request_id"], id);
        assert_eq!(status.metadata().get(REQUEST_ID_HEADER).unwrap(), id.as_str());
        let text = log.text();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), at + 1, "{text}");
        assert!(lines[at].contains("own words") && lines[at].contains(&id), "{text}");
        assert!(!text.contains("Bearer"));
    }
}

#[tokio::test]
async fn a_request_id_that_could_forge_a_log_line_is_replaced() {
    let running = Running::start().await;
    let long = "a".repeat(65);
    for given in ["", "a b", "a\"b", long.as_str()] {
        let mut request = bearing("admin", robot("ci"));
        request.metadata_mut().insert(REQUEST_ID_HEADER, given.parse().unwrap());
        let answer = running.robots().create_robot(request).await.unwrap();
        let id = answer.metadata().get(REQUEST_ID_HEADER).unwrap().to_str().unwrap();
        assert_eq!(uuid::Uuid::parse_str(id).unwrap().get_version_num(), 7, "{given}");
    }
}
