//! The answer to one config: what it becomes, what changed, and what is not allowed.

use std::fmt;

use crate::policy::Section;
use crate::scope::Scope;
use crate::value::Value;

/// What a config becomes under the policies that apply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolution {
    /// The effective config in the format it came in; byte for byte the input where nothing changed.
    pub effective: String,
    /// The same as a value.
    pub effective_value: Value,
    /// Every difference between what the user wrote and the effective config.
    pub changes: Vec<Change>,
    /// Every limit that the effective config fails.
    pub violations: Vec<Violation>,
}

/// One difference that a policy made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The leaf that changed: dotted, keys with dots quoted, items of keyed lists as `bind_mounts[/data]`.
    pub path: String,
    /// What the user wrote; `None` where nothing stood there.
    pub from: Option<Value>,
    /// What stands there now; `None` where it is gone (fields of a union's other kind).
    pub to: Option<Value>,
    /// Whether a value of one type took the place of another's (null aside).
    pub type_changed: bool,
    /// The section of the policy that made the change.
    pub section: Section,
    /// The scope of that policy.
    pub scope: Scope,
    /// Its version there.
    pub version: u64,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, section, scope, version, .. } = self;
        write!(f, "`{path}` set by `{section}` of the policy at {scope}, version {version}")?;
        if self.type_changed
            && let (Some(from), Some(to)) = (&self.from, &self.to)
        {
            write!(f, "; was {}, is {}", from.type_name(), to.type_name())?;
        }
        Ok(())
    }
}

/// One limit that the effective config fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The field that fails it.
    pub path: String,
    /// Its value in the effective config; `None` where it is not set.
    pub value: Option<Value>,
    /// The limit.
    pub limit: Value,
    /// Where the limit stands in its policy, such as `constraints.resources.max_slots`.
    pub limit_name: &'static str,
    /// The scope of the policy that set it.
    pub scope: Scope,
    /// The version of that policy.
    pub version: u64,
    /// The same as a sentence, for the person who submitted it.
    pub message: String,
}
