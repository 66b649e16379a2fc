//! Questions to the person at the terminal.

use std::io::{self, BufRead as _, Write as _};

use crate::secret::Secret;

/// Where a person can be asked.
pub trait Terminal: Send {
    /// Asks for a line of text, with echo.
    ///
    /// # Errors
    /// When the terminal cannot be read.
    fn ask(&mut self, prompt: &str) -> io::Result<String>;

    /// Asks for a line of text, without echo.
    ///
    /// # Errors
    /// When the terminal cannot be read.
    fn ask_secret(&mut self, prompt: &str) -> io::Result<Secret>;
}

/// The terminal that this process was started from.
pub(crate) struct ControllingTerminal;

impl Terminal for ControllingTerminal {
    fn ask(&mut self, prompt: &str) -> io::Result<String> {
        let mut stderr = io::stderr().lock();
        write!(stderr, "{prompt}")?;
        stderr.flush()?;
        let mut line = String::new();
        if io::stdin().lock().read_line(&mut line)? == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof));
        }
        Ok(line.trim().to_owned())
    }

    fn ask_secret(&mut self, prompt: &str) -> io::Result<Secret> {
        rpassword::prompt_password(prompt).map(Secret::new)
    }
}
