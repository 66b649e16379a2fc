//! Times and durations, as people write them and as they are shown.

use std::str::FromStr;
use std::time::SystemTime;

use prost_types::{Duration, Timestamp};
use thiserror::Error;

/// The longest duration that the wire's type can carry: about 10000 years.
const DURATION_SECONDS_MAX: u64 = 315_576_000_000;

/// Why a text is no duration.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub(crate) enum TimeError {
    /// Not `720h`.
    #[error("write a whole number with a unit, `30d`, `720h`, `15m`, `90s`, or several, `1h30m`")]
    Duration,
    /// Zero, or beyond what can be sent.
    #[error("a duration is at least a second and at most 10000 years")]
    Range,
    /// Neither a time nor a duration.
    #[error("write a time, `2026-12-24T18:00:00Z`, or a duration from now, `30d`, `720h`, `15m`")]
    Expiry,
}

/// Reads `720h`, `30d`, `1h30m`.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, TimeError> {
    let mut total: u64 = 0;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or(TimeError::Duration)?;
        let (number, tail) = rest.split_at(digits);
        let mut tail = tail.chars();
        let unit_seconds = match tail.next() {
            Some('d') => 86_400,
            Some('h') => 3_600,
            Some('m') => 60,
            Some('s') => 1,
            _ => return Err(TimeError::Duration),
        };
        if number.is_empty() {
            return Err(TimeError::Duration);
        }
        let number = number.parse::<u64>().map_err(|_| TimeError::Range)?;
        total = number.checked_mul(unit_seconds).and_then(|part| total.checked_add(part)).ok_or(TimeError::Range)?;
        rest = tail.as_str();
    }
    match total {
        _ if text.is_empty() => Err(TimeError::Duration),
        1..=DURATION_SECONDS_MAX => {
            Ok(Duration { seconds: i64::try_from(total).map_err(|_| TimeError::Range)?, nanos: 0 })
        }
        _ => Err(TimeError::Range),
    }
}

/// When something is to end: at a time, or after a duration.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Expiry {
    /// At this time.
    At(Timestamp),
    /// This long from now.
    In(Duration),
}

impl Expiry {
    /// The time it stands for, at `now`.
    pub(crate) fn at(&self, now: SystemTime) -> Timestamp {
        match self {
            Self::At(time) => *time,
            Self::In(duration) => {
                let mut time = Timestamp::from(now);
                time.seconds = time.seconds.saturating_add(duration.seconds);
                time
            }
        }
    }
}

impl FromStr for Expiry {
    type Err = TimeError;

    fn from_str(text: &str) -> Result<Self, TimeError> {
        match (text.contains('T'), text.parse::<Timestamp>()) {
            (true, Ok(time)) => Ok(Self::At(time)),
            (true, Err(_)) => Err(TimeError::Expiry),
            (false, _) => match parse_duration(text) {
                Err(TimeError::Duration) => Err(TimeError::Expiry),
                other => other.map(Self::In),
            },
        }
    }
}

/// RFC 3339 in UTC, to the second; empty for none.
pub(crate) fn shown(time: Option<&Timestamp>) -> String {
    time.map(|time| Timestamp { seconds: time.seconds, nanos: 0 }.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_with_their_units() {
        for (text, seconds) in [("720h", 2_592_000), ("30d", 2_592_000), ("15m", 900), ("90s", 90), ("1h30m", 5_400)] {
            assert_eq!(parse_duration(text).unwrap().seconds, seconds, "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in ["", "720", "h", "-1h", "1.5h", "1 h", "1w", "h1", "٣h"] {
            assert_eq!(parse_duration(text), Err(TimeError::Duration), "{text}");
        }
        for text in ["0s", "99999999999999999999d", "999999999999d"] {
            assert_eq!(parse_duration(text), Err(TimeError::Range), "{text}");
        }
    }

    #[test]
    fn an_expiry_is_a_time_or_a_duration_from_now() {
        let now = SystemTime::UNIX_EPOCH;
        let at = |text: &str| text.parse::<Expiry>().map(|expiry| shown(Some(&expiry.at(now))));
        assert_eq!(at("2026-12-24T18:00:00Z").unwrap(), "2026-12-24T18:00:00Z");
        assert_eq!(at("2026-12-24T18:00:00+01:00").unwrap(), "2026-12-24T17:00:00Z");
        assert_eq!(at("2h").unwrap(), "1970-01-01T02:00:00Z");
        for text in ["tomorrow", "2026-12-24", "2026-12-24Tnoon", ""] {
            assert_eq!(at(text), Err(TimeError::Expiry), "{text}");
        }
    }
}
