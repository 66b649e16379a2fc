//! Notices that the store is no longer the one that is served, and that the clocks of those who share it differ.

use std::time::Duration;

use reeve_chassis::{Readiness, Serving};
use reeve_store::{Etcd, Store as _, StoreError};
use tokio_util::sync::CancellationToken;

/// How often the store is asked whether it is still itself.
const INTERVAL: Duration = Duration::from_secs(2);

/// Watches until `over`; or until `store` was wiped, put back under a new epoch or is another one: then it says so, ends the
/// service by `over`, and answers why.
///
/// A store that does not answer is waited for: that is what staleness bounds.
pub(super) async fn guard(store: &Etcd, readiness: &Readiness, over: &CancellationToken) -> Option<String> {
    let mut turns = tokio::time::interval(INTERVAL);
    let mut clock = Clock::default();
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
            Ok(Some(_)) | Err(_) => {
                clock.look(store.clock_behind());
                continue;
            }
        };
        tracing::error!("{why}");
        readiness.set(Serving::No(why.clone()));
        over.cancel();
        return Some(why);
    }
}

/// What was said of this process's clock.
#[derive(Default)]
struct Clock {
    is_behind: bool,
}

impl Clock {
    /// Says when it is found to be behind another's, and when that is over.
    fn look(&mut self, behind: Option<Duration>) {
        match behind {
            Some(behind) if !self.is_behind => tracing::error!(
                "this host's clock is {} s behind that of another service, or the other's is ahead: tokens that one makes are \
                 refused by the other; let both follow the same time (NTP)",
                behind.as_secs()
            ),
            None if self.is_behind => tracing::info!("the clocks of the services agree again"),
            Some(_) | None => {}
        }
        self.is_behind = behind.is_some();
    }
}
