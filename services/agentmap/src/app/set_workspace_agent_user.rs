//! `SetWorkspaceAgentUser`: what a workspace overrides, each field by itself.

use reeve_agent_user::{IdentityDraft, Override};
use reeve_answers::Moment;
use reeve_chassis::{Failure, Granted};
use reeve_model::{ConsistencyToken, WorkspaceId, WorkspaceName};
use reeve_owner::{Attempt, PublishedTxn};
use reeve_store::{Txn, Versioned};
use reeve_world::{Record, RecordKey, WorkspaceAgentUser};

use super::{App, workspace};

/// Where the fields of a request stand.
const PREFIX: &str = "agent_user.";

/// What is to change of a workspace's override: checked, for every override that there may be.
pub(crate) struct OverrideChange {
    draft: IdentityDraft,
    mask: Option<Vec<String>>,
}

impl OverrideChange {
    /// Checks a change: of the fields in `mask`, or of all.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub(crate) fn parse(draft: IdentityDraft, mask: Option<Vec<String>>) -> Result<Self, reeve_model::Violations> {
        let change = Self { draft, mask };
        change.apply(&Override::default())?;
        Ok(change)
    }

    fn apply(&self, stored: &Override) -> Result<Override, reeve_model::Violations> {
        match &self.mask {
            None => Override::parse(&self.draft, PREFIX),
            Some(mask) => stored.updated(&self.draft, mask, PREFIX),
        }
    }
}

impl App {
    /// Changes what a workspace overrides.
    pub(crate) async fn set_workspace_agent_user(
        &self,
        _granted: &Granted,
        moment: &Moment,
        name: &WorkspaceName,
        change: &OverrideChange,
    ) -> Result<(Override, ConsistencyToken), Failure> {
        let workspace = workspace(moment, name)?;
        let write = async || {
            let parent = self.existing(&RecordKey::Workspace(workspace), &format!("workspaces/{name}")).await?;
            let stored = self.overrides(workspace).await?;
            let before = stored.as_ref().map(|(overrides, _)| overrides.clone()).unwrap_or_default();
            let after = change.apply(&before)?;
            let record = || Record::WorkspaceAgentUser(WorkspaceAgentUser { workspace, overrides: after.clone() });
            let txn = match &stored {
                // what overrides nothing is no record
                Some((_, read)) if after.is_empty() => Txn::new().remove(read),
                None if after.is_empty() => return Ok(Attempt { txn: Txn::new(), answer: after }),
                Some((_, read)) => Txn::new().publish_over(read, &record()),
                None => Txn::new().publish_new(&record()),
            };
            Ok(Attempt { txn: txn.expect(&parent.key, Some(&parent)), answer: after })
        };
        self.writer.transact(write).await
    }

    /// What a workspace overrides, as it stands in the store.
    pub(super) async fn overrides(&self, workspace: WorkspaceId) -> Result<Option<(Override, Versioned)>, Failure> {
        match self.writer.record(&RecordKey::WorkspaceAgentUser(workspace)).await? {
            None => Ok(None),
            Some((Record::WorkspaceAgentUser(found), read)) => Ok(Some((found.overrides, read))),
            Some(_) => Err(Failure::internal("another record stands at the key of a workspace's agent user")),
        }
    }
}
