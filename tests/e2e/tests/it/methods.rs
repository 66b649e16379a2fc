//! Every method of the contract, called by nobody, with bad tokens, by somebody who lacks the permission, and by somebody
//! who holds it. A method without a row here fails.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use prost_reflect::MethodDescriptor;
use reeve_model::{Clock as _, ManualClock, Timestamp};
use tonic::{Code, Status};

use crate::client::Client;
use crate::cluster::Cluster;
use crate::deployment::Deployment;
use crate::raw;
use crate::refusal::{assert_refused, metadata, reason};

tests! {
    [
        without_a_token_only_the_public_methods_answer,
        somebody_without_the_permission_is_refused_with_what_lacks,
        the_same_requests_are_answered_for_an_administrator,
        the_same_requests_are_answered_for_the_root_token,
        what_is_no_access_token_is_refused_by_every_method_but_the_public_ones,
        a_method_that_nobody_serves_is_refused_like_any_other,
        a_workspace_that_the_caller_may_not_know_is_not_found_by_any_method,
    ]
    on up = Deployment::Up, apart = Deployment::Apart(Door::Identity),
}

/// What becomes of a call by somebody who holds nothing but what everybody holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Plain {
    /// Needs no token.
    Public,
    /// Answered: about themselves, or with what they may see.
    Answered,
    /// Refused: the permission that lacks, and where.
    Lacks(&'static str, &'static str),
}
use Plain::{Answered, Lacks, Public};

/// A method, a request in proto3 JSON that is in order, and what becomes of it.
type Row = (&'static str, &'static str, Plain);

/// In the order in which an administrator can make all of them, once.
const ROWS: &[Row] = &[
    ("identity.v1.AccessService/GetServerInfo", "{}", Public),
    ("identity.v1.SessionService/Login", r#"{"username": "alice", "password": "Correct-Horse-7"}"#, Public),
    ("identity.v1.SessionService/Refresh", r#"{"refreshToken": "$REFRESH"}"#, Public),
    ("identity.v1.SessionService/WhoAmI", "{}", Answered),
    (
        "identity.v1.UserService/CreateUser",
        r#"{"username": "carol", "password": "Correct-Horse-7"}"#,
        Lacks("user.administer", "cluster"),
    ),
    ("identity.v1.UserService/GetUser", r#"{"username": "bob"}"#, Lacks("user.view", "cluster")),
    ("identity.v1.UserService/ListUsers", "{}", Lacks("user.view", "cluster")),
    ("identity.v1.UserService/DeactivateUser", r#"{"username": "bob"}"#, Lacks("user.administer", "cluster")),
    ("identity.v1.UserService/ActivateUser", r#"{"username": "bob"}"#, Lacks("user.administer", "cluster")),
    ("identity.v1.UserService/DeleteUser", r#"{"username": "carol"}"#, Lacks("user.administer", "cluster")),
    ("identity.v1.GroupService/CreateGroup", r#"{"name": "team"}"#, Lacks("group.administer", "cluster")),
    ("identity.v1.GroupService/GetGroup", r#"{"name": "admins"}"#, Answered),
    ("identity.v1.GroupService/ListGroups", "{}", Answered),
    (
        "identity.v1.GroupService/AddMembers",
        r#"{"group": "admins", "members": ["user:bob"]}"#,
        Lacks("group.administer", "cluster"),
    ),
    ("identity.v1.GroupService/ListMembers", r#"{"group": "admins"}"#, Lacks("group.view", "cluster")),
    (
        "identity.v1.GroupService/RemoveMembers",
        r#"{"group": "admins", "members": ["user:bob"]}"#,
        Lacks("group.administer", "cluster"),
    ),
    ("identity.v1.GroupService/DeleteGroup", r#"{"name": "team"}"#, Lacks("group.administer", "cluster")),
    ("identity.v1.RobotService/CreateRobot", r#"{"name": "nightly"}"#, Lacks("robot.administer", "cluster")),
    ("identity.v1.RobotService/ListRobots", "{}", Lacks("robot.administer", "cluster")),
    ("identity.v1.TokenService/CreateToken", r#"{"robot": "ci"}"#, Lacks("robot.administer", "cluster")),
    ("identity.v1.RobotService/DeleteRobot", r#"{"name": "ci"}"#, Lacks("robot.administer", "cluster")),
    ("policy.v1.WorkspaceService/CreateWorkspace", r#"{"name": "speech"}"#, Lacks("workspace.create", "cluster")),
    ("policy.v1.WorkspaceService/GetWorkspace", r#"{"name": "vision"}"#, Answered),
    ("policy.v1.WorkspaceService/ListWorkspaces", "{}", Answered),
    ("policy.v1.RoleService/ListRoles", "{}", Answered),
    (
        "policy.v1.BindingService/Bind",
        r#"{"grants": [{"principal": "user:bob", "role": "editor", "resource": "workspaces/vision"}]}"#,
        Lacks("role.bind", "workspaces/vision"),
    ),
    (
        "policy.v1.BindingService/ListBindings",
        r#"{"resource": "workspaces/vision"}"#,
        Lacks("role.view", "workspaces/vision"),
    ),
    (
        "policy.v1.BindingService/Unbind",
        r#"{"grants": [{"principal": "user:bob", "role": "editor", "resource": "workspaces/vision"}]}"#,
        Lacks("role.bind", "workspaces/vision"),
    ),
    (
        "policy.v1.DecisionService/Check",
        r#"{"permission": "workload.submit", "resource": "workspaces/vision"}"#,
        Answered,
    ),
    (
        "policy.v1.DecisionService/Check",
        r#"{"principal": "user:bob", "permission": "workload.submit", "resource": "workspaces/vision"}"#,
        Lacks("role.view", "workspaces/vision"),
    ),
    (
        "policy.v1.ConfigPolicyService/SetConfigPolicy",
        r#"{"policy": {"scope": "workspaces/vision", "workloadType": "task", "document": "defaults: {debug: true}"}}"#,
        Lacks("configPolicy.set", "workspaces/vision"),
    ),
    (
        "policy.v1.ConfigPolicyService/GetConfigPolicy",
        r#"{"scope": "workspaces/vision", "workloadType": "task"}"#,
        Lacks("configPolicy.view", "workspaces/vision"),
    ),
    (
        "policy.v1.ConfigPolicyService/ResolveConfig",
        r#"{"workspace": "vision", "workloadType": "experiment", "config": {"text": "name: x"}}"#,
        Lacks("workload.submit", "workspaces/vision"),
    ),
    (
        "policy.v1.ConfigPolicyService/DeleteConfigPolicy",
        r#"{"scope": "workspaces/vision", "workloadType": "task"}"#,
        Lacks("configPolicy.set", "workspaces/vision"),
    ),
    (
        "agentmap.v1.AgentUserService/LinkUser",
        r#"{"username": "bob", "agentUser": {"uid": 1001, "user": "bob", "gid": 1001, "group": "bob"}}"#,
        Lacks("agentUser.set", "cluster"),
    ),
    ("agentmap.v1.AgentUserService/GetUserLink", r#"{"username": "bob"}"#, Lacks("agentUser.set", "cluster")),
    ("agentmap.v1.AgentUserService/UnlinkUser", r#"{"username": "bob"}"#, Lacks("agentUser.set", "cluster")),
    (
        "agentmap.v1.AgentUserService/SetWorkspaceAgentUser",
        r#"{"workspace": "vision", "agentUser": {"gid": 500, "group": "vision"}}"#,
        Lacks("agentUser.set", "cluster"),
    ),
    (
        "agentmap.v1.AgentUserService/GetWorkspaceAgentUser",
        r#"{"workspace": "vision"}"#,
        Lacks("agentUser.view", "workspaces/vision"),
    ),
    (
        "agentmap.v1.AgentUserService/ClearWorkspaceAgentUser",
        r#"{"workspace": "vision"}"#,
        Lacks("agentUser.set", "cluster"),
    ),
    (
        "agentmap.v1.AgentUserService/ResolveAgentUser",
        r#"{"workspace": "vision"}"#,
        Lacks("workload.submit", "workspaces/vision"),
    ),
    (
        "agentmap.v1.AgentUserService/ResolveAgentUser",
        r#"{"workspace": "vision", "username": "bob"}"#,
        Lacks("agentUser.view", "workspaces/vision"),
    ),
    (
        "admission.v1.AdmissionService/Admit",
        r#"{"workspace": "vision", "workloadType": "experiment", "config": {"text": "name: x"}}"#,
        Answered,
    ),
    (
        "policy.v1.WorkspaceService/DeleteWorkspace",
        r#"{"name": "vision"}"#,
        Lacks("workspace.delete", "workspaces/vision"),
    ),
    ("feed.v1.FeedService/Watch", "{}", Lacks("feed.follow", "cluster")),
    ("identity.v1.SessionService/Logout", "{}", Answered),
];

/// One row with its method.
struct Call {
    path: String,
    method: MethodDescriptor,
    json: &'static str,
    plain: Plain,
}

impl Call {
    async fn by(&self, client: &Client) -> Result<Vec<u8>, Status> {
        let json = self.json.replace("$REFRESH", &client.refresh);
        let request = raw::encoded(&self.method, &json);
        raw::call(client, &self.path, self.method.is_server_streaming(), request).await
    }
}

fn calls() -> Vec<Call> {
    let methods = raw::methods();
    let call = |(name, json, plain): &Row| {
        let path = format!("reeve.{name}");
        let method = methods.iter().find(|(found, _)| *found == path);
        let method = method.unwrap_or_else(|| panic!("{path} is not in the contract")).1.clone();
        Call { path, method, json, plain: *plain }
    };
    ROWS.iter().map(call).collect()
}

/// A cluster with the users alice and bob, the robot ci and the workspace vision, of which everybody may know.
async fn stage(on: Deployment) -> Cluster {
    staged(Cluster::start(on).await).await
}

async fn staged(cluster: Cluster) -> Cluster {
    let admin = cluster.admin().await;
    admin.make_user("alice").await;
    admin.make_user("bob").await;
    admin.make_workspace("vision").await;
    admin.bind("allUsers", "lister", "cluster").await.unwrap();
    admin.make_robot("ci", None).await;
    cluster
}

#[test]
fn every_method_of_the_contract_has_a_row() {
    let rows: BTreeSet<String> = ROWS.iter().map(|(name, ..)| format!("reeve.{name}")).collect();
    let methods: BTreeSet<String> = raw::methods().into_iter().map(|(path, _)| path).collect();
    assert_eq!(rows, methods);
}

async fn without_a_token_only_the_public_methods_answer(on: Deployment) {
    let cluster = stage(on).await;
    let mut nobody = cluster.nobody().await;
    nobody.refresh = cluster.signed_in("alice").await.refresh;
    for call in calls() {
        let answer = call.by(&nobody).await;
        match call.plain {
            Public => assert!(answer.is_ok(), "{}: {answer:?}", call.path),
            Answered | Lacks(..) => {
                assert_refused(answer, Code::Unauthenticated, "TOKEN_MISSING");
            }
        }
    }
}

async fn somebody_without_the_permission_is_refused_with_what_lacks(on: Deployment) {
    let cluster = stage(on).await;
    let alice = cluster.signed_in("alice").await;
    for call in calls() {
        let answer = call.by(&alice).await;
        match call.plain {
            Public | Answered => assert!(answer.is_ok(), "{}: {answer:?}", call.path),
            Lacks(permission, resource) => {
                let Err(status) = answer else { panic!("{} was answered", call.path) };
                let said =
                    (status.code(), reason(&status), metadata(&status, "permission"), metadata(&status, "resource"));
                let expected = (
                    Code::PermissionDenied,
                    "PERMISSION_DENIED".to_owned(),
                    permission.to_owned(),
                    resource.to_owned(),
                );
                assert_eq!(said, expected, "{} {}: {status:?}", call.path, call.json);
            }
        }
    }
}

async fn the_same_requests_are_answered_for_an_administrator(on: Deployment) {
    let cluster = stage(on).await;
    let admin = cluster.admin().await;
    for call in calls() {
        let answer = call.by(&admin).await;
        assert!(answer.is_ok(), "{} {}: {answer:?}", call.path, call.json);
    }
}

async fn the_same_requests_are_answered_for_the_root_token(on: Deployment) {
    let cluster = stage(on).await;
    let mut root = cluster.root().await;
    root.refresh = cluster.admin().await.refresh;
    for call in calls().into_iter().filter(|call| !call.path.ends_with("/Logout")) {
        // root is nobody's account: it runs nothing itself
        let asks_about_itself = call.path.ends_with("/ResolveAgentUser") && !call.json.contains("username");
        let answer = call.by(&root).await;
        assert!(asks_about_itself || answer.is_ok(), "{} {}: {answer:?}", call.path, call.json);
        if let Err(status) = answer {
            reason(&status);
        }
    }
}

async fn what_is_no_access_token_is_refused_by_every_method_but_the_public_ones(on: Deployment) {
    let cluster = stage(on).await;
    let alice = cluster.signed_in("alice").await;
    let (body, _) = alice.token.rsplit_once('.').unwrap();
    let changed = if alice.token.ends_with('A') { "B" } else { "A" };
    let bad = [
        "garbage".to_owned(),
        alice.refresh.clone(),
        format!("reeve_bot_{}", "a".repeat(36)),
        format!("{}{changed}", &alice.token[..alice.token.len() - 1]),
        format!("{body}."),
        // {"alg":"none","typ":"at+jwt"}
        format!("eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0.{}.", body.split('.').nth(1).unwrap()),
        "x".repeat(20_000),
    ];
    for call in calls() {
        for token in &bad {
            let mut caller = alice.with_token(token);
            caller.refresh.clone_from(&alice.refresh);
            let answer = call.by(&caller).await;
            if call.plain == Public {
                assert!(answer.is_ok(), "{}: {answer:?}", call.path);
            } else {
                assert_refused(answer, Code::Unauthenticated, "TOKEN_MALFORMED");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_token_is_refused_by_every_method_but_the_public_ones() {
    let clock = Arc::new(ManualClock::at(Timestamp::from_millis(1_800_000_000_000)));
    // up alone: processes go by the machine's clock
    let cluster = staged(Cluster::with_clock(clock.clone()).await).await;
    let admin = cluster.admin().await;
    // the wall clock alone: what the replica knows stays fresh
    clock.set_wall(clock.now().plus(Duration::from_mins(16)));
    for call in calls() {
        let answer = call.by(&admin).await;
        if call.plain == Public {
            assert!(answer.is_ok(), "{}: {answer:?}", call.path);
        } else {
            assert_refused(answer, Code::Unauthenticated, "TOKEN_EXPIRED");
        }
    }
}

async fn a_method_that_nobody_serves_is_refused_like_any_other(on: Deployment) {
    let cluster = Cluster::start(on).await;
    let admin = cluster.admin().await;
    for path in ["reeve.policy.v1.DecisionService/Guess", "reeve.policy.v2.DecisionService/Check", "x/y"] {
        assert_refused(raw::call(&admin, path, false, vec![]).await, Code::Unimplemented, "UNIMPLEMENTED");
    }
}

async fn a_workspace_that_the_caller_may_not_know_is_not_found_by_any_method(on: Deployment) {
    let cluster = stage(on).await;
    let admin = cluster.admin().await;
    admin.unbind("allUsers", "lister", "cluster").await.unwrap();
    let alice = cluster.signed_in("alice").await;
    // what is administered at the cluster says so first; decisions name an unknown workspace
    let elsewhere = |call: &Call| call.path.contains("Decision") || call.path.contains("Admission");
    let about_vision = |call: &Call| {
        call.json.contains("vision") && !elsewhere(call) && call.plain != Lacks("agentUser.set", "cluster")
    };
    for call in calls().into_iter().filter(about_vision) {
        let vision = assert_refused(call.by(&alice).await, Code::NotFound, "NOT_FOUND");
        let request = raw::encoded(&call.method, &call.json.replace("vision", "ghost"));
        let ghost = raw::call(&alice, &call.path, false, request).await;
        let ghost = assert_refused(ghost, Code::NotFound, "NOT_FOUND");
        assert_eq!(vision.message().replace("vision", "ghost"), ghost.message(), "{} {}", call.path, call.json);
    }
}
