//! The four fields that say who a process is: uid, user, gid, group, as they arrive.

use reeve_model::Violations;

use crate::{AgentId, Override, UnixName};

/// uid, user, gid and group as they arrive, before they are checked. A field without a value is none: zero and the empty
/// text are values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IdentityDraft {
    /// The user id.
    pub uid: Option<u32>,
    /// The user's name.
    pub user: Option<String>,
    /// The primary group id.
    pub gid: Option<u32>,
    /// The primary group's name.
    pub group: Option<String>,
}

/// All four, checked.
pub(crate) struct Identity {
    pub(crate) uid: AgentId,
    pub(crate) user: UnixName,
    pub(crate) gid: AgentId,
    pub(crate) group: UnixName,
}

impl IdentityDraft {
    /// Checks what has a value; notes everything wrong under `prefix` (`agent_user.`) and the field's name.
    pub(crate) fn check(&self, prefix: &str, violations: &mut Violations) -> Override {
        let field = |name: &str| format!("{prefix}{name}");
        Override {
            uid: self.uid.and_then(|uid| violations.take(field("uid"), AgentId::parse(uid))),
            user: self.user.as_deref().and_then(|user| violations.take(field("user"), UnixName::parse(user))),
            gid: self.gid.and_then(|gid| violations.take(field("gid"), AgentId::parse(gid))),
            group: self.group.as_deref().and_then(|group| violations.take(field("group"), UnixName::parse(group))),
        }
    }

    /// Checks that all four have values, and are right; notes everything wrong.
    pub(crate) fn check_whole(&self, prefix: &str, violations: &mut Violations) -> Option<Identity> {
        let given = [
            ("uid", self.uid.is_some()),
            ("user", self.user.is_some()),
            ("gid", self.gid.is_some()),
            ("group", self.group.is_some()),
        ];
        for (name, _) in given.iter().filter(|(_, is_given)| !is_given) {
            violations.add(format!("{prefix}{name}"), "is missing: uid, user, gid and group go together");
        }
        match self.check(prefix, violations) {
            Override { uid: Some(uid), user: Some(user), gid: Some(gid), group: Some(group) } => {
                Some(Identity { uid, user, gid, group })
            }
            _ => None,
        }
    }
}
