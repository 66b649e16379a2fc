//! Admission: the table of cases, and what holds for every verdict.

use reeve_agent_user::{DefaultTask, IdentityDraft, RootTasks, Settings};
use reeve_config_policy::{PriorityOrder, WorkloadType, parse_config};
use reeve_model::{PrincipalId, PrincipalName, Subject, WorkspaceName};
use reeve_rbac::BuiltinRole;
use reeve_world::{AdmissionRequest, Binding, ConfigError, Denial, Record, ResolvedPrincipal, User, Verdict, World};

use crate::records::{
    NOW, at, binding, group, group_id, link, member, policy, robot, robot_id, user, user_id, workspace, world,
};

const CASES: &str = include_str!("../data/admissions.txt");

/// The cluster that the table is about; it says there who is who.
fn cluster() -> World {
    let edits = |n: u8, whom: u8, role| binding(n, Subject::User(user_id(whom)), role, "workspaces/vision", Some(1));
    world([
        Record::User(user(1, "alice")),
        Record::User(user(2, "bob")),
        Record::User(user(3, "carol")),
        Record::User(User { active: false, ..user(4, "dora") }),
        Record::User(user(5, "rooty")),
        Record::User(user(6, "late")),
        Record::User(user(7, "boss")),
        Record::Robot(robot(1, "ci")),
        Record::Group(group(1, "admins")),
        Record::Group(group(2, "team")),
        Record::Membership(member(1, PrincipalId::User(user_id(7)))),
        Record::Membership(member(2, PrincipalId::Robot(robot_id(1)))),
        Record::Workspace(workspace(1, "vision")),
        Record::Workspace(workspace(2, "broken")),
        Record::Workspace(workspace(3, "free")),
        Record::Binding(edits(1, 1, BuiltinRole::Editor)),
        Record::Binding(edits(2, 2, BuiltinRole::EditorRestricted)),
        Record::Binding(edits(3, 4, BuiltinRole::Editor)),
        Record::Binding(edits(4, 5, BuiltinRole::Editor)),
        Record::Binding(Binding { expire_time: Some(NOW), ..edits(5, 6, BuiltinRole::Editor) }),
        Record::Binding(binding(6, Subject::Group(group_id(2)), BuiltinRole::Editor, "workspaces/vision", Some(1))),
        Record::UserLink(link(1, 1001, "alice")),
        Record::UserLink(link(5, 0, "root")),
        Record::ConfigPolicy(policy(None, WorkloadType::Experiment, "constraints: {resources: {max_slots: 8}}", 3)),
        Record::ConfigPolicy(policy(
            Some(1),
            WorkloadType::Experiment,
            "constraints: {resources: {max_slots: 4}, priority_limit: 10}\ndefaults: {name: untitled}",
            2,
        )),
        Record::ConfigPolicy(policy(Some(2), WorkloadType::Task, "of_a_newer_version: {}", 1)),
    ])
}

fn settings() -> Settings {
    let draft = IdentityDraft {
        uid: Some(60_000),
        user: Some("task".to_owned()),
        gid: Some(60_000),
        group: Some("task".to_owned()),
    };
    Settings {
        default_task: DefaultTask::parse(&draft, "").unwrap(),
        root_tasks: RootTasks::Refused,
        ..Settings::default()
    }
}

fn who(world: &World, text: &str) -> PrincipalId {
    match world.principal(&PrincipalName::parse(text).unwrap()) {
        Ok(ResolvedPrincipal::Actor(principal)) => principal,
        _ => PrincipalId::User(user_id(99)),
    }
}

fn admit(world: &World, principal: &str, place: &str, workload: &str, config: &str) -> Result<Verdict, ConfigError> {
    let request = AdmissionRequest {
        principal: who(world, principal),
        workspace: &WorkspaceName::parse(place).unwrap(),
        workload: WorkloadType::parse(workload).unwrap(),
        config: &parse_config(config.as_bytes()).unwrap(),
        priority_order: PriorityOrder::LowerIsHigher,
        default_priority: None,
    };
    world.admit(&request, &settings(), NOW)
}

/// A verdict in one line, as the table has it.
fn shown(verdict: &Result<Verdict, ConfigError>) -> String {
    let kind = |denial: &Denial| match denial {
        Denial::Principal(_) => "principal",
        Denial::UnknownWorkspace(_) => "workspace",
        Denial::Permission(_) => "permission",
        Denial::Config(_) => "config",
        Denial::AgentUser(_) => "agent-user",
    };
    match verdict {
        Ok(Verdict::Allow(admission)) => {
            format!("allow uid={} changes={}", admission.agent_user.uid.value.get(), admission.resolution.changes.len())
        }
        Ok(Verdict::Deny { denials, violations }) => {
            let kinds: Vec<&str> = denials.iter().map(kind).collect();
            format!("deny {} violations={}", kinds.join("+"), violations.len())
        }
        Err(ConfigError::Defect(_)) => "error defect".to_owned(),
        Err(ConfigError::Input(_)) => "error input".to_owned(),
    }
}

#[test]
fn every_case_of_the_table_is_decided_as_written() {
    let world = cluster();
    let cases = CASES.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let mut seen = 0;
    for case in cases {
        let columns: Vec<&str> = case.split('|').map(str::trim).collect();
        let [principal, place, workload, config, expected] = columns[..] else { panic!("five columns: {case}") };
        let verdict = admit(&world, principal, place, workload, config);
        assert_eq!(shown(&verdict), expected, "{case}\n{verdict:#?}");
        seen += 1;
    }
    assert!(seen >= 20, "{seen} cases");
}

#[test]
fn a_verdict_is_allow_with_everything_or_deny_with_a_reason() {
    let world = cluster();
    for principal in
        ["root", "user:alice", "user:carol", "user:dora", "user:rooty", "user:boss", "robot:ci", "user:gone"]
    {
        for place in ["vision", "broken", "free", "nowhere"] {
            for workload in ["experiment", "task"] {
                for config in ["{}", "resources: {slots_per_trial: 5, priority: 1}", "resources: {slots: 100}"] {
                    match admit(&world, principal, place, workload, config) {
                        Ok(Verdict::Allow(admission)) => assert!(admission.resolution.violations.is_empty()),
                        Ok(Verdict::Deny { denials, violations }) => {
                            assert!(!denials.is_empty());
                            assert!(denials.iter().all(|denial| !denial.message().is_empty()));
                            let told = denials.iter().filter(|denial| matches!(denial, Denial::Config(_))).count();
                            assert_eq!(told, violations.len(), "each violation is a reason");
                        }
                        Err(error) => assert_eq!((place, workload), ("broken", "task"), "{error}"),
                    }
                }
            }
        }
    }
}

#[test]
fn who_may_not_submit_learns_nothing_of_the_policies() {
    let world = cluster();
    for principal in ["user:carol", "user:late", "user:dora", "user:gone"] {
        for place in ["vision", "broken", "free"] {
            for workload in ["experiment", "task"] {
                let told =
                    format!("{:?}", admit(&world, principal, place, workload, "resources: {slots_per_trial: 100}"));
                assert!(!told.contains("slots") && !told.contains("policy"), "{told}");
            }
        }
    }
}

#[test]
fn a_policy_that_cannot_be_read_is_named() {
    let error = admit(&cluster(), "user:boss", "broken", "task", "{}").unwrap_err().to_string();
    assert!(error.contains("cannot be read by this version") && error.contains("task"), "{error}");
}

#[test]
fn a_binding_that_ended_admits_no_more() {
    let world = cluster();
    let request = AdmissionRequest {
        principal: who(&world, "user:late"),
        workspace: &WorkspaceName::parse("vision").unwrap(),
        workload: WorkloadType::Experiment,
        config: &parse_config(b"{}").unwrap(),
        priority_order: PriorityOrder::None,
        default_priority: None,
    };
    assert!(matches!(world.admit(&request, &settings(), at(-1)), Ok(Verdict::Allow(_))));
    assert!(matches!(world.admit(&request, &settings(), NOW), Ok(Verdict::Deny { .. })));
}
