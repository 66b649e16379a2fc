//! Letting a user in, and keeping them out.

use reeve_answers::Moment;
use reeve_chassis::{Failure, Granted};
use reeve_model::{ConsistencyToken, PrincipalId};
use reeve_owner::{AdminChange, Attempt, PublishedTxn};
use reeve_store::Txn;
use reeve_world::{Record, User};

use crate::accounts;
use crate::app::who_am_i::group_names;
use crate::escalation::outranks;
use crate::service::Shared;

/// A user with their groups' names.
pub(crate) struct Shown {
    pub(crate) user: User,
    pub(crate) groups: Vec<String>,
}

impl Shown {
    /// A user as a write left them, whether or not this replica shows it yet.
    pub(crate) fn after(shared: &Shared, user: User, membership: Option<Record>) -> Self {
        let groups = shared.writer.replica().latest().map(|snapshot| {
            let written = [Record::User(user.clone())].into_iter().chain(membership);
            let world = snapshot.world().clone().next(snapshot.revision(), written, []);
            group_names(&world, &PrincipalId::User(user.uid))
        });
        Self { user, groups: groups.unwrap_or_default() }
    }
}

/// Ends every session and token of a user, at once and for good, and keeps them out. One who is out already stays as they are.
///
/// # Errors
/// [`Failure::NotFound`]; [`Failure::Escalation`]; `LAST_ADMIN`; [`Failure::Unavailable`].
pub(crate) async fn deactivate(
    granted: &Granted,
    moment: &Moment,
    shared: &Shared,
    username: &str,
) -> Result<(Shown, ConsistencyToken), Failure> {
    let attempt = async || {
        let found = accounts::user_named(&shared.writer, username).await?;
        let found = found.ok_or_else(|| Failure::not_found(format!("user:{username}")))?;
        may_touch(granted, moment, shared, &found.value).await?;
        if !found.value.active {
            return Ok(Attempt { txn: Txn::new(), answer: found.value });
        }
        let epoch = found.value.epoch.next();
        let user = User { active: false, epoch, update_time: shared.clock.now(), ..found.value };
        let record = Record::User(user.clone());
        let txn = Txn::new().publish_over(&found.read, &record);
        let change = AdminChange { upserts: vec![record], deletes: Vec::new() };
        let still_allowed = async { shared.reader.again(moment, granted).await.map(drop) };
        let txn = shared.writer.keep_an_admin(txn, change, granted, still_allowed).await?;
        Ok(Attempt { txn, answer: user })
    };
    let (user, proof) = shared.writer.transact(attempt).await?;
    Ok((Shown::after(shared, user, None), proof))
}

/// Lets a user sign in again. What ended with their deactivation stays ended.
///
/// # Errors
/// [`Failure::NotFound`]; [`Failure::Escalation`]; [`Failure::Unavailable`].
pub(crate) async fn activate(
    granted: &Granted,
    moment: &Moment,
    shared: &Shared,
    username: &str,
) -> Result<(Shown, ConsistencyToken), Failure> {
    let attempt = async || {
        let found = accounts::user_named(&shared.writer, username).await?;
        let found = found.ok_or_else(|| Failure::not_found(format!("user:{username}")))?;
        may_touch(granted, moment, shared, &found.value).await?;
        if found.value.active {
            return Ok(Attempt { txn: Txn::new(), answer: found.value });
        }
        let user = User { active: true, update_time: shared.clock.now(), ..found.value };
        let txn = Txn::new().publish_over(&found.read, &Record::User(user.clone()));
        Ok(Attempt { txn, answer: user })
    };
    let (user, proof) = shared.writer.transact(attempt).await?;
    Ok((Shown::after(shared, user, None), proof))
}

/// Whether the caller holds at the cluster all that the user does, or would if they were active.
///
/// # Errors
/// [`Failure::Escalation`]; [`Failure::Denied`]; [`Failure::Unauthenticated`]; [`Failure::Unavailable`].
pub(crate) async fn may_touch(granted: &Granted, moment: &Moment, shared: &Shared, user: &User) -> Result<(), Failure> {
    let moment = shared.reader.again(moment, granted).await?;
    let active = Record::User(User { active: true, ..user.clone() });
    let world = moment.world().clone().next(moment.revision(), [active], []);
    let target = PrincipalId::User(user.uid);
    outranks(&world, &granted.caller().principal, &target, moment.now())
}
