//! The name of one call, by which its client and the log speak of the same thing.

use std::fmt;
use std::sync::Arc;

use http::HeaderMap;
use reeve_model::{Clock, Entropy, new_uuid};

/// The header that carries it, both ways.
pub const REQUEST_ID_HEADER: &str = "x-request-id";
/// Most bytes of a request id that a client chose.
pub const MAX_REQUEST_ID_BYTES: usize = 64;

tokio::task_local! {
    pub(crate) static CURRENT: RequestId;
}

/// The id of one call: the client's, where it is 1 to 64 letters, digits and `._-`; otherwise a new UUIDv7. It stands
/// in the request's extensions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(Arc<str>);

impl RequestId {
    /// The id that the client sent, or a new one.
    pub fn of(headers: &HeaderMap, clock: &dyn Clock, entropy: &dyn Entropy) -> Self {
        let given = headers.get(REQUEST_ID_HEADER).and_then(|value| value.to_str().ok()).filter(|text| is_id(text));
        match given {
            Some(text) => Self(text.into()),
            None => Self(new_uuid(clock.now(), entropy).to_string().into()),
        }
    }

    /// The id of the call that the current task answers.
    pub fn current() -> Option<Self> {
        CURRENT.try_with(Clone::clone).ok()
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

fn is_id(text: &str) -> bool {
    (1..=MAX_REQUEST_ID_BYTES).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}
