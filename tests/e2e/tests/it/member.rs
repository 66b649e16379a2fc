//! One process of a cluster apart, over all of its lives: a service or a sidecar.

use std::sync::{Mutex, MutexGuard};

use crate::client::Client;
use crate::process::{Process, Program, Ready};

/// A process of a cluster, running or not.
pub(crate) struct Member {
    pub(crate) program: Program,
    /// `http://HOST:PORT` or `unix:PATH`.
    pub(crate) url: String,
    process: Mutex<Option<Process>>,
}

impl Member {
    /// One that is yet to be started.
    pub(crate) fn new(program: Program, url: String) -> Self {
        Self { program, url, process: Mutex::default() }
    }

    /// What the test calls it.
    pub(crate) fn name(&self) -> &str {
        &self.program.name
    }

    /// Starts it, if it does not run.
    pub(crate) fn start(&self) {
        self.process().get_or_insert_with(|| self.program.start());
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

    /// Nobody, who connects to it with the first call, and again whenever it was away.
    pub(crate) fn nobody(&self) -> Client {
        Client::lazy(self.url.clone())
    }

    fn process(&self) -> MutexGuard<'_, Option<Process>> {
        self.process.lock().unwrap()
    }
}
