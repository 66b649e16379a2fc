//! Groups: unique names, who sees what of them, and how they go.

use reeve_api::identity as api;
use reeve_model::Subject;
use reeve_rbac::BuiltinRole;

use crate::calls::{bearing, fields, reason};
use crate::stand::{Ground, START, config};

#[tokio::test(flavor = "multi_thread")]
async fn a_group_is_shown_as_created_and_named_once() {
    let (_ground, identity) = Ground::started().await;
    let admin = identity.admin().await;
    let request = api::CreateGroupRequest { name: " Team.A ".to_owned(), description: "what we are".to_owned() };
    let created = identity.groups().create_group(bearing(&admin, request)).await.unwrap().into_inner().group.unwrap();
    assert_eq!((created.name.as_str(), created.description.as_str()), ("Team.A", "what we are"));
    assert_eq!(created.create_time.unwrap().seconds, START.as_secs());
    assert!(!created.built_in && created.workspace.is_empty());
    assert_eq!(identity.show_group(&admin, "tEAM.a").await.unwrap(), created);
    for taken in ["team.a", "Everyone", "ADMINS"] {
        assert_eq!(reason(identity.group(&admin, taken).await), "ALREADY_EXISTS", "{taken}");
    }
    let wrong = api::CreateGroupRequest { name: "a b".to_owned(), description: "x".repeat(257) };
    assert_eq!(fields(identity.groups().create_group(bearing(&admin, wrong)).await), ["name", "description"]);
    assert_eq!(reason(identity.show_group(&admin, "nobody").await), "NOT_FOUND");
    assert!(identity.show_group(&admin, "admins").await.unwrap().built_in);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_want_one_name_at_once_one_gets_it() {
    let (ground, identity) = Ground::started().await;
    let other = ground.identity(config()).await;
    let root = ground.root_token.as_str();
    let (a, b, c, d) = tokio::join!(
        identity.group(root, "team"),
        other.group(root, "TEAM"),
        identity.group(root, "Team"),
        other.group(root, "team")
    );
    assert_eq!([&a, &b, &c, &d].into_iter().filter(|made| made.is_ok()).count(), 1);
    assert_eq!(ground.count("private/identity/group-name/").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_learns_names_and_who_may_view_learns_the_rest() {
    let (ground, identity) = Ground::started().await;
    let admin = identity.admin().await;
    let vision = ground.workspace("vision").await;
    identity.reconcile(&ground).await;
    identity.group(&admin, "team").await.unwrap();
    let plain = identity.user(&admin, "plain").await;
    let lead = identity.user(&admin, "lead").await;
    let auditor = identity.user(&admin, "auditor").await;
    ground.bind(&identity, lead, BuiltinRole::WorkspaceAdmin, "workspaces/vision").await;
    ground.bind(&identity, auditor, BuiltinRole::Auditor, "cluster").await;
    assert!(matches!(plain, Subject::User(_)));
    // the caller, whether they see all of the team's group, and of the workspace's
    for (caller, team, own) in [("plain", false, false), ("lead", false, true), ("auditor", true, true)] {
        let token = identity.login(caller).await.access_token;
        for (name, whole) in [("team", team), ("vision", own)] {
            let shown = identity.show_group(&token, name).await.unwrap();
            assert_eq!((shown.name.as_str(), shown.uid.is_empty()), (name, false));
            assert_eq!(!shown.etag.is_empty() && shown.create_time.is_some(), whole, "{caller} {name}");
            assert_eq!(shown.description.is_empty(), !whole || name == "vision", "{caller} {name}");
            assert_eq!(shown.workspace.is_empty(), !whole || name == "team", "{caller} {name}");
            let members = identity.members(&token, name).await;
            if whole {
                assert_eq!(members.unwrap(), [""; 0]);
            } else {
                assert_eq!(reason(members), "PERMISSION_DENIED", "{caller} {name}");
            }
        }
        let all = identity.groups().list_groups(bearing(&token, api::ListGroupsRequest::default())).await.unwrap();
        let groups = all.into_inner().groups;
        assert_eq!(groups.len(), 4, "{caller}");
        assert_eq!(
            groups.iter().filter(|group| !group.etag.is_empty()).count(),
            match caller {
                "plain" => 0,
                "lead" => 1,
                _ => 4,
            }
        );
    }
    // a right on the workspace that the group was of is none on another that takes its name
    ground.no_workspace(vision).await;
    ground.workspace("vision").await;
    identity.reconcile(&ground).await;
    let token = identity.login("lead").await.access_token;
    assert_eq!(identity.show_group(&token, "vision").await.unwrap().etag, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_are_listed_page_by_page_and_filtered() {
    let (ground, identity) = Ground::started().await;
    let root = ground.root_token.as_str();
    for number in 0..5 {
        identity.group(root, &format!("team-{number}")).await.unwrap();
    }
    let (mut names, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = api::ListGroupsRequest { page_size: 3, page_token, ..Default::default() };
        let page = identity.groups().list_groups(bearing(root, request)).await.unwrap().into_inner();
        names.extend(page.groups.into_iter().map(|group| group.name));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(names.len(), 7);
    names.sort();
    assert_eq!(names, ["admins", "everyone", "team-0", "team-1", "team-2", "team-3", "team-4"]);
    let request = api::ListGroupsRequest { filter: "EAM-3".to_owned(), ..Default::default() };
    let found = identity.groups().list_groups(bearing(root, request)).await.unwrap().into_inner().groups;
    assert_eq!(found.iter().map(|group| group.name.as_str()).collect::<Vec<_>>(), ["team-3"]);
    let wrong = api::ListGroupsRequest { page_size: 1001, filter: "x".repeat(129), ..Default::default() };
    assert_eq!(fields(identity.groups().list_groups(bearing(root, wrong)).await), ["page_size", "filter"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_goes_with_all_that_it_gave_and_its_name_is_free_for_another() {
    let (ground, identity) = Ground::started().await;
    let admin = identity.admin().await;
    let team = identity.group(&admin, "team").await.unwrap();
    identity.user(&admin, "alice").await;
    identity.add(&admin, "team", &["user:alice"]).await.unwrap();
    ground.bind(&identity, team, BuiltinRole::Auditor, "cluster").await;
    let alice = identity.login("alice").await.access_token;
    identity.get(&alice, "admin").await.unwrap();
    let etag = identity.show_group(&admin, "team").await.unwrap().etag;
    let stale = api::DeleteGroupRequest { name: "team".to_owned(), etag: format!("{etag}x") };
    assert_eq!(reason(identity.groups().delete_group(bearing(&admin, stale)).await), "ETAG_MISMATCH");
    let request = api::DeleteGroupRequest { name: "TEAM".to_owned(), etag };
    identity.groups().delete_group(bearing(&admin, request)).await.unwrap();
    assert_eq!(reason(identity.get(&alice, "admin").await), "PERMISSION_DENIED");
    assert_eq!(identity.who_am_i(&alice).await.unwrap().groups, ["everyone"]);
    assert_eq!(reason(identity.delete_group(&admin, "team").await), "NOT_FOUND");
    // one membership: of admins
    assert_eq!(ground.count("world/membership/").await, 1);
    assert_ne!(identity.group(&admin, "team").await.unwrap(), team);
    assert_eq!(reason(identity.get(&alice, "admin").await), "PERMISSION_DENIED");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_built_in_group_stays() {
    let (ground, identity) = Ground::started().await;
    for token in [&identity.admin().await, &ground.root_token] {
        for name in ["everyone", "Admins"] {
            assert_eq!(reason(identity.delete_group(token, name).await), "BUILT_IN", "{name}");
        }
        assert_eq!(reason(identity.add(token, "everyone", &["user:admin"]).await), "BUILT_IN");
        assert_eq!(reason(identity.take_out(token, "everyone", &["user:admin"]).await), "BUILT_IN");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_makes_the_last_administrators_stays() {
    let (ground, identity) = Ground::started().await;
    let admin = identity.admin().await;
    let team = identity.group(&admin, "ops").await.unwrap();
    ground.bind(&identity, team, BuiltinRole::ClusterAdmin, "cluster").await;
    identity.user(&admin, "alice").await;
    identity.add(&admin, "ops", &["user:alice"]).await.unwrap();
    let alice = identity.login("alice").await.access_token;
    identity.take_out(&alice, "admins", &["user:admin"]).await.unwrap();
    assert_eq!(reason(identity.delete_group(&alice, "ops").await), "LAST_ADMIN");
    assert_eq!(reason(identity.take_out(&alice, "ops", &["user:alice"]).await), "LAST_ADMIN");
    assert_eq!(reason(identity.delete_user(&alice, "alice").await), "LAST_ADMIN");
    identity.delete_group(&ground.root_token, "ops").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_crash_left_of_a_group_is_swept() {
    let (ground, identity) = Ground::started().await;
    let root = ground.root_token.as_str();
    identity.group(root, "team").await.unwrap();
    let names: Vec<_> = (0..5).map(|number| format!("bot-{number}")).collect();
    for name in &names {
        identity.robot(root, name).await.unwrap();
    }
    let members: Vec<_> = names.iter().map(|name| format!("robot:{name}")).collect();
    identity.add(root, "team", &members.iter().map(String::as_str).collect::<Vec<_>>()).await.unwrap();
    ground.store.cut_after(1);
    identity.delete_group(root, "team").await.unwrap();
    assert_eq!(ground.count("world/membership/").await, 6);
    ground.store.cut(false);
    let other = ground.identity(config()).await;
    tokio::join!(identity.reconcile(&ground), other.reconcile(&ground));
    assert_eq!(ground.count("world/membership/").await, 1);
}
