//! The section `services`: where each owner is.

use reeve_chassis::config::Validate;
use reeve_chassis::{Owner, PeerUrl, Peers};
use reeve_model::Violations;
use reeve_sidecar::MAX_UPSTREAMS;
use serde::{Deserialize, Serialize};

/// The replicas of each owner, `http://HOST:PORT` each. What a service does not own it forwards there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ServicesConfig {
    /// Users, sessions, robots, tokens.
    pub identity: Vec<PeerUrl>,
    /// Workspaces, roles, bindings, config policies, decisions, admission.
    pub policy: Vec<PeerUrl>,
    /// Agent users.
    pub agentmap: Vec<PeerUrl>,
}

impl ServicesConfig {
    fn of(&self, owner: Owner) -> &Vec<PeerUrl> {
        match owner {
            Owner::Identity => &self.identity,
            Owner::Policy => &self.policy,
            Owner::Agentmap => &self.agentmap,
        }
    }

    /// All of them. To be called within a Tokio runtime.
    pub(crate) fn peers(&self) -> Peers {
        Peers::new(Owner::ALL.map(|owner| (owner, self.of(owner).clone())))
    }

    /// The owners that `me` cannot reach.
    pub(crate) fn unnamed(&self, me: Owner) -> impl Iterator<Item = Owner> {
        Owner::ALL.into_iter().filter(move |owner| *owner != me && self.of(*owner).is_empty())
    }
}

impl Validate for ServicesConfig {
    fn validate(&self, violations: &mut Violations) {
        for owner in Owner::ALL.into_iter().filter(|owner| self.of(*owner).len() > MAX_UPSTREAMS) {
            violations.add(format!("services.{owner}"), format!("there are at most {MAX_UPSTREAMS}"));
        }
    }
}
