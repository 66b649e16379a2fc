//! `CreateWorkspace`: a name, a workspace, its first administrator, and what its group will hold.

use reeve_answers::Moment;
use reeve_chassis::{CallDeadline, Failure, Granted};
use reeve_model::{ConsistencyToken, GroupId, PrincipalId, Resource, Subject, Timestamp, WorkspaceId, WorkspaceName};
use reeve_owner::{Attempt, Parent, PublishedTxn};
use reeve_rbac::BuiltinRole;
use reeve_replica::Snapshot;
use reeve_store::{Key, Txn};
use reeve_world::{Binding, Record, Workspace};

use super::grant::binding_id;
use super::{App, Groups, WorkspaceGroup};
use crate::keys;

/// A workspace that is asked for.
pub(crate) struct NewWorkspace {
    pub(crate) name: WorkspaceName,
    pub(crate) description: String,
}

impl App {
    /// Creates a workspace, and has its group made. The caller becomes its workspaceAdmin, unless they hold that in every workspace already.
    pub(crate) async fn create_workspace(
        &self,
        granted: &Granted,
        moment: &Moment,
        new: NewWorkspace,
        deadline: Option<CallDeadline>,
    ) -> Result<(Workspace, WorkspaceGroup, ConsistencyToken), Failure> {
        let first_admin = first_admin(moment, &granted.caller().principal);
        let (workspace, written) = self
            .writer
            .transact(async || {
                let index = keys::workspace_name(&new.name);
                if self.writer.get(&index).await?.is_some() {
                    return Err(Failure::already_exists(Resource::workspace(&new.name)));
                }
                let now = self.clock.now();
                let workspace = Workspace {
                    uid: WorkspaceId::new(now, self.entropy.as_ref()),
                    name: new.name.clone(),
                    description: new.description.clone(),
                    create_time: now,
                    update_time: now,
                };
                let mut txn = self.new_workspace(index, &workspace);
                if let Some(subject) = first_admin {
                    let binding = workspace_binding(&workspace, subject, BuiltinRole::WorkspaceAdmin, now);
                    txn = txn.publish_new(&Record::Binding(binding));
                }
                Ok(Attempt { txn, answer: workspace })
            })
            .await?;
        let token = self.neighbours.tell(Parent::Workspace(workspace.uid), written, deadline).await;
        let snapshot = self.writer.replica().latest();
        let world = snapshot.as_deref().map_or(moment.world(), Snapshot::world);
        let group = self.group_of(world, &workspace);
        Ok((workspace, group, token))
    }

    /// Writes a workspace under its name, with the binding of its group. The group is identity's, and comes later: until then
    /// the binding grants nothing to anybody.
    pub(super) fn new_workspace(&self, index: Key, workspace: &Workspace) -> Txn {
        let txn =
            Txn::new().create(index, workspace.uid.to_string()).publish_new(&Record::Workspace(workspace.clone()));
        let Groups::On(Some(role)) = self.groups else { return txn };
        let group = Subject::Group(GroupId::of_workspace(&workspace.uid));
        txn.publish_new(&Record::Binding(workspace_binding(workspace, group, role, workspace.create_time)))
    }
}

/// Whom a new workspace gets as its administrator: its creator, unless they would be that anyway.
fn first_admin(moment: &Moment, creator: &PrincipalId) -> Option<Subject> {
    let now = moment.now();
    let held = moment.world().conveyable_everywhere(creator, now, Some(now));
    if BuiltinRole::WorkspaceAdmin.permissions().is_subset(held) {
        return None;
    }
    match creator {
        PrincipalId::User(uid) => Some(Subject::User(*uid)),
        PrincipalId::Robot(uid) => Some(Subject::Robot(*uid)),
        PrincipalId::Root => None,
    }
}

/// A binding that a new workspace begins with.
pub(super) fn workspace_binding(workspace: &Workspace, subject: Subject, role: BuiltinRole, now: Timestamp) -> Binding {
    let resource = Resource::workspace(&workspace.name);
    Binding {
        uid: binding_id(Some(workspace.uid), &resource, &subject, role),
        subject,
        role,
        resource,
        workspace: Some(workspace.uid),
        expire_time: None,
        note: String::new(),
        create_time: now,
    }
}
