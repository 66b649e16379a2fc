//! What hangs on users, groups, robots and workspaces that are gone: bindings and config policies, swept.

use std::sync::Arc;

use reeve_chassis::{Failure, Owner};
use reeve_owner::{MAX_SWEPT, Parent, Reconcile, Reconciled};
use reeve_replica::Snapshot;

use super::App;

#[tonic::async_trait]
impl Reconcile for App {
    fn owner(&self) -> Owner {
        Owner::Policy
    }

    async fn reconcile(&self, snapshot: &Arc<Snapshot>, what: Option<Parent>) -> Result<Reconciled, Failure> {
        let strays = move |snapshot: &Snapshot| {
            let world = snapshot.world();
            // one more than a turn does tells it that there are more
            world.stray_config_policies(what).chain(world.stray_bindings(what)).take(MAX_SWEPT + 1).collect()
        };
        self.writer.sweep(snapshot, strays).await
    }
}
