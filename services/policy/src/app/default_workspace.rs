//! The workspace that a new cluster begins with.

use reeve_chassis::Failure;
use reeve_model::{GroupId, Subject, WorkspaceId, WorkspaceName};
use reeve_owner::{Attempt, PublishedTxn};
use reeve_rbac::BuiltinRole;
use reeve_store::Txn;
use reeve_world::{Record, Workspace};

use super::App;
use super::create_workspace::workspace_binding;
use crate::keys;

/// Its name.
const NAME: &str = "default";
/// What it is for.
const DESCRIPTION: &str = "The workspace that the cluster began with.";

impl App {
    /// Makes the workspace `default`, on which `everyone` gets `role`: once in the life of a store, whoever starts first.
    pub(crate) async fn make_default_workspace(&self, role: Option<BuiltinRole>) -> Result<(), Failure> {
        let name = WorkspaceName::parse(NAME).map_err(Failure::internal)?;
        let write = async || {
            let marker = keys::default_workspace_made();
            if self.writer.get(&marker).await?.is_some() {
                return Ok(Attempt { txn: Txn::new(), answer: () });
            }
            let index = keys::workspace_name(&name);
            let taken = self.writer.get(&index).await?;
            if taken.is_some() {
                // somebody was faster by hand: theirs stays as it is
                let txn = Txn::new().create(marker, NAME).expect(&index, taken.as_ref());
                return Ok(Attempt { txn, answer: () });
            }
            let now = self.clock.now();
            let workspace = Workspace {
                uid: WorkspaceId::new(now, self.entropy.as_ref()),
                name: name.clone(),
                description: DESCRIPTION.to_owned(),
                create_time: now,
                update_time: now,
            };
            let mut txn = self.new_workspace(index, &workspace).create(marker, NAME);
            if let Some(role) = role {
                let everyone = workspace_binding(&workspace, Subject::Group(GroupId::EVERYONE), role, now);
                txn = txn.publish_new(&Record::Binding(everyone));
            }
            tracing::info!(workspace = NAME, role = role.map(BuiltinRole::as_str), "making the first workspace");
            Ok(Attempt { txn, answer: () })
        };
        self.writer.transact(write).await.map(|((), _)| ())
    }
}
