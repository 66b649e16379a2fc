//! Links of users with agent users: whole records, and nothing shared unless it is said.

use reeve_agent_user::{AgentUser, AgentUserDraft, IdentityDraft};
use reeve_api::agentmap as api;
use reeve_store::{Key, Txn};
use reeve_world::{Record, RecordKey, UserLink};
use tonic::Code;

use crate::stand::{Stand, agent_user, asked_by, not_found, obstacles, reason, txn, user, user_id, why, wrong_fields};

/// What another replica of this service would write.
fn linked(number: u128, uid: u32, name: &str) -> Txn {
    let draft = AgentUserDraft {
        identity: IdentityDraft {
            uid: Some(uid),
            user: Some(name.to_owned()),
            gid: Some(uid),
            group: Some(name.to_owned()),
        },
        ..AgentUserDraft::default()
    };
    let agent_user = AgentUser::parse(&draft, "").unwrap();
    let link = Record::UserLink(UserLink { user: user_id(number), agent_user });
    txn([link], []).put(Key::new("private/agentmap/links"), "another")
}

fn full() -> api::AgentUser {
    let group = |gid, name: &str| api::SupplementaryGroup { gid: Some(gid), name: name.to_owned() };
    api::AgentUser {
        supplementary_groups: vec![group(2000, "data"), group(2001, "")],
        home: "/home/alice".to_owned(),
        shell: "/bin/zsh".to_owned(),
        gecos: "Alice".to_owned(),
        ..agent_user(1000, "alice", 1000, "staff")
    }
}

#[tokio::test]
async fn a_link_is_made_read_used_replaced_and_removed() {
    let stand = Stand::start().await;
    let answer = stand.link("root", "ALICE", full()).await.unwrap();
    assert_eq!(answer.agent_user, Some(full()));
    assert!(answer.warnings.is_empty() && answer.consistency_token.starts_with("rt1."));
    assert_eq!(stand.get_link("root", "alice").await.unwrap(), full());
    let resolved = stand.resolve("root", "alice").await.unwrap();
    assert_eq!((resolved.uid, resolved.docker_user.as_str()), (1000, "1000:1000"));
    // the whole record is replaced: what is not said is not kept
    let bare = agent_user(1001, "al", 0, "root");
    let answer = stand.link("root", "alice", bare.clone()).await.unwrap();
    assert_eq!(answer.warnings.len(), 1);
    assert_eq!(stand.get_link("root", "alice").await.unwrap(), bare);
    stand.unlink("root", "alice").await.unwrap();
    assert_eq!(not_found(stand.get_link("root", "alice").await), "user:alice/agent-user");
    assert_eq!(not_found(stand.unlink("root", "alice").await), "user:alice/agent-user");
    assert_eq!(stand.resolve("root", "alice").await.unwrap().uid, 0);
}

#[tokio::test]
async fn everyone_sees_their_own_and_administrators_everybodys() {
    let stand = Stand::start().await;
    assert_eq!(not_found(stand.get_link("user:alice", "alice").await), "user:alice/agent-user");
    stand.link("root", "alice", full()).await.unwrap();
    for by in ["user:alice", "user:admin", "root"] {
        assert_eq!(stand.get_link(by, "Alice").await.unwrap(), full(), "{by}");
    }
    assert_eq!(why(stand.get_link("user:bob", "alice").await), reason(Code::PermissionDenied, "PERMISSION_DENIED"));
}

#[tokio::test]
async fn every_wrong_field_is_told_at_once() {
    let stand = Stand::start().await;
    let wrong = api::AgentUser {
        uid: Some(u32::MAX),
        user: "a:b".to_owned(),
        gid: None,
        group: String::new(),
        supplementary_groups: vec![api::SupplementaryGroup { gid: None, name: "-x".to_owned() }],
        home: "home".to_owned(),
        shell: "/bin/sh\n".to_owned(),
        gecos: "a:b".to_owned(),
    };
    // malformed comes before unauthorised
    let mut fields = wrong_fields(stand.link("user:bob", "a", wrong).await);
    fields.sort();
    let mut expected = [
        "username",
        "agent_user.uid",
        "agent_user.user",
        "agent_user.gid",
        "agent_user.group",
        "agent_user.supplementary_groups[0].gid",
        "agent_user.supplementary_groups[0].name",
        "agent_user.home",
        "agent_user.shell",
        "agent_user.gecos",
    ];
    expected.sort_unstable();
    assert_eq!(fields, expected);
    let request = api::LinkUserRequest { username: "alice".to_owned(), agent_user: None, allow_shared: false };
    let refused = stand.client().link_user(asked_by("root", request)).await;
    assert_eq!(wrong_fields(refused), ["uid", "user", "gid", "group"].map(|field| format!("agent_user.{field}")));
    for refused in [stand.unlink("root", "-").await, stand.get_link("root", "").await.map(drop)] {
        assert_eq!(wrong_fields(refused), ["username"]);
    }
}

#[tokio::test]
async fn who_is_unknown_is_not_found() {
    let stand = Stand::start().await;
    for refused in [
        stand.link("root", "nobody", full()).await.map(drop),
        stand.unlink("root", "nobody").await,
        stand.get_link("root", "nobody").await.map(drop),
    ] {
        assert_eq!(not_found(refused), "user:nobody");
    }
}

#[tokio::test]
async fn what_another_has_is_refused_unless_it_is_said() {
    let stand = Stand::start().await;
    stand.link("root", "alice", agent_user(1000, "alice", 100, "staff")).await.unwrap();
    stand.link("root", "carol", agent_user(1002, "carol", 102, "other")).await.unwrap();
    for (shared, count) in [
        (agent_user(1000, "alice", 103, "bob"), 1),
        (agent_user(1000, "bob", 103, "bob"), 1),
        (agent_user(1001, "alice", 103, "bob"), 1),
        (agent_user(1001, "bob", 100, "wheel"), 1),
        (agent_user(1000, "carol", 100, "other"), 3),
    ] {
        let (why, told) = obstacles(stand.link("root", "bob", shared.clone()).await);
        assert_eq!((why.as_str(), told.len()), ("AGENT_USER_SHARED", count), "{shared:?} {told:?}");
        assert!(told.iter().all(|told| told.starts_with("user:alice: ") || told.starts_with("user:carol: ")));
    }
    // a gid under one name is everyday
    stand.link("root", "bob", agent_user(1001, "bob", 100, "staff")).await.unwrap();
    // one's own old link is no conflict
    stand.link("root", "bob", agent_user(1001, "robert", 100, "staff")).await.unwrap();
    let request = api::LinkUserRequest {
        username: "bob".to_owned(),
        agent_user: Some(agent_user(1000, "alice", 100, "staff")),
        allow_shared: true,
    };
    stand.client().link_user(asked_by("root", request)).await.unwrap();
    // what was freed is free
    stand.unlink("root", "alice").await.unwrap();
    stand.unlink("root", "bob").await.unwrap();
    stand.link("root", "alice", agent_user(1000, "bob", 100, "wheel")).await.unwrap();
}

#[tokio::test]
async fn the_link_of_a_deactivated_user_counts_and_that_of_a_deleted_one_does_not() {
    let stand = Stand::start().await;
    stand.link("root", "alice", full()).await.unwrap();
    let Record::User(alice) = user(2, "alice") else { panic!("not a user") };
    stand.write([Record::User(reeve_world::User { active: false, ..alice })], []).await;
    assert_eq!(obstacles(stand.link("root", "bob", full()).await).0, "AGENT_USER_SHARED");
    stand.write([], [RecordKey::User(user_id(2))]).await;
    stand.link("root", "bob", full()).await.unwrap();
}

#[tokio::test]
async fn of_two_who_take_a_uid_at_once_one_gets_it() {
    for _ in 0..10 {
        let stand = Stand::start().await;
        let (alice, bob) = tokio::join!(
            stand.link("root", "alice", agent_user(1000, "alice", 1000, "alice")),
            stand.link("root", "bob", agent_user(1000, "bob", 1000, "bob"))
        );
        assert_ne!(alice.is_ok(), bob.is_ok(), "{alice:?} {bob:?}");
        let refused = if alice.is_ok() { bob } else { alice };
        assert_eq!(obstacles(refused).0, "AGENT_USER_SHARED");
        assert_eq!(stand.world().user_links().count(), 1);
    }
}

#[tokio::test]
async fn a_uid_that_is_taken_between_look_and_write_is_taken() {
    let stand = Stand::start().await;
    stand.store.before_next_commit(linked(3, 1000, "bob"));
    let refused = stand.link("root", "alice", agent_user(1000, "alice", 1000, "alice")).await;
    assert!(stand.store.has_meddled());
    assert_eq!(obstacles(refused).0, "AGENT_USER_SHARED");
    // and with one's own: written over
    stand.store.before_next_commit(linked(2, 1001, "al"));
    stand.link("root", "alice", agent_user(1002, "alice", 1002, "alice")).await.unwrap();
    assert_eq!(stand.get_link("root", "alice").await.unwrap().uid, Some(1002));
}

#[tokio::test]
async fn nobody_is_linked_who_is_gone_meanwhile() {
    let stand = Stand::start().await;
    stand.store.before_next_commit(txn([], [RecordKey::User(user_id(2))]));
    assert_eq!(not_found(stand.link("root", "alice", full()).await), "user:alice");
    assert!(stand.store.has_meddled());
}

#[tokio::test]
async fn a_link_that_is_removed_twice_at_once_is_removed_once() {
    let stand = Stand::start().await;
    stand.link("root", "alice", full()).await.unwrap();
    let (one, other) = tokio::join!(stand.unlink("root", "alice"), stand.unlink("root", "alice"));
    assert_ne!(one.is_ok(), other.is_ok());
    assert_eq!(why(if one.is_ok() { other } else { one }).0, Code::NotFound);
}

#[tokio::test]
async fn a_user_who_was_just_created_elsewhere_can_be_linked() {
    let stand = Stand::start().await;
    for number in 0_u32..10 {
        // committed, and not waited for
        let name = format!("fresh-{number}");
        let record = user(500 + u128::from(number), &name);
        reeve_store::Store::commit(stand.store.inner.as_ref(), txn([record], [])).await.unwrap();
        stand.link("root", &name, agent_user(5000 + number, &name, 5000 + number, &name)).await.unwrap();
    }
}
