//! What a policy leads to together with those that stand: contradictions, conflicts, warnings.

use std::collections::HashSet;

use reeve_chassis::{Failure, PreconditionReason, PreconditionSubject};
use reeve_config_policy::{
    Applicable, Attributed, Consequences, Contradiction, Policy, Scope, Settings, Warning, WorkloadType, check,
};
use reeve_world::World;

/// Most warnings, and most conflicts, that one answer lists.
const MAX_TOLD: usize = 1000;

/// What a policy that may be set leads to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Findings {
    /// What has no effect although it was written.
    pub(super) warnings: Vec<String>,
    /// Workspaces' policies that contradict it.
    pub(super) conflicts: Vec<PreconditionSubject>,
}

/// Checks a workspace's policy with the cluster's.
///
/// # Errors
/// `POLICY_CONTRADICTION`, with each.
pub(super) fn check_workspace(
    workload: WorkloadType,
    cluster: Option<Attributed<'_>>,
    own: Attributed<'_>,
    settings: &Settings,
) -> Result<Findings, Failure> {
    let found = check(workload, &Applicable { cluster, workspace: Some(own) }, settings);
    uncontradicted(&found)?;
    Ok(Findings { warnings: told(found.warnings.iter().map(warning)), conflicts: Vec::new() })
}

/// Checks a cluster's policy by itself, and with that of every workspace.
///
/// # Errors
/// `POLICY_CONTRADICTION`, with each, where it contradicts itself.
pub(super) fn check_cluster(
    workload: WorkloadType,
    policy: &Policy,
    version: u64,
    world: &World,
    settings: &Settings,
) -> Result<Findings, Failure> {
    let own = || Attributed { policy, scope: Scope::Cluster, version };
    let alone = check(workload, &Applicable { cluster: Some(own()), workspace: None }, settings);
    uncontradicted(&alone)?;
    let mut warnings: Vec<String> = alone.warnings.iter().map(warning).collect();
    let mut known: HashSet<String> = warnings.iter().cloned().collect();
    let mut conflicts = Vec::new();
    for (workspace, compiled) in world.workspace_policies(workload) {
        let scope = Scope::Workspace(workspace.name.to_string());
        let subject = scope.to_string();
        let theirs = match compiled.attributed(scope) {
            Ok(theirs) => theirs,
            Err(defect) => {
                conflicts.push(PreconditionSubject { subject, description: defect.to_string() });
                continue;
            }
        };
        let found = check(workload, &Applicable { cluster: Some(own()), workspace: Some(theirs) }, settings);
        warnings.extend(found.warnings.iter().map(warning).filter(|warning| known.insert(warning.clone())));
        conflicts.extend(
            found
                .contradictions
                .into_iter()
                .map(|found| PreconditionSubject { subject: subject.clone(), description: found.message }),
        );
    }
    Ok(Findings { warnings: told(warnings.into_iter()), conflicts })
}

/// As an answer lists conflicts.
pub(super) fn told_conflicts(conflicts: &[PreconditionSubject]) -> Vec<String> {
    told(conflicts.iter().map(|conflict| format!("{}: {}", conflict.subject, conflict.description)))
}

fn uncontradicted(found: &Consequences) -> Result<(), Failure> {
    if found.contradictions.is_empty() {
        return Ok(());
    }
    let violations = found.contradictions.iter().map(contradiction).collect();
    Err(Failure::Precondition { reason: PreconditionReason::PolicyContradiction, violations })
}

fn contradiction(found: &Contradiction) -> PreconditionSubject {
    let subject = format!("{}.{}", found.section, found.violation.path);
    PreconditionSubject { subject, description: found.message.clone() }
}

fn warning(warning: &Warning) -> String {
    let Warning { path, scope, version, message } = warning;
    format!("`{path}` of {scope}, version {version}: {message}")
}

/// As many as an answer lists; where there are more, a last entry says how many.
fn told(all: impl ExactSizeIterator<Item = String>) -> Vec<String> {
    let more = all.len().saturating_sub(MAX_TOLD);
    let last = (more > 0).then(|| format!("and {more} more"));
    all.take(MAX_TOLD).chain(last).collect()
}
