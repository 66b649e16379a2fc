//! Removing a user.

use reeve_answers::Moment;
use reeve_chassis::{CallDeadline, Failure, Granted};
use reeve_model::{ConsistencyToken, DisplayName};
use reeve_owner::{AdminChange, Attempt, Parent};
use reeve_replica::etag;
use reeve_store::Txn;
use reeve_world::{Record, RecordKey};

use crate::app::set_active::may_touch;
use crate::service::Shared;
use crate::{accounts, keys};

/// Removes a user; with an etag, only if it is the one that the caller has seen. With their record, password and names, all
/// that is theirs counts for nothing: sessions, tokens, memberships, bindings, links. Those are swept.
///
/// # Errors
/// [`Failure::NotFound`]; [`Failure::Escalation`]; [`Failure::EtagMismatch`]; `LAST_ADMIN`; [`Failure::Unavailable`].
pub(crate) async fn delete_user(
    granted: &Granted,
    moment: &Moment,
    shared: &Shared,
    username: &str,
    seen: Option<&str>,
    deadline: Option<CallDeadline>,
) -> Result<ConsistencyToken, Failure> {
    let attempt = async || {
        let found = accounts::user_named(&shared.writer, username).await?;
        let found = found.ok_or_else(|| Failure::not_found(format!("user:{username}")))?;
        let user = &found.value;
        may_touch(granted, moment, shared, user).await?;
        if seen.is_some_and(|seen| seen != etag(&Record::User(user.clone()))) {
            return Err(Failure::EtagMismatch { resource: format!("user:{}", user.username) });
        }
        // the names and the password are the user's alone: what guards the record guards them
        let own_name = user.username.fold();
        let mut txn = Txn::new().remove(&found.read).delete(keys::credential(user.uid)).delete(keys::name(&own_name));
        let display_name = user.display_name.as_ref().map(DisplayName::fold);
        if let Some(fold) = display_name.filter(|fold| *fold != own_name) {
            txn = txn.delete(keys::name(&fold));
        }
        let change = AdminChange { upserts: Vec::new(), deletes: vec![RecordKey::User(user.uid)] };
        let still_allowed = async { shared.reader.again(moment, granted).await.map(drop) };
        let txn = shared.writer.keep_an_admin(txn, change, granted, still_allowed).await?;
        Ok(Attempt { txn, answer: user.uid })
    };
    let (uid, proof) = shared.writer.transact(attempt).await?;
    Ok(shared.settle(Parent::User(uid), proof, deadline).await)
}
