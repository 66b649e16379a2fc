//! `ClearWorkspaceAgentUser`: a workspace overrides nothing any more.

use reeve_answers::Moment;
use reeve_chassis::{Failure, Granted};
use reeve_model::{ConsistencyToken, WorkspaceName};
use reeve_owner::Attempt;
use reeve_store::Txn;

use super::{App, workspace};

impl App {
    /// Removes what a workspace overrides. Where it is nothing, nothing is written: that it overrides nothing is so.
    pub(crate) async fn clear_workspace_agent_user(
        &self,
        _granted: &Granted,
        moment: &Moment,
        name: &WorkspaceName,
    ) -> Result<ConsistencyToken, Failure> {
        let workspace = workspace(moment, name)?;
        let write = async || {
            let stored = self.overrides(workspace).await?;
            let txn = stored.map_or_else(Txn::new, |(_, read)| Txn::new().remove(&read));
            Ok(Attempt { txn, answer: () })
        };
        self.writer.transact(write).await.map(|((), token)| token)
    }
}
