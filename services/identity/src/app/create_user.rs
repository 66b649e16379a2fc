//! Creating a user.

use reeve_answers::Moment;
use reeve_chassis::{Failure, Granted};
use reeve_credentials::SecretString;
use reeve_model::{ConsistencyToken, DisplayName, Username};
use reeve_owner::{Attempt, PublishedTxn};
use reeve_rbac::BuiltinRole;
use reeve_store::Txn;
use reeve_world::User;

use crate::app::set_active::Shown;
use crate::bootstrap::{administrator, new_user, with_user};
use crate::escalation::Conveyance;
use crate::keys;
use crate::service::Shared;

/// Who is created.
pub(crate) struct NewUser {
    pub(crate) username: Username,
    pub(crate) display_name: Option<DisplayName>,
    /// It has been held against the rules.
    pub(crate) password: SecretString,
    pub(crate) rank: Rank,
}

/// What they begin as.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rank {
    /// A user like any other.
    Plain,
    /// A member of `admins`.
    Administrator,
}

/// Creates a user, whose names nobody else has.
///
/// # Errors
/// [`Failure::Escalation`]; [`Failure::AlreadyExists`]; `TOO_BUSY`; [`Failure::Unavailable`].
pub(crate) async fn create_user(
    granted: &Granted,
    moment: &Moment,
    shared: &Shared,
    new: NewUser,
) -> Result<(Shown, ConsistencyToken), Failure> {
    let NewUser { username, display_name, password, rank } = new;
    let may_convey = |moment: &Moment| match rank {
        Rank::Plain => Ok(()),
        Rank::Administrator => {
            let (world, caller) = (moment.world(), &granted.caller().principal);
            Conveyance { world, caller, now: moment.now(), until: None }.of_role(BuiltinRole::ClusterAdmin)
        }
    };
    may_convey(moment)?;
    // A name that is taken is said before a hash is spent on it; the guards below decide.
    let taken = async |user: &User| names_are_free(shared, user).await;
    let user = User { display_name, ..new_user(username, shared.clock.now(), shared.entropy()) };
    taken(&user).await?;
    let phc = SecretString::from(shared.hashing.hash(password, shared.entropy().bytes()).await?);
    let membership = (rank == Rank::Administrator).then(|| administrator(user.uid));
    let attempt = async || {
        // the hash took its time
        may_convey(&shared.reader.again(moment, granted).await?)?;
        taken(&user).await?;
        let mut txn =
            with_user(Txn::new(), &user, &phc, &shared.sealer, shared.entropy()).map_err(Failure::internal)?;
        if let Some(membership) = &membership {
            txn = txn.publish_new(membership);
        }
        Ok(Attempt { txn, answer: () })
    };
    let ((), proof) = shared.writer.transact(attempt).await?;
    Ok((Shown::after(shared, user, membership), proof))
}

async fn names_are_free(shared: &Shared, user: &User) -> Result<(), Failure> {
    if shared.writer.get(&keys::name(&user.username.fold())).await?.is_some() {
        return Err(Failure::already_exists(format!("user:{}", user.username)));
    }
    if let Some(display_name) = &user.display_name
        && shared.writer.get(&keys::name(&display_name.fold())).await?.is_some()
    {
        return Err(Failure::already_exists(format!("the display name `{display_name}`")));
    }
    Ok(())
}
