//! Waiting for a condition, within a deadline.

use std::time::Duration;

use tokio::time::{Instant, interval, timeout_at};

/// How often a condition that nothing announces is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// Looks until there is something to see, and says how long that took.
///
/// # Panics
/// There is nothing within `limit`.
pub(crate) async fn within<T>(limit: Duration, what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> (T, Duration) {
    let began = Instant::now();
    let mut looks = interval(LOOK_EVERY);
    let found = timeout_at(began + limit, async {
        loop {
            looks.tick().await;
            if let Some(found) = look().await {
                return found;
            }
        }
    });
    let found = found.await.unwrap_or_else(|_| panic!("{what}: not within {limit:?}"));
    (found, began.elapsed())
}

/// Lets so much time go by: for what goes on meanwhile, never for what is waited for.
pub(crate) async fn pass(time: Duration) {
    let passed = tokio::time::timeout(time, std::future::pending::<()>()).await;
    assert!(passed.is_err());
}
