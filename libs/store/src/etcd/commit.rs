//! Writes: one transaction of etcd's each, which holds only in the store that was opened.

use etcd_client::{Compare, CompareOp, PutOptions, Txn as EtcdTxn, TxnOp};
use reeve_model::Revision;

use super::core::{Core, header_revision};
use super::pool::Effect;
use crate::limits::op_lease;
use crate::{CommitError, Committed, Guard, LeaseId, Op, StoreError, Txn, check_txn};

impl Core {
    /// Makes a transaction take effect.
    pub(super) async fn commit(&self, txn: Txn) -> Result<Committed, CommitError> {
        check_txn(&txn)?;
        // etcd takes these for other things: no lease at all, and a key that does not exist.
        if txn.ops.iter().any(|op| op_lease(op) == Some(LeaseId(0))) {
            return Err(StoreError::NoSuchLease.into());
        }
        if txn.guards.iter().any(|guard| matches!(guard, Guard::Unchanged(_, Revision::ZERO))) {
            return Err(CommitError::Conflict);
        }
        let mut compares: Vec<Compare> = txn.guards.into_iter().map(|guard| self.compare(guard)).collect();
        compares.push(self.same_store());
        let ops: Vec<TxnOp> = txn.ops.into_iter().map(|op| self.op(op)).collect();
        let request = EtcdTxn::new().when(compares).and_then(ops).or_else([self.ask_record()]);
        let answer = self.pool.txn(Effect::Once, request).await.map_err(StoreError::from)?;
        if answer.succeeded() {
            return Ok(Committed { revision: header_revision(&answer)? });
        }
        if self.is_same_record(answer.clone())? {
            return Err(CommitError::Conflict);
        }
        Err(self.replaced(answer).into())
    }

    fn compare(&self, guard: Guard) -> Compare {
        match guard {
            Guard::Absent(key) => Compare::create_revision(self.space.physical(key.as_str()), CompareOp::Equal, 0),
            Guard::Unchanged(key, revision) => {
                // A revision that etcd cannot have is not the key's.
                let revision = i64::try_from(revision.get()).unwrap_or(i64::MAX);
                Compare::mod_revision(self.space.physical(key.as_str()), CompareOp::Equal, revision)
            }
        }
    }

    fn op(&self, op: Op) -> TxnOp {
        match op {
            Op::Put { key, value, lease } => {
                let options = lease.map(|lease| PutOptions::new().with_lease(lease.0));
                TxnOp::put(self.space.physical(key.as_str()), value, options)
            }
            Op::Delete(key) => TxnOp::delete(self.space.physical(key.as_str()), None),
        }
    }
}
