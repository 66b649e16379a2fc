//! Configs like those that users submit, under the policies that a cluster would have.

use std::path::Path;

use reeve_config_policy::{Value, WorkloadType};

use super::world::World;

/// The configs in `tests/configs`, and whether they ask for more than eight slots.
const CONFIGS: [(&str, WorkloadType, bool); 8] = [
    ("adaptive_search.yaml", WorkloadType::Experiment, false),
    ("distributed_eight.yaml", WorkloadType::Experiment, false),
    ("distributed_sixteen.yaml", WorkloadType::Experiment, true),
    ("fine_tuning.yaml", WorkloadType::Experiment, false),
    ("folded_entrypoint.yaml", WorkloadType::Experiment, false),
    ("notebook.yaml", WorkloadType::Task, false),
    ("ports.yaml", WorkloadType::Experiment, false),
    ("wide_search.json", WorkloadType::Experiment, true),
];

fn read(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/configs").join(name);
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn without_policies_every_config_comes_back_byte_for_byte() {
    for (name, workload, _) in CONFIGS {
        let text = read(name);
        let resolution = World::of(workload, None, None).resolve(&text);
        assert_eq!(resolution.effective, text, "{name}");
        assert!(resolution.changes.is_empty() && resolution.violations.is_empty(), "{name}");
    }
}

#[test]
fn invariants_change_exactly_what_they_name() {
    let variable = "invariant_config: {environment: {environment_variables: [\"HTTPS_PROXY=proxy:3128\"]}}";
    let storage = "invariant_config:\n  checkpoint_storage: {type: s3, bucket: corp-ckpt}\n  \
                   environment: {environment_variables: [\"HTTPS_PROXY=proxy:3128\"]}\n";
    for (name, workload, _) in CONFIGS {
        let task = workload == WorkloadType::Task;
        let world = World::of(workload, Some(if task { variable } else { storage }), None);
        let text = read(name);
        let resolution = world.resolve(&text);
        for change in &resolution.changes {
            let named = change.path == "environment.environment_variables[HTTPS_PROXY]"
                || change.path.starts_with("checkpoint_storage.");
            assert!(named, "{name}: {change}");
        }
        assert_eq!(resolution.changes.len(), if task { 1 } else { 3 }, "{name}: {:?}", resolution.changes);
        assert_eq!(
            without(&resolution.effective_value),
            without(World::new(None, None).resolve(&text).effective_value).clone(),
            "{name}"
        );
        let variables = resolution.effective_value.as_map().unwrap().get("environment").unwrap();
        let Value::List(variables) = variables.as_map().unwrap().get("environment_variables").unwrap() else {
            panic!("{name}: a plain list became something else")
        };
        assert_eq!(variables.last().unwrap().as_str(), Some("HTTPS_PROXY=proxy:3128"), "{name}");
    }
}

/// The config without what the invariants name.
fn without(value: impl std::borrow::Borrow<Value>) -> Value {
    let fields = value.borrow().as_map().unwrap().iter().filter_map(|(key, value)| {
        let kept = match (key, value) {
            ("checkpoint_storage", Value::Map(storage)) => {
                let rest = storage.iter().filter(|(key, _)| !["type", "bucket"].contains(key));
                Value::Map(rest.map(|(key, value)| (key.to_owned(), value.clone())).collect())
            }
            ("environment", Value::Map(environment)) => {
                let rest = environment.iter().map(|(key, value)| match value {
                    Value::List(items) if key == "environment_variables" => {
                        let others = items.iter().filter(|item| item.as_str() != Some("HTTPS_PROXY=proxy:3128"));
                        (key.to_owned(), Value::List(others.cloned().collect()))
                    }
                    value => (key.to_owned(), value.clone()),
                });
                let rest = rest.filter(|(_, value)| *value != Value::List(Vec::new()));
                Value::Map(rest.collect())
            }
            (_, value) => value.clone(),
        };
        (kept != Value::Map(reeve_config_policy::Map::default())).then(|| (key.to_owned(), kept))
    });
    Value::Map(fields.collect())
}

#[test]
fn max_slots_refuses_exactly_those_that_ask_for_more() {
    for (name, workload, refused) in CONFIGS {
        let world = World::of(workload, Some("constraints: {resources: {max_slots: 8}}"), None);
        let resolution = world.resolve(&read(name));
        assert_eq!(!resolution.violations.is_empty(), refused, "{name}: {:?}", resolution.violations);
        for violation in &resolution.violations {
            assert_eq!(violation.limit, Value::from(8));
            assert_eq!(violation.limit_name, "constraints.resources.max_slots");
            assert!(violation.message.contains("policy of cluster, version 7"), "{}", violation.message);
        }
    }
}

#[test]
fn a_search_without_max_slots_is_capped_and_says_so() {
    let world = World::new(Some("constraints: {resources: {max_slots: 8}}"), None);
    let resolution = world.resolve(&read("adaptive_search.yaml"));
    let [change] = resolution.changes.as_slice() else { panic!("{:?}", resolution.changes) };
    assert_eq!((change.path.as_str(), change.to.clone()), ("resources.max_slots", Some(Value::from(8))));
    assert_eq!(change.to_string(), "`resources.max_slots` set by `constraints` of the policy at cluster, version 7");
}
