//! Services in processes of their own, over an etcd that the test started.

use std::process::Command;

use reeve_test_etcd::EtcdCluster;
use tonic::Status;
use tonic_types::StatusExt as _;

use crate::client::PASSWORD;
use crate::process::{Running, ended, reeved};

/// The services that own records.
pub(crate) const OWNERS: [&str; 3] = ["identity", "policy", "agentmap"];

/// What the services of one cluster have in common.
pub(crate) struct Ground {
    pub(crate) etcd: EtcdCluster,
    pub(crate) key: String,
    pub(crate) root_token: String,
    pub(crate) prefix: String,
}

impl Ground {
    /// An etcd of so many nodes, with nothing in it.
    pub(crate) async fn new(nodes: usize) -> Self {
        Self::over(EtcdCluster::start(nodes).await)
    }

    pub(crate) fn over(etcd: EtcdCluster) -> Self {
        Self { etcd, key: a_key(), root_token: printed(["keys", "root-token"]), prefix: "/reeve".to_owned() }
    }

    /// What any command needs to reach the store.
    pub(crate) fn configure(&self, command: &mut Command) {
        command.env("REEVE_CLUSTER_KEY", &self.key);
        command.env("REEVE_ETCD__ENDPOINTS", serde_json_list(&self.etcd.endpoints()));
        command.env("REEVE_ETCD__PREFIX", &self.prefix);
    }

    /// A service on a free port, without what a first start needs.
    pub(crate) fn later(&self, owner: &str) -> Command {
        let mut command = reeved([owner, "--listen", "127.0.0.1:0"]);
        self.configure(&mut command);
        // what a hash costs is not what is tested here
        command.env("REEVE_IDENTITY__PASSWORDS__HASH__MEMORY_KIB", "64");
        command.env("REEVE_IDENTITY__PASSWORDS__HASH__PASSES", "1");
        command
    }

    /// A service on a free port; identity with what a first start needs.
    pub(crate) fn service(&self, owner: &str) -> Command {
        let mut command = self.later(owner);
        if owner == "identity" {
            command.env("REEVE_INITIAL_PASSWORD", PASSWORD).env("REEVE_ROOT_TOKEN", &self.root_token);
        }
        command
    }

    /// Starts a service, and waits until it is ready.
    pub(crate) async fn start(&self, owner: &str) -> Running {
        Running::start(self.service(owner)).await
    }

    /// Makes the cluster, and leaves nobody running.
    pub(crate) async fn made(&self) {
        for owner in ["identity", "policy"] {
            let running = self.start(owner).await;
            running.terminate();
            assert!(running.end().await.status.success());
        }
    }

    /// `reeved state …` on this store.
    pub(crate) fn state(&self, arguments: &[&str]) -> Command {
        let mut command = reeved(["state"]);
        command.args(arguments);
        self.configure(&mut command);
        command
    }
}

/// A new cluster key.
pub(crate) fn a_key() -> String {
    printed(["keys", "generate"])
}

fn printed(arguments: [&str; 2]) -> String {
    let ended = ended(reeved(arguments));
    assert!(ended.status.success(), "{ended:?}");
    ended.out.trim().to_owned()
}

/// A list as a variable says it.
fn serde_json_list(texts: &[String]) -> String {
    let quoted: Vec<String> = texts.iter().map(|text| format!("{text:?}")).collect();
    format!("[{}]", quoted.join(", "))
}

/// The reason that a refusal carries.
pub(crate) fn reason(status: &Status) -> String {
    status.get_details_error_info().map(|info| info.reason).unwrap_or_default()
}
