//! The section `server`: where it listens, and how much it takes on.

use std::net::{Ipv4Addr, SocketAddr};

use reeve_model::Violations;
use serde::{Deserialize, Serialize};

use super::{Period, Validate};

/// Most calls at once that can be configured.
pub const MAX_CONCURRENCY_LIMIT: usize = 100_000;

/// The section `server`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ServerConfig {
    /// The address and port to listen on. Default: `127.0.0.1:7300`.
    pub listen: SocketAddr,
    /// Whether tokens may travel unencrypted to an address beyond this host. Default: no.
    pub allow_plaintext: bool,
    /// Most calls answered at once; more are refused with `TOO_BUSY`. 1 to [`MAX_CONCURRENCY_LIMIT`]; default: 1024.
    pub concurrency_limit: usize,
    /// Whether anyone may read the contract from the server. Default: yes.
    pub reflection: bool,
    /// How long a call may take, until a stream has begun. Default: `10s`.
    pub request_timeout: Period,
    /// How long running calls may take to finish when the server stops. Default: `30s`.
    pub drain_timeout: Period,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 7300)),
            allow_plaintext: false,
            concurrency_limit: 1024,
            reflection: true,
            request_timeout: Period::from_secs(10),
            drain_timeout: Period::from_secs(30),
        }
    }
}

impl Validate for ServerConfig {
    fn validate(&self, violations: &mut Violations) {
        if !self.listen.ip().to_canonical().is_loopback() && !self.allow_plaintext {
            let listen = self.listen;
            violations.add(
                "server.listen",
                format!(
                    "`{listen}` is not a loopback address, and this listener has no TLS: tokens would travel in the \
                     clear. Listen on `127.0.0.1`, or set `server.allow_plaintext: true`"
                ),
            );
        }
        if !(1..=MAX_CONCURRENCY_LIMIT).contains(&self.concurrency_limit) {
            violations.add("server.concurrency_limit", format!("it must be 1 to {MAX_CONCURRENCY_LIMIT}"));
        }
        if self.request_timeout.get().is_zero() {
            violations.add("server.request_timeout", "it must be longer than nothing");
        }
    }
}
