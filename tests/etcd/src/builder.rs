//! What a cluster is to be like.

use std::time::Duration;

use crate::cluster::EtcdCluster;

/// A user of etcd and the password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EtcdCredentials {
    /// The name.
    pub username: String,
    /// The password.
    pub password: String,
}

/// Describes a cluster, then starts it.
#[derive(Debug, Clone)]
pub struct EtcdBuilder {
    pub(crate) nodes: usize,
    pub(crate) quota_bytes: Option<u64>,
    pub(crate) token_ttl: Option<Duration>,
    pub(crate) scheme: Scheme,
}

/// How clients speak to the nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scheme {
    Http,
    Https,
}

impl Scheme {
    pub(crate) fn loopback(self, port: u16) -> String {
        let scheme = match self {
            Self::Http => "http",
            Self::Https => "https",
        };
        format!("{scheme}://127.0.0.1:{port}")
    }
}

impl EtcdBuilder {
    /// A cluster of so many nodes: without TLS, accounts or a quota of its own.
    ///
    /// # Panics
    /// With no node.
    pub fn new(nodes: usize) -> Self {
        assert!(nodes > 0, "a cluster has a node");
        Self { nodes, quota_bytes: None, token_ttl: None, scheme: Scheme::Http }
    }

    /// How large a node's data may grow before it takes no more writes (`--quota-backend-bytes`).
    pub fn quota_bytes(mut self, bytes: u64) -> Self {
        self.quota_bytes = Some(bytes);
        self
    }

    /// Turns accounts on, with etcd's tokens living so long (whole seconds, at least one): the user `root`, and a user `reeve` who may read
    /// and write under `/reeve/` and nothing else. See [`EtcdCluster::credentials`].
    pub fn auth(mut self, token_ttl: Duration) -> Self {
        self.token_ttl = Some(token_ttl.max(Duration::from_secs(1)));
        self
    }

    /// Clients have to speak TLS, and to show a certificate of the cluster's authority. See [`EtcdCluster::tls`].
    pub fn tls(mut self) -> Self {
        self.scheme = Scheme::Https;
        self
    }

    /// Starts it, and waits until every node is healthy.
    ///
    /// # Panics
    /// When it does not become healthy in time.
    pub async fn start(self) -> EtcdCluster {
        EtcdCluster::build(self).await
    }
}
