//! `GetConfigPolicy`: the policy of one workload type at one scope, for whom it applies to.

use std::sync::Arc;

use reeve_answers::Moment;
use reeve_chassis::{Authority, Caller, Failure, Granted};
use reeve_config_policy::WorkloadType;
use reeve_model::Resource;
use reeve_rbac::Permission;
use reeve_world::ConfigPolicy;

use super::PolicyScope;

/// The policy.
///
/// # Errors
/// [`Failure::Denied`], [`Failure::NotFound`].
pub(crate) fn get_config_policy(
    granted: &Granted,
    moment: &Moment,
    scope: &PolicyScope,
    workload: WorkloadType,
) -> Result<Arc<ConfigPolicy>, Failure> {
    may_read(granted.caller(), moment, scope)?;
    let workspace = scope.workspace(moment.world())?;
    let found = moment.world().config_policy(workspace, workload);
    let found = found.ok_or_else(|| Failure::not_found(scope.policy_name(workload)))?;
    Ok(Arc::clone(&found.record))
}

/// Whoever may submit to a workspace may read every policy that applies there, the cluster's included.
fn may_read(caller: &Caller, moment: &Moment, scope: &PolicyScope) -> Result<(), Failure> {
    let permission = Permission::CONFIG_POLICY_VIEW;
    let resource = scope.resource();
    if moment.holds(caller, permission, resource)? {
        return Ok(());
    }
    if !scope.is_cluster() {
        return Err(if moment.may_know(caller, resource) {
            Failure::Denied { permission, resource: resource.clone() }
        } else {
            Failure::not_found(resource)
        });
    }
    for workspace in moment.world().workspaces_after(None) {
        if moment.holds(caller, Permission::WORKLOAD_SUBMIT, &Resource::workspace(&workspace.name))? {
            return Ok(());
        }
    }
    Err(Failure::Denied { permission, resource: resource.clone() })
}
