//! Creating a group.

use reeve_chassis::{Failure, Granted};
use reeve_model::{ConsistencyToken, GroupId, GroupName};
use reeve_owner::Attempt;
use reeve_store::Txn;
use reeve_world::Group;

use crate::groups::{built_in_named, with_group};
use crate::keys;
use crate::service::Shared;

/// Creates a group, without members and without permissions.
///
/// # Errors
/// [`Failure::AlreadyExists`]; [`Failure::Unavailable`].
pub(crate) async fn create_group(
    _: &Granted,
    shared: &Shared,
    name: GroupName,
    description: String,
) -> Result<(Group, ConsistencyToken), Failure> {
    let now = shared.clock.now();
    let group = Group { description, ..Group::new(GroupId::new(now, shared.entropy()), name, now) };
    let attempt = async || {
        let fold = group.name.fold();
        if built_in_named(&fold).is_some() || shared.writer.get(&keys::group_name(&fold)).await?.is_some() {
            return Err(Failure::already_exists(format!("group:{}", group.name)));
        }
        Ok(Attempt { txn: with_group(Txn::new(), &group), answer: () })
    };
    let ((), proof) = shared.writer.transact(attempt).await?;
    Ok((group, proof))
}
