//! The one place that waits: for a condition, in short steps, up to a deadline.

use std::time::{Duration, Instant};

/// How long until a condition is looked at again.
const STEP: Duration = Duration::from_millis(20);

/// A wait for a condition: `while wait.goes_on().await { look, and leave when it holds }`.
pub(crate) struct Wait {
    began: Instant,
    deadline: Duration,
    looked: bool,
}

impl Wait {
    /// One that gives up after so long.
    pub(crate) fn up_to(deadline: Duration) -> Self {
        Self { began: Instant::now(), deadline, looked: false }
    }

    /// Whether to look once more: at once the first time, a step later after that, and never past the deadline.
    pub(crate) async fn goes_on(&mut self) -> bool {
        if std::mem::replace(&mut self.looked, true) {
            tokio::time::sleep(STEP).await;
        }
        self.began.elapsed() < self.deadline
    }
}
