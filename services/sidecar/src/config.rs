//! The section `sidecar`.

use std::path::PathBuf;

use reeve_chassis::PeerUrl;
use reeve_chassis::config::Validate;
use reeve_model::Violations;
use serde::{Deserialize, Serialize};

/// Most services that can be named to follow.
pub const MAX_UPSTREAMS: usize = 16;

/// Where a sidecar listens and what it follows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SidecarConfig {
    /// The Unix socket to answer on. Default: `sidecar.sock` in the data folder.
    pub socket: Option<PathBuf>,
    /// The services to follow, `http://HOST:PORT` each; the next is tried when one fails. Needed by `reeved sidecar`.
    pub upstreams: Vec<UpstreamUrl>,
    /// A file with a robot token that holds `feed.follow` (role `sidecar`). Needed by `reeved sidecar`.
    pub token_file: Option<PathBuf>,
}

/// The address of a service: `http://HOST:PORT`.
pub type UpstreamUrl = String;

impl SidecarConfig {
    /// Checks what a sidecar that runs alone needs besides what [`Validate`] checks.
    pub fn validate_alone(&self, violations: &mut Violations) {
        if self.upstreams.is_empty() {
            violations.add("sidecar.upstreams", "is empty: name at least one service, such as `http://127.0.0.1:7300`");
        }
        if self.token_file.is_none() {
            violations.add("sidecar.token_file", "is missing: name a file with a robot token of the role `sidecar`");
        }
        if self.socket.is_none() {
            violations.add("sidecar.socket", "is missing: name the Unix socket to answer on");
        }
    }
}

impl Validate for SidecarConfig {
    fn validate(&self, violations: &mut Violations) {
        if self.upstreams.len() > MAX_UPSTREAMS {
            violations.add("sidecar.upstreams", format!("there are at most {MAX_UPSTREAMS}"));
        }
        for (at, url) in self.upstreams.iter().enumerate() {
            if url.parse::<PeerUrl>().is_err() {
                violations.add(
                    format!("sidecar.upstreams[{at}]"),
                    format!("`{}` is not an address: write `http://HOST:PORT`", url.escape_default()),
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn upstreams_are_plain_http_addresses() {
        let config =
            |upstream: &str| SidecarConfig { upstreams: vec![upstream.to_owned()], ..SidecarConfig::default() };
        for (upstream, fits) in [
            ("http://127.0.0.1:7300", true),
            ("http://reeve.internal:7300/", true),
            ("https://127.0.0.1:7300", false),
            ("127.0.0.1:7300", false),
            ("http://", false),
            ("http://user@host:1", false),
            ("http://host:1/path", false),
        ] {
            let mut violations = Violations::new();
            config(upstream).validate(&mut violations);
            assert_eq!(violations.is_empty(), fits, "{upstream}: {violations:?}");
        }
    }

    #[test]
    fn a_sidecar_alone_is_told_everything_it_lacks() {
        let mut violations = Violations::new();
        SidecarConfig::default().validate_alone(&mut violations);
        let fields: Vec<_> = violations.into_vec().into_iter().map(|violation| violation.field).collect();
        assert_eq!(fields, ["sidecar.upstreams", "sidecar.token_file", "sidecar.socket"]);
    }
}
