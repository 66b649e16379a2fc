//! Members of groups: all or none, each once, and nobody gives what they lack.

use std::collections::BTreeSet;
use std::time::Duration;

use reeve_api::identity as api;
use reeve_model::Subject;
use reeve_rbac::BuiltinRole;
use tonic_types::StatusExt as _;

use crate::calls::{bearing, fields, reason};
use crate::stand::{Ground, Identity, START, config};

/// A user who may administer groups and nothing else that counts.
async fn group_admin(ground: &Ground, identity: &Identity) -> (Subject, String) {
    let admin = identity.admin().await;
    let grace = identity.user(&admin, "grace").await;
    ground.bind(identity, grace, BuiltinRole::IdentityAdmin, "cluster").await;
    (grace, identity.login("grace").await.access_token)
}

#[tokio::test(flavor = "multi_thread")]
async fn members_come_and_go_at_once_and_are_listed() {
    let (_ground, identity) = Ground::started().await;
    let admin = identity.admin().await;
    identity.group(&admin, "team").await.unwrap();
    for name in ["alice", "bob"] {
        identity.user(&admin, name).await;
    }
    identity.robot(&admin, "ci").await.unwrap();
    identity.add(&admin, "TEAM", &["user:alice", "robot:CI", "user:Bob"]).await.unwrap();
    assert_eq!(identity.members(&admin, "team").await.unwrap(), ["robot:ci", "user:alice", "user:bob"]);
    assert_eq!(identity.get(&admin, "alice").await.unwrap().groups, ["everyone", "team"]);
    identity.deactivate(&admin, "bob").await.unwrap();
    let request = api::ListMembersRequest { group: "team".to_owned(), page_size: 2, ..Default::default() };
    let first = identity.groups().list_members(bearing(&admin, request.clone())).await.unwrap().into_inner();
    let request = api::ListMembersRequest { page_token: first.next_page_token, ..request };
    let second = identity.groups().list_members(bearing(&admin, request)).await.unwrap().into_inner();
    assert_eq!((first.members.len(), second.members.len(), second.next_page_token.as_str()), (2, 1, ""));
    let active: BTreeSet<_> =
        first.members.iter().chain(&second.members).map(|one| (&*one.principal, one.active)).collect();
    assert_eq!(active, BTreeSet::from([("robot:ci", true), ("user:alice", true), ("user:bob", false)]));
    identity.take_out(&admin, "team", &["robot:ci", "user:alice"]).await.unwrap();
    assert_eq!(identity.members(&admin, "team").await.unwrap(), ["user:bob"]);
    assert_eq!(identity.members(&admin, "everyone").await.unwrap(), ["user:admin", "user:alice", "user:reeve"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_made_whole_or_not_at_all() {
    let (ground, identity) = Ground::started().await;
    let admin = identity.admin().await;
    identity.group(&admin, "team").await.unwrap();
    for name in ["alice", "bob"] {
        identity.user(&admin, name).await;
    }
    identity.add(&admin, "team", &["user:alice"]).await.unwrap();
    let revision = ground.store.list_revision().await;
    assert_eq!(reason(identity.add(&admin, "team", &["user:bob", "user:alice"]).await), "ALREADY_EXISTS");
    assert_eq!(reason(identity.add(&admin, "team", &["user:bob", "user:nobody"]).await), "NOT_FOUND");
    assert_eq!(reason(identity.take_out(&admin, "team", &["user:alice", "user:bob"]).await), "NOT_FOUND");
    assert_eq!(reason(identity.take_out(&admin, "team", &["user:alice", "robot:nobody"]).await), "NOT_FOUND");
    assert_eq!(reason(identity.add(&admin, "nobody", &["user:bob"]).await), "NOT_FOUND");
    let twice = ["user:bob", "user: BOB", "group:admins", "root", "allUsers", "bob"];
    let wrong = ["members[1]", "members[2]", "members[3]", "members[4]", "members[5]"];
    assert_eq!(fields(identity.add(&admin, "team", &twice).await), wrong);
    assert_eq!(fields(identity.take_out(&admin, " ", &[]).await), ["group", "members"]);
    assert_eq!(fields(identity.add(&admin, "team", &["user:bob"; 101]).await).first().unwrap(), "members");
    assert_eq!(ground.store.list_revision().await, revision);
    assert_eq!(identity.members(&admin, "team").await.unwrap(), ["user:alice"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_members_fit_one_request() {
    let (ground, identity) = Ground::started().await;
    let root = ground.root_token.as_str();
    identity.group(root, "team").await.unwrap();
    let names: Vec<_> = (0..100).map(|number| format!("bot-{number}")).collect();
    for name in &names {
        identity.robot(root, name).await.unwrap();
    }
    let members: Vec<_> = names.iter().map(|name| format!("robot:{name}")).collect();
    let members: Vec<_> = members.iter().map(String::as_str).collect();
    let before = ground.store.list_revision().await;
    identity.add(root, "team", &members).await.unwrap();
    assert_eq!(ground.store.list_revision().await, before.next());
    assert_eq!(identity.members(root, "team").await.unwrap().len(), 100);
    identity.take_out(root, "team", &members).await.unwrap();
    assert_eq!(identity.members(root, "team").await.unwrap().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_add_the_same_member_one_does() {
    let (ground, identity) = Ground::started().await;
    let other = ground.identity(config()).await;
    let root = ground.root_token.as_str();
    identity.group(root, "team").await.unwrap();
    identity.robot(root, "ci").await.unwrap();
    let member = ["robot:ci"];
    let (a, b, c) = tokio::join!(
        identity.add(root, "team", &member),
        other.add(root, "team", &member),
        identity.add(root, "team", &member)
    );
    let outcomes: BTreeSet<_> = [a, b, c]
        .into_iter()
        .map(|added| added.map_or_else(|status| reason(Err::<(), _>(status)), |_| String::new()))
        .collect();
    assert_eq!(outcomes.into_iter().collect::<Vec<_>>(), ["", "ALREADY_EXISTS"]);
}

/// A group, what it is bound to, what the caller is bound to from here on, and whether they may add.
type Case = (&'static str, Option<(BuiltinRole, &'static str)>, Option<(BuiltinRole, &'static str)>, bool);

#[tokio::test(flavor = "multi_thread")]
async fn nobody_gives_through_a_group_what_they_lack() {
    let (ground, identity) = Ground::started().await;
    let (me, grace) = group_admin(&ground, &identity).await;
    ground.workspace("vision").await;
    let cases: &[Case] = &[
        ("nothing", None, None, true),
        ("own", Some((BuiltinRole::IdentityAdmin, "cluster")), None, true),
        ("auditors", Some((BuiltinRole::Auditor, "cluster")), None, false),
        ("operators", Some((BuiltinRole::ClusterAdmin, "cluster")), None, false),
        ("here", Some((BuiltinRole::Viewer, "workspaces/vision")), None, false),
        ("below", Some((BuiltinRole::Viewer, "workspaces/vision/projects/p")), None, false),
        (
            "here-too",
            Some((BuiltinRole::Viewer, "workspaces/vision")),
            Some((BuiltinRole::Editor, "workspaces/vision")),
            true,
        ),
        // what is held in every workspace that exists is not held in the next one
        ("everywhere", Some((BuiltinRole::Viewer, "cluster")), None, false),
        ("everywhere-too", Some((BuiltinRole::Viewer, "cluster")), Some((BuiltinRole::Viewer, "cluster")), true),
    ];
    for (name, bound, held, may) in cases {
        if let Some((role, on)) = held {
            ground.bind(&identity, me, *role, on).await;
        }
        let group = identity.group(&grace, name).await.unwrap();
        if let Some((role, on)) = bound {
            ground.bind(&identity, group, *role, on).await;
        }
        let added = identity.add(&grace, name, &["user:grace"]).await;
        if *may {
            added.unwrap();
        } else {
            assert_eq!(reason(added), "ESCALATION", "{name}");
        }
    }
    let refused = identity.add(&grace, "admins", &["user:grace"]).await.unwrap_err();
    let told = refused.get_details_error_info().unwrap();
    assert_eq!(told.reason, "ESCALATION");
    assert!(told.metadata.values().any(|lacking| lacking.contains("workspace.create")), "{told:?}");
    assert!(!identity.who_am_i(&grace).await.unwrap().cluster_admin);
    identity.add(&identity.admin().await, "admins", &["user:grace"]).await.unwrap();
    assert!(identity.who_am_i(&grace).await.unwrap().cluster_admin);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_held_for_a_while_is_given_for_no_longer() {
    let (ground, identity) = Ground::started().await;
    let (me, grace) = group_admin(&ground, &identity).await;
    ground.workspace("vision").await;
    let hour = Duration::from_hours(1);
    let (soon, later) = (Some(START.plus(hour)), Some(START.plus(2 * hour)));
    ground.bind_until(&identity, me, BuiltinRole::Editor, "workspaces/vision", soon).await;
    for (name, until, may) in [("for-good", None, false), ("longer", later, false), ("as-long", soon, true)] {
        let group = identity.group(&grace, name).await.unwrap();
        ground.bind_until(&identity, group, BuiltinRole::Editor, "workspaces/vision", until).await;
        assert_eq!(identity.add(&grace, name, &["user:grace"]).await.is_ok(), may, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_administer_groups_learns_nothing_more_and_changes_nothing() {
    let (ground, identity) = Ground::started().await;
    let admin = identity.admin().await;
    let plain = identity.login("reeve").await.access_token;
    identity.group(&admin, "team").await.unwrap();
    let robot = identity.robot(&admin, "ci").await.unwrap();
    // a robot that manages robots manages no groups
    ground.bind(&identity, robot, BuiltinRole::RobotAdmin, "cluster").await;
    let bot = identity.mint(&ground.root_token, "ci", None).await.unwrap();
    let revision = ground.store.list_revision().await;
    for token in [&plain, &bot] {
        for group in ["team", "admins", "everyone", "nobody"] {
            assert_eq!(reason(identity.add(token, group, &["user:reeve"]).await), "PERMISSION_DENIED", "{group}");
            assert_eq!(reason(identity.take_out(token, group, &["user:admin"]).await), "PERMISSION_DENIED", "{group}");
            assert_eq!(reason(identity.delete_group(token, group).await), "PERMISSION_DENIED", "{group}");
        }
    }
    assert_eq!(ground.store.list_revision().await, revision);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_administrators_who_remove_each_other_leave_one() {
    let (ground, identity) = Ground::started().await;
    let other = ground.identity(config()).await;
    let admin = identity.admin().await;
    identity.user(&admin, "alice").await;
    identity.add(&admin, "admins", &["user:alice"]).await.unwrap();
    let alice = other.login("alice").await.access_token;
    for _ in 0..4 {
        let (one, two) = tokio::join!(
            identity.take_out(&admin, "admins", &["user:alice"]),
            other.take_out(&alice, "admins", &["user:admin"])
        );
        assert!(one.is_ok() != two.is_ok(), "{one:?} {two:?}");
        let gone = if one.is_ok() { "user:alice" } else { "user:admin" };
        assert!(["PERMISSION_DENIED", "LAST_ADMIN"].contains(&reason(one.and(two)).as_str()));
        assert_eq!(identity.newest().await.members_of(&reeve_model::GroupId::ADMINS).count(), 1);
        identity.add(&ground.root_token, "admins", &[gone]).await.unwrap();
        other.newest().await;
    }
    // three at once, in a ring
    identity.user(&admin, "bob").await;
    identity.add(&admin, "admins", &["user:bob"]).await.unwrap();
    let bob = other.login("bob").await.access_token;
    let _ = tokio::join!(
        identity.take_out(&admin, "admins", &["user:alice"]),
        other.take_out(&alice, "admins", &["user:bob"]),
        identity.take_out(&bob, "admins", &["user:admin"])
    );
    let left = identity.newest().await.members_of(&reeve_model::GroupId::ADMINS).count();
    assert!((1..=2).contains(&left), "{left}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_who_goes_while_they_are_added_is_in_nothing() {
    let (ground, identity) = Ground::started().await;
    let other = ground.identity(config()).await;
    let admin = identity.admin().await;
    identity.group(&admin, "team").await.unwrap();
    for number in 0..6 {
        let name = format!("user-{number}");
        identity.user(&admin, &name).await;
        other.newest().await;
        let member = format!("user:{name}");
        let member = [member.as_str()];
        let (added, deleted) = tokio::join!(identity.add(&admin, "team", &member), other.delete_user(&admin, &name));
        deleted.unwrap();
        if let Err(refused) = added {
            assert_eq!(reason(Err::<(), _>(refused)), "NOT_FOUND");
        }
        identity.newest().await;
        assert_eq!(identity.members(&admin, "team").await.unwrap(), [""; 0]);
    }
    identity.reconcile(&ground).await;
    assert_eq!(ground.count("world/membership/").await, 1);
}
