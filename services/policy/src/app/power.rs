//! No escalation: nobody gives what they do not hold, or for longer than they hold it.

use reeve_answers::Moment;
use reeve_chassis::{Caller, Failure};
use reeve_model::Resource;
use reeve_rbac::{Permission, PermissionSet, ScopeKind, lacking};

use super::{Grant, RoleName};

/// Checks that the caller holds all that the grant conveys, where it conveys it and for as long, and the right to bind there
/// for as long too.
///
/// # Errors
/// [`Failure::Escalation`] with everything that is lacking.
pub(super) fn within_power_of(caller: &Caller, moment: &Moment, grant: &Grant) -> Result<(), Failure> {
    // a role that there is not conveys nothing; it is refused as not found
    let RoleName::Known(role) = grant.role else { return Ok(()) };
    let (world, who, now, until) = (moment.world(), &caller.principal, moment.now(), grant.expire_time);
    let conveyed = role.permissions();
    let below = conveyed.intersection(PermissionSet::WORKSPACE_AND_BELOW);
    let on_cluster = world.conveyable_at(who, &Resource::cluster(), now, until);
    // what is held on the cluster only is asked for there, wherever the role is to be bound: a workspace's administrator is
    // told that they lack it, and who holds it that the role does not belong there
    let mut missing = lacking(on_cluster, conveyed.difference(PermissionSet::WORKSPACE_AND_BELOW));
    let bind = PermissionSet::of(&[Permission::ROLE_BIND]);
    if grant.resource.is_cluster() {
        // in every workspace, those to come included, and on the cluster itself
        missing = missing.union(lacking(world.conveyable_everywhere(who, now, until), below));
        let there = role.reach(ScopeKind::Cluster, ScopeKind::Cluster).union(bind);
        missing = missing.union(lacking(on_cluster, there));
    } else {
        let held = world.conveyable_at(who, &grant.resource, now, until);
        missing = missing.union(lacking(held, below.union(bind)));
    }
    if missing.is_empty() {
        return Ok(());
    }
    Err(Failure::Escalation { lacking: missing.iter().collect(), resource: grant.resource.clone() })
}
