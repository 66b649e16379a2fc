//! One look that somebody asked for, at a state that shows why.

use std::sync::Arc;
use std::time::Duration;

use reeve_chassis::{Failure, PreconditionReason, UnavailableReason};
use reeve_model::ConsistencyToken;
use reeve_replica::{Replica, Snapshot};
use reeve_world::Parent;

use crate::Reconcile;

/// How long a look waits for the state that shows why.
pub(crate) const LOOK_WAIT: Duration = Duration::from_secs(2);
/// How old a state may be that is acted on.
pub(crate) const MAX_AGE: Duration = Duration::from_secs(30);

/// Looks at what hangs on `parent`, by a state at least as new as `after`. The proof of what was written; where nothing was,
/// of the state that was looked at.
///
/// # Errors
/// `FOREIGN_TOKEN`; [`Failure::Unavailable`]; what reconciling fails with.
pub(crate) async fn look(
    reconcile: &dyn Reconcile,
    replica: &Replica,
    parent: Parent,
    after: ConsistencyToken,
) -> Result<ConsistencyToken, Failure> {
    if snapshot(replica).is_some_and(|snapshot| snapshot.token().store != after.store) {
        let why = "the consistency token is of another store, or of before this one was restored";
        return Err(Failure::precondition(PreconditionReason::ForeignToken, "after", why));
    }
    replica.reach_written(after.revision, LOOK_WAIT).await.map_err(|_| not_synced())?;
    let snapshot = snapshot(replica).ok_or_else(not_synced)?;
    let done = reconcile.reconcile(&snapshot, Some(parent)).await?;
    let seen = snapshot.token();
    Ok(ConsistencyToken { store: seen.store, revision: done.written.unwrap_or_default().max(seen.revision) })
}

/// The newest state, if it is known to be the store's.
pub(crate) fn snapshot(replica: &Replica) -> Option<Arc<Snapshot>> {
    replica.view(MAX_AGE).ok()?;
    replica.latest()
}

pub(crate) fn not_synced() -> Failure {
    Failure::Unavailable {
        reason: UnavailableReason::NotSynced,
        message: "this replica has not reached the state asked for: try again".to_owned(),
        retry_after: None,
    }
}
