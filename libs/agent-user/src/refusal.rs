//! A resolution that is refused because it would be root, and how to change that.

use std::fmt;

use crate::{Source, UnixName};

/// A task that may not run as root. Names the user, where the root value comes from, and what changes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Whose task it is.
    pub username: String,
    /// The workspace it was to run in.
    pub workspace: String,
    /// Which rule refuses it.
    pub rule: RefusalRule,
    /// The root values: at least one.
    pub causes: Vec<RootCause>,
}

/// The rule that refuses root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefusalRule {
    /// `security.allow_root` is false.
    AllowRoot,
    /// `security.launcher_user` is this user, who is not root.
    Launcher(UnixName),
}

/// A field that is root's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RootCause {
    /// Which field.
    pub field: RootField,
    /// Where its value comes from.
    pub source: Source,
}

/// What makes an agent user root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RootField {
    /// uid 0.
    Uid,
    /// The user name `root`.
    User,
}

impl fmt::Display for RootField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Uid => "uid 0",
            Self::User => "user root",
        })
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` would run as root in workspaces/{}, ", self.username, self.workspace)?;
        match &self.rule {
            RefusalRule::AllowRoot => f.write_str("which `security.allow_root: false` refuses")?,
            RefusalRule::Launcher(launcher) => {
                write!(f, "which a launcher that runs as `{launcher}` (`security.launcher_user`) cannot do")?;
            }
        }
        match self.causes.as_slice() {
            [first, second] if first.source == second.source => {
                write!(f, ": {} and {} come from ", first.field, second.field)?;
                self.fmt_source(&first.source, f)
            }
            causes => causes.iter().enumerate().try_for_each(|(at, cause)| {
                write!(f, "{} {} comes from ", if at == 0 { ":" } else { ", and" }, cause.field)?;
                self.fmt_source(&cause.source, f)
            }),
        }
    }
}

impl Refusal {
    /// The source, and the command or the configuration key that changes it.
    fn fmt_source(&self, source: &Source, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const FLAGS: &str = "--agent-uid N --agent-user S --agent-gid N --agent-group S";
        let user = &self.username;
        match source {
            Source::Workspace(name) => write!(
                f,
                "the workspace's override; change it with `reeve workspace set-agent-user {name} --agent-uid N \
                 --agent-user S`"
            ),
            Source::Link => {
                write!(f, "the user's link; change it with `reeve user link-with-agent-user {user} {FLAGS}`")
            }
            Source::Default => write!(
                f,
                "the default; link the user with `reeve user link-with-agent-user {user} {FLAGS}`, or change \
                 `security.default_task` in the configuration"
            ),
        }
    }
}

impl std::error::Error for Refusal {}
