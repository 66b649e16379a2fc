//! Services apart: processes of their own over etcd, as many of each as wanted.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};

use futures_util::future::join_all;
use reeve_chassis::OsEntropy;
use reeve_credentials::{ClusterKey, mint_root};
use reeve_test_etcd::EtcdCluster;
use tempfile::TempDir;

use crate::client::Client;
use crate::cluster::PASSWORD;
use crate::port::Port;
use crate::process::{Process, Program, Ready};

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
    /// Further lines of every service's configuration, TOML sections.
    pub(crate) settings: String,
}

impl Default for Shape {
    fn default() -> Self {
        Self { etcd: 3, replicas: 1, settings: String::new() }
    }
}

/// One process of a service, running or not.
pub(crate) struct Service {
    pub(crate) kind: Kind,
    pub(crate) port: Port,
    pub(crate) program: Program,
    process: Mutex<Option<Process>>,
}

impl Service {
    fn process(&self) -> MutexGuard<'_, Option<Process>> {
        self.process.lock().unwrap()
    }

    /// Starts it, if it does not run.
    pub(crate) fn start(&self) {
        let mut process = self.process();
        if process.is_none() {
            *process = Some(self.program.start());
        }
    }

    /// Ends it as a crash does (SIGKILL).
    pub(crate) fn kill(&self) {
        drop(self.process().take());
    }

    /// Holds it (SIGSTOP).
    pub(crate) fn pause(&self) {
        self.process().as_ref().unwrap().pause();
    }

    /// Lets it go on (SIGCONT).
    pub(crate) fn resume(&self) {
        self.process().as_ref().unwrap().resume();
    }

    /// Stops it as a service manager does.
    pub(crate) async fn stop(&self) {
        let process = self.process().take();
        process.unwrap().stop().await;
    }

    /// Waits until it says that it is ready.
    pub(crate) async fn ready(&self) -> Ready {
        let ready = self.process().as_ref().unwrap().ready();
        ready.await
    }

    /// Whether it has said that it is ready.
    pub(crate) fn is_ready(&self) -> bool {
        self.process().as_ref().is_some_and(Process::is_ready)
    }

    /// Nobody, connected to it.
    pub(crate) async fn nobody(&self) -> Client {
        Client::connect(self.port.url()).await
    }
}

/// Services over etcd. Dropped, everything ends.
pub(crate) struct Apart {
    // before what they write to, so that they are dropped first
    sidecars: Mutex<Vec<Process>>,
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
            Service { kind, port: Port::reserve(), program, process: Mutex::new(None) }
        });
        let services = services.collect();
        let apart = Self { sidecars: Mutex::default(), services, etcd, folder, shape, root };
        apart.services.iter().for_each(|service| apart.configure(service));
        apart
    }

    fn configure(&self, service: &Service) {
        let text = format!("{}\n[server]\nlisten = \"{}\"\n", self.common(), service.port.address);
        fs::write(config_file(self.folder.path(), &service.program.name), text).unwrap();
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
             [etcd]\nendpoints = {:?}\nprefix = \"{PREFIX}\"\n\
             [services]\n{}\n\
             [identity.passwords.hash]\nmemory_kib = 64\npasses = 1\n{}\n",
            file("cluster-key"),
            file("first-password"),
            file("root-token"),
            self.etcd.endpoints(),
            Kind::ALL.map(urls).join("\n"),
            self.shape.settings,
        )
    }

    /// Starts every service that does not run.
    pub(crate) fn start_services(&self) {
        self.services.iter().for_each(Service::start);
    }

    /// Waits until every service is ready.
    pub(crate) async fn ready(&self) {
        join_all(self.services.iter().map(Service::ready)).await;
    }

    /// The processes of one service.
    pub(crate) fn of(&self, kind: Kind) -> impl Iterator<Item = &Service> {
        self.services.iter().filter(move |service| service.kind == kind)
    }

    /// One process of a service, by number.
    pub(crate) fn service(&self, kind: Kind, at: usize) -> &Service {
        self.of(kind).nth(at).unwrap()
    }

    /// The address of the first process of a service.
    pub(crate) fn address(&self, kind: Kind) -> SocketAddr {
        self.service(kind, 0).port.address
    }

    /// The root token.
    pub(crate) fn root(&self) -> &str {
        &self.root
    }

    /// Stops every service as a service manager does, all at once.
    pub(crate) async fn stop_services(&self) {
        join_all(self.services.iter().map(Service::stop)).await;
    }

    /// The program of a sidecar that follows these services with a token, and where it answers.
    pub(crate) fn sidecar(&self, name: &str, upstreams: &[SocketAddr], token: &str) -> (Program, PathBuf) {
        let folder = self.folder.path();
        let token_file = folder.join(format!("{name}.token"));
        fs::write(&token_file, token).unwrap();
        let socket = folder.join(format!("{name}.sock"));
        let upstreams: Vec<String> = upstreams.iter().map(|address| format!("http://{address}")).collect();
        let text = format!(
            "[sidecar]\nsocket = {:?}\nupstreams = {upstreams:?}\ntoken_file = {:?}\n{}\n",
            socket.display().to_string(),
            token_file.display().to_string(),
            self.shape.settings,
        );
        let config = config_file(folder, name);
        fs::write(&config, text).unwrap();
        let arguments = vec!["sidecar".to_owned(), "--config".to_owned(), config];
        (Program { name: name.to_owned(), arguments, log: folder.join(format!("{name}.log")) }, socket)
    }

    /// Keeps a sidecar running as long as the cluster is there.
    pub(crate) fn keep(&self, sidecar: Process) {
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
