//! A `reeved` process: started, watched, killed.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

/// How long anything may take that a process is waited for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A command without any of the variables that would configure it.
pub(crate) fn reeved<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_reeved"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("REEVE_")) {
        command.env_remove(name);
    }
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// `reeved up` on a folder, listening on a free port.
pub(crate) fn up(data: &Path) -> Command {
    let mut command = reeved(["up", "--listen", "127.0.0.1:0", "--data"]);
    command.arg(data);
    // what a hash costs is not what is tested here
    command.env("REEVE_IDENTITY__PASSWORDS__HASH__MEMORY_KIB", "64");
    command.env("REEVE_IDENTITY__PASSWORDS__HASH__PASSES", "1");
    command
}

/// A process that ended: how, and what it said.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Runs to the end.
pub(crate) fn ended(mut command: Command) -> Ended {
    let output = command.output().unwrap();
    Ended {
        status: output.status,
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// A process that does not outlive its handle.
pub(crate) struct Killed(pub(crate) Child);

impl Drop for Killed {
    fn drop(&mut self) {
        // one that has ended already cannot be killed, and need not be
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A running `reeved`. It is killed when it is dropped.
pub(crate) struct Running {
    child: Killed,
    lines: mpsc::UnboundedReceiver<String>,
    log: watch::Receiver<String>,
    began: Instant,
    /// From the start of the process to its word that it is ready.
    pub(crate) ready_after: Duration,
    /// `ready grpc=ADDRESS socket=PATH`; empty until it was waited for.
    pub(crate) ready: String,
}

impl Running {
    /// Starts it.
    pub(crate) fn spawn(mut command: Command) -> Self {
        let began = Instant::now();
        let mut child = Killed(command.spawn().unwrap());
        let (out, err) = (child.0.stdout.take().unwrap(), child.0.stderr.take().unwrap());
        let (said, lines) = mpsc::unbounded_channel();
        std::thread::spawn(move || {
            BufReader::new(out).lines().map_while(Result::ok).try_for_each(|line| said.send(line).ok())
        });
        let (logged, log) = watch::channel(String::new());
        std::thread::spawn(move || {
            // what is not UTF-8 would be a finding of its own
            for line in BufReader::new(err).lines() {
                let line = line.unwrap();
                logged.send_modify(|text| {
                    text.push_str(&line);
                    text.push('\n');
                });
            }
        });
        Self { child, lines, log, began, ready_after: Duration::ZERO, ready: String::new() }
    }

    /// Starts it, and waits until it is ready.
    pub(crate) async fn start(command: Command) -> Self {
        let mut running = Self::spawn(command);
        running.ready().await;
        running
    }

    /// Waits until it is ready.
    pub(crate) async fn ready(&mut self) {
        match timeout(PATIENCE, self.lines.recv()).await {
            Ok(Some(ready)) if ready.starts_with("ready ") => {
                (self.ready_after, self.ready) = (self.began.elapsed(), ready);
            }
            said => panic!("not ready: {said:?}: {}", self.log.borrow().as_str()),
        }
    }

    /// Waits until its log has `text`; the line.
    pub(crate) async fn logged(&mut self, text: &str) -> String {
        let found = timeout(PATIENCE, self.log.wait_for(|log| log.contains(text))).await;
        let log = found.expect("it is logged in time").expect("it is logged before the end");
        log.lines().find(|line| line.contains(text)).unwrap().to_owned()
    }

    /// Where it listens, before it is ready.
    pub(crate) async fn listening(&mut self) -> SocketAddr {
        let line = self.logged("listening on ").await;
        line.split("listening on ").nth(1).unwrap().trim().parse().unwrap()
    }

    /// The next line on stdout.
    pub(crate) async fn line(&mut self) -> String {
        timeout(PATIENCE, self.lines.recv()).await.expect("a line").expect("a line")
    }

    fn said(&self, name: &str) -> &str {
        let value = self.ready.split(' ').find_map(|part| part.strip_prefix(name)?.strip_prefix('='));
        value.unwrap_or_else(|| panic!("no {name} in {}", self.ready))
    }

    /// Where gRPC is answered.
    pub(crate) fn address(&self) -> SocketAddr {
        self.said("grpc").parse().unwrap()
    }

    /// Where the sidecar answers.
    pub(crate) fn socket(&self) -> PathBuf {
        PathBuf::from(self.said("socket"))
    }

    /// Asks it to stop, as a service manager does.
    pub(crate) fn terminate(&self) {
        let asked = Command::new("sh").args(["-c", &format!("kill -TERM {}", self.child.0.id())]).status().unwrap();
        assert!(asked.success());
    }

    /// Kills it where it stands (SIGKILL).
    pub(crate) fn kill(self) {
        drop(self.child);
    }

    /// Whether it is still there.
    pub(crate) fn is_running(&mut self) -> bool {
        self.child.0.try_wait().unwrap().is_none()
    }

    /// Waits for its end.
    pub(crate) async fn end(mut self) -> Ended {
        let mut out = String::new();
        while let Some(line) = timeout(PATIENCE, self.lines.recv()).await.expect("the end of its output") {
            out += &line;
            out.push('\n');
        }
        // the sender goes with the last line
        timeout(PATIENCE, self.log.wait_for(|_| false)).await.expect("the end of its log").unwrap_err();
        let (status, err) = (self.child.0.wait().unwrap(), self.log.borrow().clone());
        Ended { status, out, err }
    }
}
