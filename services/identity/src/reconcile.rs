//! What hangs on users, groups, robots and workspaces that came or went: groups of workspaces are made and removed;
//! memberships, sessions and tokens of what is gone are swept.

use std::sync::Arc;

use reeve_chassis::{CallDeadline, Failure, Owner};
use reeve_model::{ConsistencyToken, GroupId, GroupName, RobotId, UserId};
use reeve_owner::{MAX_SWEPT, Parent, Reconcile, Reconciled, TELL_WAIT};
use reeve_replica::Snapshot;
use reeve_store::{Key, MAX_OPERATIONS, Txn};
use reeve_world::{Group, PREFIX, RecordKey, Workspace};
use tokio::time::timeout;

use crate::groups::{with_group, without_group};
use crate::service::Shared;
use crate::{accounts, keys};

/// Most groups that one turn makes, and most that it removes; the next goes on.
const MAX_GROUPS: usize = 64;
/// Private records of one transaction: each has two keys.
const PAGE: usize = MAX_OPERATIONS / 2;

#[tonic::async_trait]
impl Reconcile for Shared {
    fn owner(&self) -> Owner {
        Owner::Identity
    }

    async fn reconcile(&self, snapshot: &Arc<Snapshot>, what: Option<Parent>) -> Result<Reconciled, Failure> {
        // a name that the group of a workspace had is free for that of the next one
        let removed = self.remove_groups(snapshot, what).await?;
        let made = self.make_groups(snapshot, what).await?;
        let strays = move |snapshot: &Snapshot| {
            let mut strays = snapshot.world().stray_memberships(what);
            // one more than a turn does tells it that there are more
            strays.truncate(MAX_SWEPT + 1);
            strays
        };
        let swept = self.writer.sweep(snapshot, strays).await?;
        let private = match what {
            Some(Parent::User(uid)) => self.sweep_sessions(snapshot, uid).await?,
            Some(Parent::Robot(uid)) => self.sweep_tokens(snapshot, uid).await?,
            // of everybody, the sweep of what is spent looks after these
            Some(Parent::Group(_) | Parent::Workspace(_)) | None => Reconciled::default(),
        };
        Ok(removed.and(made).and(swept).and(private))
    }
}

impl Shared {
    /// Does at once what a write makes to be done, here and at the others, within the time that the call has; the proof of all
    /// that was written. What is not done by then is done a little later.
    pub(crate) async fn settle(
        &self,
        parent: Parent,
        written: ConsistencyToken,
        deadline: Option<CallDeadline>,
    ) -> ConsistencyToken {
        let (own, told) =
            tokio::join!(self.settle_own(parent, written, deadline), self.neighbours.tell(parent, written, deadline));
        let revision = own.and_then(|done| done.written).unwrap_or_default().max(told.revision);
        ConsistencyToken { revision, ..told }
    }

    async fn settle_own(
        &self,
        parent: Parent,
        written: ConsistencyToken,
        deadline: Option<CallDeadline>,
    ) -> Option<Reconciled> {
        let snapshot = self.writer.replica().latest().filter(|snapshot| snapshot.revision() >= written.revision)?;
        let wait = deadline.map_or(TELL_WAIT, |deadline| (deadline.left() / 2).min(TELL_WAIT));
        match timeout(wait, self.reconcile(&snapshot, Some(parent))).await {
            Ok(Ok(done)) => Some(done),
            Ok(Err(failure)) => {
                tracing::warn!(%parent, ?failure, "what hung on what was removed is left to the reconciler");
                None
            }
            Err(_) => None,
        }
    }

    /// Removes the groups whose workspaces are gone.
    async fn remove_groups(&self, snapshot: &Snapshot, what: Option<Parent>) -> Result<Reconciled, Failure> {
        let mut strays: Vec<_> =
            snapshot.world().stray_groups(what).map(|group| group.uid).take(MAX_GROUPS + 1).collect();
        if strays.is_empty() || !self.writer.goes_on_from(snapshot).await? {
            return Ok(Reconciled::default());
        }
        let mut done = Reconciled { written: None, more: strays.len() > MAX_GROUPS };
        strays.truncate(MAX_GROUPS);
        for uid in strays {
            done = done.and(self.remove_group(snapshot, uid).await?);
        }
        Ok(done)
    }

    async fn remove_group(&self, snapshot: &Snapshot, uid: GroupId) -> Result<Reconciled, Failure> {
        let Some(found) = accounts::group(&self.writer, uid).await? else { return Ok(Reconciled::default()) };
        // a state that is older than the record says nothing about it
        if found.read.mod_revision > snapshot.revision() {
            return Ok(Reconciled { written: None, more: true });
        }
        // it counts for nobody since its workspace went, so no administrator goes with it
        let group = &found.value;
        let txn = without_group(Txn::new(), group, &found.read);
        let written = self.writer.commit(txn).await?;
        if written.is_some() {
            tracing::info!(group = %group.name, %uid, "the group of a workspace went with it");
        }
        Ok(Reconciled { written, more: written.is_none() })
    }

    /// Makes the groups that workspaces await.
    async fn make_groups(&self, snapshot: &Snapshot, what: Option<Parent>) -> Result<Reconciled, Failure> {
        let most = if self.workspaces.groups { MAX_GROUPS + 1 } else { 0 };
        let awaited: Vec<_> = snapshot.world().workspaces_awaiting_a_group(what).take(most).collect();
        let mut done = Reconciled { written: None, more: awaited.len() > MAX_GROUPS };
        for workspace in awaited.into_iter().take(MAX_GROUPS) {
            done = done.and(self.make_group(workspace).await?);
        }
        Ok(done)
    }

    async fn make_group(&self, workspace: &Workspace) -> Result<Reconciled, Failure> {
        let uid = GroupId::of_workspace(&workspace.uid);
        let name = GroupName::parse(workspace.name.as_str()).map_err(Failure::internal)?;
        let taken = self.writer.get(&keys::group_name(&name.fold())).await?.is_some();
        let place = self.writer.record(&RecordKey::Workspace(workspace.uid)).await?;
        // it is gone, or somebody was faster, with this group or another
        let Some((_, place)) = place.filter(|_| !taken) else { return Ok(Reconciled::default()) };
        let group = Group { workspace: Some(workspace.uid), ..Group::new(uid, name, self.clock.now()) };
        let txn = with_group(Txn::new().expect(&place.key, Some(&place)), &group);
        let written = self.writer.commit(txn).await?;
        if written.is_some() {
            tracing::info!(group = %group.name, %uid, "a workspace has its group");
        }
        Ok(Reconciled { written, more: written.is_none() })
    }

    /// Removes the sessions of a user who is gone.
    async fn sweep_sessions(&self, snapshot: &Snapshot, user: UserId) -> Result<Reconciled, Failure> {
        if snapshot.world().has(&Parent::User(user)) {
            return Ok(Reconciled::default());
        }
        let session = |sid: &str| Key::new(format!("{}{sid}", keys::SESSIONS));
        self.sweep_private(snapshot, &keys::user_sessions(user), session).await
    }

    /// Removes the tokens of a robot that is gone.
    async fn sweep_tokens(&self, snapshot: &Snapshot, robot: RobotId) -> Result<Reconciled, Failure> {
        if snapshot.world().has(&Parent::Robot(robot)) {
            return Ok(Reconciled::default());
        }
        let token = |hash: &str| Key::new(format!("{PREFIX}token/{hash}"));
        self.sweep_private(snapshot, &keys::robot_tokens(robot), token).await
    }

    /// Removes what stands under `prefix` and was there in `snapshot`, each with the key beside it.
    async fn sweep_private(
        &self,
        snapshot: &Snapshot,
        prefix: &str,
        beside: impl Fn(&str) -> Key,
    ) -> Result<Reconciled, Failure> {
        let mut done = Reconciled::default();
        for _ in 0..MAX_SWEPT / PAGE {
            let page = self.writer.list(prefix, None, PAGE).await?;
            let seen = page.items.iter().filter(|item| item.mod_revision <= snapshot.revision());
            let txn = seen.fold(Txn::new(), |txn, item| {
                let id = item.key.as_str().strip_prefix(prefix).unwrap_or_default();
                txn.remove(item).delete(beside(id))
            });
            if txn.ops.is_empty() {
                return Ok(done);
            }
            if done.written.is_none() && !self.writer.goes_on_from(snapshot).await? {
                return Ok(done);
            }
            let written = self.writer.commit(txn).await?;
            done = done.and(Reconciled { written, more: written.is_none() });
            if done.more || !page.more {
                return Ok(done);
            }
        }
        Ok(Reconciled { more: true, ..done })
    }
}
