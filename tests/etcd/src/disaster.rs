//! What an operator does to a whole cluster, or has done to it: a backup, a restore, everything lost.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cluster::EtcdCluster;
use crate::node::Node;

impl EtcdCluster {
    /// Saves a backup of the cluster as it is, below the cluster's own folder.
    ///
    /// # Panics
    /// When the leader does not give it.
    pub async fn backup(&self) -> PathBuf {
        let leader = self.leader().await;
        let file = self.folder().join(format!("backup-{}", self.revision().await));
        let one = self.endpoint_argument(leader);
        self.etcdctl(&[&one, "snapshot", "save", &file.display().to_string()]).await;
        file
    }

    /// Ends every node and starts the cluster from a backup: the same endpoints, an older state.
    ///
    /// # Panics
    /// When it does not become healthy in time.
    pub async fn restore(&self, backup: &Path) {
        self.lose(|node| {
            let mut command = restoring(backup);
            command.arg(format!("--name={}", node.name)).arg(format!("--data-dir={}", node.data().display()));
            command.arg(format!("--initial-cluster={}", self.peers()));
            command.arg(format!("--initial-advertise-peer-urls={}", node.peer_url()));
            let output = command.output().expect("`etcdctl` is on the path: scripts/setup.sh test");
            assert!(output.status.success(), "restore: {}", String::from_utf8_lossy(&output.stderr));
        });
        self.restart_all().await;
    }

    /// Ends every node, removes what they held, and starts them anew: the same endpoints, nothing there (but the accounts, made again).
    ///
    /// # Panics
    /// When it does not become healthy in time.
    pub async fn wipe(&self) {
        self.lose(|_| {});
        self.restart_all().await;
        self.make_accounts().await;
    }

    fn lose(&self, then: impl Fn(&Node)) {
        for node in self.nodes() {
            node.kill();
            std::fs::remove_dir_all(node.data()).expect("a node has data");
            then(node);
        }
    }
}

/// `etcdutl` restores where there is one, since 3.6 it alone.
fn restoring(backup: &Path) -> Command {
    let utility = ["etcdutl", "etcdctl"].into_iter().find(|name| Command::new(name).arg("version").output().is_ok());
    let mut command = Command::new(utility.unwrap_or("etcdctl"));
    command.env("ETCDCTL_API", "3").args(["snapshot", "restore"]).arg(backup);
    command
}
