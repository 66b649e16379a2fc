//! The main job, end to end, with nothing but a bearer token.

use reeve_api::admission::{AdmitRequest, AdmitResponse, DenialReason, Verdict};
use reeve_api::agentmap::{AgentUser, LinkUserRequest, SupplementaryGroup};
use reeve_api::identity::{GetUserRequest, LoginRequest, LogoutRequest, RefreshRequest, WhoAmIRequest};
use reeve_api::policy::{CheckRequest, DecisionReason, workload_config::Form};
use tonic::Code;

use crate::client::{Client, after, text};
use crate::cluster::{Cluster, PASSWORD};
use crate::deployment::{Deployment, Door};
use crate::refusal::assert_refused;

tests! {
    [
        an_experiment_is_admitted_with_every_change_attributed_and_a_unix_user,
        a_refusal_lists_every_reason,
        where_the_caller_has_no_role_the_answer_says_what_would_help,
        a_scheduler_asks_with_the_token_of_whoever_submits,
        without_a_link_tasks_run_as_the_default_and_the_answer_says_so,
        a_session_is_refreshed_and_ends_when_its_holder_says_so,
        a_login_says_the_same_of_a_wrong_password_and_of_names_that_nobody_has,
    ]
    on up = Deployment::Up,
    apart_by_identity = Deployment::Apart(Door::Identity),
    apart_by_policy = Deployment::Apart(Door::Policy),
    apart_by_agentmap = Deployment::Apart(Door::Agentmap),
    apart_by_sidecar = Deployment::Apart(Door::Sidecar),
}

const CLUSTER_POLICY: &str = "\
invariant_config:
  checkpoint_storage: {type: s3, bucket: cluster-checkpoints}
constraints:
  resources: {max_slots: 8}
";
const VISION_POLICY: &str = "\
defaults:
  resources: {resource_pool: a100}
constraints:
  resources: {max_slots: 6}
  priority_limit: 10
";
const SMALL: &str = "\
name: digits   # the small one
entrypoint: python3 train.py
searcher: {name: single, metric: loss}
resources:
  slots_per_trial: 2
";
const BIG: &str = "\
name: everything
entrypoint: python3 train.py
searcher: {name: single, metric: loss}
resources:
  slots_per_trial: 16
  priority: 1
";

async fn admit(client: &Client, workspace: &str, workload_type: &str, config: &str) -> AdmitResponse {
    let request = AdmitRequest {
        workspace: workspace.to_owned(),
        workload_type: workload_type.to_owned(),
        config: text(config),
        ..Default::default()
    };
    client.admission().admit(request).await.unwrap().into_inner()
}

async fn link(client: &Client, username: &str, uid: u32) -> String {
    let agent_user = AgentUser {
        uid: Some(uid),
        user: username.to_owned(),
        gid: Some(500),
        group: "vision".to_owned(),
        supplementary_groups: vec![SupplementaryGroup { gid: Some(2000), name: "data".to_owned() }],
        home: format!("/home/{username}"),
        ..Default::default()
    };
    let request = LinkUserRequest { username: username.to_owned(), agent_user: Some(agent_user), allow_shared: false };
    client.agent_users().link_user(request).await.unwrap().into_inner().consistency_token
}

/// A cluster in which alice may submit to vision, under two policies, with an agent user.
async fn stage(on: Deployment) -> (Cluster, Client) {
    let cluster = Cluster::start(on).await;
    let admin = cluster.admin().await;
    admin.make_user("alice").await;
    admin.make_workspace("vision").await;
    admin.bind("user:alice", "editor", "workspaces/vision").await.unwrap();
    admin.set_policy("cluster", "experiment", CLUSTER_POLICY).await.unwrap();
    admin.set_policy("workspaces/vision", "experiment", VISION_POLICY).await.unwrap();
    link(&admin, "alice", 1042).await;
    let alice = cluster.signed_in("alice").await;
    (cluster, alice)
}

async fn an_experiment_is_admitted_with_every_change_attributed_and_a_unix_user(on: Deployment) {
    let (_cluster, alice) = stage(on).await;
    let check = CheckRequest {
        permission: "workload.submit".to_owned(),
        resource: "workspaces/vision".to_owned(),
        ..Default::default()
    };
    let check = alice.decisions().check(check).await.unwrap().into_inner();
    let because = check.reason.unwrap();
    assert!(check.allowed);
    assert_eq!((because.code(), because.role.as_str()), (DecisionReason::Binding, "editor"));
    assert_eq!((because.resource.as_str(), because.through.as_str()), ("workspaces/vision", "user:alice"));

    let answer = admit(&alice, "vision", "experiment", SMALL).await;
    assert_eq!((answer.verdict(), answer.principal.as_str()), (Verdict::Allow, "user:alice"));
    assert!(answer.reasons.is_empty() && answer.violations.is_empty());
    assert!(answer.revision >= check.revision && answer.age.is_some());
    let mut changes: Vec<_> = answer
        .changes
        .iter()
        .map(|change| {
            let version = change.policy_version;
            (
                change.path.as_str(),
                change.from_json.as_str(),
                change.to_json.as_str(),
                change.section.as_str(),
                change.scope.as_str(),
                version,
            )
        })
        .collect();
    changes.sort_unstable();
    assert_eq!(
        changes,
        [
            ("checkpoint_storage.bucket", "", r#""cluster-checkpoints""#, "invariant_config", "cluster", 1),
            ("checkpoint_storage.type", "", r#""s3""#, "invariant_config", "cluster", 1),
            ("resources.resource_pool", "", r#""a100""#, "defaults", "workspaces/vision", 1),
        ]
    );
    let Some(Form::Text(effective)) = answer.effective_config.unwrap().form else {
        panic!("not in the form it came in")
    };
    assert!(
        effective.contains("slots_per_trial: 2") && effective.contains("bucket: cluster-checkpoints"),
        "{effective}"
    );

    let agent_user = answer.agent_user.unwrap();
    assert_eq!(agent_user.docker_user, "1042:500");
    assert!(agent_user.sources.iter().all(|source| source.source == "link"), "{:?}", agent_user.sources);
    let lines = agent_user.nss.unwrap();
    assert_eq!(lines.passwd, "alice:x:1042:500::/home/alice:/bin/bash");
    assert_eq!(lines.shadow, "alice:*:::::::");
    assert_eq!(lines.group, ["vision:x:500:", "data:x:2000:alice"]);
}

async fn a_refusal_lists_every_reason(on: Deployment) {
    let (_cluster, alice) = stage(on).await;
    let answer = admit(&alice, "vision", "experiment", BIG).await;
    assert_eq!(answer.verdict(), Verdict::Deny);
    assert!(answer.effective_config.is_none() && answer.changes.is_empty() && answer.agent_user.is_none());
    let mut violations: Vec<_> = answer
        .violations
        .iter()
        .map(|found| {
            (
                found.path.as_str(),
                found.value_json.as_str(),
                found.limit.as_str(),
                found.limit_json.as_str(),
                found.scope.as_str(),
                found.policy_version,
            )
        })
        .collect();
    violations.sort_unstable();
    assert_eq!(
        violations,
        [
            ("resources.priority", "1", "constraints.priority_limit", "10", "workspaces/vision", 1),
            ("resources.slots_per_trial", "16", "constraints.resources.max_slots", "6", "workspaces/vision", 1),
            ("resources.slots_per_trial", "16", "constraints.resources.max_slots", "8", "cluster", 1),
        ]
    );
    assert_eq!(answer.reasons.len(), 3);
    assert!(answer.reasons.iter().all(|reason| reason.code() == DenialReason::Config && !reason.message.is_empty()));
}

async fn where_the_caller_has_no_role_the_answer_says_what_would_help(on: Deployment) {
    let (cluster, alice) = stage(on).await;
    cluster.admin().await.make_workspace("speech").await;
    let answer = admit(&alice, "speech", "experiment", SMALL).await;
    assert_eq!((answer.verdict(), answer.reasons.len()), (Verdict::Deny, 1));
    assert_eq!(answer.reasons[0].code(), DenialReason::Permission);
    let message = &answer.reasons[0].message;
    assert!(message.contains("editor") && message.contains("workspaces/speech"), "{message}");
    let answer = admit(&alice, "nowhere", "experiment", SMALL).await;
    assert_eq!(answer.reasons[0].code(), DenialReason::UnknownWorkspace);
}

async fn a_scheduler_asks_with_the_token_of_whoever_submits(on: Deployment) {
    let (cluster, alice) = stage(on).await;
    let scheduler = cluster.admin().await.make_robot("scheduler", None).await;
    let request = AdmitRequest {
        token: alice.token.clone(),
        workspace: "vision".to_owned(),
        workload_type: "experiment".to_owned(),
        config: text(SMALL),
        ..Default::default()
    };
    // over TCP with a token of its own, and on the socket without one
    for scheduler in [cluster.nobody().await.with_token(&scheduler), cluster.beside().await] {
        let answer = scheduler.admission().admit(request.clone()).await.unwrap().into_inner();
        assert_eq!((answer.verdict(), answer.principal.as_str()), (Verdict::Allow, "user:alice"));
    }
    // over TCP alone nobody is refused
    if on != Deployment::Apart(Door::Sidecar) {
        let nobody = cluster.nobody().await.admission().admit(request).await;
        assert_refused(nobody, Code::Unauthenticated, "TOKEN_MISSING");
    }
}

async fn without_a_link_tasks_run_as_the_default_and_the_answer_says_so(on: Deployment) {
    let (cluster, _) = stage(on).await;
    let admin = cluster.admin().await;
    admin.make_user("bob").await;
    admin.bind("user:bob", "editor", "workspaces/vision").await.unwrap();
    let answer = admit(&cluster.signed_in("bob").await, "vision", "task", "resources: {slots: 1}\n").await;
    let agent_user = answer.agent_user.unwrap();
    assert_eq!(agent_user.docker_user, "0:0");
    assert!(agent_user.sources.iter().all(|source| source.source == "default"), "{:?}", agent_user.sources);
}

async fn a_session_is_refreshed_and_ends_when_its_holder_says_so(on: Deployment) {
    let (cluster, alice) = stage(on).await;
    let nobody = cluster.nobody().await;
    let refresh = |token: &str| RefreshRequest { refresh_token: token.to_owned() };
    let first = nobody.sessions().refresh(refresh(&alice.refresh)).await.unwrap().into_inner().tokens.unwrap();
    let again = nobody.sessions().refresh(refresh(&alice.refresh)).await.unwrap().into_inner().tokens.unwrap();
    assert_ne!(first.refresh_token, alice.refresh);
    assert_eq!(first.refresh_token, again.refresh_token, "a lost answer is given again");
    let refreshed = nobody.with_token(&first.access_token);
    let me = refreshed.sessions().who_am_i(WhoAmIRequest::default()).await.unwrap().into_inner();
    assert_eq!((me.principal.as_str(), me.cluster_admin), ("user:alice", false));
    assert_eq!(me.groups, ["everyone"]);

    refreshed.sessions().logout(LogoutRequest {}).await.unwrap();
    for ended in [&refreshed, &alice] {
        let answer = ended.sessions().who_am_i(WhoAmIRequest::default()).await;
        assert_refused(answer, Code::Unauthenticated, "SESSION_ENDED");
    }
    let answer = nobody.sessions().refresh(refresh(&first.refresh_token)).await;
    assert_eq!(answer.unwrap_err().code(), Code::Unauthenticated);
}

async fn a_login_says_the_same_of_a_wrong_password_and_of_names_that_nobody_has(on: Deployment) {
    let (cluster, _) = stage(on).await;
    cluster.admin().await.make_user("gone").await;
    let proof = cluster.admin().await.deactivate("gone").await.unwrap();
    let admin = cluster.admin().await;
    let request = GetUserRequest { username: "gone".to_owned(), consistency: after(&proof) };
    assert!(!admin.users().get_user(request).await.unwrap().into_inner().user.unwrap().active);
    let nobody = cluster.nobody().await;
    let mut said = Vec::new();
    for (username, password) in
        [("alice", "Wrong-Horse-7"), ("nobody-here", PASSWORD), ("gone", PASSWORD), ("root", "x")]
    {
        let request =
            LoginRequest { username: username.to_owned(), password: password.to_owned(), ..Default::default() };
        let status =
            assert_refused(nobody.sessions().login(request).await, Code::Unauthenticated, "INVALID_CREDENTIALS");
        said.push((status.message().to_owned(), status.details().to_vec()));
    }
    said.dedup();
    assert_eq!(said.len(), 1, "{said:?}");
}
