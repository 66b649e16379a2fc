//! Removing a robot.

use reeve_chassis::{Failure, Granted};
use reeve_model::{ConsistencyToken, RobotId};
use reeve_owner::Attempt;
use reeve_store::{Key, MAX_OPERATIONS, Txn};
use reeve_world::PREFIX;

use crate::service::Shared;
use crate::{accounts, keys};

/// Tokens that one transaction removes: each has two keys.
const TOKENS_AT_ONCE: usize = MAX_OPERATIONS / 2;

/// Removes a robot. With its record, every token and binding of it is void; the tokens' records go after.
///
/// # Errors
/// [`Failure::NotFound`]; [`Failure::Unavailable`].
pub(crate) async fn delete_robot(_: &Granted, shared: &Shared, name: &str) -> Result<ConsistencyToken, Failure> {
    let attempt = async || {
        let found = accounts::robot_named(&shared.writer, name).await?;
        let found = found.ok_or_else(|| Failure::not_found(format!("robot:{name}")))?;
        let txn = Txn::new().remove(&found.read).delete(keys::robot_name(&found.value.name.fold()));
        Ok(Attempt { txn, answer: found.value.uid })
    };
    let (uid, proof) = shared.writer.transact(attempt).await?;
    if let Err(failure) = remove_tokens(shared, uid).await {
        tracing::warn!(robot = %uid, ?failure, "the void tokens of a robot that was deleted are left to the sweep");
    }
    Ok(proof)
}

async fn remove_tokens(shared: &Shared, robot: RobotId) -> Result<(), Failure> {
    let prefix = keys::robot_tokens(robot);
    loop {
        let page = shared.writer.list(&prefix, None, TOKENS_AT_ONCE).await?;
        if page.items.is_empty() {
            return Ok(());
        }
        let mut txn = Txn::new();
        for item in &page.items {
            let hash = item.key.as_str().strip_prefix(&prefix).unwrap_or_default();
            txn = txn.remove(item).delete(Key::new(format!("{PREFIX}token/{hash}")));
        }
        shared.writer.store().commit(txn).await.map_err(Failure::internal)?;
    }
}
