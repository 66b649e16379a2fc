//! A `reeved` process: started, watched, held, killed. None outlives its test, however that ends.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use reeve_test_etcd::keeper;
use rustix::process::{Pid, Signal, kill_process};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use crate::awaiting::within;

/// How long anything may take that a process is waited for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
/// How many lines of its log are shown when a test fails.
const TAIL: usize = 40;

/// The server that this test was built with.
const REEVED: &str = env!("CARGO_BIN_EXE_reeved-e2e");

/// `reeved`, to be run to its end.
pub(crate) fn reeved() -> Command {
    let mut command = Command::new(REEVED);
    unconfigured(&mut command);
    command
}

/// Takes away every variable that would configure it.
fn unconfigured(command: &mut Command) {
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("REEVE_")) {
        command.env_remove(name);
    }
}

/// What to start: `reeved ARGUMENTS`, logging to a file.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    /// What the test calls it. Example: `policy-1`.
    pub(crate) name: String,
    pub(crate) arguments: Vec<String>,
    pub(crate) log: PathBuf,
}

impl Program {
    /// The end of what it logged, over all of its lives.
    pub(crate) fn tail(&self) -> String {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        let shown = &lines[lines.len().saturating_sub(TAIL)..];
        format!("--- {}\n{}\n", self.name, shown.join("\n"))
    }

    /// Starts it.
    pub(crate) fn start(&self) -> Process {
        let log = File::options().create(true).append(true).open(&self.log).unwrap();
        let mut pending = keeper::spawn(REEVED);
        let command = pending.command();
        unconfigured(command);
        command.args(&self.arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log);
        let mut child = pending.start().expect("`setpriv` is on the path: scripts/setup.sh test");
        let out = child.stdout.take().unwrap();
        let (said, ready) = watch::channel(None);
        let began = Instant::now();
        std::thread::spawn(move || {
            // read to the end: a full pipe would hold the process
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                if line.starts_with("ready") {
                    said.send_replace(Some(Ready { after: began.elapsed() }));
                }
            }
        });
        Process { program: self.clone(), child, ready }
    }
}

/// How long after its start a process said that its answers are safe.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ready {
    pub(crate) after: Duration,
}

/// One life of a program. Dropped, it is killed.
pub(crate) struct Process {
    program: Program,
    child: Child,
    ready: watch::Receiver<Option<Ready>>,
}

impl Process {
    /// Waits until it says that it is ready.
    ///
    /// # Panics
    /// It ended, or did not say so in time.
    pub(crate) fn ready(&self) -> impl Future<Output = Ready> + use<> {
        let (mut ready, name) = (self.ready.clone(), self.program.name.clone());
        async move {
            let said = timeout(PATIENCE, ready.wait_for(Option::is_some)).await;
            match said {
                Ok(Ok(ready)) => ready.unwrap(),
                Ok(Err(_)) => panic!("{name} ended before it was ready"),
                Err(late) => panic!("{name} is not ready after {PATIENCE:?}: {late}"),
            }
        }
    }

    /// Holds it where it stands (SIGSTOP): its connections stay open, and nothing answers.
    pub(crate) fn pause(&self) {
        self.signal(Signal::STOP);
    }

    /// Lets it go on (SIGCONT).
    pub(crate) fn resume(&self) {
        self.signal(Signal::CONT);
    }

    /// Asks it to stop, as a service manager does, and waits until it has.
    ///
    /// # Panics
    /// It does not end well, or not in time.
    pub(crate) async fn stop(mut self) {
        self.signal(Signal::TERM);
        let ended = async || self.child.try_wait().unwrap();
        let (status, _): (ExitStatus, _) = within(PATIENCE, "the process stops", ended).await;
        assert!(status.success(), "{}: {status}", self.program.name);
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).unwrap();
        kill_process(pid, signal).unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // one that has ended already cannot be killed, and need not be
        let _ended = self.child.kill();
        let _status = self.child.wait();
    }
}
