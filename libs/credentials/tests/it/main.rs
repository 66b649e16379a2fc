//! The promises of the credentials, attacked.
#![expect(clippy::unwrap_used, reason = "tests")]

mod cluster;
mod jwt;
mod keys;
mod opaque;
mod password;
mod refresh;

use reeve_model::{SeededEntropy, Timestamp};

/// Randomness that repeats.
fn entropy() -> SeededEntropy {
    SeededEntropy::new(0x7265_6576_6501)
}

/// 2026-11-21T00:00:00Z.
const NOW: Timestamp = Timestamp::from_millis(1_795_219_200_000);

/// `NOW`, moved by so many milliseconds.
fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(NOW.as_millis() + millis)
}
