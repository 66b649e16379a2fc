//! What a record, an override and the configured default must be, and how an override changes.

use reeve_agent_user::{
    AgentId, AgentUser, AgentUserDraft, DefaultTask, IdentityDraft, MAX_SUPPLEMENTARY_GROUPS, Override,
    SupplementaryGroupDraft, UnixName, Warning,
};
use reeve_model::Violations;

/// uid, user, gid and group, all given.
pub(crate) fn identity(uid: u32, user: &str, gid: u32, group: &str) -> IdentityDraft {
    IdentityDraft { uid: Some(uid), user: Some(user.to_owned()), gid: Some(gid), group: Some(group.to_owned()) }
}

/// A record of no more than these four.
pub(crate) fn link(uid: u32, user: &str, gid: u32, group: &str) -> AgentUser {
    let draft = AgentUserDraft { identity: identity(uid, user, gid, group), ..AgentUserDraft::default() };
    AgentUser::parse(&draft, "").unwrap()
}

fn fields(violations: Violations) -> Vec<String> {
    violations.into_vec().into_iter().map(|violation| violation.field).collect()
}

#[test]
fn a_record_needs_all_four_and_every_wrong_field_is_told_at_once() {
    let group = |gid, name: Option<&str>| SupplementaryGroupDraft { gid, name: name.map(str::to_owned) };
    let draft = AgentUserDraft {
        identity: IdentityDraft { uid: Some(u32::MAX), user: Some("a:b".to_owned()), gid: None, group: None },
        supplementary: vec![group(Some(5), Some("ok")), group(None, Some("a b")), group(Some(u32::MAX), None)],
        home: Some("relative".to_owned()),
        shell: Some("/bin/sh\n".to_owned()),
        gecos: Some("a:b".to_owned()),
    };
    assert_eq!(
        fields(AgentUser::parse(&draft, "agent_user.").unwrap_err()),
        [
            "agent_user.gid",
            "agent_user.group",
            "agent_user.uid",
            "agent_user.user",
            "agent_user.supplementary_groups[1].name",
            "agent_user.supplementary_groups[1].gid",
            "agent_user.supplementary_groups[2].gid",
            "agent_user.home",
            "agent_user.shell",
            "agent_user.gecos",
        ]
    );
}

#[test]
fn zero_and_root_are_values_and_empty_names_are_not() {
    assert_eq!(link(0, "root", 0, "root").uid, AgentId::ROOT);
    let draft = AgentUserDraft { identity: identity(0, "", 0, ""), ..AgentUserDraft::default() };
    assert_eq!(fields(AgentUser::parse(&draft, "").unwrap_err()), ["user", "group"]);
}

#[test]
fn supplementary_groups_have_a_bound() {
    let many = vec![SupplementaryGroupDraft { gid: Some(7), name: None }; MAX_SUPPLEMENTARY_GROUPS + 1];
    let draft = AgentUserDraft { identity: identity(1, "a", 1, "a"), supplementary: many, ..AgentUserDraft::default() };
    assert_eq!(fields(AgentUser::parse(&draft, "").unwrap_err()), ["supplementary_groups"]);
}

#[test]
fn overflow_ids_and_the_root_group_are_warned_of() {
    assert_eq!(link(65_534, "nobody", 65_534, "nogroup").warnings(), [Warning::OverflowUid, Warning::OverflowGid]);
    assert_eq!(link(1000, "alice", 0, "root").warnings(), [Warning::RootGroup]);
    assert_eq!(link(65_533, "det-nobody", 65_533, "det-nobody").warnings(), []);
}

#[test]
fn a_partial_update_changes_what_its_mask_names_and_clears_what_has_no_value() {
    let before = Override::parse(&identity(1, "a", 2, "b"), "").unwrap();
    let draft = IdentityDraft { uid: Some(0), user: Some("not looked at:".to_owned()), ..IdentityDraft::default() };
    let after = before.updated(&draft, &["uid", "gid"], "").unwrap();
    assert_eq!(after, Override { uid: Some(AgentId::ROOT), gid: None, ..before.clone() });
    assert_eq!(before.updated(&draft, &[] as &[&str], "").unwrap(), before);
    assert!(before.updated(&IdentityDraft::default(), &["uid", "user", "gid", "group"], "").unwrap().is_empty());
}

#[test]
fn a_partial_update_refuses_unknown_fields_and_wrong_values_at_once() {
    let draft = IdentityDraft { uid: Some(u32::MAX), ..IdentityDraft::default() };
    let violations = Override::default().updated(&draft, &["uid", "shell", "*"], "agent_user.").unwrap_err();
    assert_eq!(fields(violations), ["update_mask", "update_mask", "agent_user.uid"]);
}

#[test]
fn the_default_is_all_four_or_none() {
    assert_eq!(DefaultTask::parse(&IdentityDraft::default(), "").unwrap(), DefaultTask::default());
    assert!(DefaultTask::default().is_root());
    let nobody = DefaultTask::parse(&identity(65_533, "det-nobody", 65_533, "det-nobody"), "").unwrap();
    assert_eq!(nobody.user, UnixName::parse("det-nobody").unwrap());
    assert!(!nobody.is_root());
    let partial = IdentityDraft { uid: Some(65_533), group: Some("a b".to_owned()), ..IdentityDraft::default() };
    let violations = DefaultTask::parse(&partial, "security.default_task.").unwrap_err();
    assert_eq!(
        fields(violations),
        ["security.default_task.user", "security.default_task.gid", "security.default_task.group"]
    );
}
