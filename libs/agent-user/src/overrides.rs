//! What a workspace overrides of its members' agent users, each field by itself.

use reeve_model::Violations;

use crate::{AgentId, IdentityDraft, UnixName, Warning};

/// The request's field that a wrong mask is reported at.
pub const MASK_FIELD: &str = "update_mask";

/// A workspace's overrides; a field without a value is taken from the user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Override {
    /// The user id.
    pub uid: Option<AgentId>,
    /// The user's name.
    pub user: Option<UnixName>,
    /// The primary group id.
    pub gid: Option<AgentId>,
    /// The primary group's name.
    pub group: Option<UnixName>,
}

impl Override {
    /// Checks a whole override.
    ///
    /// # Errors
    /// Every wrong field, at `prefix` and its name.
    pub fn parse(draft: &IdentityDraft, prefix: &str) -> Result<Self, Violations> {
        let mut violations = Violations::new();
        let checked = draft.check(prefix, &mut violations);
        if violations.is_empty() { Ok(checked) } else { Err(violations) }
    }

    /// This override with only the fields in `mask` changed: to the draft's value, or cleared if it has none there. What the
    /// draft says of other fields is not looked at.
    ///
    /// # Errors
    /// Every unknown field of the mask, at [`MASK_FIELD`], and every wrong value in it, at `prefix` and its name.
    pub fn updated<S: AsRef<str>>(&self, draft: &IdentityDraft, mask: &[S], prefix: &str) -> Result<Self, Violations> {
        let mut violations = Violations::new();
        let mut masked = IdentityDraft::default();
        let mut kept = self.clone();
        for path in mask {
            match path.as_ref() {
                "uid" => (masked.uid, kept.uid) = (draft.uid, None),
                "user" => (masked.user, kept.user) = (draft.user.clone(), None),
                "gid" => (masked.gid, kept.gid) = (draft.gid, None),
                "group" => (masked.group, kept.group) = (draft.group.clone(), None),
                unknown => {
                    let shown: String = unknown.chars().take(80).flat_map(char::escape_default).collect();
                    violations
                        .add(MASK_FIELD, format!("`{shown}` is not a field: it is `uid`, `user`, `gid` or `group`"));
                }
            }
        }
        let changed = masked.check(prefix, &mut violations);
        if !violations.is_empty() {
            return Err(violations);
        }
        Ok(Self {
            uid: changed.uid.or(kept.uid),
            user: changed.user.or(kept.user),
            gid: changed.gid.or(kept.gid),
            group: changed.group.or(kept.group),
        })
    }

    /// Whether it overrides nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What is unusual about it, for whoever sets it.
    pub fn warnings(&self) -> Vec<Warning> {
        Warning::of_ids(self.uid, self.gid.into_iter())
    }
}
