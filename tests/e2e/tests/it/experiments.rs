//! Configurations as users submit them: unchanged without policies, changed exactly where a policy pins something, refused
//! exactly when they ask for more than a limit.
//!
//! `REEVE_EXPERIMENTS` names another folder of configurations to hold to the same.

use std::fs;
use std::path::{Path, PathBuf};

use reeve_api::admission::{AdmitRequest, AdmitResponse, Verdict};
use reeve_api::policy::workload_config::Form;
use serde_yaml_ng::Value;
use tonic::Code;

use crate::client::{Client, text};
use crate::cluster::Cluster;
use crate::deployment::Deployment;

tests! {
    [
        without_policies_every_configuration_comes_back_to_the_byte,
        what_is_pinned_is_all_that_changes,
        an_effective_configuration_is_not_changed_again,
        exactly_those_that_ask_for_more_are_refused_with_all_that_is_to_know,
        a_configuration_is_also_taken_and_answered_as_an_object,
    ]
    on up = Deployment::Up, apart = Deployment::Apart(Door::Sidecar),
}

const INVARIANTS: &str = "\
invariant_config:
  checkpoint_storage: {type: s3, bucket: cluster-checkpoints, access_key: null}
  environment:
    environment_variables: [\"HTTPS_PROXY=http://proxy.internal:3128\"]
";
const TASK_INVARIANTS: &str = "\
invariant_config:
  environment:
    environment_variables: [\"HTTPS_PROXY=http://proxy.internal:3128\"]
";
const MAX_SLOTS: u64 = 8;
const LIMIT: &str = "constraints: {resources: {max_slots: 8}}";

/// One configuration, by its file's name.
struct Submitted {
    name: String,
    text: String,
    value: Value,
}

impl Submitted {
    /// What runs trials is an experiment; what does not is a task.
    fn workload_type(&self) -> &'static str {
        if self.value.get("searcher").is_some() { "experiment" } else { "task" }
    }

    /// Every field that asks for slots, with how many.
    fn slots(&self) -> Vec<(String, u64)> {
        let asked =
            |field: &str| Some((format!("resources.{field}"), self.value.get("resources")?.get(field)?.as_u64()?));
        ["slots", "slots_per_trial", "max_slots"].into_iter().filter_map(asked).collect()
    }

    /// Whether it is a search that does not say how many slots it uses at once.
    fn is_open_search(&self) -> bool {
        let name = self.value.get("searcher").and_then(|searcher| searcher.get("name")).and_then(Value::as_str);
        let bounded = self.slots().iter().any(|(field, _)| field == "resources.max_slots");
        name.is_some_and(|name| name != "single") && !bounded
    }

    async fn admitted(&self, client: &Client) -> AdmitResponse {
        let request = AdmitRequest {
            workspace: "default".to_owned(),
            workload_type: self.workload_type().to_owned(),
            config: text(&self.text),
            ..Default::default()
        };
        let answer = client.admission().admit(request).await;
        answer.unwrap_or_else(|status| panic!("{}: {status:?}", self.name)).into_inner()
    }
}

fn submitted() -> Vec<Submitted> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("data");
    let folder = std::env::var_os("REEVE_EXPERIMENTS").map_or(own, PathBuf::from);
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| ["yaml", "yml", "json"].iter().any(|known| extension == *known)) {
            let text = fs::read_to_string(&path).unwrap();
            let value = serde_yaml_ng::from_str(&text).unwrap();
            found.push(Submitted { name: path.file_name().unwrap().to_string_lossy().into_owned(), text, value });
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    assert!(found.len() >= 8, "{} configurations", found.len());
    found
}

fn effective(answer: &AdmitResponse) -> &str {
    match answer.effective_config.as_ref().and_then(|config| config.form.as_ref()) {
        Some(Form::Text(text)) => text,
        other => panic!("not in the form it came in: {other:?}"),
    }
}

/// A cluster and the account that every new cluster has, which may submit to `default`.
async fn stage(on: Deployment, experiments: &str, tasks: &str) -> (Cluster, Client) {
    let cluster = Cluster::start(on).await;
    let admin = cluster.admin().await;
    for (workload_type, document) in [("experiment", experiments), ("task", tasks)] {
        if !document.is_empty() {
            admin.set_policy("cluster", workload_type, document).await.unwrap();
        }
    }
    let researcher = cluster.signed_in("reeve").await;
    (cluster, researcher)
}

/// Takes a dotted path out of a value, with the maps around it that nothing else is in; what was there.
fn take(value: &mut Value, path: &[&str]) -> Option<Value> {
    let map = value.as_mapping_mut()?;
    let (first, rest) = path.split_first()?;
    let Some(inner) = map.get_mut(*first).filter(|_| !rest.is_empty()) else { return map.remove(*first) };
    let taken = take(inner, rest);
    if inner.as_mapping().is_some_and(serde_yaml_ng::Mapping::is_empty) {
        map.remove(*first);
    }
    taken
}

async fn without_policies_every_configuration_comes_back_to_the_byte(on: Deployment) {
    let (_cluster, researcher) = stage(on, "", "").await;
    for config in submitted() {
        let answer = config.admitted(&researcher).await;
        assert_eq!(answer.verdict(), Verdict::Allow, "{}: {:?}", config.name, answer.reasons);
        assert_eq!(effective(&answer), config.text, "{}", config.name);
        assert!(answer.changes.is_empty(), "{}: {:?}", config.name, answer.changes);
        assert_eq!(answer.agent_user.unwrap().docker_user, "0:0");
    }
}

async fn what_is_pinned_is_all_that_changes(on: Deployment) {
    let (_cluster, researcher) = stage(on, INVARIANTS, TASK_INVARIANTS).await;
    for config in submitted() {
        let answer = config.admitted(&researcher).await;
        assert_eq!(answer.verdict(), Verdict::Allow, "{}: {:?}", config.name, answer.reasons);
        let is_experiment = config.workload_type() == "experiment";
        let (storage, variables) =
            (["checkpoint_storage"].as_slice(), ["environment", "environment_variables"].as_slice());

        let (mut before, mut now): (Value, Value) =
            (config.value.clone(), serde_yaml_ng::from_str(effective(&answer)).unwrap());
        let (had, has) = (take(&mut before, variables), take(&mut now, variables).unwrap());
        assert!(
            serde_yaml_ng::to_string(&has).unwrap().contains("HTTPS_PROXY=http://proxy.internal:3128"),
            "{}",
            config.name
        );
        if let Some(Value::Sequence(had)) = had {
            let has = has.as_sequence().unwrap();
            assert_eq!((&has[..had.len()], has.len()), (had.as_slice(), had.len() + 1), "{}", config.name);
        }
        if is_experiment {
            let (_, has) = (take(&mut before, storage), take(&mut now, storage).unwrap());
            let bucket = has.get("bucket").and_then(Value::as_str);
            assert_eq!(bucket, Some("cluster-checkpoints"), "{}", config.name);
        }
        assert_eq!(now, before, "{}", config.name);

        let at = |path: &str| answer.changes.iter().filter(|change| change.path.starts_with(path)).count();
        let expected = if is_experiment { at("checkpoint_storage") } else { 0 };
        assert_eq!(expected > 0, is_experiment, "{}: {:?}", config.name, answer.changes);
        assert!(at("environment") > 0, "{}: {:?}", config.name, answer.changes);
        assert_eq!(expected + at("environment"), answer.changes.len(), "{}: {:?}", config.name, answer.changes);
        for change in &answer.changes {
            let by = (change.section.as_str(), change.scope.as_str(), change.policy_version);
            assert_eq!(by, ("invariant_config", "cluster", 1), "{}", config.name);
        }
    }
}

async fn an_effective_configuration_is_not_changed_again(on: Deployment) {
    let (_cluster, researcher) = stage(on, INVARIANTS, TASK_INVARIANTS).await;
    for mut config in submitted() {
        effective(&config.admitted(&researcher).await).clone_into(&mut config.text);
        let again = config.admitted(&researcher).await;
        assert_eq!(effective(&again), config.text, "{}", config.name);
        assert!(again.changes.is_empty(), "{}: {:?}", config.name, again.changes);
    }
}

async fn exactly_those_that_ask_for_more_are_refused_with_all_that_is_to_know(on: Deployment) {
    let (_cluster, researcher) = stage(on, LIMIT, LIMIT).await;
    let mut refused = 0;
    for config in submitted() {
        let answer = config.admitted(&researcher).await;
        let mut expected = config.slots();
        expected.retain(|(_, slots)| *slots > MAX_SLOTS);
        let verdict = if expected.is_empty() { Verdict::Allow } else { Verdict::Deny };
        assert_eq!(answer.verdict(), verdict, "{}: {:?}", config.name, answer.reasons);
        let mut found: Vec<(String, u64)> = Vec::new();
        for violation in &answer.violations {
            let by = (
                violation.limit.as_str(),
                violation.limit_json.as_str(),
                violation.scope.as_str(),
                violation.policy_version,
            );
            assert_eq!(by, ("constraints.resources.max_slots", "8", "cluster", 1), "{}", config.name);
            assert!(violation.message.contains(&violation.value_json), "{}", violation.message);
            found.push((violation.path.clone(), violation.value_json.parse().unwrap()));
        }
        found.sort();
        expected.sort();
        assert_eq!(found, expected, "{}", config.name);
        assert_eq!(answer.reasons.len(), expected.len(), "{}", config.name);
        if verdict == Verdict::Deny {
            refused += 1;
        } else if config.is_open_search() {
            // a search that says nothing is held to the limit, and the answer says so
            let changes: Vec<_> =
                answer.changes.iter().map(|change| (change.path.as_str(), change.to_json.as_str())).collect();
            assert_eq!(changes, [("resources.max_slots", "8")], "{}", config.name);
        } else {
            assert_eq!(effective(&answer), config.text, "{}", config.name);
        }
    }
    assert!(refused > 0, "none asks for more");
}

async fn a_configuration_is_also_taken_and_answered_as_an_object(on: Deployment) {
    let (_cluster, researcher) = stage(on, LIMIT, LIMIT).await;
    let number = |value: f64| prost_types::Value { kind: Some(prost_types::value::Kind::NumberValue(value)) };
    let object = |slots: f64| {
        let resources = prost_types::Struct { fields: [("slots_per_trial".to_owned(), number(slots))].into() };
        let resources = prost_types::Value { kind: Some(prost_types::value::Kind::StructValue(resources)) };
        prost_types::Struct { fields: [("resources".to_owned(), resources)].into() }
    };
    for (slots, verdict) in [(8.0, Verdict::Allow), (9.0, Verdict::Deny)] {
        let config = reeve_api::policy::WorkloadConfig { form: Some(Form::Object(object(slots))) };
        let request = AdmitRequest {
            workspace: "default".to_owned(),
            workload_type: "experiment".to_owned(),
            config: Some(config.clone()),
            ..Default::default()
        };
        let answer = researcher.admission().admit(request).await.unwrap().into_inner();
        assert_eq!(answer.verdict(), verdict, "{:?}", answer.reasons);
        if verdict == Verdict::Allow {
            assert_eq!(answer.effective_config, Some(config));
        }
    }
    let none = AdmitRequest { workspace: "default".to_owned(), workload_type: "task".to_owned(), ..Default::default() };
    assert_eq!(researcher.admission().admit(none).await.unwrap_err().code(), Code::InvalidArgument);
}
