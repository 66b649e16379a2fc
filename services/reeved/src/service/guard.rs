//! Notices that the store is no longer the one that is served.

use std::time::Duration;

use reeve_chassis::{Readiness, Serving};
use reeve_store::{Store, StoreError};
use tokio_util::sync::CancellationToken;

/// How often the store is asked whether it is still itself.
const INTERVAL: Duration = Duration::from_secs(2);

/// Watches until `over`; or until `store` was wiped, put back under a new epoch or is another one: then it says so, ends the
/// service by `over`, and answers why.
///
/// A store that does not answer is waited for: that is what staleness bounds.
pub(super) async fn guard(store: &dyn Store, readiness: &Readiness, over: &CancellationToken) -> Option<String> {
    let mut turns = tokio::time::interval(INTERVAL);
    turns.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let canary = reeve_identity::canary_key();
    loop {
        tokio::select! {
            () = over.cancelled() => return None,
            _ = turns.tick() => {}
        }
        let asked = tokio::select! {
            () = over.cancelled() => return None,
            asked = store.get(&canary) => asked,
        };
        let why = match asked {
            Err(StoreError::Replaced(why)) => format!("the store was replaced: {why}"),
            Ok(None) => "the cluster was removed from the store".to_owned(),
            Ok(Some(_)) | Err(_) => continue,
        };
        tracing::error!("{why}");
        readiness.set(Serving::No(why.clone()));
        over.cancel();
        return Some(why);
    }
}
