//! Everything that can be configured, section by section.

mod etcd;
mod security;
mod services;

use std::path::PathBuf;

use reeve_answers::Staleness;
use reeve_chassis::config::{ServerConfig, StalenessConfig, TelemetryConfig, Validate};
use reeve_identity::IdentityConfig;
use reeve_model::Violations;
use reeve_owner::WorkspacesConfig;
use reeve_policy::PolicyConfig;
use reeve_sidecar::SidecarConfig;
use reeve_world::TokenRules;
use serde::{Deserialize, Serialize};

pub use self::etcd::{EtcdConfig, EtcdTlsConfig, MAX_ENDPOINTS};
pub use self::security::{DefaultTaskConfig, PriorityOrderConfig, SecurityConfig, WorkloadsConfig};
pub use self::services::ServicesConfig;

/// The configuration of `reeved`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Config {
    /// The folder of the embedded store and of the files that `up` makes. Default: `reeve-data`. A service that runs alone has none.
    pub data: PathBuf,
    /// A file with the cluster key; without one, `REEVE_CLUSTER_KEY`; without that, `up` makes one in `data`, and nothing else starts.
    pub cluster_key_file: Option<PathBuf>,
    /// Files with cluster keys of before: they open what they sealed, and seal nothing.
    pub older_cluster_key_files: Vec<PathBuf>,
    /// The gRPC listener.
    pub server: ServerConfig,
    /// Logs.
    pub telemetry: TelemetryConfig,
    /// How old the state may be that answers are made from.
    pub staleness: StalenessConfig,
    /// What a new cluster begins with.
    pub bootstrap: BootstrapConfig,
    /// The etcd of a service that runs alone.
    pub etcd: EtcdConfig,
    /// Where the services are, for one that runs alone.
    pub services: ServicesConfig,
    /// Logins, tokens, passwords.
    pub identity: IdentityConfig,
    /// What a workspace comes with.
    pub workspaces: WorkspacesConfig,
    /// The first workspace.
    pub policy: PolicyConfig,
    /// Who tasks run as.
    pub security: SecurityConfig,
    /// What the scheduler does with workloads.
    pub workloads: WorkloadsConfig,
    /// The sidecar.
    pub sidecar: SidecarConfig,
}

/// The section `bootstrap`. Looked at by the first start alone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BootstrapConfig {
    /// A file with the password of the first accounts; without one, `REEVE_INITIAL_PASSWORD`; without that, `up` makes one.
    pub initial_password_file: Option<PathBuf>,
    /// A file with the root token; without one, `REEVE_ROOT_TOKEN`; without that, `up` makes one.
    pub root_token_file: Option<PathBuf>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data: PathBuf::from("reeve-data"),
            cluster_key_file: None,
            older_cluster_key_files: Vec::new(),
            server: ServerConfig::default(),
            telemetry: TelemetryConfig::default(),
            staleness: StalenessConfig::default(),
            bootstrap: BootstrapConfig::default(),
            etcd: EtcdConfig::default(),
            services: ServicesConfig::default(),
            identity: IdentityConfig::default(),
            workspaces: WorkspacesConfig::default(),
            policy: PolicyConfig::default(),
            security: SecurityConfig::default(),
            workloads: WorkloadsConfig::default(),
            sidecar: SidecarConfig::default(),
        }
    }
}

impl Config {
    /// What access tokens must say.
    pub fn token_rules(&self) -> TokenRules {
        TokenRules { issuer: self.identity.issuer.clone(), audience: self.identity.audience.clone() }
    }

    /// How old the state may be.
    pub fn staleness(&self) -> Staleness {
        Staleness { decisions: self.staleness.decisions.get(), administration: self.staleness.administration.get() }
    }
}

impl Validate for Config {
    fn validate(&self, violations: &mut Violations) {
        self.server.validate(violations);
        self.telemetry.validate(violations);
        self.staleness.validate(violations);
        self.etcd.validate(violations);
        self.services.validate(violations);
        self.identity.validate(violations);
        self.workspaces.validate(violations);
        self.policy.validate(violations);
        self.sidecar.validate(violations);
        if let Err(wrong) = self.settings() {
            for violation in wrong.into_vec() {
                violations.add(violation.field, violation.description);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use reeve_chassis::config::{Overrides, load};

    use super::*;

    /// The example with every key that has no default given its example value.
    fn example(uncomment: bool) -> String {
        let text = include_str!("../../../deploy/examples/reeved.toml");
        let lines = text.lines().map(|line| match line.strip_prefix('#') {
            Some(key) if uncomment && !key.starts_with(' ') => key,
            _ => line,
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    fn loaded(text: &str) -> Config {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("reeved.toml");
        std::fs::write(&file, text).unwrap();
        load(Some(Path::new(&file)), std::iter::empty(), Overrides::new()).unwrap_or_else(|errors| panic!("{errors}"))
    }

    fn keys(table: &toml::Table, prefix: &str, found: &mut Vec<String>) {
        for (key, value) in table {
            match value {
                toml::Value::Table(below) => keys(below, &format!("{prefix}{key}."), found),
                _ => found.push(format!("{prefix}{key}")),
            }
        }
    }

    #[test]
    fn the_example_is_the_default_configuration_with_every_key() {
        assert_eq!(loaded(&example(false)), Config::default());
        let everything = loaded(&example(true));
        let (mut printed, mut written) = (Vec::new(), Vec::new());
        keys(&toml::Table::try_from(&everything).unwrap(), "", &mut printed);
        keys(&example(true).parse().unwrap(), "", &mut written);
        printed.sort();
        written.sort();
        assert_eq!(printed, written, "every key stands in the example, and none that there is not");
    }

    #[test]
    fn half_a_default_task_is_refused_field_by_field() {
        let security = SecurityConfig {
            default_task: DefaultTaskConfig { uid: Some(u32::MAX), user: Some("a:b".to_owned()), ..Default::default() },
            ..SecurityConfig::default()
        };
        let mut violations = Violations::new();
        Config { security, ..Config::default() }.validate(&mut violations);
        let mut fields: Vec<_> = violations.into_vec().into_iter().map(|violation| violation.field).collect();
        fields.sort();
        let expected = ["gid", "group", "uid", "user"].map(|field| format!("security.default_task.{field}"));
        assert_eq!(fields, expected);
    }
}
