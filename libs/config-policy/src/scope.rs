//! Where a policy stands, and the settings under which policies are read together.

use std::fmt;

use crate::constraints::{Constraints, Pair};
use crate::policy::Policy;
use crate::traced::{Level, Origin, Source, Traced};

/// What a policy belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// The whole cluster.
    Cluster,
    /// One workspace, by its name.
    Workspace(String),
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cluster => f.write_str("cluster"),
            Self::Workspace(name) => write!(f, "workspaces/{name}"),
        }
    }
}

/// A policy with the scope and the version that its changes and violations are attributed to.
#[derive(Clone, Debug)]
pub struct Attributed<'a> {
    /// The policy.
    pub policy: &'a Policy,
    /// The scope it is set at.
    pub scope: Scope,
    /// Its version there.
    pub version: u64,
}

/// The policies that apply to one workload: at most one for each scope.
#[derive(Clone, Debug, Default)]
pub struct Applicable<'a> {
    /// The cluster's policy for the workload type.
    pub cluster: Option<Attributed<'a>>,
    /// The workspace's policy for the workload type.
    pub workspace: Option<Attributed<'a>>,
}

impl<'a> Applicable<'a> {
    pub(crate) fn at(&self, level: Level) -> Option<&Attributed<'a>> {
        match level {
            Level::Cluster => self.cluster.as_ref(),
            Level::Workspace => self.workspace.as_ref(),
        }
    }

    /// What a section of one of the policies sets, stamped with where it comes from.
    pub(crate) fn values(&self, source: Source) -> Option<Traced> {
        let values = self.at(source.level)?.policy.values(source.section)?;
        Some(values.clone().stamped(Origin::Policy(source)))
    }

    /// One limit of both policies.
    pub(crate) fn limits(&self, limit: impl Fn(&Constraints) -> Option<i64>) -> Pair {
        let of = |level| self.at(level).and_then(|attributed| limit(attributed.policy.constraints()));
        Pair { cluster: of(Level::Cluster), workspace: of(Level::Workspace) }
    }

    /// The scope and version of the policy a value or limit comes from.
    pub(crate) fn attribution(&self, level: Level) -> (Scope, u64) {
        self.at(level).map_or((Scope::Cluster, 0), |attributed| (attributed.scope.clone(), attributed.version))
    }
}

/// Which limit of `constraints` holds where both scopes set one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LimitPrecedence {
    /// A workspace tightens what the cluster allows and never loosens it.
    #[default]
    StrictestWins,
    /// The cluster's limit replaces the workspace's, even where it is looser.
    ClusterOverrides,
}

/// Which priorities are higher; the scheduler's own rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PriorityOrder {
    /// 1 goes before 50: a limit is the lowest number allowed.
    LowerIsHigher,
    /// 50 goes before 1: a limit is the highest number allowed.
    HigherIsHigher,
    /// The scheduler has no priorities: limits on them are ignored.
    None,
}

/// What the request or the cluster's configuration says about limits and the scheduler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Which limit holds where both scopes set one.
    pub limit_precedence: LimitPrecedence,
    /// Which priorities are higher.
    pub priority_order: PriorityOrder,
    /// The priority that the scheduler gives to what asks for none; `None` where it is unknown.
    pub default_priority: Option<i64>,
}
