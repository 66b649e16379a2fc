//! What requests have in common, read with every violation.

use reeve_chassis::Failure;
use reeve_config_policy::WorkloadType;
use reeve_model::{Timestamp, Violations};

/// Most characters of a description or a note.
const MAX_TEXT_CHARS: usize = 256;

/// Fails with every field that is wrong, if one is.
pub(super) fn all_right(violations: Violations) -> Result<(), Failure> {
    if violations.is_empty() { Ok(()) } else { Err(Failure::Invalid(violations)) }
}

/// A value that is there where nothing is wrong.
pub(super) fn read<T>(value: Option<T>) -> Result<T, Failure> {
    value.ok_or_else(|| Failure::internal("a value is missing and no violation was noted"))
}

/// An optional text: empty is none.
pub(super) fn given(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

/// A free text for people.
pub(super) fn text(field: &str, text: &str, violations: &mut Violations) -> String {
    if text.chars().count() > MAX_TEXT_CHARS {
        violations.add(field, format!("it is longer than {MAX_TEXT_CHARS} characters"));
    } else if text.chars().any(char::is_control) {
        violations.add(field, "it has a control character: it is one line of printable text");
    }
    text.to_owned()
}

/// A time that must be after `now`, rounded down to milliseconds.
pub(super) fn future_time(
    field: &str,
    time: Option<&prost_types::Timestamp>,
    now: Timestamp,
    violations: &mut Violations,
) -> Option<Timestamp> {
    let time = time?;
    match timestamp(time) {
        None => violations.add(field, "it is not a time (RFC 3339, years 1 to 9999)"),
        Some(time) if time <= now => violations.add(field, format!("{time} is past: it must be in the future")),
        Some(time) => return Some(time),
    }
    None
}

/// The range of `google.protobuf.Timestamp` is 0001-01-01T00:00:00Z to 9999-12-31T23:59:59.999999999Z.
fn timestamp(time: &prost_types::Timestamp) -> Option<Timestamp> {
    const FIRST_SECOND: i64 = -62_135_596_800;
    const LAST_SECOND: i64 = 253_402_300_799;
    if !(FIRST_SECOND..=LAST_SECOND).contains(&time.seconds) || !(0..1_000_000_000).contains(&time.nanos) {
        return None;
    }
    Some(Timestamp::from_millis(time.seconds * 1000 + i64::from(time.nanos / 1_000_000)))
}

/// A workload type.
pub(super) fn workload(field: &str, name: &str, violations: &mut Violations) -> Option<WorkloadType> {
    let found = WorkloadType::parse(name);
    if found.is_none() {
        let shown: String = name.chars().take(80).flat_map(char::escape_default).collect();
        let known = WorkloadType::ALL.map(|known| format!("`{known}`")).join(" or ");
        violations.add(field, format!("`{shown}` is not a workload type: it is {known}"));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_the_range_of_the_contract() {
        let read = |seconds, nanos| timestamp(&prost_types::Timestamp { seconds, nanos }).map(Timestamp::as_millis);
        assert_eq!(read(1, 999_999_999), Some(1999));
        assert_eq!(read(-1, 1_000_000), Some(-999));
        assert_eq!(read(253_402_300_799, 0), Some(253_402_300_799_000));
        for (seconds, nanos) in [(253_402_300_800, 0), (i64::MAX, 0), (i64::MIN, 0), (0, -1), (0, 1_000_000_000)] {
            assert_eq!(read(seconds, nanos), None, "{seconds} {nanos}");
        }
    }

    #[test]
    fn a_text_is_one_line_of_bounded_length() {
        for (given, is_right) in [("", true), (&*"é".repeat(256), true), (&*"é".repeat(257), false), ("a\nb", false)]
        {
            let mut violations = Violations::new();
            text("note", given, &mut violations);
            assert_eq!(violations.is_empty(), is_right, "{given}");
        }
    }
}
