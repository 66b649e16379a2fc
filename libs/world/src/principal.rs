//! Principals of a World: names to ids and back, groups, administrators.

use reeve_model::{GroupId, PrincipalId, PrincipalName, Subject, UserId};
use reeve_rbac::BuiltinRole;

use crate::World;

/// Somebody that can be asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResolvedPrincipal {
    /// Acts by itself: a user, a robot, root.
    Actor(PrincipalId),
    /// A set of actors: a group, all users.
    Set(Subject),
}

/// A principal that does not exist.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no `{0}`")]
pub struct LookupError(pub PrincipalName);

impl World {
    /// Whom a written principal names.
    ///
    /// # Errors
    /// Nobody.
    pub fn principal(&self, name: &PrincipalName) -> Result<ResolvedPrincipal, LookupError> {
        let found = match name {
            PrincipalName::User(user) => {
                self.user_by_name(user).map(|user| ResolvedPrincipal::Actor(PrincipalId::User(user.uid)))
            }
            PrincipalName::Robot(robot) => {
                self.robot_by_name(robot).map(|robot| ResolvedPrincipal::Actor(PrincipalId::Robot(robot.uid)))
            }
            PrincipalName::Group(group) => {
                self.group_by_name(group).map(|group| ResolvedPrincipal::Set(Subject::Group(group.uid)))
            }
            PrincipalName::AllUsers => Some(ResolvedPrincipal::Set(Subject::AllUsers)),
            PrincipalName::Root => Some(ResolvedPrincipal::Actor(PrincipalId::Root)),
        };
        found.ok_or_else(|| LookupError(name.clone()))
    }

    /// Who a binding for a written principal would be for. Root is never named in a binding.
    ///
    /// # Errors
    /// Nobody, or root.
    pub fn subject(&self, name: &PrincipalName) -> Result<Subject, LookupError> {
        match self.principal(name)? {
            ResolvedPrincipal::Actor(PrincipalId::User(uid)) => Ok(Subject::User(uid)),
            ResolvedPrincipal::Actor(PrincipalId::Robot(uid)) => Ok(Subject::Robot(uid)),
            ResolvedPrincipal::Actor(PrincipalId::Root) => Err(LookupError(name.clone())),
            ResolvedPrincipal::Set(subject) => Ok(subject),
        }
    }

    /// How a principal is written; by its uid if it is gone.
    pub fn principal_name(&self, principal: &PrincipalId) -> String {
        match principal {
            PrincipalId::User(uid) => self.subject_name(&Subject::User(*uid)),
            PrincipalId::Robot(uid) => self.subject_name(&Subject::Robot(*uid)),
            PrincipalId::Root => "root".to_owned(),
        }
    }

    /// How a subject is written; by its uid if it is gone.
    pub fn subject_name(&self, subject: &Subject) -> String {
        let name = match subject {
            Subject::User(uid) => self.users.get(uid).map(|user| format!("user:{}", user.username)),
            Subject::Group(uid) => self.group_by_id(uid).map(|group| format!("group:{}", group.name)),
            Subject::Robot(uid) => self.robots.get(uid).map(|robot| format!("robot:{}", robot.name)),
            Subject::AllUsers => None,
        };
        name.unwrap_or_else(|| subject.to_string())
    }

    /// The groups of a principal that exist, `everyone` included for an active user; in a stable order. None for a principal
    /// that is gone.
    pub fn groups_of(&self, principal: &PrincipalId) -> impl Iterator<Item = GroupId> {
        let stored = self.groups_of.get(principal).filter(|_| self.exists(principal)).map_or(&[][..], |groups| groups);
        let active = matches!(principal, PrincipalId::User(uid) if self.users.get(uid).is_some_and(|user| user.active));
        let everyone = active.then_some(GroupId::EVERYONE);
        let stored = stored.iter().copied().filter(|group| *group != GroupId::EVERYONE);
        everyone.into_iter().chain(stored).filter(|group| self.group_by_id(group).is_some())
    }

    pub(crate) fn exists(&self, principal: &PrincipalId) -> bool {
        match principal {
            PrincipalId::User(uid) => self.users.get(uid).is_some(),
            PrincipalId::Robot(uid) => self.robots.get(uid).is_some(),
            PrincipalId::Root => true,
        }
    }

    /// All that a principal acts as: itself, then its groups, then all users. Empty if it does not exist or is inactive.
    pub(crate) fn subjects_of(&self, principal: &PrincipalId) -> Vec<Subject> {
        let own = match principal {
            PrincipalId::User(uid) if self.users.get(uid).is_some_and(|user| user.active) => Subject::User(*uid),
            PrincipalId::Robot(uid) if self.robots.get(uid).is_some() => Subject::Robot(*uid),
            PrincipalId::User(_) | PrincipalId::Robot(_) | PrincipalId::Root => return Vec::new(),
        };
        let groups = self.groups_of(principal).map(Subject::Group);
        std::iter::once(own).chain(groups).chain([Subject::AllUsers]).collect()
    }

    /// Whether the cluster has an active user who is clusterAdmin, directly or through a group, without end.
    pub fn has_lasting_admin(&self) -> bool {
        let is_active = |uid: &UserId| self.users.get(uid).is_some_and(|user| user.active);
        let has_active_member = |group: &GroupId| {
            if *group == GroupId::EVERYONE {
                return self.users.iter().any(|(_, user)| user.active);
            }
            self.members_of(group).any(|member| matches!(member, PrincipalId::User(uid) if is_active(uid)))
        };
        has_active_member(&GroupId::ADMINS)
            || self.bindings_after(None).any(|binding| {
                binding.role == BuiltinRole::ClusterAdmin
                    && binding.resource.is_cluster()
                    && binding.expire_time.is_none()
                    && match &binding.subject {
                        Subject::User(uid) => is_active(uid),
                        Subject::Group(uid) => has_active_member(uid),
                        Subject::AllUsers => has_active_member(&GroupId::EVERYONE),
                        Subject::Robot(_) => false,
                    }
            })
    }
}
