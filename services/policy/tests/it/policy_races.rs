//! Config policies that are written at once: no contradiction stands unseen.

use reeve_config_policy::{LimitPrecedence, WorkloadType};
use reeve_model::{PrincipalId, WorkspaceId};
use reeve_store::{Key, Txn};
use reeve_world::{ConfigPolicy, Record};

use crate::stand::{START, Stand, obstacles, policy, txn};

const VISION: &str = "workspaces/vision";
const EIGHT_SLOTS: &str = "constraints: {resources: {max_slots: 8}}";
const SIXTEEN_EACH: &str = "invariant_config: {resources: {slots_per_trial: 16}}";

/// What another replica of this service would write.
fn written(workspace: Option<WorkspaceId>, document: &str) -> Txn {
    let record = Record::ConfigPolicy(ConfigPolicy {
        workspace,
        workload: WorkloadType::Experiment,
        document: document.to_owned(),
        limit_precedence: LimitPrecedence::StrictestWins,
        version: 1,
        author: PrincipalId::Root,
        update_time: START,
    });
    txn([record], []).put(Key::new("private/policy/config-policies/experiment"), "another")
}

#[tokio::test]
async fn a_workspaces_policy_is_checked_with_the_clusters_that_was_faster() {
    let stand = Stand::with_workspaces(&["vision"]).await;
    stand.ground.store.before_next_commit(written(None, EIGHT_SLOTS));
    let (why, _) = obstacles(stand.set_policy("root", policy(VISION, SIXTEEN_EACH)).await);
    assert!(stand.ground.store.has_meddled());
    assert_eq!(why, "POLICY_CONTRADICTION");
}

#[tokio::test]
async fn a_clusters_policy_is_checked_with_a_workspaces_that_was_faster() {
    let stand = Stand::with_workspaces(&["vision"]).await;
    let uid = stand.ground.world().workspace_by_name("vision").unwrap().uid;
    stand.ground.store.before_next_commit(written(Some(uid), SIXTEEN_EACH));
    let (why, _) = obstacles(stand.set_policy("root", policy("cluster", EIGHT_SLOTS)).await);
    assert!(stand.ground.store.has_meddled());
    assert_eq!(why, "POLICY_CONFLICT");
}

#[tokio::test]
async fn of_two_that_contradict_one_stands() {
    for _ in 0..10 {
        let stand = Stand::with_workspaces(&["vision"]).await;
        let (cluster, own) = tokio::join!(
            stand.set_policy("root", policy("cluster", EIGHT_SLOTS)),
            stand.set_policy("root", policy(VISION, SIXTEEN_EACH))
        );
        assert_ne!(cluster.is_ok(), own.is_ok(), "{cluster:?} {own:?}");
    }
}

#[tokio::test]
async fn versions_count_every_write_of_many_at_once() {
    let stand = Stand::start().await;
    let set = || stand.set_policy("root", policy("cluster", EIGHT_SLOTS));
    let answers = tokio::join!(set(), set(), set(), set());
    let mut versions: Vec<_> = [answers.0, answers.1, answers.2, answers.3]
        .into_iter()
        .map(|answer| answer.unwrap().policy.unwrap().version)
        .collect();
    versions.sort_unstable();
    assert_eq!(versions, [1, 2, 3, 4]);
}

#[tokio::test]
async fn of_two_with_the_same_etag_one_is_set() {
    let stand = Stand::start().await;
    let first = stand.set_policy("root", policy("cluster", EIGHT_SLOTS)).await.unwrap().policy.unwrap();
    let set = || stand.set_policy("root", first.clone());
    let (one, other) = tokio::join!(set(), set());
    assert_ne!(one.is_ok(), other.is_ok());
}

#[tokio::test]
async fn a_policy_of_a_workspace_that_is_gone_meanwhile_is_not_set() {
    let stand = Stand::with_workspaces(&["vision"]).await;
    let uid = stand.ground.world().workspace_by_name("vision").unwrap().uid;
    stand.ground.store.before_next_commit(txn([], [reeve_world::RecordKey::Workspace(uid)]));
    let refused = stand.set_policy("root", policy(VISION, EIGHT_SLOTS)).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::NotFound);
}
