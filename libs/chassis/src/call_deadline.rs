//! When a call will be given up, for code that does something beside answering.

use std::time::Duration;

use http::Extensions;
use tokio::time::Instant;

/// When the server gives up the call that carries this in its extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CallDeadline(Instant);

impl CallDeadline {
    /// So long from now.
    pub fn after(limit: Duration) -> Self {
        let now = Instant::now();
        // a limit beyond what the clock can tell is none that anybody waits for
        Self(now.checked_add(limit).unwrap_or(now + Duration::from_hours(24 * 365)))
    }

    /// The deadline of a call; none outside a server.
    pub fn of(extensions: &Extensions) -> Option<Self> {
        extensions.get().copied()
    }

    /// How long there still is.
    pub fn left(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }
}
