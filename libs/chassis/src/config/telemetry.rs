//! The section `telemetry`: what is logged, and how.

use reeve_model::Violations;
use serde::{Deserialize, Serialize};
use tracing_subscriber::EnvFilter;

use super::Validate;

/// How a log line looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// For programs: one JSON object a line.
    Json,
}

/// The section `telemetry`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TelemetryConfig {
    /// `text` or `json`. Default: `text`.
    pub format: LogFormat,
    /// From which level on: `error`, `warn`, `info`, `debug` or `trace`, or directives for parts, such as
    /// `info,reeve_chassis=debug`. Default: `info`.
    pub level: String,
}

impl Default for TelemetryConfig {
    fn default() -> Self {
        Self { format: LogFormat::default(), level: "info".to_owned() }
    }
}

impl Validate for TelemetryConfig {
    fn validate(&self, violations: &mut Violations) {
        if EnvFilter::try_new(&self.level).is_err() {
            violations.add(
                "telemetry.level",
                format!("`{}` is none of `error`, `warn`, `info`, `debug`, `trace`, nor directives", self.level),
            );
        }
    }
}
