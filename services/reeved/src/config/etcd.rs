//! The section `etcd`: the store of services that run alone.

use std::path::PathBuf;
use std::time::Duration;

use reeve_chassis::config::{Period, Validate};
use reeve_model::Violations;
use serde::{Deserialize, Serialize};

/// Most endpoints that can be named.
pub const MAX_ENDPOINTS: usize = 16;
/// Longest prefix, in bytes: what is left of a key is Reeve's.
const MAX_PREFIX_BYTES: usize = 200;

/// More often is a load.
const MIN_IDLE_TICK: Duration = Duration::from_millis(100);
/// More seldom makes what is read look old.
const MAX_IDLE_TICK: Duration = Duration::from_mins(1);

/// Where etcd is, and who asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct EtcdConfig {
    /// `http://HOST:PORT` or `https://HOST:PORT` each, all alike. Needed by a service that runs alone.
    pub endpoints: Vec<String>,
    /// What every key begins with: clusters with different prefixes share one etcd. Default: `/reeve`.
    pub prefix: String,
    /// The etcd user, where etcd asks for one.
    pub username: Option<String>,
    /// A file with their password; without one, `REEVE_ETCD_PASSWORD`.
    pub password_file: Option<PathBuf>,
    /// How often each process writes one small key, so that it knows that what it has is current while nothing changes: 100 ms
    /// to a minute. Default: `5s`.
    pub idle_tick: Period,
    /// How etcd and Reeve know each other, where the endpoints are `https`.
    pub tls: EtcdTlsConfig,
}

/// The section `etcd.tls`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct EtcdTlsConfig {
    /// The certificates that sign etcd's, PEM.
    pub ca_file: Option<PathBuf>,
    /// Reeve's own certificate, PEM, where etcd asks for one.
    pub cert_file: Option<PathBuf>,
    /// Its key, PEM.
    pub key_file: Option<PathBuf>,
}

impl Default for EtcdConfig {
    fn default() -> Self {
        Self {
            endpoints: Vec::new(),
            prefix: "/reeve".to_owned(),
            username: None,
            password_file: None,
            idle_tick: Period::from_secs(5),
            tls: EtcdTlsConfig::default(),
        }
    }
}

impl EtcdConfig {
    /// Checks what a service that runs alone needs besides what [`Validate`] checks.
    pub fn validate_used(&self, violations: &mut Violations) {
        if self.endpoints.is_empty() {
            violations.add("etcd.endpoints", "is empty: name at least one, such as `http://127.0.0.1:2379`");
        }
    }

    fn is_encrypted(&self) -> bool {
        self.endpoints.iter().any(|endpoint| endpoint.starts_with("https://"))
    }

    fn validate_endpoints(&self, violations: &mut Violations) {
        if self.endpoints.len() > MAX_ENDPOINTS {
            violations.add("etcd.endpoints", format!("there are at most {MAX_ENDPOINTS}"));
        }
        for (at, endpoint) in self.endpoints.iter().enumerate() {
            let field = format!("etcd.endpoints[{at}]");
            if !is_endpoint(endpoint) {
                let endpoint = endpoint.escape_default();
                let problem =
                    format!("`{endpoint}` is not an endpoint: write `http://HOST:PORT` or `https://HOST:PORT`");
                violations.add(field, problem);
            } else if self.is_encrypted() && !endpoint.starts_with("https://") {
                violations
                    .add(field, format!("`{endpoint}` is not encrypted, and another endpoint is: write all alike"));
            }
        }
    }

    fn validate_tls(&self, violations: &mut Violations) {
        let EtcdTlsConfig { ca_file, cert_file, key_file } = &self.tls;
        if self.is_encrypted() && ca_file.is_none() {
            violations.add("etcd.tls.ca_file", "is missing: name the certificates that sign etcd's");
        }
        let files = [("ca_file", ca_file), ("cert_file", cert_file), ("key_file", key_file)];
        let plain = !self.endpoints.is_empty() && !self.is_encrypted();
        for (name, _) in files.iter().filter(|(_, file)| file.is_some() && plain) {
            violations.add(format!("etcd.tls.{name}"), "is of no use: no endpoint is `https://`");
        }
        for (name, missing, other) in [("cert_file", cert_file, key_file), ("key_file", key_file, cert_file)] {
            if missing.is_none() && other.is_some() {
                violations.add(format!("etcd.tls.{name}"), "is missing: a certificate and its key go together");
            }
        }
    }
}

impl Validate for EtcdConfig {
    fn validate(&self, violations: &mut Violations) {
        self.validate_endpoints(violations);
        self.validate_tls(violations);
        if !is_prefix(&self.prefix) {
            violations.add(
                "etcd.prefix",
                format!(
                    "`{}` is none: write `/` and a name of letters, digits and `._-`, once or more, such as `/reeve`; at \
                     most {MAX_PREFIX_BYTES} bytes",
                    self.prefix.escape_default()
                ),
            );
        }
        if !(MIN_IDLE_TICK..=MAX_IDLE_TICK).contains(&self.idle_tick.get()) {
            violations.add("etcd.idle_tick", "it must be `100ms` to `1m`");
        }
        if self.username.as_deref() == Some("") {
            violations.add("etcd.username", "is empty: leave it out where etcd asks for no user");
        }
        if self.password_file.is_some() && self.username.is_none() {
            violations.add("etcd.username", "is missing: the password is somebody's");
        }
    }
}

fn is_endpoint(text: &str) -> bool {
    let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    let Some((host, port)) = rest.and_then(|rest| rest.rsplit_once(':')) else { return false };
    let plain = !host.is_empty() && !host.contains(['/', '@', ' ', '?', '#']);
    let is_port = port.parse::<u16>().is_ok_and(|port| port > 0) && port.bytes().all(|byte| byte.is_ascii_digit());
    // an IPv6 address stands in brackets
    plain && is_port && (!host.contains(':') || (host.starts_with('[') && host.ends_with(']')))
}

fn is_prefix(text: &str) -> bool {
    let is_name = |name: &str| {
        let allowed = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
        !name.is_empty() && allowed && name != "." && name != ".."
    };
    text.len() <= MAX_PREFIX_BYTES && text.strip_prefix('/').is_some_and(|rest| rest.split('/').all(is_name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(config: &EtcdConfig) -> Vec<String> {
        let mut violations = Violations::new();
        config.validate(&mut violations);
        violations.into_vec().into_iter().map(|violation| violation.field).collect()
    }

    fn at(endpoints: &[&str]) -> EtcdConfig {
        EtcdConfig { endpoints: endpoints.iter().map(ToString::to_string).collect(), ..EtcdConfig::default() }
    }

    #[test]
    fn endpoints_have_a_scheme_a_host_and_a_port() {
        for endpoint in ["http://127.0.0.1:2379", "http://etcd-0.etcd:2379", "http://[::1]:2379"] {
            assert!(wrong(&at(&[endpoint])).is_empty(), "{endpoint}");
        }
        for endpoint in [
            "127.0.0.1:2379",
            "http://127.0.0.1",
            "http://:2379",
            "http://host:0",
            "http://host:+80",
            "http://host:99999",
            "http://host:1/path",
            "http://user@host:1",
            "http://::1:2379",
            "grpc://host:1",
            "",
        ] {
            assert_eq!(wrong(&at(&[endpoint])), ["etcd.endpoints[0]"], "{endpoint}");
        }
    }

    #[test]
    fn encryption_needs_its_files_and_files_need_encryption() {
        let tls = |ca: bool, cert: bool, key: bool| EtcdTlsConfig {
            ca_file: ca.then(|| "ca.pem".into()),
            cert_file: cert.then(|| "cert.pem".into()),
            key_file: key.then(|| "key.pem".into()),
        };
        let https = |tls| EtcdConfig { tls, ..at(&["https://a:1", "https://b:1"]) };
        assert!(wrong(&https(tls(true, false, false))).is_empty());
        assert!(wrong(&https(tls(true, true, true))).is_empty());
        assert_eq!(wrong(&https(tls(false, false, false))), ["etcd.tls.ca_file"]);
        assert_eq!(wrong(&https(tls(true, true, false))), ["etcd.tls.key_file"]);
        assert_eq!(wrong(&https(tls(true, false, true))), ["etcd.tls.cert_file"]);
        let plain = EtcdConfig { tls: tls(true, false, false), ..at(&["http://a:1"]) };
        assert_eq!(wrong(&plain), ["etcd.tls.ca_file"]);
        let mixed = EtcdConfig { tls: tls(true, false, false), ..at(&["https://a:1", "http://b:1"]) };
        assert_eq!(wrong(&mixed), ["etcd.endpoints[1]"]);
    }

    #[test]
    fn a_prefix_is_names_after_slashes() {
        let prefix = |prefix: &str| EtcdConfig { prefix: prefix.to_owned(), ..EtcdConfig::default() };
        for right in ["/reeve", "/clusters/eu-1", "/a.b_c-d"] {
            assert!(wrong(&prefix(right)).is_empty(), "{right}");
        }
        for bad in
            ["", "/", "reeve", "/reeve/", "//reeve", "/a b", "/../x", "/r\u{e9}eve", &format!("/{}", "x".repeat(200))]
        {
            assert_eq!(wrong(&prefix(bad)), ["etcd.prefix"], "{bad}");
        }
    }

    #[test]
    fn a_tick_comes_often_enough_and_not_too_often() {
        assert_eq!(EtcdConfig::default().idle_tick.get(), reeve_store::IDLE_TICK);
        for (tick, fits) in [("99ms", false), ("100ms", true), ("1m", true), ("61s", false)] {
            let config = EtcdConfig { idle_tick: tick.parse().unwrap(), ..EtcdConfig::default() };
            assert_eq!(wrong(&config).is_empty(), fits, "{tick}");
        }
    }

    #[test]
    fn a_password_is_somebodys() {
        let config = EtcdConfig { password_file: Some("password".into()), ..EtcdConfig::default() };
        assert_eq!(wrong(&config), ["etcd.username"]);
    }
}
