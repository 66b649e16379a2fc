//! What the cluster's configuration says about agent users.

use reeve_model::Violations;

use crate::{AgentId, IdentityDraft, UnixName};

/// `security.default_task`: who tasks run as for a user without a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DefaultTask {
    /// The user id.
    pub uid: AgentId,
    /// The user's name.
    pub user: UnixName,
    /// The primary group id.
    pub gid: AgentId,
    /// The primary group's name.
    pub group: UnixName,
}

/// `security.allow_root`: whether any task may run as uid 0 or as the user named root.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RootTasks {
    /// They may: the default, as the peers have it.
    #[default]
    Allowed,
    /// They may not.
    Refused,
}

/// The configuration that [`resolve`](crate::resolve()) follows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// `security.default_task`.
    pub default_task: DefaultTask,
    /// `security.allow_root`.
    pub root_tasks: RootTasks,
    /// `security.launcher_user`: the user that a batch system's launcher (Slurm, PBS) runs as; none if there is no such launcher.
    pub launcher_user: Option<UnixName>,
}

impl DefaultTask {
    /// Checks the configured fields: all four, or none for the default's own default, root.
    ///
    /// # Errors
    /// Every wrong or missing field, at `prefix` (`security.default_task.`) and its name.
    pub fn parse(draft: &IdentityDraft, prefix: &str) -> Result<Self, Violations> {
        if *draft == IdentityDraft::default() {
            return Ok(Self::default());
        }
        let mut violations = Violations::new();
        match draft.check_whole(prefix, &mut violations) {
            Some(id) => Ok(Self { uid: id.uid, user: id.user, gid: id.gid, group: id.group }),
            None => Err(violations),
        }
    }

    /// Whether it is root, by uid or by name.
    pub fn is_root(&self) -> bool {
        self.uid == AgentId::ROOT || self.user.is_root()
    }
}

impl Default for DefaultTask {
    fn default() -> Self {
        Self { uid: AgentId::ROOT, user: UnixName::root(), gid: AgentId::ROOT, group: UnixName::root() }
    }
}

impl RootTasks {
    /// Of the configured `security.allow_root`.
    pub const fn of_allow_root(allow_root: bool) -> Self {
        if allow_root { Self::Allowed } else { Self::Refused }
    }
}
