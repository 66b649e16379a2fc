//! Removing a robot.

use reeve_chassis::{CallDeadline, Failure, Granted};
use reeve_model::ConsistencyToken;
use reeve_owner::{Attempt, Parent};
use reeve_store::Txn;

use crate::service::Shared;
use crate::{accounts, keys};

/// Removes a robot. With its record, every token, membership and binding of it is void; they are swept.
///
/// # Errors
/// [`Failure::NotFound`]; [`Failure::Unavailable`].
pub(crate) async fn delete_robot(
    _: &Granted,
    shared: &Shared,
    name: &str,
    deadline: Option<CallDeadline>,
) -> Result<ConsistencyToken, Failure> {
    let attempt = async || {
        let found = accounts::robot_named(&shared.writer, name).await?;
        let found = found.ok_or_else(|| Failure::not_found(format!("robot:{name}")))?;
        let txn = Txn::new().remove(&found.read).delete(keys::robot_name(&found.value.name.fold()));
        Ok(Attempt { txn, answer: found.value.uid })
    };
    let (uid, proof) = shared.writer.transact(attempt).await?;
    Ok(shared.settle(Parent::Robot(uid), proof, deadline).await)
}
