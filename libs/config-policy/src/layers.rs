//! Laying the policies' layers over and under a user's config.

use crate::caps;
use crate::merge::Merger;
use crate::policy::{Section, WorkloadType};
use crate::scope::{Applicable, Settings};
use crate::traced::{Level, Origin, Source, Traced};

/// How often the layers are laid again after a value was displaced. Once is what it takes; the rest is margin.
const MAX_ROUNDS: usize = 4;

/// What a workload's config becomes under its policies: defaults, the user's, invariants, caps.
///
/// Where an invariant displaces a user's value by one of another shape or kind, defaults that the user's value had
/// covered apply again below it: so the layers are laid once more over the result. Without that, resolving the
/// effective config again would change it.
pub(crate) fn lay(workload: WorkloadType, user: &Traced, policies: &Applicable<'_>, settings: &Settings) -> Traced {
    let mut result = user.clone();
    for _ in 0..MAX_ROUNDS {
        let mut merger = Merger::default();
        result = lay_once(workload, result, policies, settings, &mut merger);
        if !merger.displaced {
            break;
        }
    }
    result
}

fn lay_once(
    workload: WorkloadType,
    user: Traced,
    policies: &Applicable<'_>,
    settings: &Settings,
    merger: &mut Merger,
) -> Traced {
    let layer = |section, level| policies.values(Source { section, level });
    let cluster = layer(Section::Defaults, Level::Cluster);
    let workspace = layer(Section::Defaults, Level::Workspace);
    let mut below = cluster;
    if let Some(workspace) = workspace {
        below = Some(match below {
            Some(cluster) => merger.merge(workspace, cluster),
            None => workspace,
        });
    }
    let mut result = match below {
        Some(below) => merger.merge(user, below),
        None => user,
    };
    // what covers a default stays to cover it when the layers are laid again
    merger.displaced = false;
    for level in [Level::Workspace, Level::Cluster] {
        if let Some(invariants) = layer(Section::InvariantConfig, level) {
            result = merger.merge(invariants, result);
        }
    }
    merger.displaced |= caps::apply(workload, &mut result, policies, settings);
    result
}

/// A config that says nothing.
pub(crate) fn nothing() -> Traced {
    Traced::empty_map(Origin::User)
}
