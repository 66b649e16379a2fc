//! Ending one's own session.

use reeve_chassis::{Failure, Granted};
use reeve_model::{ConsistencyToken, PrincipalId};
use reeve_owner::{Attempt, PublishedTxn};
use reeve_store::Txn;

use crate::service::Shared;
use crate::{keys, sessions};

/// Ends the caller's session. It says so only once that is durable.
///
/// # Errors
/// [`Failure::Invalid`] for a token that belongs to no session; [`Failure::Unavailable`].
pub(crate) async fn logout(granted: &Granted, shared: &Shared) -> Result<ConsistencyToken, Failure> {
    let caller = granted.caller();
    let (PrincipalId::User(user), Some(sid)) = (caller.principal, caller.session) else {
        return Err(Failure::invalid(
            "authorization",
            "this token belongs to no session: a robot's ends with the robot, and the root token is rotated",
        ));
    };
    let attempt = async || {
        let (key, now) = (keys::session(sid), shared.clock.now());
        let txn = match shared.writer.get(&key).await? {
            Some(read) => sessions::end(Txn::new(), &read, user, sid, now),
            // Its record is gone while its access token still lives: that it has ended is said all the same.
            None => Txn::new().expect(&key, None).publish(&sessions::ended(sid, now)),
        };
        Ok(Attempt { txn, answer: () })
    };
    let ((), proof) = shared.writer.transact(attempt).await?;
    Ok(proof)
}
