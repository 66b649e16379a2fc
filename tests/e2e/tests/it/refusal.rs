//! What a refusal says, and what it may not say.

use tonic::Status;
use tonic_types::StatusExt as _;

/// What only the inside of a program says.
const INTERNAL: &[&str] = &[
    "::",
    ".rs",
    "src/",
    "panicked",
    "unwrap",
    "Error {",
    "Err(",
    "Some(",
    "None",
    "Status {",
    "redb",
    "prost",
    "tonic",
    "tokio",
    "0x7f",
    "backtrace",
    "RUST_",
];

/// Why a call was refused: the reason's name. Checks that every refusal says so, and says nothing internal.
pub(crate) fn reason(status: &Status) -> String {
    let info = status.get_details_error_info().unwrap_or_else(|| panic!("no ErrorInfo: {status:?}"));
    assert_eq!(info.domain, "reeve", "{status:?}");
    let known = !info.reason.is_empty() && info.reason.bytes().all(|b| b.is_ascii_uppercase() || b == b'_');
    assert!(known, "{status:?}");
    let mut said = vec![status.message().to_owned()];
    said.extend(info.metadata.into_values());
    said.extend(violations(status).into_iter().map(|(_, text)| text));
    if let Some(failure) = status.get_details_precondition_failure() {
        said.extend(failure.violations.into_iter().map(|found| found.description));
    }
    for text in said {
        let internal = INTERNAL.iter().find(|internal| text.contains(**internal));
        assert_eq!(internal, None, "{text}");
    }
    info.reason
}

/// The value under a name in a refusal's metadata.
pub(crate) fn metadata(status: &Status, name: &str) -> String {
    status.get_details_error_info().and_then(|mut info| info.metadata.remove(name)).unwrap_or_default()
}

/// Every wrong field with what is wrong with it.
pub(crate) fn violations(status: &Status) -> Vec<(String, String)> {
    let found = status.get_details_bad_request().map(|bad| bad.field_violations).unwrap_or_default();
    found.into_iter().map(|violation| (violation.field, violation.description)).collect()
}

/// The wrong fields of a request that is refused for them, each once, sorted.
pub(crate) fn fields(status: &Status) -> Vec<String> {
    assert_eq!(
        (status.code(), reason(status).as_str()),
        (tonic::Code::InvalidArgument, "INVALID_ARGUMENT"),
        "{status:?}"
    );
    let mut fields: Vec<String> = violations(status).into_iter().map(|(field, _)| field).collect();
    fields.sort();
    fields.dedup();
    fields
}

/// Checks that a call was refused with this code and reason.
pub(crate) fn assert_refused<T: std::fmt::Debug>(
    answer: Result<T, Status>,
    code: tonic::Code,
    expected: &str,
) -> Status {
    let status = answer.expect_err("it was answered");
    assert_eq!((status.code(), reason(&status).as_str()), (code, expected), "{status:?}");
    status
}
