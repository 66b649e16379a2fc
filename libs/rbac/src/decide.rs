//! The decision: does a principal hold a permission on a resource, and through what.

use std::ops::ControlFlow;

use reeve_model::{GroupId, PrincipalId, Resource, Subject, Timestamp};

use crate::{Bound, BuiltinRole, Grant, Grants, Permission, PermissionSet, ScopeKind, check_scope};

/// Through what a permission is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holding<'a> {
    /// The root token's holder: clusterAdmin irrevocably, by no binding.
    Root,
    /// A member of the administrators' group: clusterAdmin, implied and never stored.
    ImpliedAdmin,
    /// A binding.
    Bound {
        /// The binding's role and end.
        grant: Grant,
        /// Who it is for: the principal itself, a group of theirs, or all users.
        subject: Subject,
        /// The path of the resource that it is on: the one asked about, or one above it.
        on: &'a str,
    },
}

impl Holding<'_> {
    /// The role it gives.
    pub fn role(&self) -> BuiltinRole {
        match self {
            Self::Root | Self::ImpliedAdmin => BuiltinRole::ClusterAdmin,
            Self::Bound { grant, .. } => grant.role,
        }
    }
}

/// Whether `principal` holds `permission` on `resource` at `now`, and through what; none if not. Allocates nothing.
///
/// `subjects` are all that the principal acts as: itself first, then its groups, then all users. Of several holdings the
/// one on the nearest resource is told, then the first by subject. A permission that may not be asked there
/// ([`check_scope`]) is held by nobody.
pub fn decide<'a>(
    grants: &impl Grants,
    principal: &PrincipalId,
    subjects: &[Subject],
    permission: Permission,
    resource: &'a Resource,
    now: Timestamp,
) -> Option<Holding<'a>> {
    check_scope(permission, resource).ok()?;
    let wanted = |holding: Holding<'a>, held: PermissionSet| {
        if held.contains(permission) { ControlFlow::Break(holding) } else { ControlFlow::Continue(()) }
    };
    walk(grants, principal, subjects, resource, now, wanted).break_value()
}

/// Everything that `principal` holds on `resource` at `now`.
pub fn permissions_of(
    grants: &impl Grants,
    principal: &PrincipalId,
    subjects: &[Subject],
    resource: &Resource,
    now: Timestamp,
) -> PermissionSet {
    permissions_through(grants, principal, subjects, resource, now, Some(now))
}

/// Everything that `principal` holds on `resource` at `now` through grants that last at least until `until` (none: without
/// end): what they may convey by a grant that ends then.
pub fn permissions_through(
    grants: &impl Grants,
    principal: &PrincipalId,
    subjects: &[Subject],
    resource: &Resource,
    now: Timestamp,
    until: Option<Timestamp>,
) -> PermissionSet {
    let mut all = PermissionSet::NONE;
    let gather = |holding: Holding<'_>, held: PermissionSet| {
        let lasts = match holding {
            Holding::Root | Holding::ImpliedAdmin => true,
            Holding::Bound { grant, .. } => grant.lasts_until(until),
        };
        if lasts {
            all = all.union(held);
        }
        ControlFlow::<()>::Continue(())
    };
    let _ended = walk(grants, principal, subjects, resource, now, gather);
    all
}

/// What somebody who holds `held` may not convey of `conveyed`.
pub fn lacking(held: PermissionSet, conveyed: PermissionSet) -> PermissionSet {
    conveyed.difference(held)
}

/// Shows every live holding on `resource` with what it gives there, nearest resource first, until `visit` breaks.
fn walk<'a, B>(
    grants: &impl Grants,
    principal: &PrincipalId,
    subjects: &[Subject],
    resource: &'a Resource,
    now: Timestamp,
    mut visit: impl FnMut(Holding<'a>, PermissionSet) -> ControlFlow<B>,
) -> ControlFlow<B> {
    let asked = ScopeKind::of(resource);
    let everything = BuiltinRole::ClusterAdmin.reach(ScopeKind::Cluster, asked);
    if *principal == PrincipalId::Root {
        return visit(Holding::Root, everything);
    }
    if subjects.contains(&Subject::Group(GroupId::ADMINS)) {
        visit(Holding::ImpliedAdmin, everything)?;
    }
    for on in resource.ancestry() {
        let Some(bound_here) = grants.at(on) else { continue };
        let bound = ScopeKind::of_path(on);
        for subject in subjects {
            for grant in bound_here.of(subject).iter().filter(|grant| grant.live_at(now)) {
                visit(Holding::Bound { grant: *grant, subject: *subject, on }, grant.role.reach(bound, asked))?;
            }
        }
    }
    ControlFlow::Continue(())
}
