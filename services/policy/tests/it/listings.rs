//! `ListBindings`: complete, in order, and no more than was asked for.

use reeve_api::policy as api;
use reeve_world::RecordKey;
use tonic::{Code, Status};

use crate::stand::{Stand, asked_by, grant, reason, user_id, why, wrong_fields};

async fn list(stand: &Stand, by: &str, query: api::ListBindingsRequest) -> Result<Vec<String>, Status> {
    let answer = stand.bindings().list_bindings(asked_by(by, query)).await?.into_inner();
    assert!(answer.revision > 0);
    let mut all: Vec<_> =
        answer.bindings.iter().map(|b| format!("{} {} {}", b.principal, b.role, b.resource)).collect();
    all.sort();
    Ok(all)
}

fn on(resource: &str, below: bool, principal: &str) -> api::ListBindingsRequest {
    api::ListBindingsRequest {
        resource: resource.to_owned(),
        below,
        principal: principal.to_owned(),
        ..Default::default()
    }
}

async fn stand() -> Stand {
    let stand = Stand::with_workspaces(&["a", "ab"]).await;
    let grants = [
        grant("user:alice", "viewer", "workspaces/a"),
        grant("user:alice", "editor", "workspaces/a/projects/p"),
        grant("user:bob", "viewer", "workspaces/ab"),
        grant("allUsers", "lister", "cluster"),
        grant("group:vision-team", "auditor", "cluster"),
    ];
    stand.bind("root", &grants).await.unwrap();
    stand
}

#[tokio::test]
async fn exactly_the_resource_or_all_below_it_by_segments() {
    let stand = stand().await;
    let viewer = "user:alice viewer workspaces/a";
    let below = "user:alice editor workspaces/a/projects/p";
    assert_eq!(list(&stand, "root", on("workspaces/a", false, "")).await.unwrap(), [viewer]);
    assert_eq!(list(&stand, "root", on("workspaces/a", true, "")).await.unwrap(), [below, viewer]);
    assert_eq!(
        list(&stand, "root", on("workspaces/a/projects", true, "")).await.map_err(|e| e.code()),
        Err(Code::InvalidArgument)
    );
    assert_eq!(list(&stand, "root", on("workspaces/a/projects/p", true, "")).await.unwrap(), [below]);
    let cluster = ["allUsers lister cluster", "group:vision-team auditor cluster"];
    assert_eq!(list(&stand, "root", on("cluster", false, "")).await.unwrap(), cluster);
    // with what `default` began with
    assert_eq!(list(&stand, "root", on("cluster", true, "")).await.unwrap().len(), 6);
}

#[tokio::test]
async fn of_one_principal() {
    let stand = stand().await;
    assert_eq!(list(&stand, "root", on("cluster", true, "user:ALICE")).await.unwrap().len(), 2);
    assert_eq!(list(&stand, "root", on("cluster", true, "allUsers")).await.unwrap(), ["allUsers lister cluster"]);
    assert_eq!(list(&stand, "root", on("cluster", true, "group:admins")).await.unwrap(), Vec::<String>::new());
    assert_eq!(why(list(&stand, "root", on("cluster", true, "user:none")).await), reason(Code::NotFound, "NOT_FOUND"));
    let wrong = api::ListBindingsRequest { page_size: -1, ..on("workspaces", true, "root") };
    assert_eq!(wrong_fields(list(&stand, "root", wrong).await), ["resource", "principal", "page_size"]);
}

#[tokio::test]
async fn who_may_view_roles_there_and_nobody_else() {
    let stand = stand().await;
    // an auditor everywhere, through a group
    assert_eq!(list(&stand, "user:dave", on("cluster", true, "")).await.unwrap().len(), 6);
    // a viewer sees the workspace, and not who is in it
    let refused = list(&stand, "user:alice", on("workspaces/a", true, "")).await;
    assert_eq!(why(refused), reason(Code::PermissionDenied, "PERMISSION_DENIED"));
    // everyone is a lister on every workspace, by `allUsers`
    stand.unbind("root", &[grant("allUsers", "lister", "cluster")]).await.unwrap();
    let refused = list(&stand, "user:alice", on("workspaces/ab", true, "")).await;
    assert_eq!(why(refused), reason(Code::NotFound, "NOT_FOUND"));
}

#[tokio::test]
async fn what_is_gone_is_not_listed() {
    let stand = stand().await;
    stand.ground.write([], [RecordKey::User(user_id(2))]).await;
    assert_eq!(list(&stand, "root", on("workspaces/a", true, "")).await.unwrap(), Vec::<String>::new());
    let uid = stand.ground.world().workspace_by_name("ab").unwrap().uid;
    stand.ground.write([], [RecordKey::Workspace(uid)]).await;
    assert_eq!(list(&stand, "root", on("cluster", true, "user:bob")).await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn pages_are_complete_and_in_order() {
    let stand = stand().await;
    let (mut uids, mut page_token) = (Vec::new(), String::new());
    loop {
        let query = api::ListBindingsRequest { page_size: 2, page_token, ..on("cluster", true, "") };
        let answer = stand.bindings().list_bindings(asked_by("root", query)).await.unwrap().into_inner();
        uids.extend(answer.bindings.into_iter().map(|binding| binding.uid));
        page_token = answer.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    let mut sorted = uids.clone();
    sorted.sort();
    sorted.dedup();
    assert_eq!((uids.len(), &uids), (6, &sorted));
}
