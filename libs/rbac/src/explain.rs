//! The reasons of a decision, in words.

use std::fmt;

use reeve_model::{GroupId, Resource, Subject};

use crate::{BuiltinRole, Holding, Permission, ScopeKind};

/// Why a permission is held: ``role `editor` on workspaces/vision through group:vision``.
///
/// `name_of` writes a subject as people know it: `user:alice`, `group:vision`.
pub fn why(holding: &Holding<'_>, name_of: impl Fn(&Subject) -> String) -> String {
    match holding {
        Holding::Root => "root holds everything".to_owned(),
        Holding::ImpliedAdmin => {
            let admins = name_of(&Subject::Group(GroupId::ADMINS));
            format!("role `{}` on cluster, implied by {admins}", BuiltinRole::ClusterAdmin)
        }
        Holding::Bound { grant, subject, on } => {
            let through = match subject {
                Subject::User(_) | Subject::Robot(_) => "bound to",
                Subject::Group(_) | Subject::AllUsers => "through",
            };
            format!("role `{}` on {on} {through} {}", grant.role, name_of(subject))
        }
    }
}

/// The roles that would give a permission, and the nearest place at which they may be bound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NearestGrants<'a> {
    /// The permission they hold.
    pub permission: Permission,
    /// The path of the place to bind one of them on.
    pub on: &'a str,
    /// The roles, the least powerful first; `clusterAdmin` only if there is no other.
    pub roles: Vec<BuiltinRole>,
}

/// Which bindings would give `permission` on `resource`: on the resource itself if any role may be bound there, or else on
/// the nearest place above it; none if the permission may not be asked there.
pub fn nearest_grants(permission: Permission, resource: &Resource) -> Option<NearestGrants<'_>> {
    let asked = ScopeKind::of(resource);
    resource.ancestry().find_map(|on| {
        let bound = ScopeKind::of_path(on);
        let holds = |role: &&BuiltinRole| role.reach(bound, asked).contains(permission);
        let mut roles: Vec<BuiltinRole> = BuiltinRole::ALL.iter().filter(holds).copied().collect();
        if roles.len() > 1 {
            roles.retain(|role| *role != BuiltinRole::ClusterAdmin);
        }
        roles.sort_by_key(|role| role.permissions().len());
        (!roles.is_empty()).then_some(NearestGrants { permission, on, roles })
    })
}

impl fmt::Display for NearestGrants<'_> {
    /// ``roles `editor`, `workspaceAdmin` on workspaces/vision hold workload.submit``
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let one = self.roles.len() == 1;
        f.write_str(if one { "role " } else { "roles " })?;
        for (at, role) in self.roles.iter().enumerate() {
            write!(f, "{}`{role}`", if at == 0 { "" } else { ", " })?;
        }
        write!(f, " on {} {} {}", self.on, if one { "holds" } else { "hold" }, self.permission)
    }
}
