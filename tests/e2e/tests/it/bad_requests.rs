//! Requests that can be read and are wrong: every failing field at once, and nothing written.

use std::time::Duration;

use reeve_api::admission::AdmitRequest;
use reeve_api::agentmap::{AgentUser, LinkUserRequest};
use reeve_api::api::{Consistency, consistency::Requirement};
use reeve_api::identity::{
    CreateRobotRequest, CreateTokenRequest, CreateUserRequest, ListRobotsRequest, ListUsersRequest, LoginRequest,
    WhoAmIRequest,
};
use reeve_api::policy::{
    BindRequest, CheckRequest, ConfigPolicy, CreateWorkspaceRequest, ListBindingsRequest, ListWorkspacesRequest,
    SetConfigPolicyRequest,
};
use tonic::{Code, Request};

use crate::client::{Client, after, grant, text};
use crate::cluster::{Cluster, PASSWORD};
use crate::deployment::Deployment;
use crate::refusal::{assert_refused, fields, violations};

tests! {
    [
        identity_names_every_failing_field_at_once,
        policy_names_every_failing_field_at_once,
        agentmap_and_the_answers_name_every_failing_field_at_once,
        pages_have_a_size_and_a_token_that_are_checked,
        pages_show_everything_once_whatever_is_written_meanwhile,
        a_proof_that_is_none_of_another_store_or_of_the_future_is_refused_by_name,
        a_token_in_the_request_must_hold_whoever_brings_it,
        names_are_taken_whatever_their_case,
    ]
    on up = Deployment::Up, apart = Deployment::Apart(Door::Policy),
}

fn submission(token: &str) -> AdmitRequest {
    AdmitRequest {
        token: token.to_owned(),
        workspace: "default".to_owned(),
        workload_type: "experiment".to_owned(),
        config: text("name: x"),
        ..Default::default()
    }
}

async fn identity_names_every_failing_field_at_once(on: Deployment) {
    let cluster = Cluster::start(on).await;
    let admin = cluster.admin().await;
    let written = cluster.written(&admin).await;
    let user = CreateUserRequest {
        username: "system:x y".to_owned(),
        display_name: "\u{7}".repeat(200),
        password: "short".to_owned(),
        admin: false,
    };
    let status = admin.users().create_user(user).await.unwrap_err();
    assert_eq!(fields(&status), ["display_name", "password", "username"]);
    let of_password = violations(&status).into_iter().filter(|(field, _)| field == "password").map(|(_, text)| text);
    let of_password = of_password.collect::<Vec<_>>().join("; ");
    assert!(["8", "upper", "number"].iter().all(|rule| of_password.contains(rule)), "{of_password}");

    let robot = CreateRobotRequest { name: "a b".to_owned(), description: "x".repeat(300) };
    assert_eq!(fields(&admin.robots().create_robot(robot).await.unwrap_err()), ["description", "name"]);
    let ttl = Some(prost_types::Duration { seconds: -5, nanos: 0 });
    let token = CreateTokenRequest { robot: "a b".to_owned(), ttl };
    assert_eq!(fields(&admin.tokens().create_token(token).await.unwrap_err()), ["ttl"]);
    let login = LoginRequest { client: "x".repeat(200), ..Default::default() };
    let status = cluster.nobody().await.sessions().login(login).await.unwrap_err();
    assert!(fields(&status).contains(&"client".to_owned()), "{status:?}");
    assert_eq!(cluster.written(&admin).await, written);
}

async fn policy_names_every_failing_field_at_once(on: Deployment) {
    let cluster = Cluster::start(on).await;
    let admin = cluster.admin().await;
    let written = cluster.written(&admin).await;
    let workspace = CreateWorkspaceRequest { name: "-vision".to_owned(), description: "x".repeat(300) };
    let status = admin.workspaces().create_workspace(workspace).await.unwrap_err();
    assert_eq!(fields(&status), ["description", "name"]);

    let mut ended = grant("user:admin", "viewer", "workspaces/default");
    ended.expire_time = Some(prost_types::Timestamp { seconds: 1, nanos: 0 });
    ended.note = "x".repeat(300);
    let grants =
        vec![grant("nobody", "editor", "workspaces"), grant("user:admin", "viewer", "workspaces/default/x"), ended];
    let status = admin.bindings().bind(BindRequest { grants }).await.unwrap_err();
    assert_eq!(
        fields(&status),
        ["grants[0].principal", "grants[0].resource", "grants[1].resource", "grants[2].expire_time", "grants[2].note"]
    );
    for count in [0, 101] {
        let grants = vec![grant("user:admin", "viewer", "workspaces/default"); count];
        let status = admin.bindings().bind(BindRequest { grants }).await.unwrap_err();
        assert!(fields(&status).contains(&"grants".to_owned()), "{status:?}");
    }
    let twice = vec![grant("user:reeve", "viewer", "workspaces/default"); 2];
    let status = admin.bindings().bind(BindRequest { grants: twice }).await.unwrap_err();
    assert_eq!(fields(&status), ["grants[1]"]);

    let policy = ConfigPolicy {
        scope: "workspaces/a b".to_owned(),
        workload_type: "notebook".to_owned(),
        document: "default: {}".to_owned(),
        limit_precedence: 9,
        ..Default::default()
    };
    let request = SetConfigPolicyRequest { policy: Some(policy), allow_conflicts: false };
    let status = admin.policies().set_config_policy(request).await.unwrap_err();
    let found = fields(&status);
    for field in ["policy.scope", "policy.workload_type", "policy.limit_precedence"] {
        assert!(found.contains(&field.to_owned()), "{found:?}");
    }
    let status = admin.policies().set_config_policy(SetConfigPolicyRequest::default()).await.unwrap_err();
    assert_eq!(fields(&status), ["policy"]);
    assert_eq!(cluster.written(&admin).await, written);
}

async fn agentmap_and_the_answers_name_every_failing_field_at_once(on: Deployment) {
    let cluster = Cluster::start(on).await;
    let admin = cluster.admin().await;
    let written = cluster.written(&admin).await;
    let agent_user = AgentUser {
        uid: Some(u32::MAX),
        user: "a:b".to_owned(),
        group: "-x".to_owned(),
        home: "relative".to_owned(),
        ..Default::default()
    };
    let request = LinkUserRequest { username: "reeve".to_owned(), agent_user: Some(agent_user), allow_shared: false };
    let status = admin.agent_users().link_user(request).await.unwrap_err();
    let expected = ["agent_user.gid", "agent_user.group", "agent_user.home", "agent_user.uid", "agent_user.user"];
    assert_eq!(fields(&status), expected);

    let request = CheckRequest {
        principal: "group:admins".to_owned(),
        permission: "workload.sumbit".to_owned(),
        resource: "workspaces/".to_owned(),
        consistency: None,
    };
    let status = admin.decisions().check(request).await.unwrap_err();
    assert_eq!(fields(&status), ["permission", "principal", "resource"]);
    assert!(status.message().contains("workload.submit"), "the nearest is named: {status:?}");
    let below = CheckRequest {
        permission: "user.administer".to_owned(),
        resource: "workspaces/default".to_owned(),
        ..Default::default()
    };
    assert_eq!(fields(&admin.decisions().check(below).await.unwrap_err()), ["resource"]);

    let request = AdmitRequest {
        workspace: String::new(),
        workload_type: "job".to_owned(),
        config: text("a: [\n"),
        priority_order: 77,
        ..Default::default()
    };
    let status = admin.admission().admit(request).await.unwrap_err();
    assert_eq!(fields(&status), ["config.text", "priority_order", "workload_type", "workspace"]);
    assert_eq!(cluster.written(&admin).await, written);
}

async fn pages_have_a_size_and_a_token_that_are_checked(on: Deployment) {
    let cluster = Cluster::start(on).await;
    let admin = cluster.admin().await;
    for (size, token, expected) in [
        (1001, "", &["page_size"][..]),
        (-1, "", &["page_size"]),
        (5, "x", &["page_token"]),
        (2000, "!", &["page_size", "page_token"]),
    ] {
        let page_token = token.to_owned();
        let request = ListUsersRequest { page_size: size, page_token: page_token.clone(), ..Default::default() };
        assert_eq!(fields(&admin.users().list_users(request).await.unwrap_err()), expected);
        let request = ListRobotsRequest { page_size: size, page_token: page_token.clone(), ..Default::default() };
        assert_eq!(fields(&admin.robots().list_robots(request).await.unwrap_err()), expected);
        let request = ListWorkspacesRequest { page_size: size, page_token: page_token.clone(), ..Default::default() };
        assert_eq!(fields(&admin.workspaces().list_workspaces(request).await.unwrap_err()), expected);
        let resource = "cluster".to_owned();
        let request = ListBindingsRequest { page_size: size, page_token, resource, ..Default::default() };
        assert_eq!(fields(&admin.bindings().list_bindings(request).await.unwrap_err()), expected);
    }
}

/// Users, one a page, while others are written.
async fn pages_show_everything_once_whatever_is_written_meanwhile(on: Deployment) {
    let cluster = Cluster::start(on).await;
    let admin = cluster.admin().await;
    for at in 0..12 {
        admin.make_user(&format!("before-{at}")).await;
    }
    for page_size in [1, 3, 1000, 0] {
        let mut seen = Vec::new();
        let mut page_token = String::new();
        for page in 0.. {
            let request = ListUsersRequest { page_size, page_token, ..Default::default() };
            let answer = admin.users().list_users(request).await.unwrap().into_inner();
            assert!(
                answer.revision > 0 && (page_size == 0 || answer.users.len() <= usize::try_from(page_size).unwrap())
            );
            seen.extend(answer.users.into_iter().map(|user| user.username));
            page_token = answer.next_page_token;
            if page_token.is_empty() {
                break;
            }
            // made last, so listed last: a few, or there would be no last page
            if page < 3 {
                admin.make_user(&format!("during-{page_size}-{page}")).await;
            }
        }
        for at in 0..12 {
            let name = format!("before-{at}");
            assert_eq!(
                seen.iter().filter(|found| **found == name).count(),
                1,
                "{name} with pages of {page_size}: {seen:?}"
            );
        }
    }
}

async fn who_am_i(client: &Client, consistency: Consistency) -> Result<(), tonic::Status> {
    client.sessions().who_am_i(WhoAmIRequest { consistency: Some(consistency) }).await.map(drop)
}

async fn a_proof_that_is_none_of_another_store_or_of_the_future_is_refused_by_name(on: Deployment) {
    let cluster = Cluster::start(on).await;
    let other = Cluster::start(on).await;
    let admin = cluster.admin().await;
    let own = admin.make_workspace("vision").await;
    let foreign = other.admin().await.make_workspace("vision").await;
    let fresh = |token: &str| after(token).unwrap();
    who_am_i(&admin, fresh(&own)).await.unwrap();
    for garbage in ["x", "rt1", "rt1.0.0.0", &own.to_uppercase(), &format!("{own}.1"), &format!("{own}x")] {
        let status = who_am_i(&admin, fresh(garbage)).await.unwrap_err();
        assert_eq!(fields(&status), ["consistency.at_least_as_fresh"], "{garbage}");
    }
    let (store_and_epoch, revision) = own.rsplit_once('.').unwrap();
    let (store, epoch) = store_and_epoch.rsplit_once('.').unwrap();
    let epoch: u32 = epoch.parse().unwrap();
    for of_another in [foreign.clone(), format!("{store}.{}.{revision}", epoch + 1)] {
        assert_refused(who_am_i(&admin, fresh(&of_another)).await, Code::FailedPrecondition, "FOREIGN_TOKEN");
    }
    let request = AdmitRequest { consistency: after(&foreign), ..submission("") };
    assert_refused(admin.admission().admit(request).await, Code::FailedPrecondition, "FOREIGN_TOKEN");

    let future = format!("{store_and_epoch}.{}", u64::MAX);
    let mut request = Request::new(WhoAmIRequest { consistency: after(&future) });
    request.set_timeout(Duration::from_millis(300));
    let status = admin.sessions().who_am_i(request).await.unwrap_err();
    // the server gives up, or the client before it hears of that
    let given_up = [Code::DeadlineExceeded, Code::Cancelled].contains(&status.code());
    assert!(given_up, "the caller's deadline is kept: {status:?}");
    assert_refused(who_am_i(&admin, fresh(&future)).await, Code::Unavailable, "NOT_SYNCED");
    let now = Consistency { requirement: Some(Requirement::FullyConsistent(true)) };
    who_am_i(&admin, now).await.unwrap();
}

async fn a_token_in_the_request_must_hold_whoever_brings_it(on: Deployment) {
    let cluster = Cluster::start(on).await;
    let admin = cluster.admin().await;
    let beside = cluster.beside().await;
    for bad in ["garbage", &admin.refresh, &format!("{}x", admin.token), " "] {
        for caller in [&admin, &beside] {
            let answer = caller.admission().admit(submission(bad)).await;
            assert_refused(answer, Code::Unauthenticated, "TOKEN_MALFORMED");
        }
    }
    // a peer on the socket is trusted with others' tokens, and with nothing of its own
    assert_refused(beside.admission().admit(submission("")).await, Code::Unauthenticated, "TOKEN_MISSING");
    let check = CheckRequest {
        permission: "workload.submit".to_owned(),
        resource: "workspaces/default".to_owned(),
        ..Default::default()
    };
    assert_refused(beside.decisions().check(check.clone()).await, Code::Unauthenticated, "TOKEN_MISSING");
    assert!(beside.with_token(&admin.token).decisions().check(check).await.unwrap().into_inner().allowed);
    // a token of its own that does not hold is not made up for by the socket
    let garbage = beside.with_token("garbage").admission().admit(submission(&admin.token)).await;
    assert_refused(garbage, Code::Unauthenticated, "TOKEN_MALFORMED");
}

async fn names_are_taken_whatever_their_case(on: Deployment) {
    let cluster = Cluster::start(on).await;
    let admin = cluster.admin().await;
    admin.make_user("alice").await;
    admin.make_workspace("vision").await;
    admin.make_robot("ci", None).await;
    let user = CreateUserRequest { username: "Alice".to_owned(), password: PASSWORD.to_owned(), ..Default::default() };
    assert_refused(admin.users().create_user(user).await, Code::AlreadyExists, "ALREADY_EXISTS");
    let workspace = CreateWorkspaceRequest { name: "VISION".to_owned(), ..Default::default() };
    assert_refused(admin.workspaces().create_workspace(workspace).await, Code::AlreadyExists, "ALREADY_EXISTS");
    let robot = CreateRobotRequest { name: "CI".to_owned(), ..Default::default() };
    assert_refused(admin.robots().create_robot(robot).await, Code::AlreadyExists, "ALREADY_EXISTS");
    admin.bind("user:alice", "viewer", "workspaces/vision").await.unwrap();
    let again = admin.bind("user:alice", "viewer", "workspaces/vision").await;
    assert_refused(again, Code::AlreadyExists, "ALREADY_EXISTS");
    assert_refused(admin.unbind("user:alice", "editor", "workspaces/vision").await, Code::NotFound, "NOT_FOUND");
    assert_refused(admin.bind("user:nobody", "editor", "workspaces/vision").await, Code::NotFound, "NOT_FOUND");
    assert_refused(admin.bind("user:alice", "editor", "workspaces/nowhere").await, Code::NotFound, "NOT_FOUND");
}
