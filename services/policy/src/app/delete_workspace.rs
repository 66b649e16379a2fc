//! `DeleteWorkspace`: a workspace goes, and with it all that hangs on it.

use reeve_answers::Moment;
use reeve_chassis::{CallDeadline, Failure, Granted};
use reeve_model::{ConsistencyToken, GroupId, Resource, WorkspaceId, WorkspaceName};
use reeve_owner::{AdminChange, Attempt, Parent};
use reeve_replica::etag;
use reeve_store::{Key, MAX_OPERATIONS, Txn};
use reeve_world::{Record, RecordKey, World};

use super::App;
use crate::keys;

impl App {
    /// Deletes a workspace; with an etag, only if it is the one that the caller has seen. What hangs on it counts for nothing
    /// from this write on; what does not fit into it is swept. Its group may hold the cluster's last administrator: then it
    /// stays.
    pub(crate) async fn delete_workspace(
        &self,
        granted: &Granted,
        moment: &Moment,
        name: &WorkspaceName,
        seen: Option<&str>,
        deadline: Option<CallDeadline>,
    ) -> Result<ConsistencyToken, Failure> {
        let resource = Resource::workspace(name);
        let not_found = || Failure::not_found(&resource);
        let uid = moment.world().workspace_by_name(name.as_str()).ok_or_else(not_found)?.uid;
        let write = async || {
            let (workspace, read) = self.writer.record(&RecordKey::Workspace(uid)).await?.ok_or_else(not_found)?;
            if seen.is_some_and(|seen| seen != etag(&workspace)) {
                return Err(Failure::EtagMismatch { resource: resource.to_string() });
            }
            let Some(index) = self.writer.get(&keys::workspace_name(name)).await? else {
                // somebody else deleted it between the two looks
                let there = self.writer.record(&RecordKey::Workspace(uid)).await?.is_some();
                return Err(if there { lost_name(&workspace) } else { not_found() });
            };
            let txn = Txn::new().remove(&read).remove(&index);
            // its group goes with it, and whatever that holds on the cluster
            let group = GroupId::of_workspace(&uid);
            let change = AdminChange {
                deletes: vec![RecordKey::Workspace(uid), RecordKey::Group(group)],
                ..AdminChange::default()
            };
            let still_allowed = async { self.reader.again(moment, granted).await.map(drop) };
            let txn = self.writer.keep_an_admin(txn, change, granted, still_allowed).await?;
            // nothing is compared of these: they hang on the workspace, whatever they say
            let room = MAX_OPERATIONS.saturating_sub(txn.ops.len());
            let txn =
                hanging(moment.world(), uid).take(room).fold(txn, |txn, key| txn.delete(Key::new(key.to_string())));
            Ok(Attempt { txn, answer: () })
        };
        let ((), written) = self.writer.transact(write).await?;
        Ok(self.neighbours.tell(Parent::Workspace(uid), written, deadline).await)
    }
}

/// What hangs on a workspace of the records that are this service's.
fn hanging(world: &World, workspace: WorkspaceId) -> impl Iterator<Item = RecordKey> {
    world.config_policies_in(workspace).chain(world.bindings_in(workspace))
}

fn lost_name(workspace: &Record) -> Failure {
    Failure::internal(format!("{} has no name", workspace.key()))
}
