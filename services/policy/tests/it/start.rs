//! The workspace that a new cluster begins with.

use reeve_model::{PrincipalId, Resource};
use reeve_policy::{PolicyConfig, PolicyService};
use reeve_rbac::Permission;
use reeve_store::{Key, Store};
use reeve_world::RecordKey;
use tonic::Code;

use crate::stand::{Ground, START, Stand, reason, user_id, why};

async fn start(ground: &Ground, role: &str) {
    let config = PolicyConfig { default_workspace_role: role.to_owned() };
    PolicyService::start(ground.deps(config)).await.unwrap();
}

fn alice_may_submit(ground: &Ground) -> bool {
    let resource = Resource::parse("workspaces/default").unwrap();
    ground.world().holds(&PrincipalId::User(user_id(2)), Permission::WORKLOAD_SUBMIT, &resource, START)
}

#[tokio::test]
async fn a_new_cluster_has_a_workspace_on_which_everyone_is_editor() {
    let ground = Ground::new().await;
    start(&ground, "editor").await;
    assert!(alice_may_submit(&ground));
    assert_eq!(ground.world().bindings_after(None).count(), 1);
}

#[tokio::test]
async fn the_role_of_everyone_is_configured_and_may_be_none() {
    let ground = Ground::new().await;
    start(&ground, "").await;
    assert!(ground.world().workspace_by_name("default").is_some());
    assert_eq!(ground.world().bindings_after(None).count(), 0);
    let other = Ground::new().await;
    start(&other, "viewer").await;
    assert!(!alice_may_submit(&other));
    assert_eq!(other.world().bindings_after(None).count(), 1);
}

#[tokio::test]
async fn a_role_that_cannot_be_held_there_does_not_start() {
    let ground = Ground::new().await;
    let config = PolicyConfig { default_workspace_role: "clusterAdmin".to_owned() };
    assert!(PolicyService::start(ground.deps(config)).await.is_err());
    assert!(ground.world().workspace_by_name("default").is_none());
}

#[tokio::test]
async fn what_was_deleted_is_not_made_again() {
    let ground = Ground::new().await;
    start(&ground, "editor").await;
    let uid = ground.world().workspace_by_name("default").unwrap().uid;
    ground.write([], [RecordKey::Workspace(uid)]).await;
    ground.remove("private/policy/workspace-name/default").await;
    start(&ground, "editor").await;
    assert!(ground.world().workspace_by_name("default").is_none());
}

#[tokio::test]
async fn many_that_start_at_once_make_one() {
    let ground = Ground::new().await;
    tokio::join!(
        start(&ground, "editor"),
        start(&ground, "editor"),
        start(&ground, "editor"),
        start(&ground, "editor")
    );
    assert_eq!(ground.world().workspaces_after(None).count(), 1);
    assert_eq!(ground.world().bindings_after(None).count(), 1);
}

#[tokio::test]
async fn one_that_is_overtaken_between_its_look_and_its_write_makes_none() {
    let ground = Ground::new().await;
    let marker = Key::new("private/policy/default-workspace-made");
    ground.store.before_next_commit(reeve_store::Txn::new().put(marker.clone(), "another"));
    start(&ground, "editor").await;
    assert!(ground.store.has_meddled());
    assert!(ground.world().workspace_by_name("default").is_none());
    assert_eq!(ground.store.get(&marker).await.unwrap().unwrap().value, "another");
}

#[tokio::test]
async fn its_name_is_taken_like_any_other() {
    let stand = Stand::start().await;
    assert_eq!(why(stand.create("DEFAULT", "root").await), reason(Code::AlreadyExists, "ALREADY_EXISTS"));
}
