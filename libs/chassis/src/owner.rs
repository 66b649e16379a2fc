//! The services that own records, and which contract belongs to which.

use std::fmt;
use std::str::FromStr;

/// A service that alone writes its records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Owner {
    /// Users, credentials, groups, sessions, tokens, robots, signing keys.
    Identity,
    /// Workspaces, roles, bindings, config policies.
    Policy,
    /// Agent-user links, workspaces' overrides.
    Agentmap,
}

/// A name that no owner has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is none of the services {names}", names = Owner::NAMES.join(", "))]
pub struct UnknownOwner(String);

impl Owner {
    /// Every owner.
    pub const ALL: [Self; 3] = [Self::Identity, Self::Policy, Self::Agentmap];

    /// Their names, in the same order.
    pub const NAMES: [&'static str; 3] = [Self::Identity.name(), Self::Policy.name(), Self::Agentmap.name()];

    /// Its name: that of the process, and the audience of service tokens for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Policy => "policy",
            Self::Agentmap => "agentmap",
        }
    }

    /// Who serves a service of the contract, by its package: `reeve.identity.v1.UserService`. None for what every server
    /// serves for itself.
    pub fn of_service(service: &str) -> Option<Self> {
        let (package, _) = service.rsplit_once('.')?;
        match package {
            "reeve.identity.v1" => Some(Self::Identity),
            "reeve.policy.v1" | "reeve.admission.v1" => Some(Self::Policy),
            "reeve.agentmap.v1" => Some(Self::Agentmap),
            _ => None,
        }
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Owner {
    type Err = UnknownOwner;

    fn from_str(text: &str) -> Result<Self, UnknownOwner> {
        Self::ALL.into_iter().find(|owner| owner.name() == text).ok_or_else(|| UnknownOwner(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_its_packages_owners() {
        for (service, owner) in [
            ("reeve.identity.v1.UserService", Some(Owner::Identity)),
            ("reeve.policy.v1.DecisionService", Some(Owner::Policy)),
            ("reeve.admission.v1.AdmissionService", Some(Owner::Policy)),
            ("reeve.agentmap.v1.AgentUserService", Some(Owner::Agentmap)),
            ("reeve.feed.v1.FeedService", None),
            ("reeve.neighbour.v1.NeighbourService", None),
            ("grpc.health.v1.Health", None),
            ("reeve.policy.v1x.DecisionService", None),
            ("DecisionService", None),
            ("", None),
        ] {
            assert_eq!(Owner::of_service(service), owner, "{service}");
        }
    }
}
