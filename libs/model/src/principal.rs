//! Who acts, and who may hold a binding.

use std::fmt;

use crate::{GroupId, RobotId, UserId};

/// Who acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PrincipalId {
    /// A person.
    User(UserId),
    /// A program with its own tokens.
    Robot(RobotId),
    /// The holder of the root token: clusterAdmin irrevocably.
    Root,
}

impl fmt::Display for PrincipalId {
    /// The stored form: `user:UUID`, `robot:UUID`, `root`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(id) => write!(f, "user:{id}"),
            Self::Robot(id) => write!(f, "robot:{id}"),
            Self::Root => f.write_str("root"),
        }
    }
}

/// Who a binding is for, by id. Root is never named in a binding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// One user.
    User(UserId),
    /// Every member of a group.
    Group(GroupId),
    /// One robot.
    Robot(RobotId),
    /// Every authenticated principal.
    AllUsers,
}

impl fmt::Display for Subject {
    /// The stored form: `user:UUID`, `group:UUID`, `robot:UUID`, `allUsers`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(id) => write!(f, "user:{id}"),
            Self::Group(id) => write!(f, "group:{id}"),
            Self::Robot(id) => write!(f, "robot:{id}"),
            Self::AllUsers => f.write_str("allUsers"),
        }
    }
}

/// A principal as a caller writes it: `user:alice`, `group:vision-team`, `robot:ci`, `allUsers`, `root`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PrincipalName {
    /// `user:NAME`
    User(String),
    /// `group:NAME`
    Group(String),
    /// `robot:NAME`
    Robot(String),
    /// `allUsers`
    AllUsers,
    /// `root`
    Root,
}

/// A text that names no principal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a principal: write `user:NAME`, `group:NAME`, `robot:NAME` or `allUsers`")]
pub struct PrincipalParseError(String);

impl PrincipalName {
    /// Reads the written form. Whether such a principal exists is not asked here.
    ///
    /// # Errors
    /// Any other text.
    pub fn parse(text: &str) -> Result<Self, PrincipalParseError> {
        let fail = || PrincipalParseError(text.chars().take(160).flat_map(char::escape_default).collect());
        match text.split_once(':') {
            Some((_, "")) => Err(fail()),
            Some(("user", name)) => Ok(Self::User(name.to_owned())),
            Some(("group", name)) => Ok(Self::Group(name.to_owned())),
            Some(("robot", name)) => Ok(Self::Robot(name.to_owned())),
            None if text == "allUsers" => Ok(Self::AllUsers),
            None if text == "root" => Ok(Self::Root),
            Some(_) | None => Err(fail()),
        }
    }
}

impl fmt::Display for PrincipalName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(name) => write!(f, "user:{name}"),
            Self::Group(name) => write!(f, "group:{name}"),
            Self::Robot(name) => write!(f, "robot:{name}"),
            Self::AllUsers => f.write_str("allUsers"),
            Self::Root => f.write_str("root"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_principals_round_trip() {
        for text in ["user:alice", "group:a.b", "robot:ci", "allUsers", "root"] {
            assert_eq!(PrincipalName::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["", "alice", "user:", "User:alice", "everyone", "service:x"] {
            assert!(PrincipalName::parse(text).is_err(), "{text}");
        }
    }
}
