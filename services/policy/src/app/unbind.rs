//! `Unbind`: bindings are removed, all or none.

use reeve_answers::Moment;
use reeve_chassis::{Failure, Granted, PreconditionReason};
use reeve_model::ConsistencyToken;
use reeve_owner::{AdminChange, Attempt};
use reeve_rbac::BuiltinRole;
use reeve_store::Txn;
use reeve_world::RecordKey;

use super::grant::Placed;
use super::{Allowed, App, Grant};

impl App {
    /// Removes bindings.
    pub(crate) async fn unbind(
        &self,
        moment: &Moment,
        asked: Vec<Allowed<Grant>>,
    ) -> Result<ConsistencyToken, Failure> {
        // of the grants that make administrators: by what the caller may take them away
        let mut over_admins: Option<Granted> = None;
        let mut placed = Vec::with_capacity(asked.len());
        for Allowed { granted, what } in asked {
            let grant = Placed::of(what, moment.world())?;
            if grant.role == BuiltinRole::ClusterAdmin && grant.grant.resource.is_cluster() {
                over_admins = Some(granted);
            }
            placed.push(grant);
        }
        let write = async || {
            let now = self.clock.now();
            let mut txn = Txn::new();
            let mut change = AdminChange::default();
            for (placed, found) in placed.iter().zip(self.bindings(&placed).await?) {
                match found {
                    Some((old, read)) if old.live_at(now) => txn = txn.remove(&read),
                    _ if placed.is_implied() => return Err(implied(placed)),
                    _ => return Err(Failure::not_found(&placed.grant)),
                }
                change.deletes.push(RecordKey::Binding(placed.uid));
            }
            if let Some(granted) = &over_admins {
                let still_allowed = async { self.reader.again(moment, granted).await.map(drop) };
                txn = self.writer.keep_an_admin(txn, change, granted, still_allowed).await?;
            }
            Ok(Attempt { txn, answer: () })
        };
        self.writer.transact(write).await.map(|((), token)| token)
    }
}

fn implied(placed: &Placed) -> Failure {
    let why = "members of this group are administrators without a binding: remove them from the group instead";
    Failure::precondition(PreconditionReason::BuiltIn, &placed.grant, why)
}
