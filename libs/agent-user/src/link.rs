//! A user's whole agent-user record, as an administrator links it.

use reeve_model::Violations;

use crate::{AbsolutePath, AgentId, Gecos, IdentityDraft, UnixName, Warning};

/// Most supplementary groups of a record (Linux's `NGROUPS_MAX`).
pub const MAX_SUPPLEMENTARY_GROUPS: usize = 65_536;

/// A whole record: who a user's tasks run as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentUser {
    /// The user id.
    pub uid: AgentId,
    /// The user's name.
    pub user: UnixName,
    /// The primary group id.
    pub gid: AgentId,
    /// The primary group's name.
    pub group: UnixName,
    /// Further groups, as given; a gid may be there twice.
    pub supplementary: Vec<SupplementaryGroup>,
    /// The home directory; without one, the task's working directory.
    pub home: Option<AbsolutePath>,
    /// The login shell; without one, [`DEFAULT_SHELL`](crate::DEFAULT_SHELL).
    pub shell: Option<AbsolutePath>,
    /// The comment field.
    pub gecos: Option<Gecos>,
}

/// A group that a user is in besides the primary one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SupplementaryGroup {
    /// The group id.
    pub gid: AgentId,
    /// The group's name; without one it is called `gid-N`.
    pub name: Option<UnixName>,
}

/// A record as it arrives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AgentUserDraft {
    /// uid, user, gid, group: all needed.
    pub identity: IdentityDraft,
    /// Further groups.
    pub supplementary: Vec<SupplementaryGroupDraft>,
    /// The home directory.
    pub home: Option<String>,
    /// The login shell.
    pub shell: Option<String>,
    /// The comment field.
    pub gecos: Option<String>,
}

/// A supplementary group as it arrives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SupplementaryGroupDraft {
    /// The group id: needed.
    pub gid: Option<u32>,
    /// The group's name.
    pub name: Option<String>,
}

impl AgentUser {
    /// Checks a record.
    ///
    /// # Errors
    /// Every wrong or missing field, at `prefix` and its name: `agent_user.supplementary_groups[1].gid`.
    pub fn parse(draft: &AgentUserDraft, prefix: &str) -> Result<Self, Violations> {
        let mut violations = Violations::new();
        let field = |name: &str| format!("{prefix}{name}");
        let identity = draft.identity.check_whole(prefix, &mut violations);
        let supplementary = check_supplementary(&draft.supplementary, prefix, &mut violations);
        let home = draft.home.as_deref().and_then(|text| violations.take(field("home"), AbsolutePath::parse(text)));
        let shell = draft.shell.as_deref().and_then(|text| violations.take(field("shell"), AbsolutePath::parse(text)));
        let gecos = draft.gecos.as_deref().and_then(|text| violations.take(field("gecos"), Gecos::parse(text)));
        match identity {
            Some(id) if violations.is_empty() => {
                Ok(Self { uid: id.uid, user: id.user, gid: id.gid, group: id.group, supplementary, home, shell, gecos })
            }
            _ => Err(violations),
        }
    }

    /// What is unusual about it, for whoever sets it.
    pub fn warnings(&self) -> Vec<Warning> {
        let gids = std::iter::once(self.gid).chain(self.supplementary.iter().map(|group| group.gid));
        Warning::of_ids(Some(self.uid), gids)
    }
}

fn check_supplementary(
    drafts: &[SupplementaryGroupDraft],
    prefix: &str,
    violations: &mut Violations,
) -> Vec<SupplementaryGroup> {
    if drafts.len() > MAX_SUPPLEMENTARY_GROUPS {
        violations.add(format!("{prefix}supplementary_groups"), "there are at most 65536 supplementary groups");
        return Vec::new();
    }
    let check = |(at, draft): (usize, &SupplementaryGroupDraft)| {
        let field = |name: &str| format!("{prefix}supplementary_groups[{at}].{name}");
        let name = draft.name.as_deref().and_then(|name| violations.take(field("name"), UnixName::parse(name)));
        let Some(gid) = draft.gid else {
            violations.add(field("gid"), "is missing: a supplementary group has a gid");
            return None;
        };
        violations.take(field("gid"), AgentId::parse(gid)).map(|gid| SupplementaryGroup { gid, name })
    };
    drafts.iter().enumerate().filter_map(check).collect()
}
