//! Everything that can be configured, section by section.

use std::path::PathBuf;

use reeve_agent_user::{DefaultTask, IdentityDraft, RootTasks, UnixName};
use reeve_answers::{Settings, Staleness};
use reeve_chassis::config::{ServerConfig, StalenessConfig, TelemetryConfig, Validate};
use reeve_config_policy::PriorityOrder;
use reeve_identity::IdentityConfig;
use reeve_model::Violations;
use reeve_owner::WorkspacesConfig;
use reeve_policy::PolicyConfig;
use reeve_sidecar::SidecarConfig;
use reeve_world::TokenRules;
use serde::{Deserialize, Serialize};

/// The configuration of `reeved`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Config {
    /// The folder of the embedded store and of the files that `up` makes. Default: `reeve-data`.
    pub data: PathBuf,
    /// A file with the cluster key; without one, `REEVE_CLUSTER_KEY`; without that, `up` makes one in `data`.
    pub cluster_key_file: Option<PathBuf>,
    /// The gRPC listener.
    pub server: ServerConfig,
    /// Logs.
    pub telemetry: TelemetryConfig,
    /// How old the state may be that answers are made from.
    pub staleness: StalenessConfig,
    /// What a new cluster begins with.
    pub bootstrap: BootstrapConfig,
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

/// The section `security`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SecurityConfig {
    /// Who tasks run as for a user without a link: all four, or none for root.
    pub default_task: DefaultTaskConfig,
    /// Whether any task may run as root. Default: yes.
    pub allow_root: bool,
    /// The user that a batch system's launcher (Slurm, PBS) runs as; none if there is no such launcher.
    pub launcher_user: Option<String>,
}

/// The section `security.default_task`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DefaultTaskConfig {
    /// The user's name.
    pub user: Option<String>,
    /// The user id.
    pub uid: Option<u32>,
    /// The primary group's name.
    pub group: Option<String>,
    /// The primary group id.
    pub gid: Option<u32>,
}

/// The section `workloads`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct WorkloadsConfig {
    /// Which numbers are higher priorities, where a request does not say.
    pub priority_order: PriorityOrderConfig,
    /// The scheduler's default priority, where a request does not say; none if it is unknown.
    pub default_priority: Option<i64>,
}

/// Which numbers are higher priorities.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PriorityOrderConfig {
    /// 1 goes before 2 (Determined's agent scheduler).
    #[default]
    LowerIsHigher,
    /// 2 goes before 1 (Kubernetes).
    HigherIsHigher,
    /// Priorities mean nothing.
    None,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data: PathBuf::from("reeve-data"),
            cluster_key_file: None,
            server: ServerConfig::default(),
            telemetry: TelemetryConfig::default(),
            staleness: StalenessConfig::default(),
            bootstrap: BootstrapConfig::default(),
            identity: IdentityConfig::default(),
            workspaces: WorkspacesConfig::default(),
            policy: PolicyConfig::default(),
            security: SecurityConfig::default(),
            workloads: WorkloadsConfig::default(),
            sidecar: SidecarConfig::default(),
        }
    }
}

impl Default for SecurityConfig {
    fn default() -> Self {
        Self { default_task: DefaultTaskConfig::default(), allow_root: true, launcher_user: None }
    }
}

impl Config {
    /// What answers are made with.
    ///
    /// # Errors
    /// Every wrong field of `security`.
    pub fn settings(&self) -> Result<Settings, Violations> {
        let mut violations = Violations::new();
        let task = &self.security.default_task;
        let draft = IdentityDraft { uid: task.uid, user: task.user.clone(), gid: task.gid, group: task.group.clone() };
        let default_task = DefaultTask::parse(&draft, "security.default_task.");
        let launcher = self.security.launcher_user.as_deref().map(UnixName::parse).transpose();
        let launcher_user = violations.take("security.launcher_user", launcher).flatten();
        let default_task = match default_task {
            Ok(default_task) if violations.is_empty() => default_task,
            Ok(_) => return Err(violations),
            Err(wrong) => {
                for violation in wrong.into_vec() {
                    violations.add(violation.field, violation.description);
                }
                return Err(violations);
            }
        };
        Ok(Settings {
            agent_user: reeve_agent_user::Settings {
                default_task,
                root_tasks: RootTasks::of_allow_root(self.security.allow_root),
                launcher_user,
            },
            priority_order: match self.workloads.priority_order {
                PriorityOrderConfig::LowerIsHigher => PriorityOrder::LowerIsHigher,
                PriorityOrderConfig::HigherIsHigher => PriorityOrder::HigherIsHigher,
                PriorityOrderConfig::None => PriorityOrder::None,
            },
            default_priority: self.workloads.default_priority,
        })
    }

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
