//! The contract as code: generated messages, clients, servers, and the descriptor set.
//!
//! Everything here is generated from `proto/`; wire types stop in the services' `grpc/` modules.

/// The compiled descriptors of every Reeve package, for reflection and for proto3 JSON.
pub const DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

macro_rules! package {
    ($(#[$doc:meta])* $module:ident, $name:literal) => {
        $(#[$doc])*
        pub mod $module {
            tonic::include_proto!($name);
        }
    };
}

/// Generated code, laid out as its packages are: the code of one refers to another by relative path.
pub mod reeve {
    /// `reeve.api`
    pub mod api {
        package!(
            /// What every service shares: consistency, error reasons.
            v1, "reeve.api.v1");
    }
    /// `reeve.identity`
    pub mod identity {
        package!(
            /// Users, sessions, robots, tokens.
            v1, "reeve.identity.v1");
    }
    /// `reeve.policy`
    pub mod policy {
        package!(
            /// Workspaces, bindings, decisions, config policies.
            v1, "reeve.policy.v1");
    }
    /// `reeve.agentmap`
    pub mod agentmap {
        package!(
            /// Agent users.
            v1, "reeve.agentmap.v1");
    }
    /// `reeve.admission`
    pub mod admission {
        package!(
            /// Admission.
            v1, "reeve.admission.v1");
    }
    /// `reeve.feed`
    pub mod feed {
        package!(
            /// The feed.
            v1, "reeve.feed.v1");
    }
    /// `reeve.neighbour`
    pub mod neighbour {
        package!(
            /// What the services of a cluster tell each other.
            v1, "reeve.neighbour.v1");
    }
    /// `reeve.world`
    pub mod world {
        package!(
            /// The published records.
            v1, "reeve.world.v1");
    }
}

pub use reeve::admission::v1 as admission;
pub use reeve::agentmap::v1 as agentmap;
pub use reeve::api::v1 as api;
pub use reeve::feed::v1 as feed;
pub use reeve::identity::v1 as identity;
pub use reeve::neighbour::v1 as neighbour;
pub use reeve::policy::v1 as policy;
pub use reeve::world::v1 as world;
