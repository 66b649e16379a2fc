//! The private keys of this service: what keeps its writes apart.

use reeve_store::Key;

/// Put by every write of a link, so that a link is checked against every other.
pub(crate) fn links() -> Key {
    Key::new("private/agentmap/links")
}
