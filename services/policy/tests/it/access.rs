//! Every method without a caller, and with one who may not.

use reeve_api::policy as api;
use reeve_rbac::BuiltinRole;
use tonic::{Code, Request, Response, Status};

use crate::stand::{Stand, asked_by, grant, policy, reason, why};

/// Asks every method as `who`; the name of each with how it went.
async fn every_method(stand: &Stand, who: &str) -> Vec<(&'static str, (Code, String))> {
    let vision = || "workspaces/vision".to_owned();
    let experiment = || "experiment".to_owned();
    let grants = vec![grant("user:bob", "viewer", "workspaces/vision")];
    let mut all = Vec::new();
    let (mut workspaces, mut bindings, mut policies) = (stand.workspaces(), stand.bindings(), stand.policies());
    let create = api::CreateWorkspaceRequest { name: "new".to_owned(), ..Default::default() };
    all.push(("CreateWorkspace", went(workspaces.create_workspace(by(who, create)).await)));
    let get = api::GetWorkspaceRequest { name: "vision".to_owned(), consistency: None };
    all.push(("GetWorkspace", went(workspaces.get_workspace(by(who, get)).await)));
    all.push((
        "ListWorkspaces",
        went(workspaces.list_workspaces(by(who, api::ListWorkspacesRequest::default())).await),
    ));
    all.push(("ListRoles", went(stand.roles().list_roles(by(who, api::ListRolesRequest {})).await)));
    all.push(("Bind", went(bindings.bind(by(who, api::BindRequest { grants: grants.clone() })).await)));
    all.push(("Unbind", went(bindings.unbind(by(who, api::UnbindRequest { grants })).await)));
    let list = api::ListBindingsRequest { resource: vision(), ..Default::default() };
    all.push(("ListBindings", went(bindings.list_bindings(by(who, list)).await)));
    let set = api::SetConfigPolicyRequest {
        policy: Some(policy("workspaces/vision", "defaults: {max_restarts: 1}")),
        allow_conflicts: false,
    };
    all.push(("SetConfigPolicy", went(policies.set_config_policy(by(who, set)).await)));
    let get = api::GetConfigPolicyRequest { scope: vision(), workload_type: experiment(), consistency: None };
    all.push(("GetConfigPolicy", went(policies.get_config_policy(by(who, get)).await)));
    let delete = api::DeleteConfigPolicyRequest { scope: vision(), workload_type: experiment(), etag: String::new() };
    all.push(("DeleteConfigPolicy", went(policies.delete_config_policy(by(who, delete)).await)));
    let form = Some(api::workload_config::Form::Text("{}".to_owned()));
    let resolve = api::ResolveConfigRequest {
        workspace: "vision".to_owned(),
        workload_type: experiment(),
        config: Some(api::WorkloadConfig { form }),
        ..Default::default()
    };
    all.push(("ResolveConfig", went(policies.resolve_config(by(who, resolve)).await)));
    let delete = api::DeleteWorkspaceRequest { name: "vision".to_owned(), etag: String::new() };
    all.push(("DeleteWorkspace", went(workspaces.delete_workspace(by(who, delete)).await)));
    assert_eq!(all.len(), reeve_policy::ROWS.len());
    all
}

fn by<T>(who: &str, message: T) -> Request<T> {
    asked_by(who, message)
}

fn went<T: std::fmt::Debug>(answer: Result<Response<T>, Status>) -> (Code, String) {
    match answer {
        Ok(_) => (Code::Ok, String::new()),
        Err(status) => why(Err::<(), _>(status)),
    }
}

#[tokio::test]
async fn nobody_gets_in_without_a_token() {
    let stand = Stand::with_workspaces(&["vision"]).await;
    for (method, went) in every_method(&stand, "").await {
        assert_eq!(went, reason(Code::Unauthenticated, "TOKEN_MISSING"), "{method}");
    }
    for (method, went) in every_method(&stand, "user:nobody").await {
        assert_eq!(went, reason(Code::Unauthenticated, "TOKEN_MALFORMED"), "{method}");
    }
    assert_eq!(stand.ground.world().bindings_after(None).count(), 1);
}

#[tokio::test]
async fn one_who_may_not_see_the_workspace_learns_nothing_of_it() {
    let stand = Stand::with_workspaces(&["vision"]).await;
    for (method, went) in every_method(&stand, "user:alice").await {
        let expected = match method {
            "ListWorkspaces" | "ListRoles" => reason(Code::Ok, ""),
            "CreateWorkspace" => reason(Code::PermissionDenied, "PERMISSION_DENIED"),
            _ => reason(Code::NotFound, "NOT_FOUND"),
        };
        assert_eq!(went, expected, "{method}");
    }
}

#[tokio::test]
async fn one_who_may_see_the_workspace_and_no_more_is_refused() {
    let stand = Stand::with_workspaces(&["vision"]).await;
    stand.bind("root", &[grant("user:alice", "lister", "workspaces/vision")]).await.unwrap();
    for (method, went) in every_method(&stand, "user:alice").await {
        let expected = match method {
            "ListWorkspaces" | "ListRoles" | "GetWorkspace" => reason(Code::Ok, ""),
            _ => reason(Code::PermissionDenied, "PERMISSION_DENIED"),
        };
        assert_eq!(went, expected, "{method}");
    }
}

#[tokio::test]
async fn a_deactivated_user_may_nothing() {
    let stand = Stand::with_workspaces(&["vision"]).await;
    stand.bind("root", &[grant("user:alice", "clusterAdmin", "cluster")]).await.unwrap();
    let alice = stand.ground.world().user_by_name("alice").unwrap().as_ref().clone();
    let inactive = reeve_world::User { active: false, ..alice };
    stand.ground.write([reeve_world::Record::User(inactive)], []).await;
    for (method, (code, _)) in every_method(&stand, "user:alice").await {
        assert_eq!(code, Code::Unauthenticated, "{method}");
    }
}

#[tokio::test]
async fn a_workspace_admin_may_everything_there_and_nothing_elsewhere() {
    let stand = Stand::with_workspaces(&["vision", "speech"]).await;
    stand.bind("root", &[grant("user:alice", "workspaceAdmin", "workspaces/vision")]).await.unwrap();
    for (method, (code, told)) in every_method(&stand, "user:alice").await {
        let expected = if method == "CreateWorkspace" { Code::PermissionDenied } else { Code::Ok };
        assert_eq!(code, expected, "{method} {told}");
    }
    for resource in ["cluster", "workspaces/speech"] {
        let expected = if resource == "cluster" { Code::PermissionDenied } else { Code::NotFound };
        let bound = stand.bind("user:alice", &[grant("user:bob", "viewer", resource)]).await;
        assert_eq!(why(bound).0, expected);
        let set = stand.set_policy("user:alice", policy(resource, "defaults: {max_restarts: 1}")).await;
        assert_eq!(why(set).0, expected);
        assert_eq!(why(stand.bound("user:alice", resource).await).0, expected);
    }
}

#[tokio::test]
async fn every_role_is_listed_weakest_first() {
    let stand = Stand::start().await;
    let roles =
        stand.roles().list_roles(asked_by("user:alice", api::ListRolesRequest {})).await.unwrap().into_inner().roles;
    assert_eq!(roles.len(), BuiltinRole::ALL.len());
    assert_eq!(roles.last().unwrap().name, "clusterAdmin");
    let sizes: Vec<_> = roles.iter().map(|role| role.permissions.len()).collect();
    assert!(sizes.is_sorted());
    let editor = roles.iter().find(|role| role.name == "editor").unwrap();
    assert_eq!(editor.assignable_at, ["cluster", "workspace", "below"]);
    assert!(editor.permissions.contains(&"workload.submit".to_owned()));
}
