//! Every method without a caller, and with one who may not.

use reeve_api::agentmap::WorkspaceAgentUser;
use reeve_rbac::BuiltinRole;
use tonic::{Code, Status};

use crate::stand::{Stand, agent_user, reason, why};

/// Asks every method as `who`, about alice and vision; the name of each with how it went.
async fn every_method(stand: &Stand, who: &str) -> Vec<(&'static str, (Code, String))> {
    let gid = Some(WorkspaceAgentUser { gid: Some(7), ..Default::default() });
    let all = vec![
        ("LinkUser", went(stand.link(who, "alice", agent_user(1000, "alice", 1000, "alice")).await)),
        ("GetUserLink", went(stand.get_link(who, "alice").await)),
        ("UnlinkUser", went(stand.unlink(who, "alice").await)),
        ("SetWorkspaceAgentUser", went(stand.set(who, "vision", gid, None).await)),
        ("GetWorkspaceAgentUser", went(stand.get(who, "vision").await)),
        ("ClearWorkspaceAgentUser", went(stand.clear(who, "vision").await)),
        ("ResolveAgentUser", went(stand.resolve(who, "alice").await)),
    ];
    assert_eq!(all.len(), reeve_agentmap::ROWS.len());
    all
}

fn went<T: std::fmt::Debug>(answer: Result<T, Status>) -> (Code, String) {
    match answer {
        Ok(_) => (Code::Ok, String::new()),
        Err(status) => why(Err::<(), _>(status)),
    }
}

#[tokio::test]
async fn nobody_gets_in_without_a_token() {
    let stand = Stand::start().await;
    for (method, went) in every_method(&stand, "").await {
        assert_eq!(went, reason(Code::Unauthenticated, "TOKEN_MISSING"), "{method}");
    }
}

#[tokio::test]
async fn one_who_may_nothing_is_refused_and_learns_nothing() {
    let stand = Stand::start().await;
    for (method, went) in every_method(&stand, "user:bob").await {
        let expected = match method {
            // whether there is such a workspace is not for them to know
            "GetWorkspaceAgentUser" | "ResolveAgentUser" => reason(Code::NotFound, "NOT_FOUND"),
            _ => reason(Code::PermissionDenied, "PERMISSION_DENIED"),
        };
        assert_eq!(went, expected, "{method}");
    }
    // nor whether there is such a user
    assert_eq!(why(stand.get_link("user:bob", "nobody").await), reason(Code::PermissionDenied, "PERMISSION_DENIED"));
    assert_eq!(why(stand.unlink("user:bob", "nobody").await), reason(Code::PermissionDenied, "PERMISSION_DENIED"));
    assert_eq!(why(stand.clear("user:bob", "nothing").await), reason(Code::PermissionDenied, "PERMISSION_DENIED"));
}

#[tokio::test]
async fn a_workspace_admin_sees_agent_users_and_sets_none() {
    let stand = Stand::start().await;
    stand.bind(3, BuiltinRole::WorkspaceAdmin, "workspaces/vision").await;
    for (method, went) in every_method(&stand, "user:bob").await {
        let expected = match method {
            "GetWorkspaceAgentUser" | "ResolveAgentUser" => reason(Code::Ok, ""),
            _ => reason(Code::PermissionDenied, "PERMISSION_DENIED"),
        };
        assert_eq!(went, expected, "{method}");
    }
}

#[tokio::test]
async fn administrators_and_root_may_everything() {
    let stand = Stand::start().await;
    for who in ["user:admin", "root"] {
        for (method, went) in every_method(&stand, who).await {
            assert_eq!(went, reason(Code::Ok, ""), "{who} {method}");
        }
    }
}
