//! Waiting for what may come: in steps, and said in the log when the reason changes, and again now and then.

use std::time::Duration;

use reeve_chassis::{Readiness, Serving};
use reeve_model::Entropy;
use tokio::time::Instant;

/// The first pause; doubled with each.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// How often the same reason is said again.
const SAY_AGAIN: Duration = Duration::from_secs(30);

/// Waits, and says what for.
pub(super) struct Patience<'a> {
    readiness: &'a Readiness,
    entropy: &'a dyn Entropy,
    pause: Duration,
    said: Option<(String, Instant)>,
}

impl<'a> Patience<'a> {
    pub(super) fn new(readiness: &'a Readiness, entropy: &'a dyn Entropy) -> Self {
        Self { readiness, entropy, pause: FIRST_PAUSE, said: None }
    }

    /// Waits a while for what `reason` says is not there yet.
    pub(super) async fn wait(&mut self, reason: String) {
        let is_news = self.said.as_ref().is_none_or(|(said, at)| *said != reason || at.elapsed() >= SAY_AGAIN);
        if is_news {
            tracing::warn!("waiting: {reason}");
            self.readiness.set(Serving::No(reason.clone()));
            self.said = Some((reason, Instant::now()));
        }
        let [random] = self.entropy.bytes::<1>();
        // a quarter of it at most, so that replicas do not ask together
        let jitter = self.pause / 4 * u32::from(random) / 255;
        tokio::time::sleep(self.pause.saturating_sub(jitter)).await;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
    }
}
