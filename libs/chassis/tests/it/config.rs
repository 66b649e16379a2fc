//! Configuration: what is in force, and everything that is wrong with it.

use std::path::PathBuf;

use reeve_chassis::config::{
    ConfigErrors, LogFormat, Overrides, Period, Secret, ServerConfig, StalenessConfig, TelemetryConfig, Validate, load,
};
use reeve_model::Violations;
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Config {
    server: ServerConfig,
    telemetry: TelemetryConfig,
    staleness: StalenessConfig,
    extra: Extra,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Extra {
    password: Option<Secret>,
    name: Option<String>,
    port: Option<u16>,
    hosts: Vec<String>,
    labels: std::collections::BTreeMap<String, String>,
}

impl Validate for Config {
    fn validate(&self, violations: &mut Violations) {
        self.server.validate(violations);
        self.telemetry.validate(violations);
        self.staleness.validate(violations);
    }
}

fn file(name: &str, text: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    (folder, path)
}

fn environment(pairs: &[(&str, &str)]) -> Result<Config, ConfigErrors> {
    load(None, pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())), Overrides::new())
}

fn toml(text: &str) -> Result<Config, ConfigErrors> {
    let (_folder, path) = file("reeve.toml", text);
    load(Some(&path), std::iter::empty(), Overrides::new())
}

fn keys(result: Result<Config, ConfigErrors>) -> Vec<String> {
    result.err().map(|errors| errors.0.into_iter().map(|error| error.key).collect()).unwrap_or_default()
}

#[test]
fn without_anything_the_defaults_are_in_force() {
    let config = environment(&[]).unwrap();
    assert_eq!(config.server, ServerConfig::default());
    assert_eq!(config.server.listen.to_string(), "127.0.0.1:7300");
    assert_eq!(config.staleness, StalenessConfig::default());
    assert_eq!(config.telemetry.format, LogFormat::Text);
}

#[test]
fn a_later_source_goes_over_an_earlier_one() {
    let text = "[server]\nlisten = \"127.0.0.1:1\"\nreflection = false\ndrain_timeout = \"1m\"\n";
    let (_folder, path) = file("reeve.toml", text);
    let variables = [("REEVE_SERVER__LISTEN", "127.0.0.1:2"), ("REEVE_SERVER__CONCURRENCY_LIMIT", "2")];
    let variables = variables.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
    let overrides = Overrides::new().set("server.listen", Some("127.0.0.1:3")).unwrap();
    let overrides = overrides.set("server.reflection", None::<bool>).unwrap();
    let config: Config = load(Some(&path), variables, overrides).unwrap();
    assert_eq!(config.server.listen.port(), 3);
    assert_eq!(config.server.concurrency_limit, 2);
    assert!(!config.server.reflection);
    assert_eq!(config.server.drain_timeout, Period::from_secs(60));
}

#[test]
fn yaml_is_read_as_well() {
    let (_folder, path) = file("reeve.yaml", "telemetry:\n  format: json\nextra:\n  hosts: [a, b]\n");
    let config: Config = load(Some(&path), std::iter::empty(), Overrides::new()).unwrap();
    assert_eq!(config.telemetry.format, LogFormat::Json);
    assert_eq!(config.extra.hosts, ["a", "b"]);
    for (name, text) in [("empty.yaml", ""), ("empty.toml", "\n")] {
        let (_folder, path) = file(name, text);
        load::<Config>(Some(&path), std::iter::empty(), Overrides::new()).unwrap();
    }
}

#[test]
fn everything_wrong_is_said_at_once_and_where() {
    let text = "color = \"red\"\n[server]\nlisten = 7300\nlitsen = \"x\"\nconcurrency_limit = 0\n\
                drain_timeout = \"soon\"\n[telemetry]\nformat = \"xml\"\nlevel = \"===\"\n";
    let (_folder, path) = file("reeve.toml", text);
    let variables = [("REEVE_STALENESS__DECISIONS", "1s"), ("REEVE_SERVER__REFLECTION", "maybe")];
    let variables = variables.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
    let errors = load::<Config>(Some(&path), variables, Overrides::new()).err().unwrap();
    let mut found: Vec<_> = errors.0.iter().map(|error| error.key.as_str()).collect();
    found.sort_unstable();
    let expected = [
        "color",
        "server.concurrency_limit",
        "server.drain_timeout",
        "server.listen",
        "server.litsen",
        "server.reflection",
        "staleness.decisions",
        "telemetry.format",
        "telemetry.level",
    ];
    assert_eq!(found, expected, "{errors}");
    let shown = errors.to_string();
    assert_eq!(shown.lines().count(), expected.len(), "{shown}");
    assert!(shown.contains("environment variable REEVE_STALENESS__DECISIONS"), "{shown}");
    assert!(shown.contains("reeve.toml"), "{shown}");
    assert!(shown.contains("`concurrency_limit`"), "known keys are listed: {shown}");
}

#[test]
fn a_variable_without_a_section_is_no_key() {
    environment(&[("REEVE_SERVER", "grpc://x"), ("REEVE_INITIAL_PASSWORD", "x"), ("REEVE_CLUSTER_KEY", "x")]).unwrap();
    environment(&[("PATH", "x"), ("OTHER_SERVER__LISTEN", "x")]).unwrap();
    assert_eq!(keys(environment(&[("REEVE_SERVER__LITSEN", "x")])), ["server.litsen"]);
}

#[test]
fn a_text_from_the_environment_stays_the_text_it_is() {
    for text in ["12345678", "true", "[x]", "{a=1}", "\"q\"", "", "1.50"] {
        let config = environment(&[("REEVE_EXTRA__PASSWORD", text), ("REEVE_EXTRA__NAME", text)]).unwrap();
        assert_eq!(config.extra.password.unwrap().expose(), text);
        assert_eq!(config.extra.name.unwrap(), text);
    }
}

#[test]
fn a_number_that_is_absent_by_default_is_read_from_the_environment() {
    let config = environment(&[("REEVE_EXTRA__PORT", "7300"), ("REEVE_EXTRA__HOSTS", "[a,b]")]).unwrap();
    assert_eq!(config.extra.port, Some(7300));
    assert_eq!(config.extra.hosts, ["a", "b"]);
    assert_eq!(keys(environment(&[("REEVE_EXTRA__PORT", "many")])), ["extra.port"]);
    assert_eq!(keys(environment(&[("REEVE_EXTRA__PORT", "70000")])), ["extra.port"]);
}

#[test]
fn a_section_that_takes_any_key_takes_any_key() {
    let config = toml("[extra.labels]\nanything = \"goes\"\n").unwrap();
    assert_eq!(config.extra.labels["anything"], "goes");
}

#[test]
fn a_variable_that_is_both_a_value_and_a_section_is_refused() {
    let errors = environment(&[("REEVE_EXTRA__LABELS__A", "x"), ("REEVE_EXTRA__LABELS__A__B", "x")]);
    assert_eq!(keys(errors), ["extra.labels.a.b"]);
}

#[test]
fn a_listener_beyond_this_host_needs_a_word() {
    let errors = toml("[server]\nlisten = \"0.0.0.0:7300\"\n").err().unwrap();
    assert_eq!(errors.0[0].key, "server.listen");
    assert!(errors.0[0].problem.contains("server.allow_plaintext"), "{errors}");
    toml("[server]\nlisten = \"0.0.0.0:7300\"\nallow_plaintext = true\n").unwrap();
    toml("[server]\nlisten = \"[::1]:7300\"\n").unwrap();
    toml("[server]\nlisten = \"127.9.9.9:7300\"\n").unwrap();
    assert_eq!(keys(toml("[server]\nlisten = \"[::]:7300\"\n")), ["server.listen"]);
}

#[test]
fn a_secret_is_shown_nowhere() {
    let errors = toml("[extra]\npassword = 987654\n").err().unwrap();
    assert_eq!(errors.0[0].key, "extra.password");
    assert!(!errors.to_string().contains("987654"), "{errors}");
    let errors = toml("[extra]\npassword = \"hunter2\n").err().unwrap();
    assert!(!errors.to_string().contains("hunter2"), "{errors}");
    let config = toml("[extra]\npassword = \"hunter2\"\n").unwrap();
    let shown = figment::value::Value::serialize(&config).unwrap();
    assert!(!format!("{shown:?}").contains("hunter2"));
    assert_eq!(shown.find_ref("extra.password").and_then(|value| value.as_str()), Some("***"));
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let path = PathBuf::from("/nowhere/reeve.toml");
    let errors = load::<Config>(Some(&path), std::iter::empty(), Overrides::new()).err().unwrap();
    assert_eq!(errors.0[0].origin, "/nowhere/reeve.toml");
    assert_eq!(errors.0.len(), 1);
}

#[test]
fn a_section_that_is_a_value_is_refused() {
    assert_eq!(keys(toml("server = 3\n")), ["server"]);
    assert_eq!(keys(environment(&[("REEVE_SERVER__LISTEN__PORT", "1")])), ["server.listen"]);
}
