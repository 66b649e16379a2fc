//! Runs the tables of cases in `tests/cases`.

use std::fmt::Write as _;
use std::path::Path;

use reeve_config_policy::{
    Change, LimitPrecedence, Map, PriorityOrder, Scope, Settings, Value, Violation, WorkloadType, emit, parse_config,
};

use super::world::{CLUSTER_VERSION, WORKSPACE_VERSION, World};

#[test]
fn every_case_in_the_tables_holds() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut failures = String::new();
    let mut count = 0;
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for file in files {
        let text = std::fs::read(&file).unwrap();
        let document = parse_config(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let Some(Value::List(cases)) = document.value().as_map().unwrap().get("cases") else {
            panic!("{} has no `cases`", file.display())
        };
        for case in cases {
            count += 1;
            let case = case.as_map().unwrap();
            if let Err(failure) = run(case) {
                let name = case.get("name").and_then(Value::as_str).unwrap();
                writeln!(failures, "{} `{name}`:\n{failure}", file.file_name().unwrap().to_string_lossy()).unwrap();
            }
        }
    }
    assert!(failures.is_empty(), "{failures}");
    assert!(count > 60, "only {count} cases were found");
}

fn run(case: &Map) -> Result<(), String> {
    for (key, _) in case.iter() {
        let known =
            ["name", "workload", "settings", "cluster", "workspace", "config", "effective", "changes", "violations"];
        if !known.contains(&key) {
            return Err(format!("the case has an unknown key `{key}`"));
        }
    }
    let text = |name: &str| case.get(name).and_then(Value::as_str);
    let workload = text("workload").map_or(WorkloadType::Experiment, |name| WorkloadType::parse(name).unwrap());
    let mut world = World::of(workload, text("cluster"), text("workspace"));
    if let Some(settings) = case.get("settings") {
        world.settings = parse_settings(settings.as_map().unwrap());
    }
    let config = text("config").unwrap_or_default();
    let resolution = world.resolve(config);
    let mut failure = String::new();
    let mut compare = |what: &str, expected: String, found: String| {
        if expected != found {
            write!(failure, "  {what}, expected:\n{expected}  {what}, found:\n{found}").unwrap();
        }
    };
    compare("changes", expected_lines(case, "changes"), resolution.changes.iter().map(change_line).collect());
    compare(
        "violations",
        expected_lines(case, "violations"),
        resolution.violations.iter().map(violation_line).collect(),
    );
    match text("effective") {
        // what changes nothing comes back byte for byte
        None => compare("effective", config.to_owned(), resolution.effective.clone()),
        Some(effective) => {
            let expected = parse_config(effective.as_bytes()).map_err(|error| error.to_string())?;
            if !resolution.effective_value.same_as(expected.value()) {
                compare("effective value", show(expected.value()), show(&resolution.effective_value));
            }
            let read = parse_config(resolution.effective.as_bytes()).map_err(|error| error.to_string())?;
            compare("effective as text", show(expected.value()), show(read.value()));
        }
    }
    let again = world.resolve(&resolution.effective);
    compare("changes of the effective config", String::new(), again.changes.iter().map(change_line).collect());
    compare("effective config of the effective config", resolution.effective.clone(), again.effective);
    if failure.is_empty() { Ok(()) } else { Err(failure) }
}

fn show(value: &Value) -> String {
    emit(value, reeve_config_policy::Format::Yaml)
}

fn expected_lines(case: &Map, name: &str) -> String {
    match case.get(name) {
        None => String::new(),
        Some(Value::List(lines)) => {
            lines.iter().fold(String::new(), |all, line| all + "    " + line.as_str().unwrap() + "\n")
        }
        Some(other) => panic!("`{name}` is {}", other.type_name()),
    }
}

fn flow(value: Option<&Value>) -> String {
    value.map_or("-".to_owned(), |value| {
        let text = emit(value, reeve_config_policy::Format::Json);
        text.lines().map(str::trim).collect::<Vec<_>>().join(" ")
    })
}

fn change_line(change: &Change) -> String {
    let Change { path, from, to, type_changed, section, scope, version } = change;
    assert_version(scope, *version);
    let note = if *type_changed { " (type changed)" } else { "" };
    format!("    {path}: {} -> {} by {section} of {}{note}\n", flow(from.as_ref()), flow(to.as_ref()), level(scope))
}

fn violation_line(violation: &Violation) -> String {
    let Violation { path, value, limit, limit_name, scope, version, message } = violation;
    assert_version(scope, *version);
    assert!(message.contains(path.as_str()) || message.contains("search"), "{message}");
    format!("    {path}: {} against {limit_name} {} of {}\n", flow(value.as_ref()), flow(Some(limit)), level(scope))
}

fn level(scope: &Scope) -> &'static str {
    match scope {
        Scope::Cluster => "cluster",
        Scope::Workspace(_) => "workspace",
    }
}

fn assert_version(scope: &Scope, version: u64) {
    let expected = if *scope == Scope::Cluster { CLUSTER_VERSION } else { WORKSPACE_VERSION };
    assert_eq!(version, expected);
}

fn parse_settings(settings: &Map) -> Settings {
    let text = |name: &str| settings.get(name).and_then(Value::as_str);
    Settings {
        limit_precedence: match text("limit_precedence") {
            None | Some("strictest_wins") => LimitPrecedence::StrictestWins,
            Some("cluster_overrides") => LimitPrecedence::ClusterOverrides,
            Some(other) => panic!("`{other}` is no limit precedence"),
        },
        priority_order: match text("priority_order") {
            None | Some("lower_is_higher") => PriorityOrder::LowerIsHigher,
            Some("higher_is_higher") => PriorityOrder::HigherIsHigher,
            Some("none") => PriorityOrder::None,
            Some(other) => panic!("`{other}` is no priority order"),
        },
        default_priority: settings.get("default_priority").map(|value| match value {
            Value::Number(number) => i64::try_from(number.as_integer().unwrap()).unwrap(),
            other => panic!("the default priority is {}", other.type_name()),
        }),
    }
}
