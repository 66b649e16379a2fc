//! Lists: in the order of ids, continued after any of them, and without what does not stand.

use reeve_model::{PrincipalId, PrincipalName, Subject};
use reeve_rbac::BuiltinRole;
use reeve_world::{Record, RecordKey, ResolvedPrincipal, World};

use crate::records::{
    binding, binding_id, group, group_id, link, member, robot, user, user_id, without, workspace, world,
};

fn many() -> World {
    let users = (0..200).map(|n| Record::User(user(n, &format!("user{n}"))));
    let bound = (0..200).map(|n| {
        Record::Binding(binding(n, Subject::User(user_id(n)), BuiltinRole::Viewer, "workspaces/vision", Some(1)))
    });
    world(users.chain(bound).chain([Record::Workspace(workspace(1, "vision"))]))
}

#[test]
fn a_list_goes_on_after_any_id_also_one_that_is_gone() {
    let world = many();
    let page = |world: &World, after: Option<u8>| -> Vec<_> {
        world.users_after(after.map(user_id).as_ref()).take(3).map(|user| user.uid).collect()
    };
    assert_eq!(page(&world, None), [0, 1, 2].map(user_id));
    assert_eq!(page(&world, Some(99)), [100, 101, 102].map(user_id));
    assert_eq!(page(&without(&world, RecordKey::User(user_id(99))), Some(99)), [100, 101, 102].map(user_id));
    assert_eq!(page(&world, Some(199)), []);
}

#[test]
fn a_binding_is_listed_while_its_subject_and_its_workspace_exist() {
    let world = without(&many(), RecordKey::User(user_id(7)));
    let listed: Vec<_> = world.bindings_after(Some(&binding_id(5))).take(2).map(|binding| binding.uid).collect();
    assert_eq!(listed, [6, 8].map(binding_id));
    assert!(world.binding_by_id(&binding_id(7)).is_none());
    let stray: Vec<_> = world.stray_bindings(None).collect();
    assert_eq!(stray, [RecordKey::Binding(binding_id(7))], "whoever sweeps it still finds it");
}

#[test]
fn members_and_links_of_what_is_gone_are_not_listed() {
    let records = [
        Record::User(user(1, "alice")),
        Record::Group(group(2, "team")),
        Record::Membership(member(2, PrincipalId::User(user_id(1)))),
        Record::Membership(member(2, PrincipalId::User(user_id(2)))),
        Record::Membership(member(3, PrincipalId::User(user_id(1)))),
        Record::UserLink(link(1, 1001, "alice")),
        Record::UserLink(link(2, 1002, "bob")),
    ];
    let world = world(records);
    assert_eq!(world.members_of(&group_id(2)).collect::<Vec<_>>(), [&PrincipalId::User(user_id(1))]);
    assert_eq!(world.members_of(&group_id(3)).count(), 0);
    assert_eq!(world.groups_of(&PrincipalId::User(user_id(1))).collect::<Vec<_>>(), [group_id(2)]);
    assert_eq!(world.user_links().map(|(user, _)| user.uid).collect::<Vec<_>>(), [user_id(1)]);
}

#[test]
fn a_written_principal_is_found_whatever_its_case() {
    let world = world([Record::User(user(1, "Alice")), Record::Group(group(2, "Team")), Record::Robot(robot(1, "CI"))]);
    let subject = |text: &str| world.subject(&PrincipalName::parse(text).unwrap()).map_err(|error| error.to_string());
    assert_eq!(subject("user:aLICE"), Ok(Subject::User(user_id(1))));
    assert_eq!(subject("group:team"), Ok(Subject::Group(group_id(2))));
    assert_eq!(subject("robot:ci"), Ok(Subject::Robot(crate::records::robot_id(1))));
    assert_eq!(subject("allUsers"), Ok(Subject::AllUsers));
    for nobody in ["user:team", "group:alice", "robot:alice", "root"] {
        assert_eq!(subject(nobody), Err(format!("there is no `{nobody}`")));
    }
    let root = world.principal(&PrincipalName::Root).unwrap();
    assert_eq!(root, ResolvedPrincipal::Actor(PrincipalId::Root));
    assert_eq!(world.principal_name(&PrincipalId::User(user_id(1))), "user:Alice");
    assert_eq!(world.principal_name(&PrincipalId::User(user_id(2))), format!("user:{}", user_id(2)));
}
