//! Policies and settings as the tests put them together.

use reeve_config_policy::{
    Applicable, Attributed, LimitPrecedence, Policy, PriorityOrder, Resolution, Scope, Settings, WorkloadType,
    parse_config, resolve,
};

/// The versions that changes and violations must name.
pub(super) const CLUSTER_VERSION: u64 = 7;
pub(super) const WORKSPACE_VERSION: u64 = 3;

/// The policies of one test.
pub(super) struct World {
    pub(super) workload: WorkloadType,
    pub(super) cluster: Option<Policy>,
    pub(super) workspace: Option<Policy>,
    pub(super) settings: Settings,
}

impl World {
    pub(super) fn new(cluster: Option<&str>, workspace: Option<&str>) -> Self {
        Self::of(WorkloadType::Experiment, cluster, workspace)
    }

    pub(super) fn of(workload: WorkloadType, cluster: Option<&str>, workspace: Option<&str>) -> Self {
        let parse = |text: &str| Policy::parse(text, workload).unwrap_or_else(|error| panic!("{error}\n{text}"));
        Self {
            workload,
            cluster: cluster.map(parse),
            workspace: workspace.map(parse),
            settings: Settings {
                limit_precedence: LimitPrecedence::StrictestWins,
                priority_order: PriorityOrder::LowerIsHigher,
                default_priority: None,
            },
        }
    }

    pub(super) fn applicable(&self) -> Applicable<'_> {
        let attributed = |policy, scope, version| Attributed { policy, scope, version };
        let workspace = || Scope::Workspace("vision".to_owned());
        Applicable {
            cluster: self.cluster.as_ref().map(|policy| attributed(policy, Scope::Cluster, CLUSTER_VERSION)),
            workspace: self.workspace.as_ref().map(|policy| attributed(policy, workspace(), WORKSPACE_VERSION)),
        }
    }

    pub(super) fn resolve(&self, config: &str) -> Resolution {
        let document = parse_config(config.as_bytes()).unwrap_or_else(|error| panic!("{error}\n{config}"));
        resolve(self.workload, &document, &self.applicable(), &self.settings)
            .unwrap_or_else(|error| panic!("{error}\n{config}"))
    }
}
