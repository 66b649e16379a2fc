//! The section `services`: where each owner is.

use reeve_chassis::config::Validate;
use reeve_model::Violations;
use reeve_sidecar::{MAX_UPSTREAMS, is_service_address};
use serde::{Deserialize, Serialize};

/// The replicas of each owner, `http://HOST:PORT` each. What a service does not own it forwards there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ServicesConfig {
    /// Users, sessions, robots, tokens.
    pub identity: Vec<String>,
    /// Workspaces, roles, bindings, config policies, admission.
    pub policy: Vec<String>,
    /// Agent users.
    pub agentmap: Vec<String>,
}

impl Validate for ServicesConfig {
    fn validate(&self, violations: &mut Violations) {
        for (name, urls) in [("identity", &self.identity), ("policy", &self.policy), ("agentmap", &self.agentmap)] {
            if urls.len() > MAX_UPSTREAMS {
                violations.add(format!("services.{name}"), format!("there are at most {MAX_UPSTREAMS}"));
            }
            for (at, url) in urls.iter().enumerate().filter(|(_, url)| !is_service_address(url)) {
                violations.add(
                    format!("services.{name}[{at}]"),
                    format!("`{}` is not an address: write `http://HOST:PORT`", url.escape_default()),
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wrong_address_is_named() {
        let config = ServicesConfig {
            identity: vec!["http://10.0.0.1:7300".to_owned(), "https://10.0.0.2:7300".to_owned()],
            policy: vec!["policy:7300".to_owned()],
            agentmap: Vec::new(),
        };
        let mut violations = Violations::new();
        config.validate(&mut violations);
        let fields: Vec<_> = violations.into_vec().into_iter().map(|violation| violation.field).collect();
        assert_eq!(fields, ["services.identity[1]", "services.policy[0]"]);
    }
}
