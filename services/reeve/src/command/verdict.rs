//! An admission's answer, for people.

use std::fmt::Write as _;

use reeve_api::admission::{AdmitResponse, DenialReason, Verdict};
use reeve_api::policy::workload_config::Form;
use reeve_api::policy::{ConfigChange, ConfigViolation};

use crate::command::agent_user;
use crate::command::scope::resource_of;
use crate::output::Paint;
use crate::table::{Table, clipped, plain};

/// A longer value is clipped; `-o json` has the whole.
const VALUE_CHARS_MAX: usize = 80;

/// What was asked.
pub(crate) struct Question {
    /// The workspace's name.
    pub(crate) workspace: String,
    /// The workload type.
    pub(crate) workload_type: String,
}

/// Whether the effective configuration is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum ShowConfig {
    /// It is.
    Yes,
    /// It is not.
    No,
}

/// The verdict, and everything it rests on.
pub(crate) fn described(answer: &AdmitResponse, question: &Question, show: ShowConfig, paint: Paint) -> String {
    let admitted = answer.verdict() == Verdict::Allow;
    let (verdict, may) = if admitted { (paint.good("ADMITTED"), "may") } else { (paint.bad("REFUSED"), "may not") };
    let principal = if answer.principal.is_empty() { "the caller" } else { &answer.principal };
    let sentence = format!(
        "{principal} {may} submit {} to {} (revision {})",
        question.workload_type,
        resource_of(&question.workspace),
        answer.revision
    );
    let mut text = format!("{verdict}  {}\n", plain(&sentence));
    reasons(answer, &mut text);
    violations(&answer.violations, &mut text);
    if admitted {
        changes(&answer.changes, &mut text);
        if let Some(agent_user) = &answer.agent_user {
            let _ = write!(text, "\nruns as:\n{}", agent_user::described(agent_user));
        }
        if show == ShowConfig::Yes {
            effective_config(answer, &mut text);
        }
    }
    text
}

fn reasons(answer: &AdmitResponse, text: &mut String) {
    if answer.reasons.is_empty() {
        return;
    }
    let mut table = Table::bare().indented();
    for reason in &answer.reasons {
        table.push([kind(reason.code()), &reason.message]);
    }
    let _ = write!(text, "\nreasons:\n{}", table.render());
}

fn kind(reason: DenialReason) -> &'static str {
    match reason {
        DenialReason::Unspecified => "other",
        DenialReason::Principal => "principal",
        DenialReason::UnknownWorkspace => "workspace",
        DenialReason::Permission => "permission",
        DenialReason::Config => "config",
        DenialReason::AgentUser => "agent user",
    }
}

fn violations(violations: &[ConfigViolation], text: &mut String) {
    if violations.is_empty() {
        return;
    }
    let mut table = Table::headed(&["PATH", "VALUE", "LIMIT", "POLICY"]).indented();
    for violation in violations {
        let limit = match violation.limit_json.as_str() {
            "" => violation.limit.clone(),
            value => format!("{} = {}", violation.limit, clipped(value, VALUE_CHARS_MAX)),
        };
        let policy = policy(&violation.scope, violation.policy_version);
        let value = value(&violation.value_json, "(unset)");
        table.push([violation.path.as_str(), &value, &limit, &policy]);
    }
    let _ = write!(text, "\nlimits not kept:\n{}", table.render());
}

fn changes(changes: &[ConfigChange], text: &mut String) {
    if changes.is_empty() {
        text.push_str("\nchanged by policy: nothing\n");
        return;
    }
    let mut table = Table::bare().indented();
    for change in changes {
        let (from, to) = (value(&change.from_json, "(unset)"), value(&change.to_json, "(removed)"));
        let by = format!("{} of {}", change.section, policy(&change.scope, change.policy_version));
        table.push([format!("{}:", change.path), format!("{from} → {to}"), by]);
    }
    let _ = write!(text, "\nchanged by policy:\n{}", table.render());
}

fn effective_config(answer: &AdmitResponse, text: &mut String) {
    let Some(form) = answer.effective_config.as_ref().and_then(|config| config.form.as_ref()) else { return };
    text.push_str("\neffective config:\n");
    match form {
        Form::Text(config) => text.push_str(config),
        Form::Object(_) => text.push_str("  an object; `-o json` shows it\n"),
    }
}

fn policy(scope: &str, version: u64) -> String {
    format!("{scope} v{version}")
}

fn value(json: &str, none: &str) -> String {
    if json.is_empty() { none.to_owned() } else { clipped(json, VALUE_CHARS_MAX).into_owned() }
}

#[cfg(test)]
mod tests {
    use reeve_api::admission::Denial;
    use reeve_api::agentmap::{FieldSource, NameServiceLines, ResolvedAgentUser};
    use reeve_api::policy::WorkloadConfig;

    use super::*;

    fn question() -> Question {
        Question { workspace: "vision".to_owned(), workload_type: "experiment".to_owned() }
    }

    fn admitted() -> AdmitResponse {
        AdmitResponse {
            verdict: Verdict::Allow.into(),
            principal: "user:alice".to_owned(),
            revision: 42,
            changes: vec![ConfigChange {
                path: "checkpoint_storage.bucket".to_owned(),
                from_json: String::new(),
                to_json: "\"corp-ckpt\"".to_owned(),
                section: "invariant_config".to_owned(),
                scope: "cluster".to_owned(),
                policy_version: 3,
            }],
            effective_config: Some(WorkloadConfig { form: Some(Form::Text("name: mnist\n".to_owned())) }),
            agent_user: Some(ResolvedAgentUser {
                uid: 1000,
                user: "alice".to_owned(),
                gid: 5000,
                group: "vision".to_owned(),
                sources: vec![
                    FieldSource { field: "uid".to_owned(), source: "link".to_owned() },
                    FieldSource { field: "gid".to_owned(), source: "workspaces/vision".to_owned() },
                ],
                nss: Some(NameServiceLines {
                    passwd: "alice:x:1000:5000::/run/task/workdir:/bin/bash".to_owned(),
                    ..NameServiceLines::default()
                }),
                ..ResolvedAgentUser::default()
            }),
            ..AdmitResponse::default()
        }
    }

    #[test]
    fn an_admission_shows_the_changes_and_the_agent_user_with_sources() {
        assert_eq!(
            described(&admitted(), &question(), ShowConfig::Yes, Paint::Plain),
            "\
ADMITTED  user:alice may submit experiment to workspaces/vision (revision 42)

changed by policy:
  checkpoint_storage.bucket:  (unset) → \"corp-ckpt\"  invariant_config of cluster v3

runs as:
  FIELD  VALUE   SOURCE
  uid    1000    link
  user   alice
  gid    5000    workspaces/vision
  group  vision
  passwd  alice:x:1000:5000::/run/task/workdir:/bin/bash

effective config:
name: mnist
"
        );
    }

    #[test]
    fn a_refusal_shows_every_reason_and_every_violation() {
        let answer = AdmitResponse {
            verdict: Verdict::Deny.into(),
            principal: "user:alice".to_owned(),
            revision: 42,
            reasons: vec![
                Denial { code: DenialReason::Config.into(), message: "1 limit is not kept".to_owned() },
                Denial { code: DenialReason::AgentUser.into(), message: "uid 0 is refused".to_owned() },
            ],
            violations: vec![ConfigViolation {
                path: "resources.slots_per_trial".to_owned(),
                value_json: "16".to_owned(),
                limit: "constraints.resources.max_slots".to_owned(),
                limit_json: "8".to_owned(),
                scope: "cluster".to_owned(),
                policy_version: 3,
                message: "16 slots are more than 8".to_owned(),
            }],
            ..AdmitResponse::default()
        };
        assert_eq!(
            described(&answer, &question(), ShowConfig::Yes, Paint::Plain),
            "\
REFUSED  user:alice may not submit experiment to workspaces/vision (revision 42)

reasons:
  config      1 limit is not kept
  agent user  uid 0 is refused

limits not kept:
  PATH                       VALUE  LIMIT                                POLICY
  resources.slots_per_trial  16     constraints.resources.max_slots = 8  cluster v3
"
        );
    }

    #[test]
    fn an_answer_without_a_verdict_is_a_refusal() {
        let answer = AdmitResponse { verdict: 77, ..admitted() };
        assert!(described(&answer, &question(), ShowConfig::Yes, Paint::Plain).starts_with("REFUSED"));
    }
}
