//! The sections `security` and `workloads`: what answers are made with.

use reeve_agent_user::{DefaultTask, IdentityDraft, RootTasks, UnixName};
use reeve_answers::Settings;
use reeve_config_policy::PriorityOrder;
use reeve_model::Violations;
use serde::{Deserialize, Serialize};

use super::Config;

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
}
