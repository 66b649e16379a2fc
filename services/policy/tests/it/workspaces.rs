//! Workspaces: names, first administrators, who sees which.

use reeve_api::policy as api;
use reeve_model::WorkspaceId;
use reeve_store::{Key, Txn};
use tonic::Code;

use crate::stand::{Stand, asked_by, grant, grant_for, metadata, reason, why, wrong_fields};

async fn names(stand: &Stand, by: &str, filter: &str) -> Vec<String> {
    let request = api::ListWorkspacesRequest { filter: filter.to_owned(), ..Default::default() };
    let answer = stand.workspaces().list_workspaces(asked_by(by, request)).await.unwrap().into_inner();
    assert_eq!(answer.next_page_token, "");
    let mut names: Vec<_> = answer.workspaces.into_iter().map(|workspace| workspace.name).collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_workspace_is_as_it_was_asked_for_and_can_be_read_at_once() {
    let stand = Stand::start().await;
    let request = api::CreateWorkspaceRequest { name: "Vision".to_owned(), description: "Eyes.".to_owned() };
    let answer = stand.workspaces().create_workspace(asked_by("root", request)).await.unwrap().into_inner();
    let made = answer.workspace.unwrap();
    assert_eq!((made.name.as_str(), made.description.as_str()), ("Vision", "Eyes."));
    assert!(WorkspaceId::parse(&made.uid).is_ok() && !made.etag.is_empty());
    assert!(answer.consistency_token.starts_with("rt1."));
    assert_eq!(made.create_time, made.update_time);
    assert_eq!(stand.get("root", "Vision").await.unwrap(), made);
}

#[tokio::test]
async fn names_are_unique_whatever_their_case_and_match_exactly() {
    let stand = Stand::with_workspaces(&["Vision"]).await;
    for taken in ["Vision", "vision", "VISION", " vision "] {
        assert_eq!(why(stand.create(taken, "root").await), reason(Code::AlreadyExists, "ALREADY_EXISTS"), "{taken}");
    }
    assert_eq!(metadata(stand.create("vision", "root").await, "resource"), "workspaces/vision");
    assert_eq!(why(stand.get("root", "vision").await), reason(Code::NotFound, "NOT_FOUND"));
}

#[tokio::test]
async fn every_wrong_field_is_told_at_once() {
    let stand = Stand::start().await;
    for (name, description) in [("", "a\u{7}"), ("a/b", &*"x".repeat(257)), ("-a", "\n"), (&*"a".repeat(64), "\0")] {
        let request = api::CreateWorkspaceRequest { name: name.to_owned(), description: description.to_owned() };
        // malformed comes before unauthorised
        let answer = stand.workspaces().create_workspace(asked_by("user:alice", request)).await;
        assert_eq!(wrong_fields(answer), ["name", "description"], "{name}");
    }
}

#[tokio::test]
async fn the_creator_becomes_its_admin_unless_they_are_that_already() {
    let stand = Stand::start().await;
    let cluster = [
        grant("user:alice", "workspaceCreator", "cluster"),
        grant("robot:ci", "workspaceCreator", "cluster"),
        grant("user:bob", "clusterAdmin", "cluster"),
        grant("user:carol", "workspaceCreator", "cluster"),
        grant("user:carol", "workspaceAdmin", "cluster"),
    ];
    stand.bind("root", &cluster).await.unwrap();
    for (name, by, bound) in [
        ("a", "user:alice", vec!["user:alice workspaceAdmin workspaces/a"]),
        ("b", "robot:ci", vec!["robot:ci workspaceAdmin workspaces/b"]),
        ("c", "user:bob", vec![]),
        ("d", "user:carol", vec![]),
        ("e", "user:admin", vec![]),
        ("f", "root", vec![]),
    ] {
        stand.create(name, by).await.unwrap();
        assert_eq!(stand.bound("root", &format!("workspaces/{name}")).await.unwrap(), bound, "{by}");
    }
    // and it is worth something: alice runs her workspace, and no other
    stand.bind("user:alice", &[grant("user:dave", "editor", "workspaces/a")]).await.unwrap();
    let elsewhere = stand.bind("user:alice", &[grant("user:dave", "editor", "workspaces/b")]).await;
    assert_eq!(why(elsewhere), reason(Code::NotFound, "NOT_FOUND"));
}

#[tokio::test]
async fn a_right_to_create_that_has_ended_creates_nothing() {
    let stand = Stand::start().await;
    stand.bind("root", &[grant_for("user:alice", "workspaceCreator", "cluster", 60)]).await.unwrap();
    stand.create("a", "user:alice").await.unwrap();
    stand.ground.at(60_000);
    assert_eq!(why(stand.create("b", "user:alice").await), reason(Code::PermissionDenied, "PERMISSION_DENIED"));
}

#[tokio::test]
async fn of_many_who_want_a_name_one_gets_it() {
    let stand = Stand::start().await;
    let all =
        futures_util::future::join_all(["v", "V", "v", "V", "v", "V"].map(|name| stand.create(name, "root"))).await;
    assert_eq!(all.iter().filter(|answer| answer.is_ok()).count(), 1);
    for refused in all.into_iter().filter(Result::is_err) {
        assert_eq!(why(refused), reason(Code::AlreadyExists, "ALREADY_EXISTS"));
    }
    assert_eq!(names(&stand, "root", "v").await.len(), 1);
}

#[tokio::test]
async fn a_name_that_is_taken_between_look_and_write_is_taken() {
    let stand = Stand::start().await;
    let index = Key::new("private/policy/workspace-name/vision");
    stand.ground.store.before_next_commit(Txn::new().put(index, "another"));
    assert_eq!(why(stand.create("vision", "root").await), reason(Code::AlreadyExists, "ALREADY_EXISTS"));
    assert!(stand.ground.store.has_meddled());
    assert_eq!(stand.ground.world().workspace_by_name("vision"), None);
}

#[tokio::test]
async fn one_who_may_not_see_it_does_not_learn_that_it_exists() {
    let stand = Stand::with_workspaces(&["vision"]).await;
    for name in ["vision", "nothing"] {
        let refused = stand.get("user:alice", name).await;
        assert_eq!(why(refused), reason(Code::NotFound, "NOT_FOUND"));
        let told = stand.get("user:alice", name).await.unwrap_err();
        assert_eq!(told.message(), format!("`workspaces/{name}` does not exist, or you may not know that it does"));
    }
    stand.bind("root", &[grant("user:alice", "lister", "workspaces/vision")]).await.unwrap();
    stand.get("user:alice", "vision").await.unwrap();
}

#[tokio::test]
async fn a_list_shows_what_the_caller_may_see() {
    let stand = Stand::with_workspaces(&["vision", "speech", "Visionaries"]).await;
    let grants = [grant("group:vision-team", "viewer", "workspaces/vision"), grant("robot:ci", "auditor", "cluster")];
    stand.bind("root", &grants).await.unwrap();
    let everything = ["Visionaries", "default", "speech", "vision"];
    assert_eq!(names(&stand, "user:alice", "").await, ["default"]);
    assert_eq!(names(&stand, "user:dave", "").await, ["default", "vision"]);
    for by in ["root", "user:admin", "robot:ci"] {
        assert_eq!(names(&stand, by, "").await, everything, "{by}");
    }
    assert_eq!(names(&stand, "root", "VISION").await.len(), 2);
    assert_eq!(names(&stand, "user:dave", "VISION").await, ["vision"]);
}

#[tokio::test]
async fn pages_follow_each_other_and_wrong_ones_are_refused() {
    let stand = Stand::with_workspaces(&["a", "b", "c", "d"]).await;
    let page = async |page_size, page_token: &str| {
        let page_token = page_token.to_owned();
        let request = api::ListWorkspacesRequest { page_size, page_token, ..Default::default() };
        stand.workspaces().list_workspaces(asked_by("root", request)).await.map(tonic::Response::into_inner)
    };
    let (mut seen, mut token) = (Vec::new(), String::new());
    loop {
        let answer = page(2, &token).await.unwrap();
        assert!(answer.workspaces.len() <= 2 && answer.revision > 0);
        seen.extend(answer.workspaces.into_iter().map(|workspace| workspace.uid));
        token = answer.next_page_token;
        if token.is_empty() {
            break;
        }
        // an object that comes meanwhile does not make another come twice
        stand.create(&format!("late-{}", seen.len()), "root").await.unwrap();
    }
    let mut sorted = seen.clone();
    sorted.sort();
    sorted.dedup();
    assert_eq!(seen, sorted);
    assert!(seen.len() >= 5);
    assert_eq!(wrong_fields(page(1001, "not a token").await), ["page_size", "page_token"]);
    assert_eq!(wrong_fields(page(-1, "").await), ["page_size"]);
}
