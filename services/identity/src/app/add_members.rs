//! Adding members to a group.

use futures_util::future::try_join_all;
use reeve_answers::Moment;
use reeve_chassis::{Failure, Granted};
use reeve_model::{ConsistencyToken, PrincipalId, PrincipalName};
use reeve_owner::{Attempt, PublishedTxn};
use reeve_store::{Key, MAX_GUARDS, Txn};
use reeve_world::{Membership, Record, RecordKey};

use crate::accounts;
use crate::escalation::Conveyance;
use crate::groups::{managed, resolved};
use crate::service::Shared;

/// Adds members to a group that holds nothing that the caller lacks.
///
/// # Errors
/// [`Failure::Denied`]; [`Failure::Escalation`]; [`Failure::NotFound`]; `BUILT_IN`; [`Failure::AlreadyExists`];
/// [`Failure::Unavailable`].
pub(crate) async fn add_members(
    granted: &Granted,
    moment: &Moment,
    shared: &Shared,
    group: &str,
    members: &[PrincipalName],
) -> Result<ConsistencyToken, Failure> {
    let attempt = async || {
        let moment = shared.reader.again(moment, granted).await?;
        let (world, caller) = (moment.world(), &moment.caller().principal);
        let group = managed(&moment, group)?;
        Conveyance { world, caller, now: moment.now(), until: None }.of_group(group.uid)?;
        let found = accounts::group(&shared.writer, group.uid).await?;
        let found = found.ok_or_else(|| Failure::not_found(format!("group:{}", group.name)))?;
        let mut txn = Txn::new().expect(&found.read.key, Some(&found.read));
        let uids = resolved(world, members)?;
        let memberships: Vec<_> =
            uids.iter().map(|member| Record::Membership(Membership { group: group.uid, member: *member })).collect();
        let stored = try_join_all(
            memberships.iter().map(async |record| shared.writer.get(&Key::new(record.key().to_string())).await),
        );
        for ((record, name), stored) in memberships.iter().zip(members).zip(stored.await?) {
            if stored.is_some() {
                return Err(Failure::already_exists(format!("{name} in group:{}", group.name)));
            }
            txn = txn.publish_new(record);
        }
        // A membership that outlives its member grants nothing and is swept: of a hundred members that are more than a
        // transaction can guard beside, the guards that fit are enough.
        let room = MAX_GUARDS.saturating_sub(txn.guards.len());
        let parents = try_join_all(uids.iter().zip(members).take(room).map(async |(member, name)| {
            let found = shared.writer.get(&Key::new(own_record(*member)?.to_string())).await?;
            found.ok_or_else(|| Failure::not_found(name))
        }));
        let txn = parents.await?.iter().fold(txn, |txn, read| txn.expect(&read.key, Some(read)));
        Ok(Attempt { txn, answer: () })
    };
    let ((), proof) = shared.writer.transact(attempt).await?;
    Ok(proof)
}

/// The record of somebody who can be in a group.
fn own_record(member: PrincipalId) -> Result<RecordKey, Failure> {
    match member {
        PrincipalId::User(uid) => Ok(RecordKey::User(uid)),
        PrincipalId::Robot(uid) => Ok(RecordKey::Robot(uid)),
        PrincipalId::Root => Err(Failure::internal("root was to be put into a group")),
    }
}
