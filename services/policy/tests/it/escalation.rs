//! No escalation: who gives what they do not hold, or for longer than they hold it.

use reeve_api::policy as api;
use reeve_rbac::{BuiltinRole, Permission, PermissionSet, ScopeKind};
use tonic::{Code, Status};

use crate::stand::{Stand, grant, grant_for, metadata, why};

const VISION: &str = "workspaces/vision";

async fn escalates(stand: &Stand, by: &str, grant: api::Grant) -> String {
    let refused: Result<_, Status> = stand.bind(by, &[grant]).await;
    assert_eq!(why(refused.clone()), (Code::PermissionDenied, "ESCALATION".to_owned()));
    metadata(refused, "lacking")
}

#[tokio::test]
async fn a_workspace_admin_grants_every_workspace_role_there_and_no_other() {
    let stand = Stand::with_workspaces(&["vision"]).await;
    stand.bind("root", &[grant("user:alice", "workspaceAdmin", VISION)]).await.unwrap();
    for role in BuiltinRole::ALL {
        let asked = grant("user:bob", role.as_str(), VISION);
        if role.assignable_at().contains(&ScopeKind::Workspace) {
            stand.bind("user:alice", &[asked]).await.unwrap();
        } else {
            let answer = why(stand.bind("user:alice", &[asked]).await).1;
            let beyond = !role.permissions().is_subset(BuiltinRole::WorkspaceAdmin.permissions());
            assert_eq!(answer, if beyond { "ESCALATION" } else { "ROLE_NOT_ASSIGNABLE" }, "{role}");
        }
    }
    let below = grant("user:bob", "editor", "workspaces/vision/projects/p");
    stand.bind("user:alice", &[below]).await.unwrap();
}

#[tokio::test]
async fn all_that_is_lacking_is_told() {
    let stand = Stand::with_workspaces(&["vision"]).await;
    stand.bind("root", &[grant("user:alice", "workspaceAdmin", VISION)]).await.unwrap();
    let lacking = escalates(&stand, "user:alice", grant("user:bob", "clusterAdmin", VISION)).await;
    let expected: PermissionSet = PermissionSet::ALL.difference(BuiltinRole::WorkspaceAdmin.permissions());
    let expected: Vec<_> = expected.iter().map(Permission::as_str).collect();
    assert_eq!(lacking, expected.join(","));
}

#[tokio::test]
async fn one_grant_too_much_makes_none() {
    let stand = Stand::with_workspaces(&["vision"]).await;
    stand.bind("root", &[grant("user:alice", "workspaceAdmin", VISION)]).await.unwrap();
    let grants = [grant("user:bob", "viewer", VISION), grant("user:alice", "clusterAdmin", VISION)];
    assert_eq!(why(stand.bind("user:alice", &grants).await).1, "ESCALATION");
    assert_eq!(stand.bound("root", VISION).await.unwrap(), ["user:alice workspaceAdmin workspaces/vision"]);
}

#[tokio::test]
async fn no_grant_outlives_the_right_it_is_given_by() {
    let stand = Stand::with_workspaces(&["vision"]).await;
    let grants = [
        grant_for("user:alice", "workspaceAdmin", VISION, 60),
        // holds what an editor does without end, and the right to bind for a minute
        grant("user:carol", "editor", VISION),
        grant_for("user:carol", "workspaceAdmin", VISION, 60),
    ];
    stand.bind("root", &grants).await.unwrap();
    let lacking = escalates(&stand, "user:alice", grant("user:bob", "lister", VISION)).await;
    assert_eq!(lacking, "workload.list,workspace.view,role.bind");
    let longer = grant_for("user:bob", "lister", VISION, 61);
    assert_eq!(escalates(&stand, "user:alice", longer).await, lacking);
    stand.bind("user:alice", &[grant_for("user:bob", "lister", VISION, 60)]).await.unwrap();
    assert_eq!(escalates(&stand, "user:carol", grant("user:dave", "editor", VISION)).await, "role.bind");
    stand.bind("user:carol", &[grant_for("user:dave", "editor", VISION, 60)]).await.unwrap();
}

#[tokio::test]
async fn a_role_on_the_cluster_needs_its_permissions_in_every_workspace() {
    let stand = Stand::with_workspaces(&["vision", "speech"]).await;
    // runs every workspace there is, and none that is to come
    let everywhere = ["default", "vision", "speech"].map(|name| format!("workspaces/{name}"));
    for resource in &everywhere {
        stand.bind("root", &[grant("user:alice", "workspaceAdmin", resource)]).await.unwrap();
    }
    let refused = stand.bind("user:alice", &[grant("user:bob", "viewer", "cluster")]).await;
    assert_eq!(why(refused).1, "PERMISSION_DENIED");
    // even who runs those to come has no right to bind on the cluster itself
    stand.bind("root", &[grant("user:alice", "workspaceAdmin", "cluster")]).await.unwrap();
    let refused = stand.bind("user:alice", &[grant("user:bob", "viewer", "cluster")]).await;
    assert_eq!(why(refused).1, "PERMISSION_DENIED");
    for role in BuiltinRole::ALL {
        stand.bind("user:admin", &[grant("user:bob", role.as_str(), "cluster")]).await.unwrap();
    }
}

#[tokio::test]
async fn a_cluster_admin_for_a_minute_makes_nothing_that_lasts() {
    let stand = Stand::start().await;
    stand.bind("root", &[grant_for("user:alice", "clusterAdmin", "cluster", 60)]).await.unwrap();
    for role in BuiltinRole::ALL {
        let lacking = escalates(&stand, "user:alice", grant("user:bob", role.as_str(), "cluster")).await;
        // the longest list is cut
        assert!(lacking.contains("role.bind") || lacking.ends_with('…'), "{role}: {lacking}");
        stand.bind("user:alice", &[grant_for("user:bob", role.as_str(), "cluster", 60)]).await.unwrap();
    }
    // what is held without end elsewhere does not make up for it
    stand.bind("root", &[grant("user:alice", "workspaceAdmin", "cluster")]).await.unwrap();
    let lacking = escalates(&stand, "user:alice", grant("user:carol", "viewer", "cluster")).await;
    assert_eq!(lacking, "role.bind");
}

#[tokio::test]
async fn a_right_that_was_taken_away_is_gone_at_once() {
    let stand = Stand::with_workspaces(&["vision"]).await;
    let alice = grant("user:alice", "workspaceAdmin", VISION);
    for _ in 0..10 {
        stand.bind("root", std::slice::from_ref(&alice)).await.unwrap();
        stand.unbind("root", std::slice::from_ref(&alice)).await.unwrap();
        let refused = stand.bind("user:alice", &[grant("user:bob", "viewer", VISION)]).await;
        assert_eq!(why(refused).0, Code::NotFound);
    }
}
