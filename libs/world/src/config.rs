//! Config policies of a World: which apply to a workload, and what they make of it.

use std::sync::Arc;

use reeve_config_policy::{
    Applicable, Attributed, Document, InputErrors, LimitPrecedence, Policy, PriorityOrder, Resolution, Scope, Settings,
    WorkloadType, resolve,
};
use reeve_model::WorkspaceId;

use crate::{ConfigPolicy, Workspace, World};

/// A stored policy, parsed once.
#[derive(Clone, Debug)]
pub struct CompiledPolicy {
    /// The record.
    pub record: Arc<ConfigPolicy>,
    /// Its meaning, or why it has none.
    pub policy: Result<Arc<Policy>, PolicyDefect>,
}

/// A stored policy that this version cannot read. What it limits is refused until it can be read again.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the config policy of {scope} for {workload} cannot be read by this version: {reason}")]
pub struct PolicyDefect {
    /// `cluster`, or the workspace's uid.
    pub scope: String,
    /// The workload type.
    pub workload: &'static str,
    /// What is wrong with it.
    pub reason: String,
}

/// Why a config could not be resolved.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ConfigError {
    /// The result is past a bound.
    #[error(transparent)]
    Input(#[from] InputErrors),
    /// A policy that applies cannot be read.
    #[error(transparent)]
    Defect(#[from] PolicyDefect),
}

impl CompiledPolicy {
    pub(crate) fn new(record: ConfigPolicy) -> Self {
        let policy = Policy::parse(&record.document, record.workload).map(Arc::new).map_err(|reason| PolicyDefect {
            scope: record.workspace.map_or_else(|| "cluster".to_owned(), |id| id.to_string()),
            workload: record.workload.as_str(),
            reason: reason.to_string(),
        });
        Self { record: Arc::new(record), policy }
    }

    /// The policy with what its changes and violations are attributed to.
    pub fn attributed(&self, scope: Scope) -> Result<Attributed<'_>, PolicyDefect> {
        let policy = self.policy.as_ref().map_err(Clone::clone)?;
        Ok(Attributed { policy, scope, version: self.record.version })
    }
}

impl World {
    /// The policy of one scope (none: the cluster) for one workload type.
    pub fn config_policy(&self, workspace: Option<WorkspaceId>, workload: WorkloadType) -> Option<&CompiledPolicy> {
        self.config_policies.get(&(workspace, workload.as_str()))
    }

    /// Every workspace's policy for one workload type, with its workspace.
    pub fn workspace_policies(&self, workload: WorkloadType) -> impl Iterator<Item = (&Workspace, &CompiledPolicy)> {
        self.config_policies.iter().filter_map(move |((scope, kind), policy)| {
            let workspace = self.workspace_by_id(scope.as_ref()?)?;
            (*kind == workload.as_str()).then_some((workspace.as_ref(), policy))
        })
    }

    /// The policies that apply to a workload type in a workspace.
    ///
    /// # Errors
    /// One that applies cannot be read.
    pub fn applicable(&self, workspace: &Workspace, workload: WorkloadType) -> Result<Applicable<'_>, PolicyDefect> {
        let cluster = self.config_policy(None, workload).map(|p| p.attributed(Scope::Cluster)).transpose()?;
        let scope = || Scope::Workspace(workspace.name.to_string());
        let own = self.config_policy(Some(workspace.uid), workload).map(|p| p.attributed(scope())).transpose()?;
        Ok(Applicable { cluster, workspace: own })
    }

    /// How limits combine for a workload type, and what the scheduler says of priorities.
    pub fn config_settings(
        &self,
        workload: WorkloadType,
        priority_order: PriorityOrder,
        default_priority: Option<i64>,
    ) -> Settings {
        let limit_precedence = self
            .config_policy(None, workload)
            .map_or(LimitPrecedence::StrictestWins, |policy| policy.record.limit_precedence);
        Settings { limit_precedence, priority_order, default_priority }
    }

    /// Applies the policies that hold in `workspace` to `config`.
    ///
    /// # Errors
    /// The result is past a bound, or a policy that applies cannot be read.
    pub fn resolve_config(
        &self,
        workspace: &Workspace,
        workload: WorkloadType,
        config: &Document,
        priority_order: PriorityOrder,
        default_priority: Option<i64>,
    ) -> Result<Resolution, ConfigError> {
        let settings = self.config_settings(workload, priority_order, default_priority);
        Ok(resolve(workload, config, &self.applicable(workspace, workload)?, &settings)?)
    }
}
