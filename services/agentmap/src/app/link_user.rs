//! `LinkUser`: who a user's tasks run as, unless it is somebody else already.

use reeve_agent_user::{AgentUser, conflicts};
use reeve_answers::Moment;
use reeve_chassis::{Failure, Granted, PreconditionReason, PreconditionSubject, UnavailableReason};
use reeve_model::{ConsistencyToken, UserId, Username};
use reeve_owner::{Attempt, OWN_WRITE_WAIT, PublishedTxn};
use reeve_store::{Txn, Versioned};
use reeve_world::{Record, RecordKey, UserLink};

use super::{App, user};
use crate::keys;

/// A link that is to be made.
pub(crate) struct NewLink {
    pub(crate) username: Username,
    pub(crate) agent_user: AgentUser,
    /// Whether it may have what another link has.
    pub(crate) allow_shared: bool,
}

impl App {
    /// Links a user with an agent user, in place of the one before.
    pub(crate) async fn link_user(
        &self,
        granted: &Granted,
        moment: &Moment,
        new: &NewLink,
    ) -> Result<ConsistencyToken, Failure> {
        let user = user(moment, &new.username)?.uid;
        let name = format!("user:{}", new.username);
        let write = async || {
            let guard_key = keys::links();
            let guard = self.writer.get(&guard_key).await?;
            let parent = self.existing(&RecordKey::User(user), &name).await?;
            if !new.allow_shared {
                self.unshared(user, &new.agent_user, guard.as_ref()).await?;
            }
            let link = Record::UserLink(UserLink { user, agent_user: new.agent_user.clone() });
            let txn = Txn::new()
                .expect(&parent.key, Some(&parent))
                .expect(&guard_key, guard.as_ref())
                .put(guard_key, granted.method())
                .publish(&link);
            Ok(Attempt { txn, answer: () })
        };
        self.writer.transact(write).await.map(|((), token)| token)
    }

    /// Checks that no other link has what the new one would have. Every link up to the guard's revision is looked at; none
    /// was written after it, if the guard is unchanged.
    async fn unshared(&self, user: UserId, new: &AgentUser, guard: Option<&Versioned>) -> Result<(), Failure> {
        let not_synced = || Failure::Unavailable {
            reason: UnavailableReason::NotSynced,
            message: "this replica has not reached the latest link: try again".to_owned(),
            retry_after: None,
        };
        let replica = self.writer.replica();
        if let Some(guard) = guard {
            replica.reach(guard.mod_revision, OWN_WRITE_WAIT).await.map_err(|_| not_synced())?;
        }
        let snapshot = replica.latest().ok_or_else(not_synced)?;
        let others = snapshot.world().user_links().filter(|(other, _)| other.uid != user);
        let found = conflicts(new, others.map(|(other, link)| (other.username.as_str(), link.as_ref())));
        if found.is_empty() {
            return Ok(());
        }
        let subject = |conflict: &reeve_agent_user::Conflict| PreconditionSubject {
            subject: format!("user:{}", conflict.with),
            description: conflict.to_string(),
        };
        let violations = found.iter().map(subject).collect();
        Err(Failure::Precondition { reason: PreconditionReason::AgentUserShared, violations })
    }
}
