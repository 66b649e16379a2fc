//! Writing policies: what is refused, and with which reasons.

use reeve_config_policy::{Policy, WorkloadType};

fn refusal(text: &str) -> String {
    refusal_for(text, WorkloadType::Experiment)
}

fn refusal_for(text: &str, workload: WorkloadType) -> String {
    match Policy::parse(text, workload) {
        Ok(_) => panic!("accepted {text:?}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn empty_policies_are_refused() {
    for text in ["", "{}", "defaults: {}\n", "defaults:\nconstraints: {resources: {}}\n"] {
        assert!(refusal(text).contains("the policy is empty"), "{text:?}");
    }
}

#[test]
fn unknown_sections_are_refused_by_name() {
    for section in ["rules", "invariants", "default"] {
        let error = refusal(&format!("{section}: []\n"));
        let expected = format!(
            "line 1, column 1: `{section}`: the section `{section}` is not known; known sections: `defaults`, \
             `invariant_config`, `constraints`"
        );
        assert_eq!(error, expected);
    }
}

#[test]
fn every_reason_is_listed_with_its_place() {
    let text = "\
defaults:
  resources:
    slots_per_trail: 1
    slots_per_trial: one
  searcher: {name: bayes}
  checkpoint_storage: {type: s3, host_path: /x}
invariant_config:
  environment:
    environment_variables: [HTTPS_PROXY, 5]
    image: {tpu: x}
  labels: [1]
  max_restarts: 1.0
constraints:
  resources: {max_slots: -1, slots: 4}
  priority_limit: null
  priority: 3
";
    let error = refusal(text);
    let found: Vec<&str> = error.split("; line ").map(|reason| reason.trim_start_matches("line ")).collect();
    let expected = [
        "3, column 5: `defaults.resources.slots_per_trail`: the field `slots_per_trail` is not known",
        "4, column 22: `defaults.resources.slots_per_trial`: must be an integer, not text",
        "5, column 20: `defaults.searcher.name`: must be one of `adaptive_asha`",
        "6, column 34: `defaults.checkpoint_storage.host_path`: the field `host_path` is not known; known here: `type`, `save_experiment_best`",
        "9, column 29: `invariant_config.environment.environment_variables[0]`: must be text of the form `NAME=value`",
        "9, column 42: `invariant_config.environment.environment_variables[1]`: must be text of the form `NAME=value`",
        "10, column 13: `invariant_config.environment.image.tpu`: must be one of `cpu`, `cuda`, `rocm`",
        "11, column 11: `invariant_config.labels`: must be a list of text, not a list",
        "12, column 17: `invariant_config.max_restarts`: must be an integer, not a floating-point number",
        "14, column 26: `constraints.resources.max_slots`: must not be negative, is `-1`",
        "14, column 30: `constraints.resources.slots`: the limit `slots` is not known; known here: `max_slots`",
        "15, column 19: `constraints.priority_limit`: must be an integer, not null",
        "16, column 3: `constraints.priority`: the limit `priority` is not known",
    ];
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.starts_with(expected), "found {found}\nexpected {expected}");
    }
}

#[test]
fn keyed_lists_need_their_keys() {
    let text = "\
defaults:
  bind_mounts:
    - host_path: /a
    - /b
    - /c:/data:rx
    - {host_path: /d, container_path: /data/}
    - /e:/data
  environment: {proxy_ports: [{proxy_port: http}, {proxy_port: 80}, {proxy_port: '80'}]}
";
    let error = refusal(text);
    for expected in [
        "line 3, column 7: `defaults.bind_mounts[0]`: must have the field `container_path`",
        "line 4, column 7: `defaults.bind_mounts[1]`: `/b` must be of the form `host:container[:ro|rw]`",
        "line 5, column 7: `defaults.bind_mounts[2]`: `/c:/data:rx` must be of the form",
        "line 7, column 7: `defaults.bind_mounts[4]`: the `container_path` `/data` stands twice in one list",
        "`defaults.environment.proxy_ports[0]`: `proxy_port` must be a port number, not text",
        "`defaults.environment.proxy_ports[2]`: the `proxy_port` `80` stands twice in one list",
    ] {
        assert!(error.contains(expected), "{expected}\nin\n{error}");
    }
}

#[test]
fn fields_belong_to_their_workload_type() {
    assert!(
        refusal_for("defaults: {searcher: {name: single}}", WorkloadType::Task).contains("`searcher` is not known")
    );
    assert!(Policy::parse("defaults: {idle_timeout: 2h}", WorkloadType::Task).is_ok());
    assert!(refusal("defaults: {idle_timeout: 2h}").contains("`idle_timeout` is not known"));
}

#[test]
fn null_is_allowed_in_values_and_refused_in_limits() {
    assert!(Policy::parse("invariant_config: {bind_mounts: null, resources: null}", WorkloadType::Experiment).is_ok());
    assert!(refusal("constraints: {resources: null}").contains("`constraints.resources`: must be a map, not null"));
}

#[test]
fn policies_may_be_json() {
    assert!(Policy::parse(r#"{"constraints": {"priority_limit": 10}}"#, WorkloadType::Task).is_ok());
}
