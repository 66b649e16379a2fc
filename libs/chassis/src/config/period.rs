//! A length of time as people write it: `500ms`, `10s`, `5m`, `1h`, `30d`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The longest period there is: ten years.
pub const MAX_PERIOD: Duration = Duration::from_hours(3650 * 24);

const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];

/// A length of time in whole milliseconds, at most [`MAX_PERIOD`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Period(Duration);

/// A text that is no period.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{given}` is no length of time: write digits and a unit, `ms`, `s`, `m`, `h` or `d`, at most `3650d`")]
pub struct PeriodError {
    given: String,
}

impl Period {
    /// So many seconds.
    pub const fn from_secs(seconds: u32) -> Self {
        Self(Duration::from_secs(if seconds as u64 > MAX_PERIOD.as_secs() {
            MAX_PERIOD.as_secs()
        } else {
            seconds as u64
        }))
    }

    /// The length.
    pub const fn get(self) -> Duration {
        self.0
    }
}

impl FromStr for Period {
    type Err = PeriodError;

    fn from_str(text: &str) -> Result<Self, PeriodError> {
        let wrong = || PeriodError { given: text.chars().take(40).flat_map(char::escape_default).collect() };
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (amount, unit) = text.split_at_checked(digits).ok_or_else(wrong)?;
        let amount: u64 = amount.parse().map_err(|_| wrong())?;
        let (_, unit_ms) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(wrong)?;
        let length = Duration::from_millis(amount.checked_mul(*unit_ms).ok_or_else(wrong)?);
        if length > MAX_PERIOD { Err(wrong()) } else { Ok(Self(length)) }
    }
}

impl fmt::Display for Period {
    /// In the largest unit that leaves nothing over.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX);
        let fitting = UNITS.iter().find(|(_, unit_ms)| millis != 0 && millis.is_multiple_of(*unit_ms));
        let (name, unit_ms) = fitting.unwrap_or(&("s", 1000));
        write!(f, "{}{name}", millis / unit_ms)
    }
}

impl Serialize for Period {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl de::Visitor<'_> for Text {
            type Value = Period;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a length of time such as \"10s\"")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Period, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_reads_and_prints() {
        for (text, millis, printed) in [
            ("500ms", 500, "500ms"),
            ("10s", 10_000, "10s"),
            ("60s", 60_000, "1m"),
            ("90m", 5_400_000, "90m"),
            ("24h", 86_400_000, "1d"),
            ("0s", 0, "0s"),
        ] {
            let period: Period = text.parse().unwrap();
            assert_eq!((period.get().as_millis(), period.to_string().as_str()), (millis, printed), "{text}");
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for text in
            ["", "10", "s", "-1s", "1.5s", "1 s", "1S", "1w", "3651d", "99999999999999999999s", "18446744073709551615d"]
        {
            assert!(text.parse::<Period>().is_err(), "{text}");
        }
    }
}
