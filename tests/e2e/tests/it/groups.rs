//! What crosses domains: the group of a workspace gives what it holds there, and what hangs on a user, a group or a robot goes
//! with them.

use reeve_api::api::{Consistency, consistency::Requirement};
use reeve_api::identity as id;
use reeve_api::policy as pol;
use tonic::{Code, Status};

use crate::client::{Client, after};
use crate::cluster::Cluster;
use crate::deployment::Deployment;
use crate::refusal::assert_refused;

tests! {
    [
        who_joins_the_group_of_a_workspace_may_work_there_at_once_and_no_longer_than_they_are_in_it,
        what_is_bound_to_a_user_a_group_or_a_robot_goes_with_them,
        the_group_of_a_workspace_goes_with_it,
    ]
    on up = Deployment::Up, apart = Deployment::Apart(Door::Agentmap),
}

async fn add(by: &Client, group: &str, member: &str) -> Result<String, Status> {
    let request = id::AddMembersRequest { group: group.to_owned(), members: vec![member.to_owned()] };
    Ok(by.groups().add_members(request).await?.into_inner().consistency_token)
}

async fn may_submit(by: &Client, workspace: &str, proof: &str) -> bool {
    let request = pol::CheckRequest {
        permission: "workload.submit".to_owned(),
        resource: format!("workspaces/{workspace}"),
        consistency: after(proof),
        ..Default::default()
    };
    by.decisions().check(request).await.unwrap().into_inner().allowed
}

/// How many bindings there are, as new as the store.
async fn bindings(by: &Client) -> usize {
    let request = pol::ListBindingsRequest {
        resource: "cluster".to_owned(),
        below: true,
        page_size: 1000,
        consistency: Some(Consistency { requirement: Some(Requirement::FullyConsistent(true)) }),
        ..Default::default()
    };
    by.bindings().list_bindings(request).await.unwrap().into_inner().bindings.len()
}

async fn who_joins_the_group_of_a_workspace_may_work_there_at_once_and_no_longer_than_they_are_in_it(on: Deployment) {
    let cluster = Cluster::start(on).await;
    let admin = cluster.admin().await;
    admin.make_user("alice").await;
    let proof = admin.make_workspace("vision").await;
    let alice = cluster.signed_in("alice").await;
    assert!(!may_submit(&alice, "vision", &proof).await);
    let proof = add(&admin, "vision", "user:alice").await.unwrap();
    assert!(may_submit(&alice, "vision", &proof).await);
    let request = id::RemoveMembersRequest { group: "vision".to_owned(), members: vec!["user:alice".to_owned()] };
    let proof = admin.groups().remove_members(request).await.unwrap().into_inner().consistency_token;
    assert!(!may_submit(&alice, "vision", &proof).await);
}

async fn what_is_bound_to_a_user_a_group_or_a_robot_goes_with_them(on: Deployment) {
    let cluster = Cluster::start(on).await;
    let admin = cluster.admin().await;
    admin.make_workspace("vision").await;
    admin.make_user("alice").await;
    let before = bindings(&admin).await;
    let request = id::CreateGroupRequest { name: "team".to_owned(), ..Default::default() };
    admin.groups().create_group(request).await.unwrap();
    admin.make_robot("ci", Some("auditor")).await;
    admin.bind("user:alice", "editor", "workspaces/vision").await.unwrap();
    admin.bind("group:team", "viewer", "workspaces/vision").await.unwrap();
    assert_eq!(bindings(&admin).await, before + 3);
    let alice = cluster.signed_in("alice").await;
    let request = id::DeleteUserRequest { username: "alice".to_owned(), ..Default::default() };
    admin.users().delete_user(request).await.unwrap();
    assert_refused(
        alice.sessions().who_am_i(id::WhoAmIRequest::default()).await,
        Code::Unauthenticated,
        "TOKEN_REVOKED",
    );
    let request = id::DeleteGroupRequest { name: "team".to_owned(), ..Default::default() };
    admin.groups().delete_group(request).await.unwrap();
    admin.robots().delete_robot(id::DeleteRobotRequest { name: "ci".to_owned() }).await.unwrap();
    assert_eq!(bindings(&admin).await, before);
    // the names again, of others
    admin.make_user("alice").await;
    admin.make_robot("ci", None).await;
    assert_eq!(bindings(&admin).await, before);
    assert!(!may_submit(&cluster.signed_in("alice").await, "vision", &admin.make_workspace("speech").await).await);
}

async fn the_group_of_a_workspace_goes_with_it(on: Deployment) {
    let cluster = Cluster::start(on).await;
    let admin = cluster.admin().await;
    admin.make_user("alice").await;
    admin.make_workspace("vision").await;
    add(&admin, "vision", "user:alice").await.unwrap();
    let request = id::DeleteGroupRequest { name: "vision".to_owned(), ..Default::default() };
    assert_refused(admin.groups().delete_group(request).await, Code::FailedPrecondition, "WORKSPACE_GROUP");
    let request = pol::DeleteWorkspaceRequest { name: "vision".to_owned(), ..Default::default() };
    admin.workspaces().delete_workspace(request).await.unwrap();
    let request = id::GetGroupRequest {
        name: "vision".to_owned(),
        consistency: Some(Consistency { requirement: Some(Requirement::FullyConsistent(true)) }),
    };
    assert_refused(admin.groups().get_group(request).await, Code::NotFound, "NOT_FOUND");
    // the name again: a new group, with nobody in it
    let proof = admin.make_workspace("vision").await;
    assert!(!may_submit(&cluster.signed_in("alice").await, "vision", &proof).await);
    add(&admin, "vision", "user:alice").await.unwrap();
}
