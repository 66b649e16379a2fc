//! Services apart: processes of their own over etcd, as many of each as wanted.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::future::join_all;
use reeve_chassis::OsEntropy;
use reeve_credentials::{ClusterKey, mint_root};
use reeve_test_etcd::EtcdCluster;
use serde_json::Value;
use tempfile::TempDir;

use crate::awaiting::within;
use crate::cluster::PASSWORD;
use crate::member::Member;
use crate::port::Port;
use crate::process::{self, PATIENCE, Program};

/// The prefix of every key.
pub(crate) const PREFIX: &str = "/reeve-e2e";

/// A service that owns records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Identity,
    Policy,
    Agentmap,
}

impl Kind {
    pub(crate) const ALL: [Self; 3] = [Self::Identity, Self::Policy, Self::Agentmap];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Policy => "policy",
            Self::Agentmap => "agentmap",
        }
    }
}

/// How many of what.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    pub(crate) etcd: usize,
    /// Of each service.
    pub(crate) replicas: usize,
    /// How old a state may be that answers are made from, if not as long as by default; whole seconds.
    pub(crate) staleness: Option<Duration>,
}

impl Default for Shape {
    fn default() -> Self {
        Self { etcd: 3, replicas: 1, staleness: None }
    }
}

/// One process of a service.
pub(crate) struct Service {
    pub(crate) kind: Kind,
    pub(crate) member: Member,
    port: Port,
}

/// Services over etcd. Dropped, everything ends.
pub(crate) struct Apart {
    // before what they write to, so that they are dropped first
    sidecars: Mutex<Vec<Member>>,
    pub(crate) services: Vec<Service>,
    pub(crate) etcd: EtcdCluster,
    folder: TempDir,
    shape: Shape,
    root: String,
}

impl Apart {
    /// Starts everything at once, and waits until all of it is ready.
    pub(crate) async fn start(shape: Shape) -> Self {
        let apart = Self::prepared(shape).await;
        apart.start_services();
        apart.ready().await;
        apart
    }

    /// With etcd running and the services yet to be started.
    pub(crate) async fn prepared(shape: Shape) -> Self {
        let etcd = EtcdCluster::start(shape.etcd).await;
        let folder = tempfile::tempdir().unwrap();
        let root = mint_root(&OsEntropy).expose().to_owned();
        let key = ClusterKey::generate(&OsEntropy).unwrap().to_text();
        for (name, secret) in [("cluster-key", key.expose()), ("first-password", PASSWORD), ("root-token", &root)] {
            fs::write(folder.path().join(name), secret).unwrap();
        }
        let kinds = Kind::ALL.into_iter().flat_map(|kind| (0..shape.replicas).map(move |at| (kind, at)));
        let services = kinds.map(|(kind, at)| {
            let name = format!("{}-{at}", kind.name());
            let arguments = vec![kind.name().to_owned(), "--config".to_owned(), config_file(folder.path(), &name)];
            let program = Program { log: folder.path().join(format!("{name}.log")), name, arguments };
            let port = Port::reserve();
            Service { kind, member: Member::new(program, port.url()), port }
        });
        let services = services.collect();
        let apart = Self { sidecars: Mutex::default(), services, etcd, folder, shape, root };
        apart.services.iter().for_each(|service| apart.configure(service));
        apart
    }

    fn configure(&self, service: &Service) {
        let text = format!("{}\n[server]\nlisten = \"{}\"\n", self.common(), service.port.address);
        fs::write(config_file(self.folder.path(), service.member.name()), text).unwrap();
    }

    /// What every process is told alike.
    fn common(&self) -> String {
        let file = |name: &str| self.folder.path().join(name).display().to_string();
        let urls = |kind: Kind| {
            let urls = self.of(kind).map(|service| format!("\"{}\"", service.port.url()));
            format!("{} = [{}]", kind.name(), urls.collect::<Vec<_>>().join(", "))
        };
        format!(
            "cluster_key_file = \"{}\"\n\
             [bootstrap]\ninitial_password_file = \"{}\"\nroot_token_file = \"{}\"\n\
             [etcd]\nendpoints = {:?}\nprefix = \"{PREFIX}\"\nidle_tick = \"{}\"\n\
             [services]\n{}\n\
             [identity.passwords.hash]\nmemory_kib = 64\npasses = 1\n{}\n",
            file("cluster-key"),
            file("first-password"),
            file("root-token"),
            self.etcd.endpoints(),
            // a state is as old as the last tick, so that these must be more often than it may be old
            if self.shape.staleness.is_some() { "500ms" } else { "2s" },
            Kind::ALL.map(urls).join("\n"),
            self.staleness(),
        )
    }

    fn staleness(&self) -> String {
        self.shape.staleness.map_or_else(String::new, |staleness| {
            let seconds = staleness.as_secs();
            format!("[staleness]\ndecisions = \"{seconds}s\"\nadministration = \"{seconds}s\"\n")
        })
    }

    /// The program `reeved` with these arguments and the configuration of a service, to be run to its end.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = process::reeved();
        let config = config_file(self.folder.path(), self.services.first().unwrap().member.name());
        command.args(arguments).args(["--config", &config]);
        command
    }

    /// Starts every service that does not run.
    pub(crate) fn start_services(&self) {
        self.services.iter().for_each(|service| service.member.start());
    }

    /// Waits until every service is ready.
    pub(crate) async fn ready(&self) {
        join_all(self.services.iter().map(|service| service.member.ready())).await;
    }

    /// Waits until nothing is written any more that was not asked for: identity makes the group of the first workspace when it
    /// hears of it, which is after everybody is ready.
    pub(crate) async fn settled(&self) {
        let made = format!("{PREFIX}/private/identity/group-name/default");
        let found = async || self.keys().await.contains_key(&made).then_some(());
        within(PATIENCE, "the first workspace has its group", found).await;
    }

    /// The processes of one service.
    pub(crate) fn of(&self, kind: Kind) -> impl Iterator<Item = &Service> {
        self.services.iter().filter(move |service| service.kind == kind)
    }

    /// One process of a service, by number.
    pub(crate) fn service(&self, kind: Kind, at: usize) -> &Member {
        &self.of(kind).nth(at).unwrap().member
    }

    /// The address of the first process of a service.
    pub(crate) fn address(&self, kind: Kind) -> SocketAddr {
        self.of(kind).next().unwrap().port.address
    }

    /// The root token.
    pub(crate) fn root(&self) -> &str {
        &self.root
    }

    /// Every key of the cluster with the revision that it was last written at, but the ticks, by which nothing is said.
    pub(crate) async fn keys(&self) -> BTreeMap<String, u64> {
        let answer = self.etcd.etcdctl(&["get", "--prefix", PREFIX, "--write-out=json"]).await;
        let answer: Value = serde_json::from_str(&answer).unwrap();
        let found = answer["kvs"].as_array().into_iter().flatten().map(|found| {
            let key = STANDARD.decode(found["key"].as_str().unwrap()).unwrap();
            (String::from_utf8_lossy(&key).into_owned(), found["mod_revision"].as_u64().unwrap())
        });
        found.filter(|(key, _)| !key.contains("/~tick")).collect()
    }

    /// Stops every service as a service manager does, all at once.
    pub(crate) async fn stop_services(&self) {
        join_all(self.services.iter().map(|service| service.member.stop())).await;
    }

    /// A sidecar that follows these services with a token, yet to be started.
    pub(crate) fn sidecar(&self, name: &str, upstreams: &[SocketAddr], token: &str) -> Member {
        let folder = self.folder.path();
        let token_file = folder.join(format!("{name}.token"));
        fs::write(&token_file, token).unwrap();
        let socket = folder.join(format!("{name}.sock"));
        let upstreams: Vec<String> = upstreams.iter().map(|address| format!("http://{address}")).collect();
        let text = format!(
            "[sidecar]\nsocket = {:?}\nupstreams = {upstreams:?}\ntoken_file = {:?}\n{}\n",
            socket.display().to_string(),
            token_file.display().to_string(),
            self.staleness(),
        );
        let config = config_file(folder, name);
        fs::write(&config, text).unwrap();
        let arguments = vec!["sidecar".to_owned(), "--config".to_owned(), config];
        let program = Program { name: name.to_owned(), arguments, log: folder.join(format!("{name}.log")) };
        Member::new(program, format!("unix:{}", socket.display()))
    }

    /// Keeps a sidecar running as long as the cluster is there.
    pub(crate) fn keep(&self, sidecar: Member) {
        self.sidecars.lock().unwrap().push(sidecar);
    }
}

impl Drop for Apart {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let mut logs: Vec<PathBuf> = fs::read_dir(self.folder.path())
                .into_iter()
                .flatten()
                .flatten()
                .map(|entry| entry.path())
                .filter(|path| path.extension().is_some_and(|extension| extension == "log"))
                .collect();
            logs.sort();
            for log in logs {
                let name = log.file_stem().unwrap_or_default().to_string_lossy().into_owned();
                println!("{}", Program { name, arguments: Vec::new(), log }.tail());
            }
        }
    }
}

fn config_file(folder: &Path, name: &str) -> String {
    folder.join(format!("{name}.toml")).display().to_string()
}
