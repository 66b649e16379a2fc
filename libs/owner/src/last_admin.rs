//! Keeps the cluster an administrator: no write may take the last one, not even two at once.
//!
//! Users and bindings have two owners, so every write that can shrink the set of administrators also puts one shared guard
//! key, guarded at the revision at which it counted. Of two such writes at once, the second counts again.

use reeve_chassis::{Failure, Granted, PreconditionReason, UnavailableReason};
use reeve_model::PrincipalId;
use reeve_store::{Key, Txn};
use reeve_world::{Record, RecordKey};

use crate::writer::{OWN_WRITE_WAIT, Writer};

/// The one key that every write that can shrink the set of administrators puts.
const GUARD: &str = "guard/last-admin";

/// What a write does to the published records, as far as administrators go.
#[derive(Clone, Debug, Default)]
pub struct AdminChange {
    /// Records that are written.
    pub upserts: Vec<Record>,
    /// Records that are removed.
    pub deletes: Vec<RecordKey>,
}

impl Writer {
    /// The transaction with the guard added, once it is known that the change leaves an administrator, and that the caller may
    /// still make it: `still_allowed` is asked after the guard was read. Root may leave none.
    ///
    /// # Errors
    /// `LAST_ADMIN`; what `still_allowed` fails with; [`Failure::Unavailable`].
    pub async fn keep_an_admin(
        &self,
        txn: Txn,
        change: AdminChange,
        granted: &Granted,
        still_allowed: impl Future<Output = Result<(), Failure>>,
    ) -> Result<Txn, Failure> {
        let key = Key::new(GUARD);
        let guard = self.get(&key).await?;
        if let Some(guard) = &guard
            && self.replica().reach_written(guard.mod_revision, OWN_WRITE_WAIT).await.is_err()
        {
            return Err(not_synced());
        }
        // everything that took an administrator away up to the guard's revision is in this snapshot
        let snapshot = self.replica().latest().ok_or_else(not_synced)?;
        still_allowed.await?;
        let before = snapshot.world();
        let after = before.clone().next(snapshot.revision(), change.upserts, change.deletes);
        let may_force = granted.caller().principal == PrincipalId::Root;
        if before.has_lasting_admin() && !after.has_lasting_admin() && !may_force {
            return Err(Failure::precondition(
                PreconditionReason::LastAdmin,
                "cluster",
                "this would leave the cluster without an active administrator: make another one first",
            ));
        }
        Ok(txn.expect(&key, guard.as_ref()).put(key, granted.method().as_bytes().to_vec()))
    }
}

fn not_synced() -> Failure {
    Failure::Unavailable {
        reason: UnavailableReason::NotSynced,
        message: "this replica has not reached the latest administrative change: try again".to_owned(),
        retry_after: None,
    }
}
