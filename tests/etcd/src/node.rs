//! One server: its ports, its folder, and the process while there is one.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::{Mutex, MutexGuard};

use rustix::process::{Pid, Signal, kill_process};

use crate::{keeper, ports};

/// Lines of a log that are shown when something went wrong.
const TAIL: usize = 25;

/// What the process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// It runs, as far as is known.
    Up,
    /// It is held by SIGSTOP.
    Paused,
    /// There is none.
    Down,
}

/// One server of a cluster.
pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) client_port: u16,
    pub(crate) peer_port: u16,
    /// Plain HTTP, whatever the others speak.
    pub(crate) metrics_port: u16,
    pub(crate) folder: PathBuf,
    process: Mutex<(State, Option<Child>)>,
}

impl Node {
    /// A server that was never started, in a folder below `home`.
    pub(crate) fn new(at: usize, home: &Path) -> Self {
        let [client_port, peer_port, metrics_port] = ports::free();
        let name = format!("node-{at}");
        let folder = home.join(&name);
        fs::create_dir_all(&folder).expect("a folder can be made");
        Self { name, client_port, peer_port, metrics_port, folder, process: Mutex::new((State::Down, None)) }
    }

    /// Where its data lie.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// How the others reach it.
    pub(crate) fn peer_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.peer_port)
    }

    /// Starts the process; whether it stays is seen later.
    pub(crate) fn spawn(&self, arguments: &[String]) {
        let log = File::options().create(true).append(true).open(self.log_path()).expect("a log can be written");
        let mut pending = keeper::spawn("etcd");
        let command = pending.command();
        command.args(arguments).current_dir(&self.folder);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("ETCD")) {
            command.env_remove(name);
        }
        if cfg!(target_arch = "aarch64") {
            // etcd before 3.5 starts there only if told that this is meant
            command.env("ETCD_UNSUPPORTED_ARCH", "arm64");
        }
        let child = pending.start().expect("`setpriv` and `etcd` are on the path: scripts/setup.sh test");
        *self.process() = (State::Up, Some(child));
    }

    /// What the process does now; one that has ended by itself is down.
    pub(crate) fn state(&self) -> State {
        let mut process = self.process();
        if process.1.as_mut().is_some_and(|child| matches!(child.try_wait(), Ok(None))) {
            return process.0;
        }
        *process = (State::Down, None);
        State::Down
    }

    /// Ends the process as a crash does, and waits until it is gone.
    pub(crate) fn kill(&self) {
        let mut process = self.process();
        if let (_, Some(mut child)) = std::mem::replace(&mut *process, (State::Down, None)) {
            let _ended_already = child.kill();
            child.wait().expect("a child can be waited for");
        }
    }

    /// Holds the process, its connections open.
    pub(crate) fn pause(&self) {
        self.signal(Signal::STOP, State::Paused);
    }

    /// Lets the process go on.
    pub(crate) fn resume(&self) {
        self.signal(Signal::CONT, State::Up);
    }

    /// The end of what it logged.
    pub(crate) fn log_tail(&self) -> String {
        let text = fs::read_to_string(self.log_path()).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        let tail = lines.len().saturating_sub(TAIL);
        format!("--- {}: {:?}\n{}\n", self.name, self.state(), lines.split_at(tail).1.join("\n"))
    }

    fn signal(&self, signal: Signal, then: State) {
        let mut process = self.process();
        let child = process.1.as_ref().unwrap_or_else(|| panic!("{} is down", self.name));
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).expect("a child has an id");
        kill_process(pid, signal).expect("a child can be signalled");
        process.0 = then;
    }

    fn process(&self) -> MutexGuard<'_, (State, Option<Child>)> {
        self.process.lock().expect("nobody panics with a process in hand")
    }

    fn log_path(&self) -> PathBuf {
        self.folder.join("log")
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.kill();
    }
}
