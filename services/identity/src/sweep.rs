//! Forgets what grants nothing any more: ended and idle sessions, tokens of robots that are gone. Bounded, page by page.

use std::sync::Arc;
use std::time::Duration;

use reeve_chassis::Failure;
use reeve_model::{Epoch, RobotId, Timestamp, UserId};
use reeve_replica::Snapshot;
use reeve_store::{CommitError, Key, MAX_OPERATIONS, Txn, Versioned};
use reeve_world::{PREFIX, Record};

use crate::keys;
use crate::service::Shared;
use crate::stored::{RobotToken, StoredSession, read};

/// Records of one page. Each removes at most two keys.
const PAGE: usize = MAX_OPERATIONS / 2;
/// Most pages of one turn and kind; the next turn goes on from there.
const MAX_PAGES: usize = 16;
/// How long an expired robot token is still said to be expired, before it is unknown.
const EXPIRED_TOKEN_KEPT: Duration = Duration::from_hours(30 * 24);

/// Where the next turn goes on, by kind.
#[derive(Default)]
pub(crate) struct Sweep {
    ended_sessions: Option<Key>,
    sessions: Option<Key>,
    robot_tokens: Option<Key>,
}

/// The keys that go with a record that is spent; none for one that is not.
type Spent = Result<Option<Vec<Key>>, Failure>;

/// What a record is judged by.
struct Judge<'a> {
    shared: &'a Shared,
    now: Timestamp,
    snapshot: Option<Arc<Snapshot>>,
}

impl Sweep {
    /// One turn over every kind.
    ///
    /// # Errors
    /// The store cannot be read or written.
    pub(crate) async fn turn(&mut self, shared: &Shared) -> Result<(), Failure> {
        let judge = Judge { shared, now: shared.clock.now(), snapshot: shared.writer.replica().latest() };
        let ended = format!("{PREFIX}ended-session/");
        self.ended_sessions = judge.sweep(&ended, self.ended_sessions.take(), Judge::ended_session).await?;
        self.sessions = judge.sweep(keys::SESSIONS, self.sessions.take(), Judge::session).await?;
        self.robot_tokens = judge.sweep(keys::ROBOT_TOKENS, self.robot_tokens.take(), Judge::robot_token).await?;
        Ok(())
    }
}

impl Judge<'_> {
    /// Removes what `spent` says, with the key beside it, from `after` on; where to go on, if not all was seen.
    async fn sweep(
        &self,
        prefix: &str,
        mut after: Option<Key>,
        spent: fn(&Self, &Versioned) -> Spent,
    ) -> Result<Option<Key>, Failure> {
        for _ in 0..MAX_PAGES {
            let page = self.shared.writer.list(prefix, after.as_ref(), PAGE).await?;
            let mut txn = Txn::new();
            for item in &page.items {
                match spent(self, item) {
                    Ok(Some(beside)) => txn = beside.into_iter().fold(txn.remove(item), Txn::delete),
                    Ok(None) => {}
                    // One that cannot be read stays for whoever can read it, and stops nothing.
                    Err(failure) => tracing::warn!(key = %item.key, ?failure, "a record cannot be swept"),
                }
            }
            if !txn.ops.is_empty() {
                let count = txn.guards.len();
                match self.shared.writer.store().commit(txn).await {
                    Ok(_) => tracing::debug!(prefix, count, "swept"),
                    // Somebody else changed one of them: the next round sees.
                    Err(CommitError::Conflict) => {}
                    Err(CommitError::Store(error)) => return Err(Failure::internal(error)),
                }
            }
            if !page.more {
                return Ok(None);
            }
            after = page.items.last().map(|item| item.key.clone());
        }
        Ok(after)
    }

    fn ended_session(&self, found: &Versioned) -> Spent {
        let record = reeve_replica::decode(found.key.as_str(), &found.value).map_err(Failure::internal)?;
        let spent = matches!(record, Record::EndedSession(ended) if ended.forget_time <= self.now);
        Ok(spent.then(Vec::new))
    }

    fn session(&self, found: &Versioned) -> Spent {
        let stored: StoredSession = read(found)?;
        let Some(sid) = found.key.as_str().strip_prefix(keys::SESSIONS) else { return Ok(None) };
        let idle_from = Timestamp::from_millis(stored.rotated_at_ms).plus(self.shared.config.session_idle.get());
        let over = self.now >= Timestamp::from_millis(stored.expire_time_ms) || self.now >= idle_from;
        let user = UserId::parse(&stored.user_uid).map_err(Failure::internal)?;
        let revoked = self.seeing(found).is_some_and(|snapshot| {
            let world = snapshot.world();
            let epoch = world.user_by_id(&user).map(|user| user.epoch);
            epoch != Some(Epoch::new(stored.user_epoch)) || world.access().epoch != Epoch::new(stored.access_epoch)
        });
        Ok((over || revoked).then(|| vec![Key::new(format!("{}{sid}", keys::user_sessions(user)))]))
    }

    fn robot_token(&self, found: &Versioned) -> Spent {
        let stored: RobotToken = read(found)?;
        let rest = found.key.as_str().strip_prefix(keys::ROBOT_TOKENS);
        let Some((robot, hash)) = rest.and_then(|rest| rest.split_once('/')) else { return Ok(None) };
        let robot = RobotId::parse(robot).map_err(Failure::internal)?;
        let end = (stored.expire_time_ms != 0).then(|| Timestamp::from_millis(stored.expire_time_ms));
        let over = end.is_some_and(|end| self.now >= end.plus(EXPIRED_TOKEN_KEPT));
        let orphan = self.seeing(found).is_some_and(|snapshot| snapshot.world().robot_by_id(&robot).is_none());
        Ok((over || orphan).then(|| vec![Key::new(format!("{PREFIX}token/{hash}"))]))
    }

    /// The snapshot, if it is at least as new as the record: what it does not show is gone, not still to come.
    fn seeing(&self, found: &Versioned) -> Option<&Snapshot> {
        self.snapshot.as_deref().filter(|snapshot| snapshot.revision() >= found.mod_revision)
    }
}
