//! Bytes as a base-62 number of fixed width: letters and digits only, so that a token is one word to select and to scan.

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const BASE: u32 = 62;

/// How many digits any `bytes` bytes need.
pub(crate) const fn width(bytes: usize) -> usize {
    // log(256) / log(62) = 1.343_601…, rounded up in the sixth place; exact for every width up to 10,000 bytes.
    (bytes * 1_343_602).div_ceil(1_000_000)
}

/// Writes `bytes`, a big-endian number, with the fixed width of its length.
pub(crate) fn encode(bytes: &[u8]) -> String {
    let mut digits = vec![0u8; width(bytes.len())];
    for byte in bytes {
        let mut carry = u32::from(*byte);
        for digit in digits.iter_mut().rev() {
            carry += u32::from(*digit) << 8;
            *digit = low_byte(carry % BASE);
            carry /= BASE;
        }
    }
    digits.iter().filter_map(|digit| ALPHABET.get(usize::from(*digit)).copied().map(char::from)).collect()
}

/// Reads `N` bytes from exactly the text that [`encode`] writes for them; anything else is none.
pub(crate) fn decode<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != width(N) {
        return None;
    }
    let mut bytes = [0u8; N];
    for letter in text.bytes() {
        let mut carry = digit_of(letter)?;
        for byte in bytes.iter_mut().rev() {
            carry += u32::from(*byte) * BASE;
            *byte = low_byte(carry & 0xff);
            carry >>= 8;
        }
        if carry != 0 {
            return None;
        }
    }
    Some(bytes)
}

fn low_byte(value: u32) -> u8 {
    u8::try_from(value).unwrap_or(u8::MAX)
}

fn digit_of(letter: u8) -> Option<u32> {
    match letter {
        b'0'..=b'9' => Some(u32::from(letter - b'0')),
        b'A'..=b'Z' => Some(u32::from(letter - b'A') + 10),
        b'a'..=b'z' => Some(u32::from(letter - b'a') + 36),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn widths_hold_the_largest_number_and_no_digit_more() {
        assert_eq!([width(4), width(24), width(44), width(48)], [6, 33, 60, 65]);
        assert_eq!(decode::<4>(&encode(&[0xff; 4])), Some([0xff; 4]));
        assert_eq!(decode::<48>(&encode(&[0xff; 48])), Some([0xff; 48]));
    }

    #[test]
    fn a_number_past_the_largest_is_refused() {
        assert_eq!(encode(&[0xff; 4]), "4gfFC3");
        assert_eq!(decode::<4>("4gfFC4"), None);
        assert_eq!(decode::<4>("zzzzzz"), None);
    }

    proptest! {
        #[test]
        fn bytes_round_trip(bytes: [u8; 24]) {
            prop_assert_eq!(decode::<24>(&encode(&bytes)), Some(bytes));
        }

        #[test]
        fn only_the_canonical_text_is_read(text in "[0-9A-Za-z]{33}") {
            if let Some(bytes) = decode::<24>(&text) {
                prop_assert_eq!(encode(&bytes), text);
            }
        }
    }
}
