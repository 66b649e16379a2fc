//! Somebody who types commands: a home, an environment, and a terminal or none.

use std::collections::VecDeque;
use std::io::{self, Cursor, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use reeve::{Exit, Secret, Surroundings, Terminal};
use tempfile::TempDir;

use crate::fake::START;

pub(crate) struct Person {
    pub(crate) home: TempDir,
    environment: Vec<(String, String)>,
    answers: Option<Vec<&'static str>>,
    stdin: Vec<u8>,
    now: fn() -> SystemTime,
}

/// What a command did.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) exit: Exit,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Person {
    /// Somebody without a terminal, at the start of time.
    pub(crate) fn at(server: &str) -> Self {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().display().to_string();
        let environment = vec![("HOME".to_owned(), folder), ("REEVE_SERVER".to_owned(), server.to_owned())];
        Self { home, environment, answers: None, stdin: Vec::new(), now: start }
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.set(name, value);
        self
    }

    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.environment.retain(|(known, _)| known != name);
        self.environment.push((name.to_owned(), value.to_owned()));
    }

    /// Gives them a terminal, and what they will type there.
    pub(crate) fn typing(&mut self, answers: &[&'static str]) -> &mut Self {
        self.answers = Some(answers.to_vec());
        self
    }

    pub(crate) fn piping(&mut self, stdin: impl Into<Vec<u8>>) -> &mut Self {
        self.stdin = stdin.into();
        self
    }

    pub(crate) fn at_time(&mut self, now: fn() -> SystemTime) -> &mut Self {
        self.now = now;
        self
    }

    pub(crate) fn credentials(&self) -> PathBuf {
        self.home.path().join(".config/reeve/credentials.json")
    }

    /// Runs `reeve` with these arguments; terminal and standard input are used up.
    pub(crate) async fn run(&mut self, arguments: &[&str]) -> Outcome {
        let (stdout, stderr) = (Screen::default(), Screen::default());
        let terminal = self.answers.take().map(|answers| Box::new(Keyboard(answers.into())) as Box<dyn Terminal>);
        let surroundings = Surroundings {
            environment: self.environment.iter().cloned().collect(),
            stdin: Box::new(Cursor::new(std::mem::take(&mut self.stdin))),
            stdout: Box::new(stdout.clone()),
            stderr: Box::new(stderr.clone()),
            stdout_is_terminal: false,
            terminal,
            now: self.now,
        };
        let arguments = std::iter::once("reeve").chain(arguments.iter().copied()).map(Into::into).collect();
        let exit = reeve::run(arguments, surroundings).await;
        Outcome { exit, stdout: stdout.text(), stderr: stderr.text() }
    }
}

fn start() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(START.unsigned_abs())
}

/// When the first access tokens have 30 seconds left.
pub(crate) fn after_870_seconds() -> SystemTime {
    start() + Duration::from_secs(870)
}

/// When the first sessions have ended.
pub(crate) fn after_31_days() -> SystemTime {
    start() + Duration::from_hours(31 * 24)
}

#[derive(Clone, Default)]
struct Screen(Arc<Mutex<Vec<u8>>>);

impl Screen {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Keyboard(VecDeque<&'static str>);

impl Terminal for Keyboard {
    fn ask(&mut self, _: &str) -> io::Result<String> {
        self.0.pop_front().map(str::to_owned).ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))
    }

    fn ask_secret(&mut self, prompt: &str) -> io::Result<Secret> {
        self.ask(prompt).map(Secret::new)
    }
}
