//! What records of another owner hang on: users, groups, robots, workspaces; and which of them came or went.

use std::fmt;

use reeve_model::{GroupId, PrincipalId, RobotId, Subject, UserId, WorkspaceId};

use crate::World;

/// Something that records of more than one owner hang on, by its uid. A uid that is gone never comes back, but for the group
/// of a workspace, which may come as long as its workspace is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Parent {
    /// `user/UID`
    User(UserId),
    /// `group/UID`
    Group(GroupId),
    /// `robot/UID`
    Robot(RobotId),
    /// `workspace/UID`
    Workspace(WorkspaceId),
}

/// A text that names none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not one of `user/UID`, `group/UID`, `robot/UID`, `workspace/UID`")]
pub struct ParentParseError(String);

impl Parent {
    /// Reads the written form. There is one for each: a UUID is lower case with hyphens.
    ///
    /// # Errors
    /// Any other text.
    pub fn parse(text: &str) -> Result<Self, ParentParseError> {
        let read = || {
            let (kind, uid) = text.split_once('/')?;
            Some(match kind {
                "user" => Self::User(UserId::parse(uid).ok()?),
                "group" => Self::Group(GroupId::parse(uid).ok()?),
                "robot" => Self::Robot(RobotId::parse(uid).ok()?),
                "workspace" => Self::Workspace(WorkspaceId::parse(uid).ok()?),
                _ => return None,
            })
        };
        read()
            .filter(|parent| parent.to_string() == text)
            .ok_or_else(|| ParentParseError(text.chars().take(80).flat_map(char::escape_default).collect()))
    }
}

impl fmt::Display for Parent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(uid) => write!(f, "user/{uid}"),
            Self::Group(uid) => write!(f, "group/{uid}"),
            Self::Robot(uid) => write!(f, "robot/{uid}"),
            Self::Workspace(uid) => write!(f, "workspace/{uid}"),
        }
    }
}

impl World {
    /// Whether it is there.
    pub fn has(&self, parent: &Parent) -> bool {
        match parent {
            Parent::User(uid) => self.users.get(uid).is_some(),
            Parent::Group(uid) => self.group_by_id(uid).is_some(),
            Parent::Robot(uid) => self.robots.get(uid).is_some(),
            Parent::Workspace(uid) => self.workspaces.get(uid).is_some(),
        }
    }

    /// What is to be looked at after `earlier`: what came or went since, and what is missing though something that hangs on it
    /// came; of a workspace that went, its group goes unsaid. Of two states of one store, this costs what changed.
    pub fn concerned_since<'a>(&'a self, earlier: &'a Self) -> impl Iterator<Item = Parent> {
        self.not_in(earlier).chain(earlier.not_in(self)).chain(self.missing_since(earlier))
    }

    /// What is missing, though something that hangs on it was not there in `earlier`: it came and went in between, or was
    /// not looked for when that was written.
    fn missing_since<'a>(&'a self, earlier: &'a Self) -> impl Iterator<Item = Parent> {
        let bindings = self.bindings.keys_not_in(&earlier.bindings).filter_map(|uid| self.bindings.get(uid));
        let of_bindings = bindings.flat_map(|binding| {
            let awaited = binding.workspace.map(|uid| Subject::Group(GroupId::of_workspace(&uid)));
            let subject = match binding.subject {
                Subject::User(uid) => Some(Parent::User(uid)),
                subject @ Subject::Group(uid) => (Some(subject) != awaited).then_some(Parent::Group(uid)),
                Subject::Robot(uid) => Some(Parent::Robot(uid)),
                Subject::AllUsers => None,
            };
            binding.workspace.map(Parent::Workspace).into_iter().chain(subject)
        });
        let policies = self.config_policies.keys_not_in(&earlier.config_policies);
        let of_policies = policies.filter_map(|(scope, _)| *scope).map(Parent::Workspace);
        let of_links = self.user_links.keys_not_in(&earlier.user_links).copied().map(Parent::User);
        let overrides = self.workspace_agent_users.keys_not_in(&earlier.workspace_agent_users);
        let of_overrides = overrides.copied().map(Parent::Workspace);
        let of_members = self.groups_of.keys_not_in(&earlier.groups_of).filter_map(|member| match member {
            PrincipalId::User(uid) => Some(Parent::User(*uid)),
            PrincipalId::Robot(uid) => Some(Parent::Robot(*uid)),
            PrincipalId::Root => None,
        });
        let of_groups = self.members_of.keys_not_in(&earlier.members_of).copied().map(Parent::Group);
        let all = of_bindings.chain(of_policies).chain(of_links).chain(of_overrides).chain(of_members).chain(of_groups);
        all.filter(|parent| !self.has(parent))
    }

    fn not_in<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = Parent> + use<'a> {
        let users = self.users.keys_not_in(&other.users).copied().map(Parent::User);
        let groups = self.groups.keys_not_in(&other.groups).copied().map(Parent::Group);
        let robots = self.robots.keys_not_in(&other.robots).copied().map(Parent::Robot);
        let workspaces = self.workspaces.keys_not_in(&other.workspaces).copied().map(Parent::Workspace);
        users.chain(groups).chain(robots).chain(workspaces)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UID: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

    #[test]
    fn what_is_written_is_read() {
        for kind in ["user", "group", "robot", "workspace"] {
            let text = format!("{kind}/{UID}");
            assert_eq!(Parent::parse(&text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn anything_else_is_refused() {
        let upper = format!("user/{}", UID.to_uppercase());
        let simple = format!("user/{}", UID.replace('-', ""));
        let kind = format!("session/{UID}");
        let more = format!("user/{UID}/");
        for text in ["", "user", "user/", "user/alice", "/", &upper, &simple, &kind, &more, UID] {
            assert!(Parent::parse(text).is_err(), "{text}");
        }
    }
}
