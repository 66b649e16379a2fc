//! The `constraints` section: limits on what is left after defaults and invariants.

use std::cmp::Ordering;

use crate::node::{Entry, Node, NodeKind};
use crate::path::shown;
use crate::scope::{LimitPrecedence, PriorityOrder};
use crate::shaper::Shaper;
use crate::traced::Level;
use crate::value::Value;

/// The name of the limit on slots.
pub(crate) const MAX_SLOTS: &str = "constraints.resources.max_slots";
/// The name of the limit on priority.
pub(crate) const PRIORITY_LIMIT: &str = "constraints.priority_limit";

/// The limits of one policy; none is negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Constraints {
    pub(crate) max_slots: Option<i64>,
    pub(crate) priority_limit: Option<i64>,
}

impl Constraints {
    /// Reads the section; what is wrong with it is noted with the shaper.
    pub(crate) fn read(shaper: &mut Shaper, node: &Node) -> Self {
        let mut constraints = Self::default();
        for entry in entries(shaper, node) {
            shaper.at_field(&entry.key, |shaper| match entry.key.as_str() {
                "priority_limit" => constraints.priority_limit = limit(shaper, &entry.node),
                "resources" => {
                    for entry in entries(shaper, &entry.node) {
                        shaper.at_field(&entry.key, |shaper| match entry.key.as_str() {
                            "max_slots" => constraints.max_slots = limit(shaper, &entry.node),
                            _ => unknown(shaper, entry, "`max_slots`"),
                        });
                    }
                }
                _ => unknown(shaper, entry, "`resources`, `priority_limit`"),
            });
        }
        constraints
    }

    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

fn entries<'n>(shaper: &mut Shaper, node: &'n Node) -> &'n [Entry] {
    if let NodeKind::Map(entries) = &node.kind {
        return entries;
    }
    shaper.refuse(node.at, format!("must be a map, not {}", node.type_name()));
    &[]
}

fn unknown(shaper: &mut Shaper, entry: &Entry, known: &str) {
    shaper.refuse(entry.at, format!("the limit `{}` is not known; known here: {known}", shown(&entry.key)));
}

fn limit(shaper: &mut Shaper, node: &Node) -> Option<i64> {
    let integer = match &node.kind {
        NodeKind::Scalar(Value::Number(number)) => number.as_integer(),
        _ => None,
    };
    match integer {
        None => shaper.refuse(node.at, format!("must be an integer, not {}", node.type_name())),
        Some(value) if value < 0 => shaper.refuse(node.at, format!("must not be negative, is `{value}`")),
        Some(value) => {
            if let Ok(value) = i64::try_from(value) {
                return Some(value);
            }
            shaper.refuse(node.at, format!("must be at most `{}`, is `{value}`", i64::MAX));
        }
    }
    None
}

/// A limit that holds, and whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limit {
    pub(crate) value: i64,
    pub(crate) level: Level,
}

/// The same limit at both scopes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pair {
    pub(crate) cluster: Option<i64>,
    pub(crate) workspace: Option<i64>,
}

/// What becomes of the workspace's limit beside the cluster's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It holds, or there is none.
    Holds,
    /// It is looser than the cluster's and has no effect.
    Looser,
    /// The cluster's replaces it.
    Replaced,
}

impl Pair {
    /// `strictness` is greater for the stricter of two limits.
    pub(crate) fn standing(self, precedence: LimitPrecedence, strictness: impl Fn(i64, i64) -> Ordering) -> Standing {
        match (self.cluster, self.workspace, precedence) {
            (Some(cluster), Some(workspace), LimitPrecedence::StrictestWins)
                if strictness(workspace, cluster) == Ordering::Less =>
            {
                Standing::Looser
            }
            (Some(_), Some(_), LimitPrecedence::ClusterOverrides) => Standing::Replaced,
            _ => Standing::Holds,
        }
    }

    /// The strictest limit that holds; of equal ones the cluster's.
    pub(crate) fn strictest(
        self,
        precedence: LimitPrecedence,
        strictness: impl Fn(i64, i64) -> Ordering,
    ) -> Option<Limit> {
        let in_force = self.in_force(precedence, &strictness);
        in_force.into_iter().reduce(
            |one, two| {
                if strictness(two.value, one.value) == Ordering::Greater { two } else { one }
            },
        )
    }

    /// The limits that hold, the cluster's first.
    pub(crate) fn in_force(self, precedence: LimitPrecedence, strictness: impl Fn(i64, i64) -> Ordering) -> Vec<Limit> {
        let cluster = self.cluster.map(|value| Limit { value, level: Level::Cluster });
        let workspace = self.workspace.map(|value| Limit { value, level: Level::Workspace });
        let holds = self.standing(precedence, strictness) == Standing::Holds;
        cluster.into_iter().chain(workspace.filter(|_| holds)).collect()
    }
}

/// The order of two limits on slots: the smaller is stricter.
pub(crate) fn slots_strictness(one: i64, two: i64) -> Ordering {
    two.cmp(&one)
}

/// The order of two limits on priority; without an order no limit is stricter.
pub(crate) fn priority_strictness(order: PriorityOrder) -> impl Fn(i64, i64) -> Ordering {
    move |one, two| match order {
        PriorityOrder::LowerIsHigher => one.cmp(&two),
        PriorityOrder::HigherIsHigher => two.cmp(&one),
        PriorityOrder::None => Ordering::Equal,
    }
}
