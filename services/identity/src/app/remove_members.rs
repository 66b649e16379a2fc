//! Removing members from a group.

use futures_util::future::try_join_all;
use reeve_answers::Moment;
use reeve_chassis::{Failure, Granted};
use reeve_model::{ConsistencyToken, PrincipalName};
use reeve_owner::{AdminChange, Attempt};
use reeve_store::{Key, Txn};
use reeve_world::RecordKey;

use crate::groups::{managed, resolved};
use crate::service::Shared;

/// Removes members from a group, unless they are the last administrators.
///
/// # Errors
/// [`Failure::Denied`]; [`Failure::NotFound`]; `BUILT_IN`; `LAST_ADMIN`; [`Failure::Unavailable`].
pub(crate) async fn remove_members(
    granted: &Granted,
    moment: &Moment,
    shared: &Shared,
    name: &str,
    members: &[PrincipalName],
) -> Result<ConsistencyToken, Failure> {
    let attempt = async || {
        let moment = shared.reader.again(moment, granted).await?;
        let group = managed(&moment, name)?;
        let uids = resolved(moment.world(), members)?;
        let records: Vec<_> = uids.into_iter().map(|member| RecordKey::Membership(group.uid, member)).collect();
        let stored =
            try_join_all(records.iter().map(async |record| shared.writer.get(&Key::new(record.to_string())).await));
        let mut txn = Txn::new();
        for (stored, member) in stored.await?.iter().zip(members) {
            let not_in = || Failure::not_found(format!("{member} in group:{}", group.name));
            txn = txn.remove(stored.as_ref().ok_or_else(not_in)?);
        }
        let change = AdminChange { upserts: Vec::new(), deletes: records };
        // of two who remove each other, the second may no longer
        let still_allowed = async { managed(&shared.reader.again(&moment, granted).await?, name).map(drop) };
        let txn = shared.writer.keep_an_admin(txn, change, granted, still_allowed).await?;
        Ok(Attempt { txn, answer: () })
    };
    let ((), proof) = shared.writer.transact(attempt).await?;
    Ok(proof)
}
