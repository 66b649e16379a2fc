//! Deleting users: at once, for good, and nothing for who takes the name again.

use reeve_api::identity as api;
use reeve_rbac::BuiltinRole;

use crate::calls::{bearing, fields, new_user, reason};
use crate::stand::{Ground, PASSWORD, config};

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_user_is_out_everywhere_at_once_and_their_names_are_free() {
    let (ground, identity) = Ground::started().await;
    let other = ground.identity(config()).await;
    let admin = identity.admin().await;
    let named = api::CreateUserRequest { display_name: "Alice L.".to_owned(), ..new_user("alice") };
    let created = identity.create(&admin, named.clone()).await.unwrap();
    identity.group(&admin, "team").await.unwrap();
    identity.add(&admin, "team", &["user:alice"]).await.unwrap();
    let (here, there) = (identity.login("alice").await, other.login("alice").await);
    let keys = async || {
        let mut counts = Vec::new();
        for prefix in ["private/identity/session/", "private/identity/user-session/", "private/identity/credential/"] {
            counts.push(ground.count(prefix).await);
        }
        counts
    };
    assert_eq!(keys().await, [3, 3, 3]);
    identity.delete_user(&admin, "ALICE").await.unwrap();
    other.newest().await;
    for tokens in [&here, &there] {
        assert_eq!(reason(identity.who_am_i(&tokens.access_token).await), "TOKEN_REVOKED");
        assert_eq!(reason(other.who_am_i(&tokens.access_token).await), "TOKEN_REVOKED");
        // the session's record is swept: a token of nothing is of nobody
        assert_eq!(reason(other.refresh(&tokens.refresh_token).await), "SESSION_ENDED");
    }
    assert_eq!(reason(other.try_login("alice", PASSWORD).await), "INVALID_CREDENTIALS");
    assert_eq!(reason(identity.get(&admin, "alice").await), "NOT_FOUND");
    assert_eq!(reason(identity.delete_user(&admin, "alice").await), "NOT_FOUND");
    assert_eq!(identity.members(&admin, "team").await.unwrap(), [""; 0]);
    assert_eq!(keys().await, [1, 1, 2]);
    assert_eq!(ground.count("world/membership/").await, 1);
    // the same names again, to somebody who inherits nothing
    let again = identity.create(&admin, named).await.unwrap();
    assert_ne!(again.uid, created.uid);
    assert_eq!(again.groups, ["everyone"]);
    assert_eq!(reason(identity.who_am_i(&here.access_token).await), "TOKEN_REVOKED");
    assert_eq!(reason(identity.refresh(&here.refresh_token).await), "SESSION_ENDED");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_after_the_first_write_leaves_nothing_that_counts_and_nothing_for_ever() {
    let (ground, identity) = Ground::started().await;
    let admin = identity.admin().await;
    identity.group(&admin, "team").await.unwrap();
    identity.user(&admin, "alice").await;
    identity.add(&admin, "team", &["user:alice"]).await.unwrap();
    let tokens = identity.login("alice").await;
    ground.store.cut_after(1);
    identity.delete_user(&admin, "alice").await.unwrap();
    assert_eq!((ground.count("world/membership/").await, ground.count("private/identity/session/").await), (2, 2));
    assert_eq!(reason(identity.who_am_i(&tokens.access_token).await), "TOKEN_REVOKED");
    assert_eq!(reason(identity.refresh(&tokens.refresh_token).await), "TOKEN_REVOKED");
    ground.store.cut(false);
    let other = ground.identity(config()).await;
    other.reconcile(&ground).await;
    other.service.maintain().await.unwrap();
    assert_eq!((ground.count("world/membership/").await, ground.count("private/identity/session/").await), (1, 1));
    assert_eq!(ground.count("private/identity/user-session/").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_administrator_stays_unless_root_says_otherwise() {
    let (ground, identity) = Ground::started().await;
    let admin = identity.admin().await;
    assert_eq!(reason(identity.delete_user(&admin, "admin").await), "LAST_ADMIN");
    identity.create(&admin, api::CreateUserRequest { admin: true, ..new_user("alice") }).await.unwrap();
    let alice = identity.login("alice").await.access_token;
    let other = ground.identity(config()).await;
    let (one, two) = tokio::join!(identity.delete_user(&admin, "alice"), other.delete_user(&alice, "admin"));
    assert!(one.is_ok() != two.is_ok(), "{one:?} {two:?}");
    let left = if one.is_ok() { "admin" } else { "alice" };
    other.newest().await;
    assert_eq!(reason(identity.delete_user(&identity.login(left).await.access_token, left).await), "LAST_ADMIN");
    identity.delete_user(&ground.root_token, left).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_deletes_who_holds_what_they_lack() {
    let (ground, identity) = Ground::started().await;
    let admin = identity.admin().await;
    let ida = identity.user(&admin, "ida").await;
    let eve = identity.user(&admin, "eve").await;
    ground.bind(&identity, ida, BuiltinRole::IdentityAdmin, "cluster").await;
    ground.bind(&identity, eve, BuiltinRole::Auditor, "cluster").await;
    identity.user(&admin, "plain").await;
    let token = identity.login("ida").await.access_token;
    for name in ["admin", "eve"] {
        assert_eq!(reason(identity.delete_user(&token, name).await), "ESCALATION", "{name}");
    }
    // nor while they are out: somebody may let them in again
    identity.deactivate(&admin, "eve").await.unwrap();
    assert_eq!(reason(identity.delete_user(&token, "eve").await), "ESCALATION");
    let plain = identity.login("plain").await.access_token;
    assert_eq!(reason(identity.delete_user(&plain, "plain").await), "PERMISSION_DENIED");
    identity.delete_user(&token, "plain").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_user_who_was_seen_is_deleted() {
    let (_ground, identity) = Ground::started().await;
    let admin = identity.admin().await;
    let seen = identity.create(&admin, new_user("alice")).await.unwrap();
    identity.deactivate(&admin, "alice").await.unwrap();
    let request = api::DeleteUserRequest { username: "alice".to_owned(), etag: seen.etag };
    assert_eq!(reason(identity.users().delete_user(bearing(&admin, request)).await), "ETAG_MISMATCH");
    let etag = identity.get(&admin, "alice").await.unwrap().etag;
    let request = api::DeleteUserRequest { username: "alice".to_owned(), etag };
    identity.users().delete_user(bearing(&admin, request)).await.unwrap();
    assert_eq!(fields(identity.delete_user(&admin, " ").await), ["username"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_signs_in_while_they_are_deleted_is_out_all_the_same() {
    let (ground, identity) = Ground::started().await;
    let other = ground.identity(config()).await;
    let admin = identity.admin().await;
    for number in 0..4 {
        let name = format!("user-{number}");
        identity.user(&admin, &name).await;
        let (tokens, deleted) = tokio::join!(other.try_login(&name, PASSWORD), identity.delete_user(&admin, &name));
        deleted.unwrap();
        if let Ok(tokens) = tokens {
            other.newest().await;
            let tokens = tokens.tokens.unwrap();
            assert_eq!(reason(other.who_am_i(&tokens.access_token).await), "TOKEN_REVOKED");
            assert!(other.refresh(&tokens.refresh_token).await.is_err());
        }
    }
    identity.newest().await;
    identity.service.maintain().await.unwrap();
    assert_eq!(ground.count("private/identity/session/").await, 1);
}
