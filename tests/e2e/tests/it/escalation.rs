//! Nobody gives power that they lack, whichever way they try.

use reeve_api::agentmap::{AgentUser, LinkUserRequest};
use reeve_api::identity::{CreateTokenRequest, CreateUserRequest};
use reeve_api::policy::BindRequest;
use tonic::Code;

use crate::client::{Client, grant};
use crate::cluster::{Cluster, PASSWORD};
use crate::deployment::Deployment;
use crate::refusal::{assert_refused, metadata};

tests! {
    [
        a_workspace_admin_grants_workspace_roles_there_and_nothing_elsewhere,
        an_identity_admin_makes_no_administrator_and_unmakes_none,
        a_robot_admin_mints_no_token_that_can_do_more,
        a_creator_of_workspaces_administers_those_alone,
        a_robot_with_a_role_is_held_to_it_like_a_user,
    ]
    on up = Deployment::Up, apart = Deployment::Apart(Door::Identity),
}

/// A cluster, its administrator, and a user who holds one role.
async fn stage(on: Deployment, role: &str, resource: &str) -> (Cluster, Client, Client) {
    let cluster = Cluster::start(on).await;
    let admin = cluster.admin().await;
    admin.make_user("mallory").await;
    admin.make_user("bob").await;
    admin.make_workspace("vision").await;
    admin.make_workspace("speech").await;
    admin.bind("user:mallory", role, resource).await.unwrap();
    let mallory = cluster.signed_in("mallory").await;
    (cluster, admin, mallory)
}

async fn a_workspace_admin_grants_workspace_roles_there_and_nothing_elsewhere(on: Deployment) {
    let (_cluster, _, mallory) = stage(on, "workspaceAdmin", "workspaces/vision").await;
    for role in ["viewer", "editor", "workspaceAdmin"] {
        mallory.bind("user:bob", role, "workspaces/vision").await.unwrap();
    }
    for role in ["clusterAdmin", "identityAdmin", "robotAdmin", "workspaceCreator", "editor", "sidecar"] {
        let answer = mallory.bind("user:mallory", role, "cluster").await;
        assert_refused(answer, Code::PermissionDenied, "PERMISSION_DENIED");
    }
    let answer = mallory.bind("user:mallory", "clusterAdmin", "workspaces/vision").await.unwrap_err();
    assert!([Code::FailedPrecondition, Code::PermissionDenied].contains(&answer.code()), "{answer:?}");
    let elsewhere = mallory.bind("user:mallory", "editor", "workspaces/speech").await;
    assert_refused(elsewhere, Code::NotFound, "NOT_FOUND");
    // one bad grant among good ones: none is made
    let grants =
        vec![grant("user:bob", "lister", "workspaces/vision"), grant("user:mallory", "clusterAdmin", "cluster")];
    let mixed = mallory.bindings().bind(BindRequest { grants }).await;
    assert_refused(mixed, Code::PermissionDenied, "PERMISSION_DENIED");
    mallory.bind("user:bob", "lister", "workspaces/vision").await.unwrap();
}

async fn an_identity_admin_makes_no_administrator_and_unmakes_none(on: Deployment) {
    let (_cluster, admin, mallory) = stage(on, "identityAdmin", "cluster").await;
    mallory.make_user("carol").await;
    mallory.deactivate("carol").await.unwrap();
    let admins = CreateUserRequest {
        username: "puppet".to_owned(),
        password: PASSWORD.to_owned(),
        admin: true,
        ..Default::default()
    };
    let status = assert_refused(mallory.users().create_user(admins).await, Code::PermissionDenied, "ESCALATION");
    assert!(!metadata(&status, "lacking").is_empty());
    let plain =
        CreateUserRequest { username: "puppet".to_owned(), password: PASSWORD.to_owned(), ..Default::default() };
    mallory.users().create_user(plain).await.unwrap();
    assert_refused(mallory.deactivate("admin").await, Code::PermissionDenied, "ESCALATION");
    // one who holds it by a binding, or through the whole of a group
    admin.bind("user:bob", "robotAdmin", "cluster").await.unwrap();
    assert_refused(mallory.deactivate("bob").await, Code::PermissionDenied, "ESCALATION");
    let bind = mallory.bind("user:mallory", "viewer", "cluster").await;
    assert_refused(bind, Code::PermissionDenied, "PERMISSION_DENIED");
}

async fn a_robot_admin_mints_no_token_that_can_do_more(on: Deployment) {
    let (_cluster, admin, mallory) = stage(on, "robotAdmin", "cluster").await;
    mallory.make_robot("own", None).await;
    for (robot, role, resource) in [
        ("boss", "clusterAdmin", "cluster"),
        ("follower", "sidecar", "cluster"),
        ("builder", "editor", "workspaces/vision"),
        ("watcher", "viewer", "cluster"),
    ] {
        admin.make_robot(robot, None).await;
        admin.bind(&format!("robot:{robot}"), role, resource).await.unwrap();
        let request = CreateTokenRequest { robot: robot.to_owned(), ttl: None };
        let status = assert_refused(mallory.tokens().create_token(request).await, Code::PermissionDenied, "ESCALATION");
        assert!(!metadata(&status, "lacking").is_empty(), "{status:?}");
    }
}

async fn a_creator_of_workspaces_administers_those_alone(on: Deployment) {
    let (cluster, _, mallory) = stage(on, "workspaceCreator", "cluster").await;
    mallory.make_workspace("own").await;
    mallory.bind("user:bob", "editor", "workspaces/own").await.unwrap();
    assert_refused(mallory.bind("user:bob", "editor", "workspaces/vision").await, Code::NotFound, "NOT_FOUND");
    mallory.set_policy("workspaces/own", "experiment", "defaults: {debug: true}").await.unwrap();
    let policy = mallory.set_policy("cluster", "experiment", "defaults: {debug: true}").await;
    assert_refused(policy, Code::PermissionDenied, "PERMISSION_DENIED");
    let agent_user = AgentUser {
        uid: Some(0),
        user: "root".to_owned(),
        gid: Some(0),
        group: "root".to_owned(),
        ..Default::default()
    };
    let link = LinkUserRequest { username: "mallory".to_owned(), agent_user: Some(agent_user), allow_shared: true };
    let link = mallory.agent_users().link_user(link).await;
    assert_refused(link, Code::PermissionDenied, "PERMISSION_DENIED");
    // and loses what was made for them when they go
    cluster.admin().await.deactivate("mallory").await.unwrap();
    let bind = mallory.bind("user:bob", "viewer", "workspaces/own").await;
    assert_refused(bind, Code::Unauthenticated, "USER_INACTIVE");
}

async fn a_robot_with_a_role_is_held_to_it_like_a_user(on: Deployment) {
    let (cluster, admin, _) = stage(on, "viewer", "cluster").await;
    let token = admin.make_robot("follower", Some("sidecar")).await;
    let robot = cluster.nobody().await.with_token(&token);
    let user = CreateUserRequest { username: "x1".to_owned(), password: PASSWORD.to_owned(), ..Default::default() };
    assert_refused(robot.users().create_user(user).await, Code::PermissionDenied, "PERMISSION_DENIED");
    let bind = robot.bind("robot:follower", "clusterAdmin", "cluster").await;
    assert_refused(bind, Code::PermissionDenied, "PERMISSION_DENIED");
    let more = CreateTokenRequest { robot: "follower".to_owned(), ttl: None };
    assert_refused(robot.tokens().create_token(more).await, Code::PermissionDenied, "PERMISSION_DENIED");
}
