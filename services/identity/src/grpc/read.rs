//! Reading requests: every wrong field at once.

use std::time::Duration;

use reeve_chassis::Failure;
use reeve_model::Violations;

/// Most characters of a filter.
const MAX_FILTER_CHARS: usize = 128;
/// Most characters of what a group or a robot is for.
pub(super) const MAX_DESCRIPTION_CHARS: usize = 256;
/// Longest life of a robot token that ends: ten years.
const MAX_TOKEN_LIFE: Duration = Duration::from_hours(3650 * 24);

/// Fails with every field that is wrong, if one is.
pub(super) fn all_right(violations: Violations) -> Result<(), Failure> {
    if violations.is_empty() { Ok(()) } else { Err(Failure::Invalid(violations)) }
}

/// A name that is looked up: anything but nothing.
pub(super) fn required<'a>(field: &str, text: &'a str) -> Result<&'a str, Failure> {
    let text = text.trim();
    if text.is_empty() { Err(Failure::invalid(field, "it is required")) } else { Ok(text) }
}

/// Optional text for people, without control characters.
pub(super) fn free_text(field: &str, text: &str, most_chars: usize, violations: &mut Violations) -> String {
    let text = text.trim();
    if text.chars().count() > most_chars {
        violations.add(field, format!("it has at most {most_chars} characters"));
    }
    if text.chars().any(char::is_control) {
        violations.add(field, "it has a control character: it is printable text");
    }
    text.to_owned()
}

/// An etag that was seen; empty is none.
pub(super) fn seen(etag: &str) -> Option<&str> {
    (!etag.is_empty()).then_some(etag)
}

/// A filter that is short enough to be compared with every item.
pub(super) fn filter(text: &str, violations: &mut Violations) {
    if text.chars().count() > MAX_FILTER_CHARS {
        violations.add("filter", format!("it has at most {MAX_FILTER_CHARS} characters"));
    }
}

/// How long a token is to live; none without end.
pub(super) fn ttl(ttl: Option<&prost_types::Duration>) -> Result<Option<Duration>, Failure> {
    let Some(ttl) = ttl else { return Ok(None) };
    let wrong =
        || Failure::invalid("ttl", "it must be 1 second to 3650 days; left out, the token does not end by itself");
    let seconds = u64::try_from(ttl.seconds).map_err(|_| wrong())?;
    let nanos = u32::try_from(ttl.nanos).ok().filter(|nanos| *nanos < 1_000_000_000).ok_or_else(wrong)?;
    let life = Some(Duration::new(seconds, nanos));
    life.filter(|life| (Duration::from_secs(1)..=MAX_TOKEN_LIFE).contains(life)).map(Some).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ttl_is_a_second_to_ten_years() {
        let read = |seconds, nanos| ttl(Some(&prost_types::Duration { seconds, nanos })).ok().flatten();
        assert_eq!(read(1, 0), Some(Duration::from_secs(1)));
        assert_eq!(read(1, 500_000_000), Some(Duration::from_millis(1500)));
        for (seconds, nanos) in [(0, 0), (0, 999_999_999), (-1, 0), (5, -1), (i64::MAX, 0), (1, i32::MAX)] {
            assert_eq!(read(seconds, nanos), None, "{seconds} {nanos}");
        }
        assert_eq!(ttl(None).unwrap(), None);
    }
}
