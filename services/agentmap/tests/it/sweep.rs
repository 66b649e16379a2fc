//! What agentmap sweeps, and what it leaves alone whoever asks.

use std::time::Duration;

use reeve_api::agentmap::WorkspaceAgentUser;
use reeve_model::{GroupId, UserId};
use reeve_owner::{Parent, Reconciled};
use reeve_store::Store;
use reeve_world::RecordKey;

use crate::stand::{Stand, agent_user, user, user_id, vision, workspace_id};

const NOTHING: Reconciled = Reconciled { written: None, more: false };
const ALICE: u128 = 2;

async fn reconcile(stand: &Stand, what: Option<Parent>) -> Reconciled {
    let snapshot = stand.replica.latest().unwrap();
    let done = stand.service.reconcile().reconcile(&snapshot, what).await.unwrap();
    if let Some(written) = done.written {
        stand.replica.reach(written, Duration::from_secs(10)).await.unwrap();
    }
    done
}

/// How many links and overrides the store holds.
async fn stored(stand: &Stand) -> (usize, usize) {
    let count = async |kind: &str| {
        let page = stand.store.list(&format!("world/{kind}/"), None, 100, None).await.unwrap();
        page.items.len()
    };
    (count("user-link").await, count("workspace-agent-user").await)
}

/// Alice and bob are linked, and `vision` overrides something.
async fn mapped() -> Stand {
    let stand = Stand::start().await;
    stand.link("root", "alice", agent_user(1000, "alice", 1000, "alice")).await.unwrap();
    stand.link("root", "bob", agent_user(1001, "bob", 1001, "bob")).await.unwrap();
    let shared = WorkspaceAgentUser { gid: Some(100), ..Default::default() };
    stand.set("root", "vision", Some(shared), None).await.unwrap();
    stand
}

#[tokio::test]
async fn of_what_is_there_nothing_is_swept_whoever_asks() {
    let stand = mapped().await;
    let parents = [
        Parent::User(user_id(ALICE)),
        Parent::Workspace(workspace_id()),
        Parent::Group(GroupId::ADMINS),
        Parent::User(UserId::from_uuid(uuid::Uuid::from_u128(9))),
    ];
    for what in parents.into_iter().map(Some).chain([None]) {
        assert_eq!(reconcile(&stand, what).await, NOTHING, "{what:?}");
    }
    assert_eq!(stored(&stand).await, (2, 1));
}

#[tokio::test]
async fn what_hangs_on_what_is_gone_counts_for_nothing_and_is_swept() {
    let stand = mapped().await;
    stand.write([], [RecordKey::User(user_id(ALICE)), RecordKey::Workspace(workspace_id())]).await;
    assert_eq!(stand.world().user_link(&user_id(ALICE)), None);
    assert_eq!(stand.world().workspace_agent_user(&workspace_id()), None);
    // each by itself, as somebody says; then what is left
    assert!(reconcile(&stand, Some(Parent::User(user_id(ALICE)))).await.written.is_some());
    assert_eq!(stored(&stand).await, (1, 1));
    assert!(reconcile(&stand, None).await.written.is_some());
    assert_eq!(stored(&stand).await, (1, 0));
    assert_eq!(reconcile(&stand, None).await, NOTHING);
}

#[tokio::test]
async fn a_link_that_is_made_anew_meanwhile_stays() {
    let stand = mapped().await;
    stand.write([], [RecordKey::User(user_id(ALICE))]).await;
    let without_her = stand.replica.latest().unwrap();
    stand.write([user(ALICE, "alice"), vision()], []).await;
    stand.link("root", "alice", agent_user(1002, "al", 1002, "al")).await.unwrap();
    let done = stand.service.reconcile().reconcile(&without_her, None).await.unwrap();
    assert_eq!(done, NOTHING);
    assert_eq!(stand.get_link("root", "alice").await.unwrap().uid, Some(1002));
}
