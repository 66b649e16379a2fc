//! What holds for every config and every policy.

use proptest::prelude::*;
use reeve_config_policy::{
    Applicable, Attributed, Format, Map, Number, Policy, PriorityOrder, Scope, Settings, Value, WorkloadType, check,
    emit, parse_config, resolve,
};

/// Values that meet the merge rules at their corners, as YAML flow text by field.
fn pick(choices: &'static [&'static str]) -> impl Strategy<Value = &'static str> {
    prop::sample::select(choices)
}

/// What a policy may set, so that every kind of the schema conflicts with every other value.
const POLICY_FIELDS: &[(&str, &[&str])] = &[
    ("name", &["a", "null", "'010'"]),
    ("max_restarts", &["1", "0x1", "null"]),
    (
        "resources",
        &["{slots_per_trial: 4}", "{max_slots: null, weight: 1}", "{priority: 5, devices: ['/d:/d']}", "null"],
    ),
    ("labels", &["[a, b]", "[]", "null"]),
    ("bind_mounts", &["['/a:/data']", "[{host_path: /b, container_path: /data/}, '/x:/y']", "[]", "null"]),
    (
        "environment",
        &[
            "{environment_variables: [A=1, B=2]}",
            "{environment_variables: {cpu: [A=3], gpu: null}, image: x}",
            "{image: {cpu: y, cuda: null}, proxy_ports: [{proxy_port: '80'}]}",
            "{environment_variables: {cpu: null, cuda: null, rocm: null}, image: {cpu: null, cuda: null, rocm: null}}",
            "{environment_variables: null, image: null}",
            "{environment_variables: [], image: {}}",
            "null",
        ],
    ),
    (
        "checkpoint_storage",
        &[
            "{type: s3, bucket: b}",
            "{type: gcs, bucket: g, save_trial_best: 1}",
            "{type: shared_fs, host_path: /x}",
            "{prefix: p}",
            "{type: null}",
            "null",
        ],
    ),
    ("searcher", &["{name: single}", "{name: random, max_concurrent_trials: 2}", "{metric: m}", "{name: null}"]),
    (
        "hyperparameters",
        &["{lr: {type: double, minval: 1}}", "{lr: {a: {b: 1}}}", "{lr: {a: 2, c: 3}}", "{lr: 5}", "{}", "null"],
    ),
    ("data", &["{a: {b: 1}}", "{a: [1]}", "{a: 5, c: null}", "[1]", "null", "{}"]),
    ("min_validation_period", &["{batches: 1}", "5", "null"]),
];

/// What a user may write beside that.
const WRONG: &[&str] = &["lots", "5", "[1, x]", "{own: {x: 1}}", "~", "1.5", "{}", "[]", "{cpu: 5, tpu: x}"];

fn fields(wrong: bool) -> impl Strategy<Value = String> {
    let all: Vec<_> = POLICY_FIELDS
        .iter()
        .map(|&(name, choices)| {
            let value = if wrong {
                let keyed = matches!(name, "bind_mounts");
                let odd = if keyed { pick(&["lots", "5", "~", "{}"]) } else { pick(WRONG) };
                prop_oneof![3 => pick(choices), 1 => odd].boxed()
            } else {
                pick(choices).boxed()
            };
            prop::option::weighted(0.4, value.prop_map(move |value| format!("{name}: {value}")))
        })
        .collect();
    all.prop_map(|fields| fields.into_iter().flatten().collect::<Vec<_>>().join(", "))
}

/// The text of a policy.
fn policy() -> impl Strategy<Value = String> {
    let constraints = pick(&[
        "",
        "constraints: {resources: {max_slots: 8}}\n",
        "constraints: {resources: {max_slots: 2}, priority_limit: 10}\n",
        "constraints: {priority_limit: 50}\n",
    ]);
    (fields(false), fields(false), constraints).prop_map(|(defaults, invariants, constraints)| {
        format!("defaults: {{{defaults}}}\ninvariant_config: {{{invariants}}}\n{constraints}")
    })
}

/// The policy; `None` where the text sets nothing.
fn parse(text: &str) -> Option<Policy> {
    match Policy::parse(text, WorkloadType::Experiment) {
        Ok(policy) => Some(policy),
        Err(error) => {
            assert!(error.to_string().contains("the policy is empty"), "{error}\n{text}");
            None
        }
    }
}

fn settings() -> impl Strategy<Value = Settings> {
    let precedence = prop::sample::select(vec![
        reeve_config_policy::LimitPrecedence::StrictestWins,
        reeve_config_policy::LimitPrecedence::ClusterOverrides,
    ]);
    let order =
        prop::sample::select(vec![PriorityOrder::LowerIsHigher, PriorityOrder::HigherIsHigher, PriorityOrder::None]);
    (precedence, order, prop::option::of(0..100_i64)).prop_map(
        |(limit_precedence, priority_order, default_priority)| Settings {
            limit_precedence,
            priority_order,
            default_priority,
        },
    )
}

fn applicable<'a>(cluster: Option<&'a Policy>, workspace: Option<&'a Policy>) -> Applicable<'a> {
    Applicable {
        cluster: cluster.map(|policy| Attributed { policy, scope: Scope::Cluster, version: 1 }),
        workspace: workspace.map(|policy| Attributed { policy, scope: Scope::Workspace("w".to_owned()), version: 2 }),
    }
}

/// Text with everything that writing has to take care of.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z]{1,6}",
        "[ -~]{0,12}",
        "\\PC{0,8}",
        any::<String>(),
        "( |[a-z#:\\-\\t\n\r'\"|>]){0,12}",
        "[0-9+\\-.eExo_:]{1,6}",
        prop::sample::select(vec![
            "null",
            "true",
            "yes",
            "<<",
            "~",
            "---",
            "...",
            "- a",
            "a: b",
            "a #b",
            "010",
            "\u{85}",
            "\u{feff}x"
        ])
        .prop_map(str::to_owned),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    let number = prop_oneof![
        any::<i64>().prop_map(Number::from),
        any::<f64>().prop_map(Number::from_f64),
        prop::sample::select(vec!["1e-5", ".0001", "9007199254740993", "0x1F", "0o17", "+1", "1.", "-.inf", "00.5"])
            .prop_map(|text| Number::parse(text).unwrap()),
    ];
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        number.prop_map(Value::Number),
        text().prop_map(Value::String),
    ];
    scalar.prop_recursive(5, 48, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::List),
            prop::collection::vec((text(), inner), 0..6).prop_map(|entries| Value::Map(entries.into_iter().collect())),
        ]
    })
}

fn top() -> impl Strategy<Value = Value> {
    prop::collection::vec((text(), value()), 0..6).prop_map(|entries| Value::Map(entries.into_iter().collect::<Map>()))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn resolving_is_deterministic_and_resolving_again_changes_nothing(
        config in fields(true), cluster in policy(), workspace in policy(), settings in settings(),
    ) {
        let (cluster, workspace) = (parse(&cluster), parse(&workspace));
        let policies = applicable(cluster.as_ref(), workspace.as_ref());
        let document = parse_config(format!("# mine\n{{{config}}}").as_bytes()).unwrap();
        let resolution = resolve(WorkloadType::Experiment, &document, &policies, &settings).unwrap();
        prop_assert_eq!(&resolution, &resolve(WorkloadType::Experiment, &document, &policies, &settings).unwrap());
        if resolution.changes.is_empty() {
            prop_assert_eq!(resolution.effective.as_str(), document.text());
        }
        let again = parse_config(resolution.effective.as_bytes()).unwrap();
        prop_assert!(again.value().same_as(&resolution.effective_value));
        let second = resolve(WorkloadType::Experiment, &again, &policies, &settings).unwrap();
        prop_assert_eq!(&second.changes, &vec![], "\n{}\n{}", &resolution.effective, &second.effective);
        prop_assert_eq!(&second.effective, &resolution.effective);
        prop_assert_eq!(&second.violations, &resolution.violations);
    }

    #[test]
    fn the_clusters_invariants_always_hold(config in fields(true), workspace in policy()) {
        let cluster = Policy::parse("invariant_config: {name: corp, resources: {weight: 2}}", WorkloadType::Experiment).unwrap();
        let workspace = parse(&workspace);
        let policies = applicable(Some(&cluster), workspace.as_ref());
        let document = parse_config(format!("{{{config}}}").as_bytes()).unwrap();
        let settings = Settings {
            limit_precedence: reeve_config_policy::LimitPrecedence::StrictestWins,
            priority_order: PriorityOrder::None,
            default_priority: None,
        };
        let resolution = resolve(WorkloadType::Experiment, &document, &policies, &settings).unwrap();
        let fields = resolution.effective_value.as_map().unwrap();
        prop_assert_eq!(fields.get("name").and_then(Value::as_str), Some("corp"));
        prop_assert_eq!(fields.get("resources").and_then(Value::as_map).and_then(|map| map.get("weight")), Some(&Value::from(2)));
    }

    #[test]
    fn no_policies_change_nothing(value in top(), settings in settings()) {
        let text = emit(&value, Format::Yaml);
        let document = parse_config(text.as_bytes()).unwrap();
        for workload in WorkloadType::ALL {
            if let Ok(resolution) = resolve(workload, &document, &Applicable::default(), &settings) {
                prop_assert_eq!(&resolution.effective, &text);
                prop_assert_eq!(resolution.changes.len() + resolution.violations.len(), 0);
            }
        }
    }

    #[test]
    fn checking_policies_agrees_with_resolving_an_empty_config(cluster in policy(), workspace in policy(), settings in settings()) {
        let (cluster, workspace) = (parse(&cluster), parse(&workspace));
        let policies = applicable(cluster.as_ref(), workspace.as_ref());
        let empty = parse_config(b"").unwrap();
        let resolution = resolve(WorkloadType::Experiment, &empty, &policies, &settings).unwrap();
        let found = check(WorkloadType::Experiment, &policies, &settings);
        let violations: Vec<_> = found.contradictions.into_iter().map(|contradiction| contradiction.violation).collect();
        prop_assert_eq!(violations, resolution.violations);
    }

    #[test]
    fn what_is_written_as_yaml_reads_as_the_same(value in top()) {
        let text = emit(&value, Format::Yaml);
        let document = parse_config(text.as_bytes()).map_err(|error| TestCaseError::fail(format!("{error}\n{text}")))?;
        prop_assert_eq!(document.value(), &value, "{}", text);
    }

    #[test]
    fn what_is_written_as_json_reads_as_the_same(value in top()) {
        let text = emit(&value, Format::Json);
        let document = parse_config(text.as_bytes()).map_err(|error| TestCaseError::fail(format!("{error}\n{text}")))?;
        prop_assert_eq!(document.format(), Format::Json);
        prop_assert_eq!(emit(document.value(), Format::Json), text);
    }

    #[test]
    fn no_bytes_make_the_readers_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse_config(&bytes);
    }

    #[test]
    fn no_text_makes_the_readers_panic(text in "[ \n\t\\-?:,\\[\\]{}#&*!|>'\"%@`a-c0-9<~.=]{0,60}") {
        let _ = parse_config(text.as_bytes());
        let _ = Policy::parse(&text, WorkloadType::Experiment);
    }

    #[test]
    fn no_mutation_of_a_config_makes_the_readers_panic(
        value in top(), edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3_u8), 1..6),
    ) {
        for format in [Format::Yaml, Format::Json] {
            let mut bytes = emit(&value, format).into_bytes();
            for (place, byte, edit) in &edits {
                let place = place.index(bytes.len().max(1));
                match edit {
                    0 if place < bytes.len() => bytes[place] = *byte,
                    1 if place < bytes.len() => _ = bytes.remove(place),
                    _ => bytes.insert(place.min(bytes.len()), *byte),
                }
            }
            if let Ok(document) = parse_config(&bytes) {
                let text = emit(document.value(), Format::Yaml);
                let again = parse_config(text.as_bytes()).unwrap();
                prop_assert_eq!(again.value(), document.value());
            }
        }
    }
}
