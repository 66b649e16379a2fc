//! Decisions of a World, with their reasons.

use reeve_model::{BindingId, PrincipalId, Resource, Timestamp, WorkspaceId};
use reeve_rbac::{
    Holding, Permission, PermissionSet, ScopeError, check_scope, decide, nearest_grants, permissions_of,
    permissions_through, why,
};

use crate::World;

/// A decision with its reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The decision.
    pub allowed: bool,
    /// What it rests on.
    pub reason: Reason,
    /// The same for people.
    pub message: String,
}

/// What a decision rests on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Allowed by a binding.
    Binding {
        /// The binding.
        uid: BindingId,
        /// Its role.
        role: &'static str,
        /// The resource that it is on.
        resource: String,
        /// Whom it names.
        through: String,
    },
    /// Allowed: a member of `admins`.
    AdminsGroup,
    /// Allowed: root.
    Root,
    /// Denied: no such principal.
    UnknownPrincipal,
    /// Denied: the principal is deactivated.
    InactivePrincipal,
    /// Denied: no such workspace.
    UnknownWorkspace,
    /// Denied: nothing holds the permission there.
    MissingPermission,
}

/// A question that cannot be asked.
pub type CheckError = ScopeError;

/// Whether the place of a resource exists.
enum Place {
    /// The cluster, or inside this workspace.
    Known(Option<WorkspaceId>),
    /// Inside a workspace that does not exist.
    UnknownWorkspace,
}

impl World {
    /// Whether `principal` holds `permission` on `resource` at `now`, and why.
    ///
    /// # Errors
    /// A cluster-only permission that is asked below the cluster.
    pub fn check(
        &self,
        principal: &PrincipalId,
        permission: Permission,
        resource: &Resource,
        now: Timestamp,
    ) -> Result<Answer, CheckError> {
        check_scope(permission, resource)?;
        let deny = |reason, message| Answer { allowed: false, reason, message };
        let who = self.principal_name(principal);
        match principal {
            PrincipalId::User(uid) => match self.users.get(uid) {
                None => return Ok(deny(Reason::UnknownPrincipal, format!("there is no {who}"))),
                Some(user) if !user.active => {
                    return Ok(deny(Reason::InactivePrincipal, format!("{who} is deactivated")));
                }
                Some(_) => {}
            },
            PrincipalId::Robot(uid) if self.robots.get(uid).is_none() => {
                return Ok(deny(Reason::UnknownPrincipal, format!("there is no {who}")));
            }
            PrincipalId::Robot(_) | PrincipalId::Root => {}
        }
        let Place::Known(workspace) = self.place_of(resource) else {
            let name = resource.workspace_name().unwrap_or_default();
            return Ok(deny(Reason::UnknownWorkspace, format!("there is no workspaces/{name}")));
        };
        let subjects = self.subjects_of(principal);
        let grants = self.grants.within(workspace);
        Ok(match decide(&grants, principal, &subjects, permission, resource, now) {
            Some(holding) => self.allowed(&holding),
            None => deny(Reason::MissingPermission, missing(&who, permission, resource)),
        })
    }

    /// Whether `principal` holds `permission` on `resource` at `now`; the decision of [`World::check`] without its reason.
    pub fn holds(&self, principal: &PrincipalId, permission: Permission, resource: &Resource, now: Timestamp) -> bool {
        let Place::Known(workspace) = self.place_of(resource) else { return false };
        let subjects = self.subjects_of(principal);
        let grants = self.grants.within(workspace);
        decide(&grants, principal, &subjects, permission, resource, now).is_some()
    }

    /// Everything that `principal` holds on `resource` at `now`.
    pub fn permissions_at(&self, principal: &PrincipalId, resource: &Resource, now: Timestamp) -> PermissionSet {
        let Place::Known(workspace) = self.place_of(resource) else { return PermissionSet::NONE };
        let subjects = self.subjects_of(principal);
        permissions_of(&self.grants.within(workspace), principal, &subjects, resource, now)
    }

    /// What `principal` may convey on `resource` by a grant that ends at `until` (none: without end): what they hold there at
    /// least as long.
    pub fn conveyable_at(
        &self,
        principal: &PrincipalId,
        resource: &Resource,
        now: Timestamp,
        until: Option<Timestamp>,
    ) -> PermissionSet {
        let Place::Known(workspace) = self.place_of(resource) else { return PermissionSet::NONE };
        let subjects = self.subjects_of(principal);
        permissions_through(&self.grants.within(workspace), principal, &subjects, resource, now, until)
    }

    /// What `principal` may convey in every workspace, present and future, by a grant that ends at `until` (none: without
    /// end): what they hold through bindings on the cluster at least as long.
    pub fn conveyable_everywhere(
        &self,
        principal: &PrincipalId,
        now: Timestamp,
        until: Option<Timestamp>,
    ) -> PermissionSet {
        // without a workspace's uid, only what is bound on the cluster is found, whatever the workspace is called
        let Ok(any) = Resource::parse("workspaces/any") else { return PermissionSet::NONE };
        let subjects = self.subjects_of(principal);
        permissions_through(&self.grants.within(None), principal, &subjects, &any, now, until)
    }

    fn place_of(&self, resource: &Resource) -> Place {
        match resource.workspace_name() {
            None => Place::Known(None),
            Some(name) => match self.workspace_names.get(name) {
                Some(uid) => Place::Known(Some(*uid)),
                None => Place::UnknownWorkspace,
            },
        }
    }

    fn allowed(&self, holding: &Holding<'_>) -> Answer {
        let reason = match holding {
            Holding::Root => Reason::Root,
            Holding::ImpliedAdmin => Reason::AdminsGroup,
            Holding::Bound { grant, subject, on } => Reason::Binding {
                uid: grant.binding,
                role: grant.role.as_str(),
                resource: (*on).to_owned(),
                through: self.subject_name(subject),
            },
        };
        Answer { allowed: true, reason, message: why(holding, |subject| self.subject_name(subject)) }
    }
}

fn missing(who: &str, permission: Permission, resource: &Resource) -> String {
    let lacks = format!("{who} lacks {} on {resource}", permission.as_str());
    nearest_grants(permission, resource).map_or_else(|| lacks.clone(), |nearest| format!("{lacks}: {nearest}"))
}
