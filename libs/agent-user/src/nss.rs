//! The lines that a container's passwd(5), shadow(5) and group(5) need.

use crate::{Resolved, UnixName};

/// A user's home without one of their own: the task's working directory.
pub const DEFAULT_HOME: &str = "/run/task/workdir";
/// A user's shell without one of their own.
pub const DEFAULT_SHELL: &str = "/bin/bash";

/// Lines, without line ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nss {
    /// One line of passwd(5).
    pub passwd: String,
    /// One line of shadow(5), which no password matches.
    pub shadow: String,
    /// Lines of group(5): the primary group, then each supplementary one with the user as its member.
    pub group: Vec<String>,
}

impl Nss {
    /// The lines for a resolved agent user. Their parts are parsed values, none of which can hold a separator or a line end.
    pub(crate) fn of(resolved: &Resolved) -> Self {
        let user: &UnixName = &resolved.user.value;
        let (uid, gid) = (resolved.uid.value, resolved.gid.value);
        let gecos = resolved.gecos.as_ref().map_or("", |gecos| gecos.value.as_str());
        let home = resolved.home.as_ref().map_or(DEFAULT_HOME, |home| home.value.as_str());
        let shell = resolved.shell.as_ref().map_or(DEFAULT_SHELL, |shell| shell.value.as_str());
        let primary = format!("{}:x:{gid}:", resolved.group.value);
        let further = resolved.supplementary.value.iter().map(|group| format!("{}:x:{}:{user}", group.name, group.gid));
        Self {
            passwd: format!("{user}:x:{uid}:{gid}:{gecos}:{home}:{shell}"),
            shadow: format!("{user}:*:::::::"),
            group: std::iter::once(primary).chain(further).collect(),
        }
    }
}
