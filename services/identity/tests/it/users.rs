//! Accounts: unique names, activation, and nobody gaining power that they lack.

use std::collections::BTreeSet;

use reeve_api::api::{Consistency, consistency::Requirement};
use reeve_api::identity as api;
use reeve_rbac::BuiltinRole;
use tonic::Status;

use crate::calls::{bearing, fields, new_user, reason};
use crate::stand::{Ground, PASSWORD, START, config};

#[tokio::test(flavor = "multi_thread")]
async fn a_user_is_shown_as_created() {
    let (_ground, identity) = Ground::started().await;
    let admin = identity.admin().await;
    let display_name = "Alice Liddell".to_owned();
    let created = identity
        .create(&admin, api::CreateUserRequest { display_name, admin: true, ..new_user(" Alice ") })
        .await
        .unwrap();
    assert_eq!((created.username.as_str(), created.display_name.as_str()), ("Alice", "Alice Liddell"));
    assert_eq!(created.groups, ["everyone", "admins"]);
    assert!(created.active && !created.etag.is_empty());
    assert_eq!(created.create_time.unwrap().seconds, START.as_secs());
    assert_eq!(identity.get(&admin, "aLICE").await.unwrap(), created);
    let tokens = identity.login("alice").await;
    assert!(identity.who_am_i(&tokens.access_token).await.unwrap().cluster_admin);
    let deactivated = identity.deactivate(&admin, "alice").await.unwrap();
    assert_ne!(deactivated.etag, created.etag);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_wrong_field_is_named_at_once() {
    let (_ground, identity) = Ground::started().await;
    let admin = identity.admin().await;
    let request = api::CreateUserRequest {
        username: "-".to_owned(),
        display_name: "a\u{7}".to_owned(),
        password: "-".to_owned(),
        admin: false,
    };
    let named: BTreeSet<String> = fields(identity.create(&admin, request.clone()).await).into_iter().collect();
    assert_eq!(named.into_iter().collect::<Vec<_>>(), ["display_name", "password", "username"]);
    // too short, no upper case, no lower case, no number, the username
    let broken = fields(identity.create(&admin, request).await);
    assert_eq!(broken.iter().filter(|field| *field == "password").count(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn names_are_unique_among_usernames_and_display_names_whatever_their_case() {
    let (_ground, identity) = Ground::started().await;
    let admin = identity.admin().await;
    let named = |username: &str, display_name: &str| api::CreateUserRequest {
        display_name: display_name.to_owned(),
        ..new_user(username)
    };
    identity.create(&admin, named("alice", "Wonder Alice")).await.unwrap();
    identity.create(&admin, named("same", "SAME")).await.unwrap();
    identity.create(&admin, named("dash", "shown")).await.unwrap();
    for (username, display_name) in
        [("ALICE", ""), ("bob", "Alice"), ("bob", "wonder ALICE"), ("Shown", ""), ("bob", "same"), ("same", "other")]
    {
        let refused = identity.create(&admin, named(username, display_name)).await;
        assert_eq!(reason(refused), "ALREADY_EXISTS", "{username} {display_name}");
    }
    identity.create(&admin, named("bob", "Bob")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_want_one_name_at_once_one_gets_it() {
    let (ground, identity) = Ground::started().await;
    let other = ground.identity(config()).await;
    let admin = identity.admin().await;
    let calls = (0..16).map(|number: u32| {
        let mut users = if number.is_multiple_of(2) { identity.users() } else { other.users() };
        // One name, as a username and as a display name, in either case.
        let mut request = new_user(if number.is_multiple_of(3) { "taken" } else { "TAKEN" });
        if number % 4 == 3 {
            request = api::CreateUserRequest { display_name: "Taken".to_owned(), ..new_user(&format!("u{number}")) };
        }
        let request = bearing(&admin, request);
        tokio::spawn(async move { users.create_user(request).await.map(|_| ()) })
    });
    let (mut made, mut refused) = (0, 0);
    for call in calls.collect::<Vec<_>>() {
        match call.await.unwrap() {
            Ok(()) => made += 1,
            failed => {
                assert_eq!(reason(failed), "ALREADY_EXISTS");
                refused += 1;
            }
        }
    }
    assert_eq!((made, refused), (1, 15));
    assert_eq!(identity.newest().await.users_after(None).count(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_list_every_user_once_in_order() {
    let (_ground, identity) = Ground::started().await;
    let admin = identity.admin().await;
    for number in 0..7 {
        identity.user(&admin, &format!("user-{number}")).await;
    }
    identity.deactivate(&admin, "user-3").await.unwrap();
    let list = async |request: api::ListUsersRequest| -> Result<api::ListUsersResponse, Status> {
        Ok(identity.users().list_users(bearing(&admin, request)).await?.into_inner())
    };
    let (mut seen, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = api::ListUsersRequest { page_size: 2, page_token, include_inactive: true, ..Default::default() };
        let page = list(request).await.unwrap();
        assert!(page.users.len() <= 2 && page.revision > 0);
        seen.extend(page.users.into_iter().map(|user| user.uid));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    let mut sorted = seen.clone();
    sorted.sort();
    sorted.dedup();
    assert_eq!((seen.len(), &seen), (9, &sorted));
    let names = |page: api::ListUsersResponse| page.users.into_iter().map(|user| user.username).collect::<Vec<_>>();
    let active = names(list(api::ListUsersRequest::default()).await.unwrap());
    assert!(active.len() == 8 && !active.contains(&"user-3".to_owned()));
    let filter = "SER-4".to_owned();
    assert_eq!(names(list(api::ListUsersRequest { filter, ..Default::default() }).await.unwrap()), ["user-4"]);
    let wrong = api::ListUsersRequest {
        page_size: 1001,
        page_token: "?".to_owned(),
        filter: "x".repeat(129),
        ..Default::default()
    };
    assert_eq!(fields(list(wrong).await), ["page_size", "page_token", "filter"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_sees_oneself_and_learns_of_nobody_else() {
    let (_ground, identity) = Ground::started().await;
    let plain = identity.login("reeve").await.access_token;
    assert_eq!(identity.get(&plain, "REEVE").await.unwrap().username, "reeve");
    for other in ["admin", "nobody"] {
        assert_eq!(reason(identity.get(&plain, other).await), "PERMISSION_DENIED", "{other}");
    }
    let admin = identity.admin().await;
    assert_eq!(reason(identity.get(&admin, "nobody").await), "NOT_FOUND");
    assert_eq!(fields(identity.get(&admin, " ").await), ["username"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn deactivating_ends_everything_and_activating_revives_nothing() {
    let (ground, identity) = Ground::started().await;
    let admin = identity.admin().await;
    identity.user(&admin, "alice").await;
    let tokens = identity.login("alice").await;
    let out = identity.deactivate(&admin, "Alice").await.unwrap();
    assert!(!out.active && out.groups.is_empty());
    assert_eq!(reason(identity.who_am_i(&tokens.access_token).await), "USER_INACTIVE");
    assert_eq!(reason(identity.refresh(&tokens.refresh_token).await), "USER_INACTIVE");
    assert_eq!(reason(identity.try_login("alice", PASSWORD).await), "INVALID_CREDENTIALS");
    let revision = ground.store.list_revision().await;
    assert!(!identity.deactivate(&admin, "alice").await.unwrap().active);
    assert_eq!(ground.store.list_revision().await, revision);
    assert!(identity.activate(&admin, "alice").await.unwrap().active);
    assert_eq!(reason(identity.who_am_i(&tokens.access_token).await), "TOKEN_REVOKED");
    assert_eq!(reason(identity.refresh(&tokens.refresh_token).await), "TOKEN_REVOKED");
    identity.login("alice").await;
    assert_eq!(reason(identity.activate(&admin, "nobody").await), "NOT_FOUND");
    assert_eq!(reason(identity.deactivate(&admin, "nobody").await), "NOT_FOUND");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_administrator_stays_unless_root_says_so() {
    let (ground, identity) = Ground::started().await;
    let admin = identity.admin().await;
    assert_eq!(reason(identity.deactivate(&admin, "admin").await), "LAST_ADMIN");
    identity.create(&admin, api::CreateUserRequest { admin: true, ..new_user("second") }).await.unwrap();
    identity.deactivate(&admin, "admin").await.unwrap();
    let second = identity.login("second").await.access_token;
    assert_eq!(reason(identity.deactivate(&second, "second").await), "LAST_ADMIN");
    assert!(!identity.deactivate(&ground.root_token, "second").await.unwrap().active);
    assert!(!identity.newest().await.has_lasting_admin());
    // Root is always there to come back.
    identity.activate(&ground.root_token, "admin").await.unwrap();
    identity.admin().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_administrators_who_deactivate_each_other_leave_one() {
    let (ground, identity) = Ground::started().await;
    let other = ground.identity(config()).await;
    let root = ground.root_token.as_str();
    for round in 0..5 {
        let name = format!("second-{round}");
        identity.create(root, api::CreateUserRequest { admin: true, ..new_user(&name) }).await.unwrap();
        let (one, two) = (identity.admin().await, other.login(&name).await.access_token);
        let (a, b) = tokio::join!(identity.deactivate(&one, &name), other.deactivate(&two, "admin"));
        assert!(a.is_ok() || b.is_ok(), "{a:?} {b:?}");
        assert!(!(a.is_ok() && b.is_ok()), "both were deactivated");
        assert!(identity.newest().await.has_lasting_admin());
        identity.activate(root, "admin").await.unwrap();
        identity.deactivate(root, &name).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_identity_admin_makes_no_administrator_and_keeps_none_out() {
    let (ground, identity) = Ground::started().await;
    let admin = identity.admin().await;
    let ida = identity.user(&admin, "ida").await;
    ground.bind(&identity, ida, BuiltinRole::IdentityAdmin, "cluster").await;
    let ida = identity.login("ida").await.access_token;
    let administrator = api::CreateUserRequest { admin: true, ..new_user("mole") };
    assert_eq!(reason(identity.create(&ida, administrator.clone()).await), "ESCALATION");
    assert_eq!(reason(identity.try_login("mole", PASSWORD).await), "INVALID_CREDENTIALS");
    assert_eq!(reason(identity.deactivate(&ida, "admin").await), "ESCALATION");
    // an administrator by a binding is one, too
    let bound = identity.user(&admin, "bound").await;
    ground.bind(&identity, bound, BuiltinRole::ClusterAdmin, "cluster").await;
    assert_eq!(reason(identity.deactivate(&ida, "bound").await), "ESCALATION");
    // so is one who would be if they were let in again
    identity.create(&admin, administrator).await.unwrap();
    identity.deactivate(&admin, "mole").await.unwrap();
    assert_eq!(reason(identity.activate(&ida, "mole").await), "ESCALATION");
    // people like any other they may create, keep out and let in
    ground.workspace("vision").await;
    let plain = identity.user(&ida, "plain").await;
    ground.bind(&identity, plain, BuiltinRole::Editor, "workspaces/vision").await;
    identity.deactivate(&ida, "plain").await.unwrap();
    identity.activate(&ida, "plain").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_for_a_while_makes_none_for_good() {
    let (ground, identity) = Ground::started().await;
    let admin = identity.admin().await;
    let guest = identity.user(&admin, "guest").await;
    let end = Some(START.plus(std::time::Duration::from_hours(1)));
    ground.bind_until(&identity, guest, BuiltinRole::ClusterAdmin, "cluster", end).await;
    let guest = identity.login("guest").await.access_token;
    assert!(identity.who_am_i(&guest).await.unwrap().cluster_admin);
    let administrator = api::CreateUserRequest { admin: true, ..new_user("mole") };
    assert_eq!(reason(identity.create(&guest, administrator).await), "ESCALATION");
    identity.create(&guest, new_user("plain")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_is_seen_by_who_shows_its_proof() {
    let (ground, identity) = Ground::started().await;
    let other = ground.identity(config()).await;
    let admin = identity.admin().await;
    let request = bearing(&admin, new_user("alice"));
    let proof = identity.users().create_user(request).await.unwrap().into_inner().consistency_token;
    let consistency = Some(Consistency { requirement: Some(Requirement::AtLeastAsFresh(proof)) });
    let request = api::GetUserRequest { username: "alice".to_owned(), consistency };
    other.users().get_user(bearing(&admin, request)).await.unwrap();
}
