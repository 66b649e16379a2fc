//! Groups as they are kept: a record under a name that is theirs alone; and who may see them and change who is in them.

use std::sync::Arc;

use prost::Message as _;
use reeve_answers::Moment;
use reeve_chassis::{Authority as _, Failure, PreconditionReason};
use reeve_model::{Fold, GroupId, PrincipalId, PrincipalName, Resource};
use reeve_owner::PublishedTxn as _;
use reeve_rbac::Permission;
use reeve_store::{Txn, Versioned};
use reeve_world::{Group, Record, ResolvedPrincipal, World};

use crate::keys;
use crate::stored::{NameClaim, SCHEMA};

/// The built-in groups, whose names nobody can take.
pub(crate) const BUILT_IN: [(GroupId, &str); 2] = [(GroupId::EVERYONE, "everyone"), (GroupId::ADMINS, "admins")];

/// The built-in group of this name.
pub(crate) fn built_in_named(name: &Fold) -> Option<GroupId> {
    BUILT_IN.into_iter().find(|(_, own)| *own == name.as_str()).map(|(uid, _)| uid)
}

/// Whether a group is built in.
pub(crate) fn is_built_in(uid: GroupId) -> bool {
    BUILT_IN.into_iter().any(|(own, _)| own == uid)
}

/// The transaction that also creates a group and its claim to its name.
pub(crate) fn with_group(txn: Txn, group: &Group) -> Txn {
    let claim = NameClaim { schema: SCHEMA, uid: group.uid.to_string() };
    txn.create(keys::group_name(&group.name.fold()), claim.encode_to_vec()).publish_new(&Record::Group(group.clone()))
}

/// The transaction that also removes a group and frees its name. Its members count for nothing without it, and are swept.
pub(crate) fn without_group(txn: Txn, group: &Group, read: &Versioned) -> Txn {
    txn.remove(read).delete(keys::group_name(&group.name.fold()))
}

/// Whether the caller may change who is in a group: who administers groups may, and who may bind roles in the workspace that
/// the group is of.
///
/// # Errors
/// [`Failure::Unavailable`].
pub(crate) fn may_manage(moment: &Moment, group: &Group) -> Result<bool, Failure> {
    if moment.holds(moment.caller(), Permission::GROUP_ADMINISTER, &Resource::cluster())? {
        return Ok(true);
    }
    match group.workspace.and_then(|uid| moment.world().workspace_by_id(&uid)) {
        Some(workspace) => moment.holds(moment.caller(), Permission::ROLE_BIND, &Resource::workspace(&workspace.name)),
        None => Ok(false),
    }
}

/// Whether the caller may see more of a group than its name.
///
/// # Errors
/// [`Failure::Unavailable`].
pub(crate) fn may_view(moment: &Moment, group: &Group) -> Result<bool, Failure> {
    Ok(moment.holds(moment.caller(), Permission::GROUP_VIEW, &Resource::cluster())? || may_manage(moment, group)?)
}

/// The group whose members the caller is about to change.
///
/// # Errors
/// [`Failure::Denied`]; [`Failure::NotFound`]; `BUILT_IN` for `everyone`, whose members are what they are.
pub(crate) fn managed(moment: &Moment, name: &str) -> Result<Arc<Group>, Failure> {
    let denied = || Failure::Denied { permission: Permission::GROUP_ADMINISTER, resource: Resource::cluster() };
    let Some(group) = moment.world().group_by_name(name) else {
        let administers = moment.holds(moment.caller(), Permission::GROUP_ADMINISTER, &Resource::cluster())?;
        return Err(if administers { Failure::not_found(format!("group:{name}")) } else { denied() });
    };
    if !may_manage(moment, group)? {
        return Err(denied());
    }
    if group.uid == GroupId::EVERYONE {
        let why = "every active user is in it, and nobody else: activate, deactivate or delete the user instead";
        return Err(Failure::precondition(PreconditionReason::BuiltIn, format!("group:{}", group.name), why));
    }
    Ok(Arc::clone(group))
}

/// Who is meant by each of `names`.
///
/// # Errors
/// [`Failure::NotFound`] for the first that is nobody.
pub(crate) fn resolved(world: &World, names: &[PrincipalName]) -> Result<Vec<PrincipalId>, Failure> {
    let resolve = |name: &PrincipalName| match world.principal(name) {
        Ok(ResolvedPrincipal::Actor(principal)) => Ok(principal),
        Ok(ResolvedPrincipal::Set(_)) | Err(_) => Err(Failure::not_found(name)),
    };
    names.iter().map(resolve).collect()
}
