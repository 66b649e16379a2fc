//! What hangs on users and workspaces that are gone: links and overrides, swept.

use std::sync::Arc;

use reeve_chassis::{Failure, Owner};
use reeve_owner::{MAX_SWEPT, Parent, Reconcile, Reconciled};
use reeve_replica::Snapshot;

use super::App;

#[tonic::async_trait]
impl Reconcile for App {
    fn owner(&self) -> Owner {
        Owner::Agentmap
    }

    async fn reconcile(&self, snapshot: &Arc<Snapshot>, what: Option<Parent>) -> Result<Reconciled, Failure> {
        let strays = move |snapshot: &Snapshot| {
            let world = snapshot.world();
            // one more than a turn does tells it that there are more
            world.stray_user_links(what).chain(world.stray_workspace_agent_users(what)).take(MAX_SWEPT + 1).collect()
        };
        self.writer.sweep(snapshot, strays).await
    }
}
