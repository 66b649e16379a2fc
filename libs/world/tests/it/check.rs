//! Decisions at the edges: instants, names that come again, places that are gone.

use reeve_config_policy::WorkloadType;
use reeve_model::{GroupId, PrincipalId, Resource, Revision, Subject, UserId};
use reeve_rbac::{BuiltinRole, Permission};
use reeve_world::{Binding, Reason, Record, RecordKey, User, World};

use crate::records::{
    NOW, at, binding, binding_id, group, member, robot, robot_id, user, user_id, with, without, workspace,
    workspace_id, world,
};

const ALICE: PrincipalId = PrincipalId::User(UserId::from_uuid(uuid::Uuid::from_u128(0x0101)));

fn submit(world: &World, principal: &PrincipalId, resource: &str, millis: i64) -> reeve_world::Answer {
    let resource = Resource::parse(resource).unwrap();
    world.check(principal, Permission::WORKLOAD_SUBMIT, &resource, at(millis)).unwrap()
}

/// Alice, who is an editor of workspace 1, `vision`.
fn vision() -> World {
    world([
        Record::User(user(1, "alice")),
        Record::Workspace(workspace(1, "vision")),
        Record::Binding(binding(1, Subject::User(user_id(1)), BuiltinRole::Editor, "workspaces/vision", Some(1))),
    ])
}

#[test]
fn a_binding_ends_at_its_very_instant() {
    let grant = binding(1, Subject::User(user_id(1)), BuiltinRole::Editor, "workspaces/vision", Some(1));
    let world = with(&vision(), Record::Binding(Binding { expire_time: Some(NOW), ..grant }));
    assert!(submit(&world, &ALICE, "workspaces/vision", -1).allowed);
    assert_eq!(submit(&world, &ALICE, "workspaces/vision", 0).reason, Reason::MissingPermission);
    assert!(world.permissions_at(&ALICE, &Resource::parse("workspaces/vision").unwrap(), NOW).is_empty());
}

#[test]
fn a_binding_of_a_workspace_that_is_gone_does_not_hold_in_the_next_of_its_name() {
    let gone = without(&vision(), RecordKey::Workspace(workspace_id(1)));
    assert_eq!(submit(&gone, &ALICE, "workspaces/vision", 0).reason, Reason::UnknownWorkspace);
    assert_eq!(gone.bindings_after(None).count(), 0, "it is not listed");
    let again = with(&gone, Record::Workspace(workspace(2, "vision")));
    assert_eq!(submit(&again, &ALICE, "workspaces/vision", 0).reason, Reason::MissingPermission);
    assert_eq!(submit(&again, &ALICE, "workspaces/vision/projects/p", 0).reason, Reason::MissingPermission);
    assert_eq!(again.bindings_after(None).count(), 0, "nor under the new one");
    let new = binding(2, Subject::User(user_id(1)), BuiltinRole::Viewer, "workspaces/vision", Some(2));
    let bound = with(&again, Record::Binding(new));
    assert!(
        !submit(&bound, &ALICE, "workspaces/vision", 0).allowed,
        "the old role does not come back with the new one"
    );
    let swept = without(&bound, RecordKey::Binding(binding_id(1)));
    let see = Resource::parse("workspaces/vision").unwrap();
    assert!(swept.holds(&ALICE, Permission::WORKSPACE_VIEW, &see, NOW), "sweeping the old one leaves the new one");
}

#[test]
fn a_binding_of_another_workspace_with_this_path_grants_nothing() {
    let stray = binding(9, Subject::User(user_id(2)), BuiltinRole::Editor, "workspaces/vision", Some(7));
    let unplaced = binding(8, Subject::User(user_id(2)), BuiltinRole::Editor, "workspaces/vision", None);
    let placed = binding(7, Subject::User(user_id(2)), BuiltinRole::ClusterAdmin, "cluster", Some(1));
    let records = [stray, unplaced, placed].map(Record::Binding);
    let base = with(&vision(), Record::User(user(2, "bob")));
    let world = base.next(Revision::new(9), records, []);
    let bob = PrincipalId::User(user_id(2));
    assert!(!submit(&world, &bob, "workspaces/vision", 0).allowed);
    assert!(world.permissions_at(&bob, &Resource::cluster(), NOW).is_empty());
    assert!(!world.has_lasting_admin(), "a binding that does not stand makes no administrator");
}

#[test]
fn a_renamed_record_frees_its_name() {
    let renamed = with(&vision(), Record::User(user(1, "Alicia")));
    assert!(renamed.user_by_name("alice").is_none());
    assert_eq!(renamed.user_by_name("ALICIA").unwrap().uid, user_id(1));
    let taken = with(&renamed, Record::User(user(2, "Alice")));
    assert_eq!(taken.user_by_name("alice").unwrap().uid, user_id(2));
    let gone = without(&taken, RecordKey::User(user_id(1)));
    assert_eq!(gone.user_by_name("alice").unwrap().uid, user_id(2), "who had the name before takes nothing along");
    let moved = with(&vision(), Record::Workspace(workspace(1, "sight")));
    assert!(moved.workspace_by_name("vision").is_none());
    assert_eq!(submit(&moved, &ALICE, "workspaces/vision", 0).reason, Reason::UnknownWorkspace);
    assert!(!submit(&moved, &ALICE, "workspaces/sight", 0).allowed);
}

#[test]
fn two_users_may_swap_their_names_at_one_revision() {
    let before = world([Record::User(user(1, "alice")), Record::User(user(2, "bob"))]);
    for swapped in [[user(1, "bob"), user(2, "alice")], [user(2, "alice"), user(1, "bob")]] {
        let after = before.clone().next(Revision::new(2), swapped.map(Record::User), []);
        assert_eq!(after.user_by_name("alice").unwrap().uid, user_id(2));
        assert_eq!(after.user_by_name("bob").unwrap().uid, user_id(1));
    }
}

#[test]
fn only_the_exact_name_of_a_workspace_is_a_place() {
    assert_eq!(submit(&vision(), &ALICE, "workspaces/Vision", 0).reason, Reason::UnknownWorkspace);
}

#[test]
fn a_deactivated_user_holds_nothing_also_through_groups_and_all_users() {
    let everybody = [
        Record::User(User { active: false, ..user(1, "alice") }),
        Record::Group(group(0, "everyone")),
        Record::Group(group(1, "admins")),
        Record::Membership(member(1, ALICE)),
        Record::Binding(binding(2, Subject::AllUsers, BuiltinRole::Editor, "workspaces/vision", Some(1))),
        Record::Binding(binding(3, Subject::Group(GroupId::EVERYONE), BuiltinRole::Auditor, "cluster", None)),
    ];
    let world = vision().next(Revision::new(2), everybody, []);
    let answer = submit(&world, &ALICE, "workspaces/vision", 0);
    assert_eq!((answer.reason, answer.message.as_str()), (Reason::InactivePrincipal, "user:alice is deactivated"));
    assert!(world.permissions_at(&ALICE, &Resource::cluster(), NOW).is_empty());
    assert!(!world.has_lasting_admin());
    let back = with(&world, Record::User(user(1, "alice")));
    assert_eq!(submit(&back, &ALICE, "workspaces/vision", 0).reason, Reason::AdminsGroup);
    assert!(back.has_lasting_admin());
}

#[test]
fn a_principal_that_is_gone_holds_nothing_and_is_in_no_group() {
    let ci = PrincipalId::Robot(robot_id(1));
    let there = vision().next(
        Revision::new(2),
        [Record::Robot(robot(1, "ci")), Record::Group(group(1, "admins")), Record::Membership(member(1, ci))],
        [],
    );
    assert!(submit(&there, &ci, "workspaces/vision", 0).allowed);
    assert!(!there.has_lasting_admin(), "a robot is no lasting administrator");
    let gone = without(&there, RecordKey::Robot(robot_id(1)));
    assert_eq!(submit(&gone, &ci, "workspaces/vision", 0).reason, Reason::UnknownPrincipal);
    assert_eq!(gone.groups_of(&ci).count(), 0);
    assert_eq!(gone.members_of(&GroupId::ADMINS).count(), 0);
}

#[test]
fn without_its_record_the_group_of_administrators_makes_none() {
    let world = with(&vision(), Record::Membership(member(1, ALICE)));
    assert!(!world.holds(&ALICE, Permission::USER_ADMINISTER, &Resource::cluster(), NOW));
    assert!(!world.has_lasting_admin());
}

#[test]
fn the_same_reason_is_told_whatever_order_the_bindings_came_in() {
    let roles = [BuiltinRole::Editor, BuiltinRole::WorkspaceAdmin, BuiltinRole::EditorRestricted];
    let bound: Vec<_> =
        (2u8..).zip(roles).map(|(n, role)| binding(n, Subject::AllUsers, role, "cluster", None)).collect();
    let place = [Record::User(user(1, "alice")), Record::Workspace(workspace(1, "vision"))];
    let reason = |order: &[usize]| {
        let bindings = order.iter().map(|at| Record::Binding(bound[*at].clone()));
        submit(&world(place.iter().cloned().chain(bindings)), &ALICE, "workspaces/vision", 0)
    };
    for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2], [2, 0, 1]] {
        assert_eq!(reason(&order), reason(&[0, 1, 2]), "{order:?}");
    }
}

#[test]
fn a_cluster_permission_cannot_be_asked_below_the_cluster() {
    let place = Resource::parse("workspaces/vision").unwrap();
    let error = vision().check(&PrincipalId::Root, Permission::USER_ADMINISTER, &place, NOW).unwrap_err();
    assert!(error.to_string().contains("user.administer"), "{error}");
    assert!(!vision().holds(&PrincipalId::Root, Permission::USER_ADMINISTER, &place, NOW));
}

#[test]
fn root_too_is_told_of_a_workspace_that_does_not_exist() {
    assert_eq!(submit(&vision(), &PrincipalId::Root, "workspaces/nowhere", 0).reason, Reason::UnknownWorkspace);
}

#[test]
fn a_lasting_admin_is_an_active_user_without_end() {
    let admin = |subject| binding(1, subject, BuiltinRole::ClusterAdmin, "cluster", None);
    let cases = [
        (admin(Subject::User(user_id(1))), true),
        (admin(Subject::User(user_id(2))), false),
        (admin(Subject::AllUsers), true),
        (admin(Subject::Group(GroupId::EVERYONE)), true),
        (admin(Subject::Group(crate::records::group_id(2))), true),
        (admin(Subject::Group(crate::records::group_id(3))), false),
        (admin(Subject::Robot(robot_id(1))), false),
        (Binding { expire_time: Some(at(1)), ..admin(Subject::User(user_id(1))) }, false),
        (Binding { role: BuiltinRole::IdentityAdmin, ..admin(Subject::User(user_id(1))) }, false),
    ];
    for (binding, expected) in cases {
        let world = world([
            Record::User(user(1, "alice")),
            Record::User(User { active: false, ..user(2, "bob") }),
            Record::Robot(robot(1, "ci")),
            Record::Group(group(0, "everyone")),
            Record::Group(group(2, "team")),
            Record::Membership(member(2, ALICE)),
            Record::Membership(member(3, ALICE)),
            Record::Binding(binding.clone()),
        ]);
        assert_eq!(world.has_lasting_admin(), expected, "{binding:?}");
    }
}

#[test]
fn an_interactive_workload_needs_its_own_permission() {
    assert_eq!(World::submission_permission(WorkloadType::Task), Permission::WORKLOAD_SUBMIT_INTERACTIVE);
    assert_eq!(World::submission_permission(WorkloadType::Experiment), Permission::WORKLOAD_SUBMIT);
}

#[test]
fn what_may_be_conveyed_everywhere_is_held_on_the_cluster_for_as_long() {
    let editor = binding(2, Subject::User(user_id(1)), BuiltinRole::Editor, "cluster", None);
    let of = |world: &World, until| world.conveyable_everywhere(&ALICE, NOW, until);
    assert!(of(&vision(), None).is_empty(), "a role in every workspace there is says nothing of the next one");
    let until_then = with(&vision(), Record::Binding(Binding { expire_time: Some(at(5)), ..editor.clone() }));
    assert!(of(&until_then, None).is_empty());
    assert!(of(&until_then, Some(at(6))).is_empty());
    assert!(of(&until_then, Some(at(5))).contains(Permission::WORKLOAD_SUBMIT));
    assert!(of(&with(&vision(), Record::Binding(editor)), None).contains(Permission::WORKLOAD_SUBMIT));
    let called_any = vision().next(
        Revision::new(2),
        [
            Record::Workspace(workspace(3, "any")),
            Record::Binding(binding(3, Subject::User(user_id(1)), BuiltinRole::Editor, "workspaces/any", Some(3))),
        ],
        [],
    );
    assert!(of(&called_any, None).is_empty());
}
