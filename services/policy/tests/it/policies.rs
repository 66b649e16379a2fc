//! Config policies: who sets and reads them, versions and etags, what contradicts.

use reeve_api::policy as api;
use tonic::{Code, Status};

use crate::stand::{START, Stand, asked_by, grant, metadata, obstacles, policy, reason, why, wrong_fields};

const VISION: &str = "workspaces/vision";
const EIGHT_SLOTS: &str = "constraints: {resources: {max_slots: 8}}";
const SIXTEEN_EACH: &str = "invariant_config: {resources: {slots_per_trial: 16}}";

async fn delete(stand: &Stand, by: &str, scope: &str, etag: &str) -> Result<String, Status> {
    let request = api::DeleteConfigPolicyRequest {
        scope: scope.to_owned(),
        workload_type: "experiment".to_owned(),
        etag: etag.to_owned(),
    };
    Ok(stand.policies().delete_config_policy(asked_by(by, request)).await?.into_inner().consistency_token)
}

async fn force(stand: &Stand, policy: api::ConfigPolicy) -> Result<api::SetConfigPolicyResponse, Status> {
    let request = api::SetConfigPolicyRequest { policy: Some(policy), allow_conflicts: true };
    Ok(stand.policies().set_config_policy(asked_by("root", request)).await?.into_inner())
}

async fn resolve(stand: &Stand, by: &str, config: &str) -> api::ResolveConfigResponse {
    let form = Some(api::workload_config::Form::Text(config.to_owned()));
    let request = api::ResolveConfigRequest {
        workspace: "vision".to_owned(),
        workload_type: "experiment".to_owned(),
        config: Some(api::WorkloadConfig { form }),
        ..Default::default()
    };
    stand.policies().resolve_config(asked_by(by, request)).await.unwrap().into_inner()
}

#[tokio::test]
async fn a_policy_is_set_read_applied_and_removed() {
    let stand = Stand::with_workspaces(&["vision"]).await;
    stand.bind("root", &[grant("user:alice", "workspaceAdmin", VISION)]).await.unwrap();
    let answer = stand.set_policy("user:alice", policy(VISION, EIGHT_SLOTS)).await.unwrap();
    let set = answer.policy.unwrap();
    assert_eq!((set.version, set.author.as_str(), set.scope.as_str()), (1, "user:alice", VISION));
    assert_eq!(set.document, EIGHT_SLOTS);
    assert_eq!(set.limit_precedence, i32::from(api::LimitPrecedence::Unspecified));
    assert_eq!(set.update_time.unwrap().seconds, START.as_secs());
    assert!(answer.consistency_token.starts_with("rt1.") && answer.warnings.is_empty() && answer.conflicts.is_empty());
    assert_eq!(stand.get_policy("user:alice", VISION).await.unwrap(), set);
    assert_eq!(resolve(&stand, "user:alice", "{resources: {slots_per_trial: 9}}").await.violations.len(), 1);
    delete(&stand, "user:alice", VISION, &set.etag).await.unwrap();
    assert_eq!(resolve(&stand, "user:alice", "{resources: {slots_per_trial: 9}}").await.violations, []);
    let gone = stand.get_policy("user:alice", VISION).await;
    assert_eq!(metadata(gone.clone(), "resource"), "workspaces/vision/config-policies/experiment");
    assert_eq!(why(gone), reason(Code::NotFound, "NOT_FOUND"));
    assert_eq!(why(delete(&stand, "user:alice", VISION, "").await), reason(Code::NotFound, "NOT_FOUND"));
}

#[tokio::test]
async fn the_cluster_is_its_administrators_and_a_workspace_its_own() {
    let stand = Stand::with_workspaces(&["vision"]).await;
    let grants = [
        grant("user:alice", "workspaceAdmin", VISION),
        grant("user:bob", "editor", VISION),
        grant("user:carol", "workspaceAdmin", "cluster"),
    ];
    stand.bind("root", &grants).await.unwrap();
    for by in ["user:alice", "user:bob", "user:carol"] {
        let refused = stand.set_policy(by, policy("cluster", EIGHT_SLOTS)).await;
        assert_eq!(why(refused), reason(Code::PermissionDenied, "PERMISSION_DENIED"), "{by}");
        let refused = delete(&stand, by, "cluster", "").await;
        assert_eq!(why(refused), reason(Code::PermissionDenied, "PERMISSION_DENIED"), "{by}");
    }
    let refused = stand.set_policy("user:bob", policy(VISION, EIGHT_SLOTS)).await;
    assert_eq!(why(refused), reason(Code::PermissionDenied, "PERMISSION_DENIED"));
    stand.set_policy("user:carol", policy(VISION, EIGHT_SLOTS)).await.unwrap();
    stand.set_policy("user:admin", policy("cluster", EIGHT_SLOTS)).await.unwrap();
}

#[tokio::test]
async fn whoever_may_submit_anywhere_reads_the_clusters() {
    let stand = Stand::with_workspaces(&["vision"]).await;
    stand.set_policy("root", policy("cluster", EIGHT_SLOTS)).await.unwrap();
    stand.set_policy("root", policy(VISION, EIGHT_SLOTS)).await.unwrap();
    // on `default`, as everyone
    stand.get_policy("user:alice", "cluster").await.unwrap();
    assert_eq!(why(stand.get_policy("user:alice", VISION).await), reason(Code::NotFound, "NOT_FOUND"));
    stand.unbind("root", &[grant("group:everyone", "editor", "workspaces/default")]).await.unwrap();
    let refused = reason(Code::PermissionDenied, "PERMISSION_DENIED");
    assert_eq!(why(stand.get_policy("user:alice", "cluster").await), refused);
    stand.bind("root", &[grant("user:alice", "viewer", VISION)]).await.unwrap();
    assert_eq!(why(stand.get_policy("user:alice", "cluster").await), refused);
    stand.get_policy("user:alice", VISION).await.unwrap();
    stand.bind("root", &[grant("user:alice", "editor", VISION)]).await.unwrap();
    stand.get_policy("user:alice", "cluster").await.unwrap();
    stand.bind("root", &[grant("robot:ci", "auditor", "cluster")]).await.unwrap();
    stand.get_policy("robot:ci", "cluster").await.unwrap();
}

#[tokio::test]
async fn every_wrong_field_and_every_reason_of_a_document_is_told() {
    let stand = Stand::with_workspaces(&["vision"]).await;
    let wrong = api::ConfigPolicy {
        scope: "workspaces/vision/projects/p".to_owned(),
        workload_type: "batch".to_owned(),
        limit_precedence: 9,
        ..Default::default()
    };
    // malformed comes before unauthorised
    let refused = stand.set_policy("user:alice", wrong).await;
    assert_eq!(wrong_fields(refused), ["policy.scope", "policy.workload_type", "policy.limit_precedence"]);
    let document = "defaults: {max_restarts: many}\nsurprise: {}\nconstraints: {resources: {max_slots: -1}}\n";
    let refused = stand.set_policy("root", policy("cluster", document)).await.unwrap_err();
    let details = tonic_types::StatusExt::get_details_bad_request(&refused).unwrap().field_violations;
    assert_eq!(details.iter().map(|v| v.field.as_str()).collect::<Vec<_>>(), ["policy.document"; 3]);
    for (at, place) in [(0, "line 1, column"), (1, "line 2, column 1"), (2, "line 3, column")] {
        assert!(details[at].description.starts_with(place), "{:?}", details[at]);
    }
    for empty in ["", "{}", "defaults: {}"] {
        assert_eq!(wrong_fields(stand.set_policy("root", policy("cluster", empty)).await), ["policy.document"]);
    }
    let missing = api::SetConfigPolicyRequest { policy: None, allow_conflicts: false };
    assert_eq!(wrong_fields(stand.policies().set_config_policy(asked_by("root", missing)).await), ["policy"]);
    let large = format!("defaults: {{description: {}}}", "x".repeat(1024 * 1024));
    assert_eq!(wrong_fields(stand.set_policy("root", policy("cluster", &large)).await), ["policy.document"]);
}

#[tokio::test]
async fn a_document_as_large_as_allowed_fits_the_store() {
    let stand = Stand::start().await;
    let head = "defaults: {description: ";
    let document = format!("{head}{}}}", "x".repeat(1024 * 1024 - head.len() - 1));
    let set = stand.set_policy("root", policy("cluster", &document)).await.unwrap();
    assert_eq!(set.policy.unwrap().document.len(), 1024 * 1024);
}

#[tokio::test]
async fn what_is_the_clusters_alone_is_refused_for_a_workspace() {
    let stand = Stand::with_workspaces(&["vision"]).await;
    let limit_precedence = api::LimitPrecedence::ClusterOverrides.into();
    let own = api::ConfigPolicy { limit_precedence, ..policy(VISION, EIGHT_SLOTS) };
    assert_eq!(wrong_fields(stand.set_policy("root", own).await), ["policy.limit_precedence"]);
    assert_eq!(wrong_fields(force(&stand, policy(VISION, EIGHT_SLOTS)).await), ["allow_conflicts"]);
    let cluster = api::ConfigPolicy { limit_precedence, ..policy("cluster", EIGHT_SLOTS) };
    let set = stand.set_policy("root", cluster).await.unwrap().policy.unwrap();
    assert_eq!(set.limit_precedence, limit_precedence);
    let set = stand.set_policy("root", policy("cluster", EIGHT_SLOTS)).await.unwrap().policy.unwrap();
    assert_eq!(set.limit_precedence, i32::from(api::LimitPrecedence::StrictestWins));
}

#[tokio::test]
async fn an_etag_guards_and_every_set_makes_a_version() {
    let stand = Stand::start().await;
    let with = |etag: &str| api::ConfigPolicy { etag: etag.to_owned(), ..policy("cluster", EIGHT_SLOTS) };
    let stale = reason(Code::Aborted, "ETAG_MISMATCH");
    assert_eq!(why(stand.set_policy("root", with("0123456789abcdef")).await), stale);
    let first = stand.set_policy("root", with("")).await.unwrap().policy.unwrap();
    let second = stand.set_policy("root", with(&first.etag)).await.unwrap().policy.unwrap();
    assert_eq!((first.version, second.version), (1, 2));
    assert_ne!(first.etag, second.etag);
    assert_eq!(why(stand.set_policy("root", with(&first.etag)).await), stale);
    assert_eq!(why(delete(&stand, "root", "cluster", &first.etag).await), stale);
    assert_eq!(stand.get_policy("root", "cluster").await.unwrap(), second);
    delete(&stand, "root", "cluster", &second.etag).await.unwrap();
    assert_eq!(why(stand.set_policy("root", with(&second.etag)).await), stale);
}

#[tokio::test]
async fn a_workspace_that_is_unknown_is_not_found() {
    let stand = Stand::start().await;
    for refused in [
        stand.set_policy("root", policy("workspaces/none", EIGHT_SLOTS)).await.map(drop),
        stand.get_policy("root", "workspaces/none").await.map(drop),
        delete(&stand, "root", "workspaces/none", "").await.map(drop),
    ] {
        assert_eq!(metadata(refused.clone(), "resource"), "workspaces/none");
        assert_eq!(why(refused), reason(Code::NotFound, "NOT_FOUND"));
    }
}

#[tokio::test]
async fn a_policy_that_contradicts_itself_or_the_clusters_is_refused() {
    let stand = Stand::with_workspaces(&["vision"]).await;
    let both = format!("{EIGHT_SLOTS}\n{SIXTEEN_EACH}");
    for scope in ["cluster", VISION] {
        let (why, told) = obstacles(stand.set_policy("root", policy(scope, &both)).await);
        assert_eq!(why, "POLICY_CONTRADICTION");
        assert_eq!(told.len(), 1);
        assert!(told[0].starts_with("invariant_config.resources.slots_per_trial: "), "{told:?}");
    }
    // forcing is about others' policies
    assert_eq!(obstacles(force(&stand, policy("cluster", &both)).await).0, "POLICY_CONTRADICTION");
    stand.set_policy("root", policy("cluster", EIGHT_SLOTS)).await.unwrap();
    let (why, _) = obstacles(stand.set_policy("root", policy(VISION, SIXTEEN_EACH)).await);
    assert_eq!(why, "POLICY_CONTRADICTION");
    // another workload type is another policy
    let task = api::ConfigPolicy {
        workload_type: "task".to_owned(),
        ..policy(VISION, "invariant_config: {resources: {slots: 16}}")
    };
    stand.set_policy("root", task).await.unwrap();
}

#[tokio::test]
async fn a_workspaces_limit_that_the_clusters_invariant_breaks_is_refused() {
    let stand = Stand::with_workspaces(&["vision"]).await;
    stand.set_policy("root", policy("cluster", SIXTEEN_EACH)).await.unwrap();
    let (why, told) = obstacles(stand.set_policy("root", policy(VISION, EIGHT_SLOTS)).await);
    assert_eq!(why, "POLICY_CONTRADICTION");
    assert!(told[0].contains("of cluster, version 1"), "{told:?}");
}

#[tokio::test]
async fn a_looser_limit_is_stored_and_warned_of() {
    let stand = Stand::with_workspaces(&["vision"]).await;
    stand.set_policy("root", policy("cluster", EIGHT_SLOTS)).await.unwrap();
    let looser = "constraints: {resources: {max_slots: 16}}";
    let warnings = stand.set_policy("root", policy(VISION, looser)).await.unwrap().warnings;
    assert_eq!(warnings.len(), 1);
    assert!(warnings[0].contains("workspaces/vision, version 1") && warnings[0].contains("looser"), "{warnings:?}");
    // and who sets the cluster's hears of it too
    let tighter = "constraints: {resources: {max_slots: 4}}";
    let warnings = stand.set_policy("root", policy("cluster", tighter)).await.unwrap().warnings;
    assert_eq!(warnings.len(), 1, "{warnings:?}");
}

#[tokio::test]
async fn a_clusters_policy_is_checked_with_every_workspaces() {
    let stand = Stand::with_workspaces(&["vision", "speech", "quiet"]).await;
    stand.set_policy("root", policy(VISION, SIXTEEN_EACH)).await.unwrap();
    stand.set_policy("root", policy("workspaces/speech", SIXTEEN_EACH)).await.unwrap();
    stand.set_policy("root", policy("workspaces/quiet", "defaults: {max_restarts: 1}")).await.unwrap();
    let (why, told) = obstacles(stand.set_policy("root", policy("cluster", EIGHT_SLOTS)).await);
    assert_eq!((why.as_str(), told.len()), ("POLICY_CONFLICT", 2));
    let mut subjects: Vec<_> = told.iter().filter_map(|told| told.split(": ").next()).collect();
    subjects.sort_unstable();
    assert_eq!(subjects, ["workspaces/speech", VISION]);
    assert_eq!(crate::stand::why(stand.get_policy("root", "cluster").await).0, Code::NotFound);
    let forced = force(&stand, policy("cluster", EIGHT_SLOTS)).await.unwrap();
    assert_eq!(forced.conflicts.len(), 2);
    assert!(forced.conflicts.iter().any(|conflict| conflict.starts_with("workspaces/vision: ")));
    // a workspace that is mended conflicts no more; one that is gone neither
    stand.set_policy("root", policy(VISION, "invariant_config: {resources: {slots_per_trial: 8}}")).await.unwrap();
    let speech = stand.ground.world().workspace_by_name("speech").unwrap().uid;
    stand.ground.write([], [reeve_world::RecordKey::Workspace(speech)]).await;
    let set = stand.set_policy("root", policy("cluster", EIGHT_SLOTS)).await.unwrap();
    assert_eq!(set.conflicts, Vec::<String>::new());
}

#[tokio::test]
async fn the_precedence_of_the_policy_that_is_set_is_the_one_that_it_is_checked_under() {
    let stand = Stand::with_workspaces(&["vision"]).await;
    let limit_precedence = api::LimitPrecedence::ClusterOverrides.into();
    let sixteen = "constraints: {resources: {max_slots: 16}}\ninvariant_config: {resources: {slots_per_trial: 12}}";
    let overriding = api::ConfigPolicy { limit_precedence, ..policy("cluster", sixteen) };
    stand.set_policy("root", overriding).await.unwrap();
    // replaced by the cluster's, so it breaks nothing
    let set = stand.set_policy("root", policy(VISION, EIGHT_SLOTS)).await.unwrap();
    assert_eq!(set.warnings.len(), 1);
    // strictest wins: now it would
    let (why, _) = obstacles(stand.set_policy("root", policy("cluster", sixteen)).await);
    assert_eq!(why, "POLICY_CONFLICT");
}
