//! What is contradictory in the policies themselves, before anybody submits.

use crate::policy::{Section, WorkloadType};
use crate::resolution::Violation;
use crate::scope::{Applicable, Scope, Settings};

/// What the policies that apply together lead to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Consequences {
    /// What cannot stand: values that a policy sets and a limit forbids.
    pub contradictions: Vec<Contradiction>,
    /// What stands, but without effect.
    pub warnings: Vec<Warning>,
}

/// A default or invariant that would take effect and fails a limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contradiction {
    /// The limit that fails, and the value that fails it.
    pub violation: Violation,
    /// The section that sets the value.
    pub section: Section,
    /// The scope of the policy that sets it.
    pub scope: Scope,
    /// The version of that policy.
    pub version: u64,
    /// The same as a sentence.
    pub message: String,
}

/// Something in a policy that is stored and has no effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// Where it stands in its policy, from the section on.
    pub path: String,
    /// The scope of the policy that holds it.
    pub scope: Scope,
    /// Why it has no effect.
    pub message: String,
}

/// What the given policies lead to together, for a config that says nothing of its own.
pub fn check(_workload: WorkloadType, _policies: &Applicable<'_>, _settings: &Settings) -> Consequences {
    Consequences::default()
}
