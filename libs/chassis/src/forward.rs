//! Whether and by whom calls are forwarded to their owner.

use std::collections::BTreeSet;

use http::HeaderMap;

use crate::method::{Access, Row};
use crate::owner::Owner;
use crate::peers::Peers;

/// The header by which a forwarded call says who forwarded it. It takes rights away and gives none: whoever forges it is
/// forwarded less.
pub const FORWARDED_BY_HEADER: &str = "reeve-forwarded-by";
/// What a sidecar calls itself there.
const SIDECAR: &str = "sidecar";

/// Forwards calls to services that are not mounted here to their owner.
#[derive(Clone)]
pub struct Forward {
    pub(crate) peers: Peers,
    me: Forwarder,
    public: BTreeSet<&'static str>,
}

#[derive(Clone, Copy)]
enum Forwarder {
    Service(Owner),
    Sidecar,
}

/// Who forwarded a call before it came here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Before {
    /// Nobody.
    Nobody,
    /// A sidecar, which knows no owner and sends everything to the service that it follows.
    Sidecar,
    /// A service, which took this one for the owner; none where it does not say which.
    Service(Option<Owner>),
}

/// What is done with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// It is answered here, if it can be.
    Here,
    /// It goes to its owner.
    To(Owner),
    /// Somebody took this server for the owner, or followed it in a circle.
    Lost(Owner, Before),
}

impl Forward {
    /// As the service `me`: what it owns itself is never forwarded, and what another service forwarded to it goes no
    /// further.
    pub fn as_service(me: Owner, peers: Peers) -> Self {
        Self { peers, me: Forwarder::Service(me), public: BTreeSet::new() }
    }

    /// As a sidecar: every call goes to one of `peers`, which may forward it once more.
    pub fn as_sidecar(peers: Peers) -> Self {
        Self { peers, me: Forwarder::Sidecar, public: BTreeSet::new() }
    }

    /// Knowing who may call what the others serve: calls that need no token are forwarded in a part of the places, as they
    /// are answered in a part of them. Without these rows they could hold every place of an owner's.
    #[must_use]
    pub fn knowing(self, rows: &[&'static [Row]]) -> Self {
        let public = rows.iter().copied().flatten().filter(|row| row.access == Access::Public);
        Self { public: public.map(|row| row.method).collect(), ..self }
    }

    /// Whether anyone may call the method, without a token.
    pub(crate) fn is_public(&self, method: &str) -> bool {
        self.public.contains(method)
    }

    /// Which owners' services can be reached through this server.
    pub(crate) fn reaches(&self, owner: Owner) -> bool {
        self.peers.has(owner) && !matches!(self.me, Forwarder::Service(me) if me == owner)
    }

    /// What this server calls itself to whom it forwards.
    pub(crate) fn name(&self) -> &'static str {
        match self.me {
            Forwarder::Service(owner) => owner.name(),
            Forwarder::Sidecar => SIDECAR,
        }
    }

    /// What is done with a call of a service that is not mounted here, and that belongs to `owner`.
    pub(crate) fn way(&self, owner: Owner, before: Before) -> Way {
        match (self.me, before) {
            (Forwarder::Service(me), _) if me == owner => Way::Here,
            (_, Before::Service(_)) | (Forwarder::Sidecar, Before::Sidecar) => Way::Lost(owner, before),
            (Forwarder::Service(_), Before::Sidecar) | (_, Before::Nobody) if self.peers.has(owner) => Way::To(owner),
            (Forwarder::Service(_), Before::Sidecar) | (_, Before::Nobody) => Way::Here,
        }
    }
}

impl Before {
    /// As the headers of a call say.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let mut values = headers.get_all(FORWARDED_BY_HEADER).iter();
        match (values.next(), values.next()) {
            (None, _) => Self::Nobody,
            (Some(value), None) if value == SIDECAR => Self::Sidecar,
            (Some(value), None) => Self::Service(value.to_str().ok().and_then(|text| text.parse().ok())),
            (Some(_), Some(_)) => Self::Service(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_call_is_forwarded_once_by_a_service_and_once_by_a_sidecar() {
        let url = || "http://127.0.0.1:1".parse().unwrap();
        let peers = Peers::new([(Owner::Identity, vec![url()]), (Owner::Policy, vec![url()])]);
        let (service, sidecar) = (Forward::as_service(Owner::Policy, peers.clone()), Forward::as_sidecar(peers));
        let by_policy = Before::Service(Some(Owner::Policy));
        for (forward, owner, before, way) in [
            (&service, Owner::Identity, Before::Nobody, Way::To(Owner::Identity)),
            (&service, Owner::Identity, Before::Sidecar, Way::To(Owner::Identity)),
            (&service, Owner::Identity, by_policy, Way::Lost(Owner::Identity, by_policy)),
            (&service, Owner::Identity, Before::Service(None), Way::Lost(Owner::Identity, Before::Service(None))),
            // Its own, though it is not mounted: there is nobody else to ask.
            (&service, Owner::Policy, Before::Nobody, Way::Here),
            (&service, Owner::Policy, by_policy, Way::Here),
            // Not configured.
            (&service, Owner::Agentmap, Before::Nobody, Way::Here),
            (&sidecar, Owner::Policy, Before::Nobody, Way::To(Owner::Policy)),
            (&sidecar, Owner::Policy, Before::Sidecar, Way::Lost(Owner::Policy, Before::Sidecar)),
            (&sidecar, Owner::Policy, by_policy, Way::Lost(Owner::Policy, by_policy)),
        ] {
            assert_eq!(forward.way(owner, before), way, "{} {owner} {before:?}", forward.name());
        }
    }

    #[test]
    fn who_forwarded_is_read_from_one_header() {
        let headers = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(FORWARDED_BY_HEADER, http::HeaderValue::from_static(value));
            }
            Before::of(&headers)
        };
        assert_eq!(headers(&[]), Before::Nobody);
        assert_eq!(headers(&["sidecar"]), Before::Sidecar);
        assert_eq!(headers(&["policy"]), Before::Service(Some(Owner::Policy)));
        assert_eq!(headers(&["somebody"]), Before::Service(None));
        assert_eq!(headers(&["sidecar", "sidecar"]), Before::Service(None));
    }
}
