//! The section `workspaces` of the configuration: whether workspaces have groups. Policy and identity go by the same.

use reeve_chassis::config::Validate;
use reeve_model::Violations;
use reeve_rbac::{BuiltinRole, ScopeKind};
use serde::{Deserialize, Serialize};

/// The section `workspaces`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct WorkspacesConfig {
    /// Whether each workspace has a group of its name. Default: yes. Turned off, no workspace gets one any more; the groups
    /// that there are stay.
    pub groups: bool,
    /// The role that a workspace's group gets there when the workspace is created; empty for none. Default: `editor`, as
    /// whoever is in the group of an OpenPAI virtual cluster may submit to it.
    pub group_role: String,
}

impl Default for WorkspacesConfig {
    fn default() -> Self {
        Self { groups: true, group_role: BuiltinRole::Editor.as_str().to_owned() }
    }
}

impl WorkspacesConfig {
    /// The role of a workspace's group there; none where it has none.
    ///
    /// # Errors
    /// What is wrong with the role.
    pub fn group_role(&self) -> Result<Option<BuiltinRole>, String> {
        Ok(workspace_role(&self.group_role)?.filter(|_| self.groups))
    }
}

impl Validate for WorkspacesConfig {
    fn validate(&self, violations: &mut Violations) {
        violations.take("workspaces.group_role", self.group_role());
    }
}

/// A role that a configuration gives on workspaces; empty for none.
///
/// # Errors
/// Not a role, or one that cannot be held on a workspace.
pub fn workspace_role(text: &str) -> Result<Option<BuiltinRole>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let role = BuiltinRole::parse(text).map_err(|error| error.to_string())?;
    if !role.assignable_at().contains(&ScopeKind::Workspace) {
        return Err(format!("`{role}` cannot be held on a workspace"));
    }
    Ok(Some(role))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_role_of_workspaces_or_none_is_accepted() {
        for (role, expected) in
            [("", Some(None)), ("viewer", Some(Some(BuiltinRole::Viewer))), ("clusterAdmin", None), ("Editor", None)]
        {
            let config = WorkspacesConfig { groups: true, group_role: role.to_owned() };
            assert_eq!(config.group_role().ok(), expected, "{role}");
            let mut violations = Violations::new();
            config.validate(&mut violations);
            assert_eq!(violations.is_empty(), expected.is_some(), "{role}");
        }
    }

    #[test]
    fn without_groups_there_is_nobody_to_hold_the_role() {
        assert_eq!(WorkspacesConfig { groups: false, ..Default::default() }.group_role(), Ok(None));
        assert_eq!(WorkspacesConfig::default().group_role(), Ok(Some(BuiltinRole::Editor)));
    }
}
