//! Nodes together, and what may befall them.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::builder::{EtcdBuilder, EtcdCredentials, Scheme};
use crate::certificates::EtcdTlsFiles;
use crate::home::Home;
use crate::node::{Node, State};
use crate::probe;
use crate::wait::Wait;

/// How long anything may take, on a machine that has much else to do.
const DEADLINE: Duration = Duration::from_secs(30);

/// How often a cluster is started anew because somebody took one of its ports first.
const STARTS: usize = 5;

/// What etcd says then.
const PORT_TAKEN: &str = "address already in use";

/// The user who may do everything, where accounts are on.
const ROOT: (&str, &str) = ("root", "root-of-the-test");

/// The user of Reeve, and what it may read and write.
const REEVE: (&str, &str, &str) = ("reeve", "correct-horse", "/reeve/");

/// Real etcd servers on loopback. Dropped, they end and their folders go.
pub struct EtcdCluster {
    // before the folder that they write to, so that they are dropped first
    nodes: Vec<Node>,
    home: Home,
    tls: Option<EtcdTlsFiles>,
    plan: EtcdBuilder,
}

impl EtcdCluster {
    /// Starts a cluster of so many nodes, and waits until every one is healthy.
    ///
    /// # Panics
    /// When it does not become healthy in time.
    pub async fn start(nodes: usize) -> Self {
        EtcdBuilder::new(nodes).start().await
    }

    pub(crate) async fn build(plan: EtcdBuilder) -> Self {
        for attempt in 1.. {
            let home = Home::make();
            let nodes = (0..plan.nodes).map(|at| Node::new(at, home.path())).collect();
            let tls = (plan.scheme == Scheme::Https).then(|| EtcdTlsFiles::make(&home.path().join("certificates")));
            let cluster = Self { nodes, home, tls, plan: plan.clone() };
            match cluster.start_all().await {
                Ok(()) => {
                    cluster.make_accounts().await;
                    return cluster;
                }
                Err(log) if attempt < STARTS && log.contains(PORT_TAKEN) => {}
                Err(log) => panic!("etcd did not become healthy:\n{log}"),
            }
        }
        unreachable!("the last attempt returns or panics")
    }

    /// How many nodes there are, down ones included.
    pub fn size(&self) -> usize {
        self.nodes.len()
    }

    /// Where every node is reached, `http://127.0.0.1:PORT` (with TLS `https`), by number; the same as long as the cluster lives.
    pub fn endpoints(&self) -> Vec<String> {
        self.nodes.iter().map(|node| self.plan.scheme.loopback(node.client_port)).collect()
    }

    /// What a client needs to be let in, and what it must not be let in with; none without [`EtcdBuilder::tls`].
    pub fn tls(&self) -> Option<&EtcdTlsFiles> {
        self.tls.as_ref()
    }

    /// Whom Reeve is to sign in as; none without [`EtcdBuilder::auth`].
    pub fn credentials(&self) -> Option<EtcdCredentials> {
        let (username, password, _) = REEVE;
        self.plan.token_ttl.map(|_| EtcdCredentials { username: username.to_owned(), password: password.to_owned() })
    }

    /// Waits for a leader that a majority follows, and says which node it is.
    ///
    /// # Panics
    /// When there is none in time.
    pub async fn leader(&self) -> usize {
        let mut wait = Wait::up_to(DEADLINE);
        while wait.goes_on().await {
            for (at, node) in self.nodes.iter().enumerate().filter(|(_, node)| node.state() == State::Up) {
                if probe::is_leader(node.metrics_port).await && self.serves(node).await {
                    return at;
                }
            }
        }
        panic!("no leader:\n{}", self.logs())
    }

    /// Ends a node as a crash does (SIGKILL). One that is down stays so.
    pub fn kill(&self, node: usize) {
        self.node(node).kill();
    }

    /// Starts a node that is down (one that runs is killed first), and waits until it serves; without a majority it cannot, and is not
    /// waited for.
    ///
    /// # Panics
    /// When it does not come back in time.
    pub async fn restart(&self, node: usize) {
        let it = self.node(node);
        it.kill();
        self.spawn(it);
        let mut wait = Wait::up_to(DEADLINE);
        while wait.goes_on().await {
            if it.state() == State::Down {
                // its port was taken meanwhile: whoever has it may let go
                self.spawn(it);
            } else if !self.has_majority() || self.serves(it).await {
                return;
            }
        }
        panic!("node {node} did not come back:\n{}", self.logs());
    }

    /// Holds a node (SIGSTOP): its connections stay open, and nothing answers.
    ///
    /// # Panics
    /// When it is down.
    pub fn pause(&self, node: usize) {
        self.node(node).pause();
    }

    /// Lets a paused node go on (SIGCONT).
    ///
    /// # Panics
    /// When it is down.
    pub fn resume(&self, node: usize) {
        self.node(node).resume();
    }

    /// Waits until every node that runs is healthy: it answers a read that a majority has agreed to.
    ///
    /// # Panics
    /// When one does not in time.
    pub async fn healthy(&self) {
        assert!(self.all_healthy().await, "not healthy:\n{}", self.logs());
    }

    /// The store's revision.
    ///
    /// # Panics
    /// When nobody answers.
    pub async fn revision(&self) -> u64 {
        let answer = self.etcdctl(&["get", "reeve-test-etcd/none", "--write-out=json"]).await;
        let answer: Value = serde_json::from_str(&answer).expect("etcdctl speaks JSON");
        answer.pointer("/header/revision").and_then(Value::as_u64).expect("a header has a revision")
    }

    /// Forgets every revision before this one, on every node that runs.
    pub async fn compact(&self, revision: u64) {
        self.etcdctl(&["compact", &revision.to_string(), "--physical"]).await;
    }

    /// Runs `etcdctl` on the nodes that run (or on the `--endpoints` given), as `root` where accounts are on, and says what it printed.
    ///
    /// # Panics
    /// When it fails.
    pub async fn etcdctl(&self, arguments: &[&str]) -> String {
        let answer = self.try_etcdctl(arguments).await;
        answer.unwrap_or_else(|error| panic!("etcdctl {}: {error}", arguments.join(" ")))
    }

    /// As [`etcdctl`](Self::etcdctl).
    ///
    /// # Errors
    /// What it printed on stderr when it failed.
    pub async fn try_etcdctl(&self, arguments: &[&str]) -> Result<String, String> {
        let (root, password) = ROOT;
        let account = self.plan.token_ttl.map(|_| format!("--user={root}:{password}"));
        self.run_etcdctl(arguments, account).await
    }

    /// Gives the user of Reeve another password, as an administrator does.
    ///
    /// # Panics
    /// When there are no accounts.
    pub async fn change_password(&self, password: &str) {
        // it takes the password from its standard input alone, which is not worth a second way to run it
        let (user, _, _) = REEVE;
        self.etcdctl(&["user", "delete", user]).await;
        self.etcdctl(&["user", "add", &format!("{user}:{password}")]).await;
        self.etcdctl(&["user", "grant-role", user, user]).await;
    }

    async fn run_etcdctl(&self, arguments: &[&str], account: Option<String>) -> Result<String, String> {
        let up = self.nodes.iter().filter(|node| node.state() == State::Up);
        let endpoints: Vec<String> = up.map(|node| self.plan.scheme.loopback(node.client_port)).collect();
        let mut command = Command::new("etcdctl");
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("ETCDCTL_API", "3");
        if !arguments.iter().any(|argument| argument.starts_with("--endpoints")) {
            command.arg(format!("--endpoints={}", endpoints.join(",")));
        }
        if let Some(tls) = &self.tls {
            command.arg("--cacert").arg(&tls.ca_file);
            command.arg("--cert").arg(&tls.client.cert_file).arg("--key").arg(&tls.client.key_file);
        }
        command.arg("--command-timeout=15s");
        command.args(account).args(arguments).stdin(Stdio::null());
        let output = tokio::task::spawn_blocking(move || command.output()).await.expect("a command can be waited for");
        let output = output.expect("`etcdctl` is on the path: scripts/setup.sh test");
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
    }

    async fn start_all(&self) -> Result<(), String> {
        self.nodes.iter().filter(|node| node.state() == State::Down).for_each(|node| self.spawn(node));
        let healthy = self.all_healthy().await;
        let stayed = self.nodes.iter().all(|node| node.state() == State::Up);
        if healthy && stayed { Ok(()) } else { Err(self.logs()) }
    }

    /// Whether every node that runs became healthy before the deadline, or another ended by itself.
    async fn all_healthy(&self) -> bool {
        let expected = self.count(State::Up);
        let mut wait = Wait::up_to(DEADLINE);
        while wait.goes_on().await && self.count(State::Up) == expected {
            let mut healthy = 0;
            for node in self.nodes.iter().filter(|node| node.state() == State::Up) {
                healthy += usize::from(probe::is_healthy(node.metrics_port).await);
            }
            if healthy == expected {
                return true;
            }
        }
        false
    }

    /// Whether a node answers, even if it is out of space.
    async fn serves(&self, node: &Node) -> bool {
        probe::is_healthy(node.metrics_port).await
            || (self.plan.quota_bytes.is_some() && probe::has_leader(node.metrics_port).await)
    }

    fn has_majority(&self) -> bool {
        self.count(State::Up) * 2 > self.nodes.len()
    }

    fn count(&self, state: State) -> usize {
        self.nodes.iter().filter(|node| node.state() == state).count()
    }

    /// Starts every node that is down, and waits until all are healthy.
    pub(crate) async fn restart_all(&self) {
        if let Err(log) = self.start_all().await {
            panic!("etcd did not come back:\n{log}");
        }
    }

    pub(crate) async fn make_accounts(&self) {
        if self.plan.token_ttl.is_none() {
            return;
        }
        let ((root, root_password), (reeve, password, prefix)) = (ROOT, REEVE);
        let (root_account, reeve_account) = (format!("{root}:{root_password}"), format!("{reeve}:{password}"));
        let steps: &[&[&str]] = &[
            &["user", "add", &root_account],
            &["user", "grant-role", root, "root"],
            &["role", "add", reeve],
            &["role", "grant-permission", reeve, "--prefix=true", "readwrite", prefix],
            &["user", "add", &reeve_account],
            &["user", "grant-role", reeve, reeve],
            &["auth", "enable"],
        ];
        for step in steps {
            self.run_etcdctl(step, None).await.unwrap_or_else(|error| panic!("etcdctl {}: {error}", step.join(" ")));
        }
    }

    fn spawn(&self, node: &Node) {
        let client = self.plan.scheme.loopback(node.client_port);
        // alone, a node waits for nobody; together they must not lose each other because the machine is busy
        let (heartbeat, election) = if self.nodes.len() == 1 { (10, 100) } else { (100, 1000) };
        let mut arguments = vec![
            format!("--name={}", node.name),
            format!("--data-dir={}", node.data().display()),
            format!("--listen-client-urls={client}"),
            format!("--advertise-client-urls={client}"),
            format!("--listen-peer-urls={}", node.peer_url()),
            format!("--initial-advertise-peer-urls={}", node.peer_url()),
            format!("--listen-metrics-urls=http://127.0.0.1:{}", node.metrics_port),
            format!("--initial-cluster={}", self.peers()),
            format!("--initial-cluster-token={}", self.home.path().display()),
            format!("--heartbeat-interval={heartbeat}"),
            format!("--election-timeout={election}"),
            "--logger=zap".to_owned(),
            "--log-outputs=stderr".to_owned(),
        ];
        arguments.extend(self.plan.quota_bytes.map(|bytes| format!("--quota-backend-bytes={bytes}")));
        arguments.extend(self.plan.token_ttl.map(|ttl| format!("--auth-token-ttl={}", ttl.as_secs())));
        if let Some(tls) = &self.tls {
            arguments.push(format!("--cert-file={}", tls.server.cert_file.display()));
            arguments.push(format!("--key-file={}", tls.server.key_file.display()));
            arguments.push(format!("--trusted-ca-file={}", tls.ca_file.display()));
            arguments.push("--client-cert-auth".to_owned());
        }
        node.spawn(&arguments);
    }

    /// Every node with its address for the others, as etcd takes it.
    pub(crate) fn peers(&self) -> String {
        let peers: Vec<String> = self.nodes.iter().map(|peer| format!("{}={}", peer.name, peer.peer_url())).collect();
        peers.join(",")
    }

    /// One node alone, for [`etcdctl`](Self::etcdctl).
    pub(crate) fn endpoint_argument(&self, node: usize) -> String {
        format!("--endpoints={}", self.plan.scheme.loopback(self.node(node).client_port))
    }

    pub(crate) fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    pub(crate) fn folder(&self) -> &Path {
        self.home.path()
    }

    fn logs(&self) -> String {
        self.nodes.iter().map(Node::log_tail).collect()
    }

    fn node(&self, at: usize) -> &Node {
        self.nodes.get(at).unwrap_or_else(|| panic!("there is no node {at} of {}", self.nodes.len()))
    }
}
