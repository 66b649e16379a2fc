//! The section `staleness`: how old a snapshot may be and still be answered from.

use reeve_model::Violations;
use serde::{Deserialize, Serialize};

use super::{Period, Validate};

/// The section `staleness`. Past it, the answer is `STALE_REPLICA`, never an allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct StalenessConfig {
    /// For decisions and admission. Default: `5m`.
    pub decisions: Period,
    /// For administration. Default: `30s`.
    pub administration: Period,
}

impl Default for StalenessConfig {
    fn default() -> Self {
        Self { decisions: Period::from_secs(300), administration: Period::from_secs(30) }
    }
}

impl Validate for StalenessConfig {
    fn validate(&self, violations: &mut Violations) {
        // Heartbeats come once a second: anything shorter is stale between two of them.
        const SHORTEST: Period = Period::from_secs(2);
        for (key, period) in [("decisions", self.decisions), ("administration", self.administration)] {
            if period < SHORTEST {
                violations.add(format!("staleness.{key}"), format!("it must be at least `{SHORTEST}`"));
            }
        }
    }
}
