//! Groups: their members page by page, those of workspaces, and what is left of those that are gone.

use reeve_model::{GroupId, GroupName, PrincipalId, Resource, Subject};
use reeve_rbac::{BuiltinRole, Permission};
use reeve_world::{Group, Parent, Record, RecordKey, User, World};

use crate::records::{
    NOW, binding, group, group_id, member, robot, robot_id, user, user_id, without, workspace, workspace_id, world,
};

fn person(n: u8) -> PrincipalId {
    PrincipalId::User(user_id(n))
}

fn program(n: u8) -> PrincipalId {
    PrincipalId::Robot(robot_id(n))
}

fn uid(principal: &PrincipalId) -> uuid::Uuid {
    match principal {
        PrincipalId::User(uid) => *uid.as_uuid(),
        PrincipalId::Robot(uid) => *uid.as_uuid(),
        PrincipalId::Root => uuid::Uuid::nil(),
    }
}

/// A team of users and robots, and others who are in nothing.
fn team() -> World {
    let people = (0..40).map(|n| Record::User(user(n, &format!("user{n}"))));
    let programs = (0..40).map(|n| Record::Robot(robot(n, &format!("robot{n}"))));
    let members = (0..40).step_by(2).flat_map(|n| [member(2, person(n)), member(2, program(n))]);
    world(people.chain(programs).chain(members.map(Record::Membership)).chain([Record::Group(group(2, "team"))]))
}

#[test]
fn every_member_stands_on_one_page_whatever_its_size() {
    let world = team();
    let everybody = world.members_after(&group_id(2), None, 1000);
    assert_eq!(everybody.len(), 40);
    for size in [1, 3, 7, 39, 40, 41] {
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let page = world.members_after(&group_id(2), after.as_ref(), size);
            let Some(last) = page.last() else { break };
            after = Some(uid(last));
            seen.extend(page);
        }
        assert_eq!(seen, everybody, "{size}");
    }
}

#[test]
fn who_is_gone_is_no_member_and_who_is_inactive_is_in_everyone_no_more() {
    let world = without(&team(), RecordKey::User(user_id(0)));
    assert_eq!(world.members_after(&group_id(2), None, 2), [person(2), person(4)]);
    assert_eq!(without(&world, RecordKey::Group(group_id(2))).members_after(&group_id(2), None, 2), []);
    let inactive = Record::User(User { active: false, ..user(2, "user2") });
    let world = world.clone().next(world.revision().next(), [inactive], []);
    assert_eq!(world.members_after(&GroupId::EVERYONE, None, 3), [1, 3, 4].map(person));
    assert_eq!(world.members_after(&group_id(2), None, 1), [person(2)]);
}

/// The group of a workspace.
fn group_of(n: u8, name: &str) -> Group {
    let (uid, name) = (GroupId::of_workspace(&workspace_id(n)), GroupName::parse(name).unwrap());
    Group { workspace: Some(workspace_id(n)), ..Group::new(uid, name, NOW) }
}

#[test]
fn a_workspace_awaits_its_group_unless_another_has_the_name() {
    let awaiting =
        |world: &World| -> Vec<_> { world.workspaces_awaiting_a_group(None).map(|found| found.uid).collect() };
    let places = [Record::Workspace(workspace(1, "vision")), Record::Workspace(workspace(2, "speech"))];
    let world = world(places);
    assert_eq!(awaiting(&world), [1, 2].map(workspace_id));
    let with = |record| world.clone().next(world.revision().next(), [Record::Group(record)], []);
    assert_eq!(awaiting(&with(group_of(1, "vision"))), [workspace_id(2)]);
    assert_eq!(awaiting(&with(group(5, "VISION"))), [workspace_id(2)], "never adopted, whatever its case");
    let asked = |parent| world.workspaces_awaiting_a_group(Some(parent)).map(|found| found.uid).collect::<Vec<_>>();
    assert_eq!(asked(Parent::Workspace(workspace_id(2))), [workspace_id(2)]);
    assert_eq!(asked(Parent::Group(group_id(5))), [1, 2].map(workspace_id));
    assert_eq!(asked(Parent::User(user_id(1))), []);
    // of a workspace that had the name before
    assert_eq!(awaiting(&with(group_of(9, "vision"))), [1, 2].map(workspace_id));
}

#[test]
fn the_groups_of_workspaces_that_are_gone_are_left_over_and_no_others() {
    let records = [
        Record::Workspace(workspace(1, "vision")),
        Record::Group(group_of(1, "vision")),
        Record::Group(group_of(2, "speech")),
        Record::Group(group_of(3, "audio")),
        Record::Group(group(5, "team")),
    ];
    let world = world(records);
    let strays = |parent| {
        let mut names: Vec<_> = world.stray_groups(parent).map(|group| group.name.to_string()).collect();
        names.sort();
        names
    };
    assert_eq!(strays(None), ["audio", "speech"]);
    assert_eq!(strays(Some(Parent::Workspace(workspace_id(2)))), ["speech"]);
    assert_eq!(strays(Some(Parent::Workspace(workspace_id(1)))), [""; 0]);
    assert_eq!(strays(Some(Parent::Group(GroupId::of_workspace(&workspace_id(3))))), ["audio"]);
    assert_eq!(strays(Some(Parent::User(user_id(1)))), [""; 0]);
    // what stands in the way of the group of a workspace that has the name now
    let again = world.clone().next(world.revision().next(), [Record::Workspace(workspace(4, "Audio"))], []);
    let in_the_way: Vec<_> =
        again.stray_groups(Some(Parent::Workspace(workspace_id(4)))).map(|group| group.uid).collect();
    assert_eq!(in_the_way, [GroupId::of_workspace(&workspace_id(3))]);
}

#[test]
fn the_group_of_a_workspace_that_is_gone_counts_for_nothing_anywhere() {
    let theirs = GroupId::of_workspace(&workspace_id(1));
    let of_it = reeve_world::Membership { group: theirs, member: person(1) };
    let elsewhere = binding(1, Subject::Group(theirs), BuiltinRole::ClusterAdmin, "cluster", None);
    let there = world([
        Record::User(user(1, "alice")),
        Record::Workspace(workspace(1, "vision")),
        Record::Group(group_of(1, "vision")),
        Record::Membership(of_it),
        Record::Binding(elsewhere),
    ]);
    let may = |world: &World| world.holds(&person(1), Permission::USER_VIEW, &Resource::cluster(), NOW);
    assert!(may(&there) && there.has_lasting_admin() && there.groups_after(None).count() == 1);
    let gone = without(&there, RecordKey::Workspace(workspace_id(1)));
    assert!(!may(&gone) && !gone.has_lasting_admin());
    assert_eq!(
        gone.groups_of(&person(1)).count() + gone.groups_after(None).count() + gone.bindings_after(None).count(),
        0
    );
    assert_eq!((gone.group_by_id(&theirs), gone.group_by_name("vision")), (None, None));
    // also where another takes the workspace's name before they are swept
    let again = gone.clone().next(gone.revision().next(), [Record::Workspace(workspace(2, "vision"))], []);
    assert!(!may(&again));
    assert_eq!(again.stray_bindings(Some(Parent::Workspace(workspace_id(1)))).count(), 1);
}

#[test]
fn memberships_are_stray_when_their_group_or_their_member_is_gone() {
    let theirs = GroupId::of_workspace(&workspace_id(7));
    let kept = [member(2, person(1)), member(2, program(1))];
    let gone = [member(2, person(2)), member(2, program(2)), member(3, person(1))];
    let of_workspace = reeve_world::Membership { group: theirs, member: person(1) };
    let memberships = kept.into_iter().chain(gone).chain([of_workspace]).map(Record::Membership);
    let there = [Record::User(user(1, "alice")), Record::Robot(robot(1, "ci")), Record::Group(group(2, "team"))];
    let world = world(there.into_iter().chain(memberships));
    let strays = |parent| {
        let mut keys: Vec<_> = world.stray_memberships(parent).iter().map(ToString::to_string).collect();
        keys.sort();
        keys
    };
    let key = |group, member| RecordKey::Membership(group, member).to_string();
    let mut all = vec![
        key(group_id(2), person(2)),
        key(group_id(2), program(2)),
        key(group_id(3), person(1)),
        key(theirs, person(1)),
    ];
    all.sort();
    assert_eq!(strays(None), all);
    assert_eq!(strays(Some(Parent::User(user_id(1)))), [""; 0]);
    assert_eq!(strays(Some(Parent::User(user_id(2)))), [key(group_id(2), person(2))]);
    assert_eq!(strays(Some(Parent::Robot(robot_id(2)))), [key(group_id(2), program(2))]);
    assert_eq!(strays(Some(Parent::Group(group_id(2)))), [""; 0]);
    assert_eq!(strays(Some(Parent::Group(group_id(3)))), [key(group_id(3), person(1))]);
    assert_eq!(strays(Some(Parent::Workspace(workspace_id(7)))), [key(theirs, person(1))]);
}

#[test]
fn the_group_of_a_workspace_has_the_same_id_for_ever() {
    let expected = "3b23aa4f-6204-5f29-8c47-63389ead3e86";
    assert_eq!(GroupId::of_workspace(&workspace_id(1)).to_string(), expected);
}
