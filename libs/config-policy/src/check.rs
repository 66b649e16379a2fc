//! What is contradictory in the policies themselves, before anybody submits.

use crate::constraints::{
    Constraints, MAX_SLOTS, PRIORITY_LIMIT, Pair, Standing, priority_strictness, slots_strictness,
};
use crate::diff::differences;
use crate::layers::{lay, nothing};
use crate::limits::{Finding, findings};
use crate::policy::{Section, WorkloadType};
use crate::resolution::Violation;
use crate::scope::{Applicable, Scope, Settings};
use crate::traced::{Level, Origin, Source, Traced};

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
    /// The version of that policy.
    pub version: u64,
    /// Why it has no effect.
    pub message: String,
}

/// What the given policies lead to together, for a config that says nothing of its own: with the cluster's alone before
/// it is set, with the cluster's and a workspace's before either is.
pub fn check(workload: WorkloadType, policies: &Applicable<'_>, settings: &Settings) -> Consequences {
    let config = lay(workload, &nothing(), policies, settings);
    let found = findings(workload, &config, policies, settings);
    let contradictions = found.into_iter().filter_map(|finding| contradiction(finding, policies)).collect();
    let mut warnings = looser_limits(policies, settings);
    warnings.extend(overridden_values(&config, policies));
    Consequences { contradictions, warnings }
}

fn contradiction(finding: Finding, policies: &Applicable<'_>) -> Option<Contradiction> {
    let Origin::Policy(source) = finding.origin else { return None };
    let (scope, version) = policies.attribution(source.level);
    let violation = finding.violation;
    let section = source.section;
    let message =
        format!("`{section}.{}` of {scope}, version {version}, cannot stand: {}", violation.path, violation.message);
    Some(Contradiction { violation, section, scope, version, message })
}

fn looser_limits(policies: &Applicable<'_>, settings: &Settings) -> Vec<Warning> {
    let slots = policies.limits(|constraints: &Constraints| constraints.max_slots);
    let priority = policies.limits(|constraints: &Constraints| constraints.priority_limit);
    let precedence = settings.limit_precedence;
    let standings = [
        (MAX_SLOTS, slots, slots.standing(precedence, slots_strictness)),
        (PRIORITY_LIMIT, priority, priority.standing(precedence, priority_strictness(settings.priority_order))),
    ];
    standings
        .into_iter()
        .filter_map(|(name, limits, standing)| looser_limit(name, limits, standing, policies))
        .collect()
}

fn looser_limit(name: &str, limits: Pair, standing: Standing, policies: &Applicable<'_>) -> Option<Warning> {
    let (cluster, workspace) = (limits.cluster?, limits.workspace?);
    let why = match standing {
        Standing::Holds => return None,
        Standing::Replaced if cluster == workspace => return None,
        Standing::Looser => "is looser than the cluster's",
        Standing::Replaced => "is replaced by the cluster's",
    };
    let (scope, version) = policies.attribution(Level::Workspace);
    let message = format!("the limit `{workspace}` {why} `{cluster}` and has no effect");
    Some(Warning { path: name.to_owned(), scope, version, message })
}

/// Values of a policy that an invariant overrides, whatever the user says.
fn overridden_values(config: &Traced, policies: &Applicable<'_>) -> Vec<Warning> {
    let layers = [
        (Section::Defaults, Level::Cluster),
        (Section::Defaults, Level::Workspace),
        (Section::InvariantConfig, Level::Workspace),
    ];
    let mut warnings = Vec::new();
    for (section, level) in layers {
        let Some(values) = policies.values(Source { section, level }) else { continue };
        let (scope, version) = policies.attribution(level);
        // What the layer would have to become, where it says something at all.
        for difference in differences(&values, config) {
            if difference.from.is_none() || difference.source.section != Section::InvariantConfig {
                continue;
            }
            let (by, by_version) = policies.attribution(difference.source.level);
            warnings.push(Warning {
                path: format!("{section}.{}", difference.path),
                scope: scope.clone(),
                version,
                message: format!("overridden by `{}` of {by}, version {by_version}", difference.source.section),
            });
        }
    }
    warnings
}
