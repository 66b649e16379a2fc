//! Where a field of an agent user comes from.

use std::fmt;

/// Where a field comes from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// The override of the workspace of this name.
    Workspace(String),
    /// The user's link.
    Link,
    /// The configured default, `security.default_task`.
    Default,
}

impl fmt::Display for Source {
    /// `workspaces/ID`, `link`, or `default`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Workspace(name) => write!(f, "workspaces/{name}"),
            Self::Link => f.write_str("link"),
            Self::Default => f.write_str("default"),
        }
    }
}

/// A value with its source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sourced<T> {
    /// The value.
    pub value: T,
    /// Where it comes from.
    pub source: Source,
}
