//! What a command depends on besides its arguments.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{self, IsTerminal as _, Read, Write};
use std::path::PathBuf;
use std::time::SystemTime;

use crate::failure::Failure;
use crate::secret::Secret;
use crate::terminal::{ControllingTerminal, Terminal};

/// The environment variables, by name. A variable that is empty counts as not set.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<OsString, OsString>);

impl Environment {
    /// The variable `name`, as text.
    ///
    /// # Errors
    /// When it is set to what is not UTF-8.
    pub(crate) fn text(&self, name: &str) -> Result<Option<String>, Failure> {
        match self.raw(name).cloned().map(OsString::into_string) {
            None => Ok(None),
            Some(Ok(text)) => Ok(Some(text)),
            Some(Err(_)) => Err(Failure::usage(format!("the environment variable `{name}` is not UTF-8"))),
        }
    }

    /// The variable `name`, as a secret; white space around it is no part of it.
    ///
    /// # Errors
    /// When it is set to what is not UTF-8.
    pub(crate) fn secret(&self, name: &str) -> Result<Option<Secret>, Failure> {
        Ok(self.text(name)?.map(|text| Secret::new(text.trim())).filter(|secret| !secret.is_empty()))
    }

    /// The variable `name`, as an absolute path; a relative one counts as not set (XDG Base Directory Specification).
    pub(crate) fn absolute_path(&self, name: &str) -> Option<PathBuf> {
        self.raw(name).map(PathBuf::from).filter(|path| path.is_absolute())
    }

    /// Whether the variable `name` is set.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.raw(name).is_some()
    }

    fn raw(&self, name: &str) -> Option<&OsString> {
        self.0.get(&OsString::from(name)).filter(|value| !value.is_empty())
    }
}

impl<K: Into<OsString>, V: Into<OsString>> FromIterator<(K, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(variables: I) -> Self {
        Self(variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

/// The world around one command.
pub struct Surroundings {
    /// The environment variables.
    pub environment: Environment,
    /// Where `-f -` and `--password-stdin` read.
    pub stdin: Box<dyn Read + Send>,
    /// Where answers go.
    pub stdout: Box<dyn Write + Send>,
    /// Where errors, notes and warnings go.
    pub stderr: Box<dyn Write + Send>,
    /// Whether answers are read by a person, who may be shown colours.
    pub stdout_is_terminal: bool,
    /// The person to ask; none in a run that is not interactive.
    pub terminal: Option<Box<dyn Terminal>>,
    /// The wall clock.
    pub now: fn() -> SystemTime,
}

impl Surroundings {
    /// Those of this process.
    pub fn of_this_process() -> Self {
        let interactive = io::stdin().is_terminal();
        Self {
            environment: std::env::vars_os().collect(),
            stdin: Box::new(io::stdin()),
            stdout: Box::new(io::stdout()),
            stderr: Box::new(io::stderr()),
            stdout_is_terminal: io::stdout().is_terminal(),
            terminal: interactive.then(|| Box::new(ControllingTerminal) as Box<dyn Terminal>),
            now: wall_clock,
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place where the program's own clock is read")]
fn wall_clock() -> SystemTime {
    SystemTime::now()
}
