//! Robots, and tokens that convey no more than their maker holds.

use std::time::Duration;

use reeve_api::identity as api;
use reeve_model::Subject;
use reeve_rbac::BuiltinRole;

use crate::calls::{bearing, fields, reason};
use crate::stand::{Ground, Identity, START};

/// A user who may administer robots, and their access token.
async fn robot_admin(ground: &Ground, identity: &Identity) -> (Subject, String) {
    let admin = identity.admin().await;
    let rob = identity.user(&admin, "rob").await;
    ground.bind(identity, rob, BuiltinRole::RobotAdmin, "cluster").await;
    (rob, identity.login("rob").await.access_token)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_robot_acts_with_its_token_until_it_is_deleted() {
    let (ground, identity) = Ground::started().await;
    let (_, rob) = robot_admin(&ground, &identity).await;
    identity.robot(&rob, "ci").await.unwrap();
    let bot = identity.mint(&rob, "CI", None).await.unwrap();
    assert!(bot.starts_with("reeve_bot_"));
    let me = identity.who_am_i(&bot).await.unwrap();
    assert_eq!((me.principal.as_str(), me.cluster_admin, me.token_expire_time), ("robot:ci", false, None));
    identity.delete_robot(&rob, "ci").await.unwrap();
    assert!(["TOKEN_REVOKED", "TOKEN_MALFORMED"].contains(&reason(identity.who_am_i(&bot).await).as_str()));
    // A robot of the same name inherits nothing.
    identity.robot(&rob, "ci").await.unwrap();
    assert_eq!(reason(identity.who_am_i(&bot).await), "TOKEN_MALFORMED");
    assert_eq!(reason(identity.delete_robot(&rob, "nobody").await), "NOT_FOUND");
    assert_eq!(reason(identity.mint(&rob, "nobody", None).await), "NOT_FOUND");
}

#[tokio::test(flavor = "multi_thread")]
async fn deleting_a_robot_with_many_tokens_removes_them_all() {
    let (ground, identity) = Ground::started().await;
    identity.robot(&ground.root_token, "busy").await.unwrap();
    identity.robot(&ground.root_token, "other").await.unwrap();
    let kept = identity.mint(&ground.root_token, "other", None).await.unwrap();
    for _ in 0..150 {
        identity.mint(&ground.root_token, "busy", None).await.unwrap();
    }
    assert_eq!(ground.count("world/token/").await, 152);
    identity.delete_robot(&ground.root_token, "busy").await.unwrap();
    assert_eq!(ground.count("world/token/").await, 2);
    assert_eq!(ground.count("private/identity/robot-token/").await, 1);
    identity.who_am_i(&kept).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_lives_as_long_as_was_asked() {
    let (ground, identity) = Ground::started().await;
    identity.robot(&ground.root_token, "ci").await.unwrap();
    let bot = identity.mint(&ground.root_token, "ci", Some(60)).await.unwrap();
    assert_eq!(identity.who_am_i(&bot).await.unwrap().token_expire_time.unwrap().seconds, START.as_secs() + 60);
    identity.advance(&ground, Duration::from_mins(1)).await;
    assert_eq!(reason(identity.who_am_i(&bot).await), "TOKEN_EXPIRED");
    for wrong in [0, -1, i64::MAX] {
        assert_eq!(fields(identity.mint(&ground.root_token, "ci", Some(wrong)).await), ["ttl"], "{wrong}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn robots_are_named_once_and_listed_in_order() {
    let (ground, identity) = Ground::started().await;
    let root = ground.root_token.as_str();
    for name in ["b", "a", "c"] {
        identity.robot(root, name).await.unwrap();
    }
    assert_eq!(reason(identity.robot(root, "A").await), "ALREADY_EXISTS");
    let wrong = api::CreateRobotRequest { name: "-".to_owned(), description: "x".repeat(257) };
    assert_eq!(fields(identity.robots().create_robot(bearing(root, wrong)).await), ["name", "description"]);
    let request = api::ListRobotsRequest { page_size: 2, ..Default::default() };
    let first = identity.robots().list_robots(bearing(root, request)).await.unwrap().into_inner();
    let page_token = first.next_page_token.clone();
    let request = api::ListRobotsRequest { page_size: 2, page_token, ..Default::default() };
    let second = identity.robots().list_robots(bearing(root, request)).await.unwrap().into_inner();
    assert_eq!((first.robots.len(), second.robots.len(), second.next_page_token.as_str()), (2, 1, ""));
    let mut names: Vec<String> = first.robots.into_iter().chain(second.robots).map(|robot| robot.name).collect();
    names.sort();
    assert_eq!(names, ["a", "b", "c"]);
    let request = api::ListRobotsRequest { filter: "B".to_owned(), ..Default::default() };
    assert_eq!(identity.robots().list_robots(bearing(root, request)).await.unwrap().into_inner().robots.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_robots_of_one_name_at_once_one_is_made() {
    let (ground, identity) = Ground::started().await;
    let root = ground.root_token.as_str();
    let (a, b, c) = tokio::join!(identity.robot(root, "ci"), identity.robot(root, "CI"), identity.robot(root, "Ci"));
    assert_eq!([&a, &b, &c].into_iter().filter(|made| made.is_ok()).count(), 1);
}

/// A robot, its role and where, what its maker is bound to first, and whether a token is made.
type Case = (&'static str, BuiltinRole, &'static str, &'static [(BuiltinRole, &'static str)], bool);

#[tokio::test(flavor = "multi_thread")]
async fn nobody_mints_a_token_for_a_robot_that_holds_what_they_lack() {
    let (ground, identity) = Ground::started().await;
    let (me, rob) = robot_admin(&ground, &identity).await;
    ground.workspace("vision").await;
    // the robot, what it is bound to, what the caller is bound to from here on, whether they may mint
    let cases: &[Case] = &[
        ("none", BuiltinRole::RobotAdmin, "cluster", &[], true),
        ("sidecar", BuiltinRole::Sidecar, "cluster", &[], false),
        ("everywhere", BuiltinRole::Editor, "cluster", &[], false),
        ("here", BuiltinRole::Viewer, "workspaces/vision", &[], false),
        ("below", BuiltinRole::Viewer, "workspaces/vision/projects/p", &[], false),
        ("here-too", BuiltinRole::Viewer, "workspaces/vision", &[(BuiltinRole::Editor, "workspaces/vision")], true),
        ("below-too", BuiltinRole::Viewer, "workspaces/vision/projects/p", &[], true),
        // what is held in every workspace that exists is not held in the next one
        ("wider", BuiltinRole::Viewer, "cluster", &[], false),
        ("everywhere-too", BuiltinRole::Viewer, "cluster", &[(BuiltinRole::Viewer, "cluster")], true),
    ];
    for (name, role, on, held, may) in cases {
        for (role, on) in *held {
            ground.bind(&identity, me, *role, on).await;
        }
        let robot = identity.robot(&rob, name).await.unwrap();
        ground.bind(&identity, robot, *role, on).await;
        let minted = identity.mint(&rob, name, None).await;
        if *may {
            minted.unwrap();
        } else {
            assert_eq!(reason(minted), "ESCALATION", "{name}");
        }
    }
    assert!(identity.mint(&identity.admin().await, "sidecar", None).await.is_ok());
    assert!(identity.mint(&ground.root_token, "everywhere", None).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_held_for_a_while_is_conveyed_for_no_longer() {
    let (ground, identity) = Ground::started().await;
    let (me, rob) = robot_admin(&ground, &identity).await;
    ground.workspace("vision").await;
    let end = Some(START.plus(Duration::from_hours(1)));
    ground.bind_until(&identity, me, BuiltinRole::Editor, "workspaces/vision", end).await;
    let robot = identity.robot(&rob, "ci").await.unwrap();
    ground.bind(&identity, robot, BuiltinRole::Editor, "workspaces/vision").await;
    assert_eq!(reason(identity.mint(&rob, "ci", None).await), "ESCALATION");
    assert_eq!(reason(identity.mint(&rob, "ci", Some(3601)).await), "ESCALATION");
    identity.mint(&rob, "ci", Some(3600)).await.unwrap();
}
