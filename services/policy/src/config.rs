//! The section `policy` of the configuration.

use reeve_chassis::config::Validate;
use reeve_model::Violations;
use reeve_owner::workspace_role;
use reeve_rbac::BuiltinRole;
use serde::{Deserialize, Serialize};

/// The section `policy`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PolicyConfig {
    /// The role that `everyone` gets on the workspace `default` when a new cluster makes it; empty for none. Default:
    /// `editor`.
    pub default_workspace_role: String,
}

impl Default for PolicyConfig {
    fn default() -> Self {
        Self { default_workspace_role: BuiltinRole::Editor.as_str().to_owned() }
    }
}

impl PolicyConfig {
    /// The role of `everyone` on `default`, if there is one.
    pub(crate) fn role(&self) -> Result<Option<BuiltinRole>, String> {
        workspace_role(&self.default_workspace_role)
    }
}

impl Validate for PolicyConfig {
    fn validate(&self, violations: &mut Violations) {
        violations.take("policy.default_workspace_role", self.role());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_role_of_workspaces_or_none_is_accepted() {
        for (role, expected) in [("", Some(None)), ("viewer", Some(Some(BuiltinRole::Viewer))), ("clusterAdmin", None)]
        {
            let config = PolicyConfig { default_workspace_role: role.to_owned() };
            assert_eq!(config.role().ok(), expected, "{role}");
            let mut violations = Violations::new();
            config.validate(&mut violations);
            assert_eq!(violations.is_empty(), expected.is_some(), "{role}");
        }
        let typo = PolicyConfig { default_workspace_role: "Editor".to_owned() };
        assert_eq!(typo.role().unwrap_err(), "`Editor` is not a role: the nearest is `editor`");
    }
}
