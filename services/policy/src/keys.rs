//! The private keys of this service: what keeps its writes apart.

use reeve_config_policy::WorkloadType;
use reeve_model::WorkspaceName;
use reeve_store::Key;

/// Holds the uid of the workspace that has the name, whatever its case: names are unique because this key is.
pub(crate) fn workspace_name(name: &WorkspaceName) -> Key {
    Key::new(format!("private/policy/workspace-name/{}", name.fold()))
}

/// Exists once the workspace `default` was made, so that it is made once and not again after it was deleted.
pub(crate) fn default_workspace_made() -> Key {
    Key::new("private/policy/default-workspace-made")
}

/// Put by every write of a policy for the workload type, so that a cluster's policy is checked against every workspace's.
pub(crate) fn config_policies(workload: WorkloadType) -> Key {
    Key::new(format!("private/policy/config-policies/{}", workload.as_str()))
}
