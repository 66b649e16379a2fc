//! Text that must not be shown by accident.

use serde::{Deserialize, Serialize};

/// A password or a token. It has no `Debug` and no `Display`, so that it reaches no message and no log; it is written
/// to the credentials file alone.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Keeps `text`.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the wire and for `reeve token`.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }

    /// Whether there is no text.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
