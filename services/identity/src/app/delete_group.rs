//! Removing a group.

use reeve_answers::Moment;
use reeve_chassis::{CallDeadline, Failure, Granted, PreconditionReason};
use reeve_model::ConsistencyToken;
use reeve_owner::{AdminChange, Attempt, Parent};
use reeve_replica::etag;
use reeve_store::Txn;
use reeve_world::{Group, Record, RecordKey, World};

use crate::accounts;
use crate::groups::{is_built_in, without_group};
use crate::service::Shared;

/// Removes a group; with an etag, only if it is the one that the caller has seen. What is bound to it, and who is in it, counts
/// for nothing from this write on, and is swept.
///
/// # Errors
/// [`Failure::NotFound`]; [`Failure::EtagMismatch`]; `BUILT_IN`; `WORKSPACE_GROUP`; `LAST_ADMIN`; [`Failure::Unavailable`].
pub(crate) async fn delete_group(
    granted: &Granted,
    moment: &Moment,
    shared: &Shared,
    name: &str,
    seen: Option<&str>,
    deadline: Option<CallDeadline>,
) -> Result<ConsistencyToken, Failure> {
    let attempt = async || {
        let found = accounts::group_named(&shared.writer, name).await?;
        let found = found.ok_or_else(|| Failure::not_found(format!("group:{name}")))?;
        let (group, read) = (found.value, found.read);
        may_go(shared.reader.again(moment, granted).await?.world(), &group)?;
        if seen.is_some_and(|seen| seen != etag(&Record::Group(group.clone()))) {
            return Err(Failure::EtagMismatch { resource: format!("group:{}", group.name) });
        }
        let change = AdminChange { upserts: Vec::new(), deletes: vec![RecordKey::Group(group.uid)] };
        let txn = without_group(Txn::new(), &group, &read);
        let still_allowed = async { shared.reader.again(moment, granted).await.map(drop) };
        let txn = shared.writer.keep_an_admin(txn, change, granted, still_allowed).await?;
        Ok(Attempt { txn, answer: group.uid })
    };
    let (uid, proof) = shared.writer.transact(attempt).await?;
    Ok(shared.settle(Parent::Group(uid), proof, deadline).await)
}

fn may_go(world: &World, group: &Group) -> Result<(), Failure> {
    let subject = format!("group:{}", group.name);
    if is_built_in(group.uid) {
        let why = "the cluster cannot be without it: remove its members instead";
        return Err(Failure::precondition(PreconditionReason::BuiltIn, subject, why));
    }
    let workspace = group.workspace.and_then(|uid| world.workspace_by_id(&uid));
    if let Some(workspace) = workspace {
        let why = format!("it goes with workspaces/{}: remove its members, or delete the workspace", workspace.name);
        return Err(Failure::precondition(PreconditionReason::WorkspaceGroup, subject, why));
    }
    Ok(())
}
