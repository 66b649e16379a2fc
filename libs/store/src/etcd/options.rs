//! How an etcd is reached, and where in it the store lives.

use std::time::Duration;

use etcd_client::{Certificate, ConnectOptions, Identity, TlsOptions};

/// How often a watch on etcd reports progress when nothing else happens, unless it is configured.
pub const IDLE_TICK: Duration = Duration::from_secs(5);

/// Bounds of [`EtcdOptions::idle_tick`]: more often is a load, more seldom makes what is read look old.
const IDLE_TICK_BOUNDS: (Duration, Duration) = (Duration::from_millis(100), Duration::from_mins(1));
/// Most bytes of the prefix.
const MAX_PREFIX_BYTES: usize = 200;
/// How long a connection may take to come about.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// How often a connection in use is probed. etcd ends connections that are probed more than every five seconds, or while
/// nothing is asked of them.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(10);
/// How long a probe may be unanswered before the connection is given up, and with it whatever waits on it.
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(5);

/// How an etcd is reached, and where in it the store lives.
#[derive(Clone)]
pub struct EtcdOptions {
    /// Its members: `http://HOST:PORT`, or `https://HOST:PORT` with `tls`. All of one cluster.
    pub endpoints: Vec<String>,
    /// What every key of the store begins with: `/` and segments of letters, digits and `._-`, without a `/` at the end; at
    /// most 200 bytes.
    pub prefix: String,
    /// How members prove themselves, and this process to them; none for `http`.
    pub tls: Option<EtcdTls>,
    /// Whom to sign in as, where the cluster has authentication on.
    pub credentials: Option<EtcdCredentials>,
    /// Whether to make the store if the prefix is empty.
    pub create: bool,
    /// How often progress is asked for while anybody watches and nobody else asks: [`IDLE_TICK`]. Each time writes one small
    /// key for each watched prefix. From 100 ms to a minute.
    pub idle_tick: Duration,
}

/// TLS to an etcd.
#[derive(Clone)]
pub struct EtcdTls {
    /// The authority that members' certificates must come from, in PEM.
    pub ca_pem: Vec<u8>,
    /// This process's certificate, where members ask for one.
    pub client: Option<EtcdClientCertificate>,
}

/// A client certificate with its key. It has no `Debug`: the key is secret.
#[derive(Clone)]
pub struct EtcdClientCertificate {
    /// The certificate, and those between it and its authority, in PEM.
    pub certificate_pem: Vec<u8>,
    /// Its private key, in PEM.
    pub key_pem: Vec<u8>,
}

/// An account of an etcd. It has no `Debug`: the password is secret.
#[derive(Clone)]
pub struct EtcdCredentials {
    /// The user.
    pub username: String,
    /// The password.
    pub password: String,
}

impl EtcdOptions {
    /// The store under `prefix` at these members: it must exist, without TLS, without authentication.
    pub fn new(endpoints: Vec<String>, prefix: impl Into<String>) -> Self {
        let prefix = prefix.into();
        Self { endpoints, prefix, tls: None, credentials: None, create: false, idle_tick: IDLE_TICK }
    }

    /// Everything that is wrong with them, each with what would be right.
    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if self.endpoints.is_empty() {
            problems.push("no endpoint is given: name at least one member of the cluster".to_owned());
        }
        problems.extend(self.endpoints.iter().filter_map(|endpoint| self.endpoint_problem(endpoint)));
        if !is_prefix(&self.prefix) {
            problems.push(format!(
                "the prefix `{}` is wrong: give `/` and segments of letters, digits and `._-` without a `/` at the end, at \
                 most {MAX_PREFIX_BYTES} bytes, as `/reeve`",
                self.prefix.escape_debug()
            ));
        }
        let (least, most) = IDLE_TICK_BOUNDS;
        if self.idle_tick < least || self.idle_tick > most {
            problems.push(format!("an idle tick of {:?} is wrong: give {least:?} to {most:?}", self.idle_tick));
        }
        problems
    }

    fn endpoint_problem(&self, endpoint: &str) -> Option<String> {
        let shown = endpoint.escape_debug();
        let (secure, rest) = match (endpoint.strip_prefix("http://"), endpoint.strip_prefix("https://")) {
            (Some(rest), _) => (false, rest),
            (_, Some(rest)) => (true, rest),
            (None, None) => {
                return Some(format!(
                    "the endpoint `{shown}` is wrong: give `http://HOST:PORT` or `https://HOST:PORT`"
                ));
            }
        };
        let plain = |character: char| character.is_ascii_graphic() && !"/?#@\\".contains(character);
        let named = rest.rsplit_once(':').filter(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok());
        if named.is_none() || !rest.chars().all(plain) {
            return Some(format!("the endpoint `{shown}` is wrong: give a host and a port, and nothing else"));
        }
        match (secure, &self.tls) {
            (true, None) => Some(format!("the endpoint `{shown}` needs TLS: give the authority of its certificate")),
            (false, Some(_)) => {
                Some(format!("the endpoint `{shown}` is without TLS, which is configured: use `https`"))
            }
            (true, Some(_)) | (false, None) => None,
        }
    }

    /// What the client is told of them. Its own timeout stays off, because it ends watches too.
    pub(super) fn connect(&self) -> ConnectOptions {
        let mut options = ConnectOptions::new()
            .with_connect_timeout(CONNECT_TIMEOUT)
            .with_keep_alive(KEEP_ALIVE_INTERVAL, KEEP_ALIVE_TIMEOUT)
            .with_keep_alive_while_idle(false)
            .with_require_leader(true);
        if let Some(tls) = &self.tls {
            let mut told = TlsOptions::new().ca_certificate(Certificate::from_pem(&tls.ca_pem));
            if let Some(client) = &tls.client {
                told = told.identity(Identity::from_pem(&client.certificate_pem, &client.key_pem));
            }
            options = options.with_tls(told);
        }
        match &self.credentials {
            Some(account) => options.with_user(&account.username, &account.password),
            None => options,
        }
    }
}

fn is_prefix(prefix: &str) -> bool {
    let segment = |segment: &str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        !segment.is_empty() && segment.bytes().all(plain)
    };
    prefix.len() <= MAX_PREFIX_BYTES && prefix.strip_prefix('/').is_some_and(|rest| rest.split('/').all(segment))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(endpoint: &str, prefix: &str) -> Vec<String> {
        EtcdOptions::new(vec![endpoint.to_owned()], prefix).problems()
    }

    #[test]
    fn a_prefix_is_segments_after_slashes() {
        for good in ["/reeve", "/a/b", "/a.b_c-D9", &format!("/{}", "x".repeat(199))] {
            assert!(problems("http://etcd:2379", good).is_empty(), "{good}");
        }
        let long = format!("/{}", "x".repeat(200));
        for bad in ["", "/", "reeve", "/reeve/", "//reeve", "/a//b", "/a b", "/é", "/a\0", "/a*", &long] {
            assert_eq!(problems("http://etcd:2379", bad).len(), 1, "{bad}");
        }
    }

    #[test]
    fn an_endpoint_is_a_scheme_a_host_and_a_port() {
        for good in ["http://etcd:2379", "http://127.0.0.1:1", "http://[::1]:2379"] {
            assert!(problems(good, "/reeve").is_empty(), "{good}");
        }
        for bad in
            ["etcd:2379", "http://etcd", "http://:1", "ftp://a:1", "http://a:1/", "http://u@a:1", "http://a:70000"]
        {
            assert_eq!(problems(bad, "/reeve").len(), 1, "{bad}");
        }
    }

    #[test]
    fn tls_and_https_go_together() {
        let tls = || Some(EtcdTls { ca_pem: Vec::new(), client: None });
        assert_eq!(problems("https://etcd:2379", "/reeve").len(), 1);
        let mut options = EtcdOptions::new(vec!["http://etcd:2379".to_owned()], "/reeve");
        options.tls = tls();
        assert_eq!(options.problems().len(), 1);
        options.endpoints = vec!["https://etcd:2379".to_owned()];
        assert!(options.problems().is_empty());
    }

    #[test]
    fn all_that_is_wrong_is_said_at_once() {
        let mut options = EtcdOptions::new(vec!["a".to_owned(), "b".to_owned()], "reeve");
        options.idle_tick = Duration::ZERO;
        assert_eq!(options.problems().len(), 4);
        options.endpoints.clear();
        assert_eq!(options.problems().len(), 3);
    }
}
