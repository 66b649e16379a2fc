//! No call may give a caller power that they lack.

use reeve_chassis::Failure;
use reeve_model::{GroupId, PrincipalId, Resource, Subject, Timestamp};
use reeve_rbac::{BuiltinRole, Grant, PermissionSet, ScopeKind, implied_role, lacking};
use reeve_world::{Binding, World};

/// Who would give power, to whom, when, and until when (none: without end).
pub(crate) struct Conveyance<'a> {
    pub(crate) world: &'a World,
    pub(crate) caller: &'a PrincipalId,
    pub(crate) now: Timestamp,
    pub(crate) until: Option<Timestamp>,
}

impl Conveyance<'_> {
    /// Refuses to convey `role` at the cluster, unless the caller holds all of it there for as long.
    ///
    /// # Errors
    /// [`Failure::Escalation`].
    pub(crate) fn of_role(&self, role: BuiltinRole) -> Result<(), Failure> {
        self.grant(role, &Resource::cluster())
    }

    /// Refuses to convey what `target` holds, unless the caller holds all of it in the same places for as long.
    ///
    /// # Errors
    /// [`Failure::Escalation`] for the first place where something is lacking.
    pub(crate) fn of_everything(&self, target: &PrincipalId) -> Result<(), Failure> {
        self.of_subjects(&acts_as(self.world, target))
    }

    /// Refuses to convey what `group` holds, as to who joins it; else as [`Conveyance::of_everything`].
    ///
    /// # Errors
    /// As [`Conveyance::of_everything`].
    pub(crate) fn of_group(&self, group: GroupId) -> Result<(), Failure> {
        self.of_subjects(&[Subject::Group(group)])
    }

    fn of_subjects(&self, subjects: &[Subject]) -> Result<(), Failure> {
        for role in subjects.iter().filter_map(implied_role) {
            self.of_role(role)?;
        }
        for binding in self.world.bindings_after(None).filter(|binding| subjects.contains(&binding.subject)) {
            if grant(binding).live_at(self.now) {
                // what ends by itself is conveyed until then
                let until = match (self.until, binding.expire_time) {
                    (Some(one), Some(other)) => Some(one.min(other)),
                    (one, other) => one.or(other),
                };
                Conveyance { until, ..*self }.grant(binding.role, &binding.resource)?;
            }
        }
        Ok(())
    }

    fn grant(&self, role: BuiltinRole, on: &Resource) -> Result<(), Failure> {
        let kind = ScopeKind::of(on);
        let held = self.world.conveyable_at(self.caller, on, self.now, self.until);
        let mut lacks = lacking(held, role.reach(kind, kind));
        if on.is_cluster() {
            let everywhere = self.world.conveyable_everywhere(self.caller, self.now, self.until);
            // What a role gives in every workspace shows at none of them: it may be the next one.
            lacks = lacks.union(lacking(everywhere, role.reach(kind, ScopeKind::Workspace)));
        }
        refuse(lacks, on)
    }
}

/// Refuses to touch the account of somebody who holds at the cluster what the caller does not.
///
/// # Errors
/// [`Failure::Escalation`].
pub(crate) fn outranks(
    world: &World,
    caller: &PrincipalId,
    target: &PrincipalId,
    now: Timestamp,
) -> Result<(), Failure> {
    let cluster = Resource::cluster();
    let held = world.permissions_at(caller, &cluster, now);
    refuse(lacking(held, world.permissions_at(target, &cluster, now)), &cluster)
}

/// A principal and its groups. What is bound to all users, everybody has.
fn acts_as(world: &World, principal: &PrincipalId) -> Vec<Subject> {
    let own = match principal {
        PrincipalId::User(uid) => Some(Subject::User(*uid)),
        PrincipalId::Robot(uid) => Some(Subject::Robot(*uid)),
        PrincipalId::Root => None,
    };
    own.into_iter().chain(world.groups_of(principal).map(Subject::Group)).collect()
}

fn grant(binding: &Binding) -> Grant {
    Grant { binding: binding.uid, role: binding.role, expire_time: binding.expire_time }
}

fn refuse(lacks: PermissionSet, resource: &Resource) -> Result<(), Failure> {
    if lacks.is_empty() {
        return Ok(());
    }
    Err(Failure::Escalation { lacking: lacks.iter().collect(), resource: resource.clone() })
}
