//! What a workspace overrides: each field by itself.

use reeve_agent_user::{AgentId, Override};
use reeve_api::agentmap::WorkspaceAgentUser;
use reeve_rbac::BuiltinRole;
use reeve_world::{Record, RecordKey};
use tonic::Code;

use crate::stand::{Stand, agent_user, not_found, reason, txn, vision, why, workspace_id, wrong_fields};

fn gid(gid: u32, group: &str) -> WorkspaceAgentUser {
    WorkspaceAgentUser { gid: Some(gid), group: Some(group.to_owned()), ..Default::default() }
}

fn all() -> WorkspaceAgentUser {
    WorkspaceAgentUser { uid: Some(0), user: Some("root".to_owned()), ..gid(0, "root") }
}

#[tokio::test]
async fn without_a_mask_the_whole_record_is_replaced() {
    let stand = Stand::start().await;
    assert_eq!(stand.get("root", "vision").await.unwrap(), WorkspaceAgentUser::default());
    // zero and root are values
    assert_eq!(stand.set("root", "vision", Some(all()), None).await.unwrap(), all());
    assert_eq!(stand.get("root", "vision").await.unwrap(), all());
    assert_eq!(stand.set("root", "vision", Some(gid(100, "staff")), None).await.unwrap(), gid(100, "staff"));
    assert_eq!(stand.get("root", "vision").await.unwrap(), gid(100, "staff"));
}

#[tokio::test]
async fn with_a_mask_its_fields_change_and_one_without_a_value_is_cleared() {
    let stand = Stand::start().await;
    stand.set("root", "vision", Some(gid(100, "staff")), None).await.unwrap();
    let uid = WorkspaceAgentUser { uid: Some(7), gid: Some(9), ..Default::default() };
    let set = stand.set("root", "vision", Some(uid), Some(&["uid", "group"])).await.unwrap();
    let expected = WorkspaceAgentUser { uid: Some(7), gid: Some(100), ..Default::default() };
    assert_eq!(set, expected);
    assert_eq!(stand.get("root", "vision").await.unwrap(), expected);
    let set = stand.set("root", "vision", None, Some(&["gid"])).await.unwrap();
    assert_eq!(set, WorkspaceAgentUser { uid: Some(7), ..Default::default() });
}

#[tokio::test]
async fn what_overrides_nothing_is_no_record() {
    let stand = Stand::start().await;
    let nothing = WorkspaceAgentUser::default();
    assert_eq!(stand.set("root", "vision", Some(nothing.clone()), None).await.unwrap(), nothing);
    stand.set("root", "vision", Some(all()), None).await.unwrap();
    assert_eq!(stand.set("root", "vision", Some(nothing.clone()), None).await.unwrap(), nothing);
    assert_eq!(stand.world().workspace_agent_user(&workspace_id()), None);
    stand.set("root", "vision", Some(all()), None).await.unwrap();
    stand.clear("root", "vision").await.unwrap();
    assert_eq!(stand.get("root", "vision").await.unwrap(), nothing);
    // that it overrides nothing is so already
    stand.clear("root", "vision").await.unwrap();
}

#[tokio::test]
async fn every_wrong_field_is_told_at_once() {
    let stand = Stand::start().await;
    let wrong = WorkspaceAgentUser {
        uid: Some(u32::MAX),
        user: Some(String::new()),
        gid: Some(u32::MAX),
        group: Some("a b".to_owned()),
    };
    let fields = ["agent_user.uid", "agent_user.user", "agent_user.gid", "agent_user.group"];
    // malformed comes before unauthorised
    let refused = stand.set("user:bob", "vision", Some(wrong.clone()), None).await;
    assert_eq!(wrong_fields(refused), fields);
    // what the mask leaves out is not looked at, and what it names must be a field
    let refused = stand.set("root", "a/b", Some(wrong), Some(&["uid", "home", "*"])).await;
    assert_eq!(wrong_fields(refused), ["workspace", "update_mask", "update_mask", "agent_user.uid"]);
    assert_eq!(wrong_fields(stand.set("root", "vision", Some(all()), Some(&[])).await), ["update_mask"]);
    assert_eq!(wrong_fields(stand.set("root", "vision", None, None).await), ["agent_user"]);
    assert_eq!(wrong_fields(stand.clear("root", "").await), ["workspace"]);
    assert_eq!(wrong_fields(stand.get("root", "..").await), ["workspace"]);
    assert_eq!(stand.get("root", "vision").await.unwrap(), WorkspaceAgentUser::default());
}

#[tokio::test]
async fn a_workspace_that_is_unknown_is_not_found() {
    let stand = Stand::start().await;
    for name in ["nothing", "Vision"] {
        let named = format!("workspaces/{name}");
        assert_eq!(not_found(stand.set("root", name, Some(all()), None).await), named);
        assert_eq!(not_found(stand.clear("root", name).await), named);
        assert_eq!(not_found(stand.get("root", name).await), named);
    }
}

#[tokio::test]
async fn it_stands_over_the_users_link_and_who_is_there_sees_it() {
    let stand = Stand::start().await;
    stand.link("root", "alice", agent_user(1000, "alice", 1000, "alice")).await.unwrap();
    stand.set("root", "vision", Some(gid(200, "shared")), None).await.unwrap();
    stand.bind(2, BuiltinRole::Editor, "workspaces/vision").await;
    let resolved = stand.resolve("user:alice", "").await.unwrap();
    assert_eq!((resolved.uid, resolved.gid, resolved.group.as_str()), (1000, 200, "shared"));
    // an editor sees the workspace, and not how its tasks are mapped
    assert_eq!(why(stand.get("user:alice", "vision").await), reason(Code::PermissionDenied, "PERMISSION_DENIED"));
    stand.bind(3, BuiltinRole::Auditor, "cluster").await;
    assert_eq!(stand.get("user:bob", "vision").await.unwrap(), gid(200, "shared"));
}

#[tokio::test]
async fn fields_that_are_set_at_once_all_stand() {
    let stand = Stand::start().await;
    let set = |field: &'static str| {
        let stand = &stand;
        async move { stand.set("root", "vision", Some(all()), Some(&[field])).await }
    };
    let (a, b, c, d) = tokio::join!(set("uid"), set("user"), set("gid"), set("group"));
    assert!([a, b, c, d].iter().all(Result::is_ok));
    assert_eq!(stand.get("root", "vision").await.unwrap(), all());
}

#[tokio::test]
async fn a_change_is_made_to_what_another_just_wrote() {
    let stand = Stand::start().await;
    let overrides = Override { uid: Some(AgentId::parse(7).unwrap()), ..Override::default() };
    let other = Record::WorkspaceAgentUser(reeve_world::WorkspaceAgentUser { workspace: workspace_id(), overrides });
    stand.store.before_next_commit(txn([other], []));
    let set = stand.set("root", "vision", Some(gid(100, "staff")), Some(&["gid"])).await.unwrap();
    assert!(stand.store.has_meddled());
    assert_eq!(set, WorkspaceAgentUser { uid: Some(7), gid: Some(100), ..Default::default() });
}

#[tokio::test]
async fn nothing_is_set_for_a_workspace_that_is_gone_meanwhile() {
    let stand = Stand::start().await;
    stand.store.before_next_commit(txn([], [RecordKey::Workspace(workspace_id())]));
    assert_eq!(not_found(stand.set("root", "vision", Some(all()), None).await), "workspaces/vision");
    assert!(stand.store.has_meddled());
    stand.write([vision()], []).await;
    assert_eq!(stand.get("root", "vision").await.unwrap(), WorkspaceAgentUser::default());
}
