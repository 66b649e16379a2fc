//! Numbers that keep the text they were written in, so that they come back as they came.

/// Whether a number was written as an integer or as a floating-point number: two types, even where the values agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumberKind {
    /// `16`, `-3`, `0x10`, `0o17`.
    Integer,
    /// `1.0`, `1e-5`, `.5`, `.inf`, `.nan`.
    Float,
}

/// A number of the YAML 1.2 core schema (§10.3.2), as written. `==` compares the text; [`Number::same_as`] the value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Number {
    kind: NumberKind,
    text: String,
}

/// The largest decimal exponent that comparison tells apart; beyond it the exponent saturates.
const MAX_EXPONENT: i64 = i64::MAX / 4;

/// A number's value in one way of writing it: sign, digits without zeros at either end, power of ten of the last digit.
#[derive(PartialEq, Eq)]
struct Decimal {
    negative: bool,
    digits: String,
    exponent: i64,
}

impl Number {
    /// The number that `text` is under the core schema, or `None` where it is no number. What looks octal (`010`) is
    /// none, because YAML 1.1 and 1.2 read it differently; nor is an integer of more than 128 bits with a base prefix.
    pub fn parse(text: &str) -> Option<Self> {
        let kind = if looks_octal(text) {
            return None;
        } else if is_integer(text) {
            NumberKind::Integer
        } else if is_float(text) {
            NumberKind::Float
        } else {
            return None;
        };
        Some(Self { kind, text: text.to_owned() })
    }

    /// A double as it comes over `google.protobuf.Struct`: an integer where it is integral and exact (below 2^53), else
    /// a floating-point number.
    pub fn from_f64(number: f64) -> Self {
        const EXACT: f64 = 9_007_199_254_740_992.0;
        if number.is_nan() {
            return Self { kind: NumberKind::Float, text: ".nan".to_owned() };
        }
        if number.is_infinite() {
            let text = if number > 0.0 { ".inf" } else { "-.inf" };
            return Self { kind: NumberKind::Float, text: text.to_owned() };
        }
        if number.fract() == 0.0 && number.abs() < EXACT {
            let text = format!("{number:.0}");
            let text = if text == "-0" { "0".to_owned() } else { text };
            return Self { kind: NumberKind::Integer, text };
        }
        Self { kind: NumberKind::Float, text: format!("{number:?}") }
    }

    /// Integer or floating-point.
    pub fn kind(&self) -> NumberKind {
        self.kind
    }

    /// The text as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The value as an `f64`, rounded; what a `google.protobuf.Struct` can carry.
    pub fn as_f64(&self) -> f64 {
        match special(&self.text) {
            Some(Special::Nan) => f64::NAN,
            Some(Special::Infinite { negative: false }) => f64::INFINITY,
            Some(Special::Infinite { negative: true }) => f64::NEG_INFINITY,
            None => self.json_text().and_then(|text| text.parse().ok()).unwrap_or(f64::NAN),
        }
    }

    /// The value of an integer, saturated to the bounds of `i128`; `None` for a floating-point number.
    pub fn as_integer(&self) -> Option<i128> {
        if self.kind == NumberKind::Float {
            return None;
        }
        if let Some(value) = prefixed(&self.text) {
            return Some(i128::try_from(value).unwrap_or(i128::MAX));
        }
        let saturated = if self.text.starts_with('-') { i128::MIN } else { i128::MAX };
        Some(self.text.parse().unwrap_or(saturated))
    }

    /// Whether JSON has a way to write it: everything but `.inf` and `.nan`.
    pub fn is_finite(&self) -> bool {
        special(&self.text).is_none()
    }

    /// The same kind and the same value, however written: `0x10` and `16`, `1e3` and `1000.0`; never `1` and `1.0`.
    pub fn same_as(&self, other: &Self) -> bool {
        self.kind == other.kind
            && match (special(&self.text), special(&other.text)) {
                (None, None) => self.decimal() == other.decimal(),
                (one, two) => one == two,
            }
    }

    /// The number in JSON's grammar (RFC 8259 §6), with every digit kept; `None` for what JSON cannot write.
    pub(crate) fn json_text(&self) -> Option<String> {
        if special(&self.text).is_some() {
            return None;
        }
        if let Some(value) = prefixed(&self.text) {
            return Some(value.to_string());
        }
        let (negative, unsigned) = split_sign(&self.text);
        let (mantissa, exponent) = split_exponent(unsigned);
        let (whole, fraction) = mantissa.split_once('.').map_or((mantissa, None), |(w, f)| (w, Some(f)));
        let whole = whole.trim_start_matches('0');
        let mut json = String::with_capacity(self.text.len() + 2);
        if negative {
            json.push('-');
        }
        json.push_str(if whole.is_empty() { "0" } else { whole });
        if let Some(fraction) = fraction {
            json.push('.');
            json.push_str(if fraction.is_empty() { "0" } else { fraction });
        }
        if let Some(exponent) = exponent {
            json.push('e');
            json.push_str(exponent);
        }
        Some(json)
    }

    fn decimal(&self) -> Decimal {
        let text = prefixed(&self.text).map_or_else(|| self.text.clone(), |value| value.to_string());
        let (negative, unsigned) = split_sign(&text);
        let (mantissa, exponent) = split_exponent(unsigned);
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = format!("{whole}{fraction}");
        let digits = all.trim_start_matches('0');
        let kept = digits.trim_end_matches('0');
        let dropped = length(digits).saturating_sub(length(kept));
        let written = exponent.map_or(0, parse_exponent);
        let exponent = written.saturating_add(dropped).saturating_sub(length(fraction));
        if kept.is_empty() {
            return Decimal { negative: false, digits: String::new(), exponent: 0 };
        }
        Decimal { negative, digits: kept.to_owned(), exponent }
    }
}

impl From<i64> for Number {
    fn from(value: i64) -> Self {
        Self { kind: NumberKind::Integer, text: value.to_string() }
    }
}

/// What the core schema calls by a name instead of digits.
#[derive(PartialEq, Eq)]
enum Special {
    Infinite { negative: bool },
    Nan,
}

fn special(text: &str) -> Option<Special> {
    if matches!(text, ".nan" | ".NaN" | ".NAN") {
        return Some(Special::Nan);
    }
    let (negative, unsigned) = split_sign(text);
    matches!(unsigned, ".inf" | ".Inf" | ".INF").then_some(Special::Infinite { negative })
}

/// The value of an integer with a base prefix; `None` for other numbers and for those above 128 bits.
fn prefixed(text: &str) -> Option<u128> {
    if let Some(digits) = text.strip_prefix("0x") {
        return u128::from_str_radix(digits, 16).ok();
    }
    text.strip_prefix("0o").and_then(|digits| u128::from_str_radix(digits, 8).ok())
}

fn is_integer(text: &str) -> bool {
    if text.starts_with("0x") || text.starts_with("0o") {
        let digits = text.get(2..).unwrap_or_default();
        return !digits.starts_with('+') && prefixed(text).is_some();
    }
    let (_, unsigned) = split_sign(text);
    is_digits(unsigned)
}

fn is_float(text: &str) -> bool {
    if special(text).is_some() {
        return true;
    }
    let (_, unsigned) = split_sign(text);
    let (mantissa, exponent) = split_exponent(unsigned);
    if let Some(exponent) = exponent {
        let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        if !is_digits(digits) {
            return false;
        }
    }
    match mantissa.split_once('.') {
        None => is_digits(mantissa),
        Some(("", fraction)) => is_digits(fraction),
        Some((whole, fraction)) => is_digits(whole) && (fraction.is_empty() || is_digits(fraction)),
    }
}

/// An integer with leading zeros: ten in YAML 1.2, eight in YAML 1.1.
pub(crate) fn looks_octal(text: &str) -> bool {
    let (_, digits) = split_sign(text);
    digits.len() > 1 && digits.starts_with('0') && is_digits(digits)
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn split_sign(text: &str) -> (bool, &str) {
    text.strip_prefix('-').map_or_else(|| (false, text.strip_prefix('+').unwrap_or(text)), |rest| (true, rest))
}

fn split_exponent(text: &str) -> (&str, Option<&str>) {
    text.split_once(['e', 'E']).map_or((text, None), |(mantissa, exponent)| (mantissa, Some(exponent)))
}

fn parse_exponent(text: &str) -> i64 {
    let (negative, digits) = split_sign(text);
    let size = digits.parse().unwrap_or(MAX_EXPONENT).min(MAX_EXPONENT);
    if negative { -size } else { size }
}

fn length(text: &str) -> i64 {
    i64::try_from(text.len()).unwrap_or(MAX_EXPONENT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_compare_by_kind_and_value() {
        let same = |a: &str, b: &str| Number::parse(a).unwrap().same_as(&Number::parse(b).unwrap());
        assert!(same("0x10", "16"));
        assert!(same("1e3", "1000.0"));
        assert!(same(".0001", "1e-4"));
        assert!(same("-0", "0"));
        assert!(same("+.inf", ".INF"));
        assert!(!same("1", "1.0"));
        assert!(!same("9007199254740993", "9007199254740992"));
        assert!(!same(".inf", "-.inf"));
    }

    #[test]
    fn json_writes_every_finite_number_in_its_own_grammar() {
        let json = |text: &str| Number::parse(text).unwrap().json_text();
        assert_eq!(json("+.5").as_deref(), Some("0.5"));
        assert_eq!(json("5.").as_deref(), Some("5.0"));
        assert_eq!(json("0o17").as_deref(), Some("15"));
        assert_eq!(json("1.E+5").as_deref(), Some("1.0e+5"));
        assert_eq!(json("9007199254740993").as_deref(), Some("9007199254740993"));
        assert_eq!(json(".nan"), None);
    }

    #[test]
    fn what_only_looks_like_a_number_is_none() {
        for text in
            ["", "+", ".", "e5", "1e", "0x", "0x+1", "1_000", "12:30", "2024-01-01", "0xg", "..5", "-", "010", "-00"]
        {
            assert!(Number::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn integers_beyond_128_bits_saturate() {
        assert_eq!(Number::parse(&"9".repeat(60)).unwrap().as_integer(), Some(i128::MAX));
        assert_eq!(Number::parse(&format!("-{}", "9".repeat(60))).unwrap().as_integer(), Some(i128::MIN));
    }
}
