//! The sidecar: answers beside a scheduler, over a Unix socket, from a feed.
//!
//! It owns nothing: the answers are `libs/answers`' over a replica, here of another service's feed. In `reeved up` the same
//! socket is served from the process's own replica.

mod config;
mod socket;
mod upstream;

use std::collections::BTreeSet;

use reeve_answers::{ADMIT, Answers};
use reeve_chassis::{Row, Services, SocketPolicy};

pub use config::{MAX_UPSTREAMS, SidecarConfig, UpstreamUrl};
pub use socket::{SOCKET_MODE, SocketError, bind};
pub use upstream::Upstreams;

/// Who may call what a sidecar serves.
pub const ROWS: &[Row] = reeve_answers::ROWS;

/// What a sidecar serves.
pub fn services(answers: &Answers) -> Services {
    answers.services()
}

/// What a peer on the socket may do without a bearer token of its own: ask about the submission of whose token it brings.
pub fn socket_policy() -> SocketPolicy {
    SocketPolicy::TrustPeers(BTreeSet::from([ADMIT.method]))
}
