//! The token that a call came with.

use std::sync::Arc;

/// A bearer token, kept for as long as the call, so that its holder can be authenticated again. It is never shown.
#[derive(Clone)]
pub(crate) struct Bearer(Arc<str>);

impl Bearer {
    pub(crate) fn new(token: &str) -> Self {
        Self(token.into())
    }

    /// The token itself.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}
