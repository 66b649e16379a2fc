//! Passwords: from a terminal without echo or from standard input, never from an argument.

use std::io::Read as _;

use crate::context::Context;
use crate::failure::Failure;
use crate::secret::Secret;

/// More than any password that a server accepts.
const PASSWORD_BYTES_MAX: u64 = 4096;

/// Where a password comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum PasswordFrom {
    /// `--password-stdin`.
    Stdin,
    /// The terminal, if there is one.
    Terminal,
}

impl PasswordFrom {
    /// What the flag means.
    pub(crate) fn flag(password_stdin: bool) -> Self {
        if password_stdin { Self::Stdin } else { Self::Terminal }
    }
}

impl Context<'_> {
    /// The password that `user` signs in with: from standard input, else `REEVE_PASSWORD`, else asked for.
    pub(crate) fn password_to_sign_in(&mut self, user: &str, from: PasswordFrom) -> Result<Secret, Failure> {
        if from == PasswordFrom::Stdin {
            return self.password_from_stdin();
        }
        match self.inputs.environment.secret("REEVE_PASSWORD")? {
            Some(password) => Ok(password),
            None => self.ask_password(user),
        }
    }

    /// Asks for the password that `user` signs in with.
    pub(crate) fn ask_password(&mut self, user: &str) -> Result<Secret, Failure> {
        let prompt = format!("Password of {user} at {}: ", self.server);
        self.ask_secret(&prompt)
    }

    /// A password that is to be set: from standard input, or asked for twice.
    pub(crate) fn new_password(&mut self, user: &str, from: PasswordFrom) -> Result<Secret, Failure> {
        if from == PasswordFrom::Stdin {
            return self.password_from_stdin();
        }
        let first = self.ask_secret(&format!("New password of {user}: "))?;
        let second = self.ask_secret("The same again: ")?;
        if first == second { Ok(first) } else { Err(Failure::local("the two passwords differ; nothing was changed")) }
    }

    fn ask_secret(&mut self, prompt: &str) -> Result<Secret, Failure> {
        let Some(terminal) = &mut self.inputs.terminal else {
            return Err(Failure::usage(
                "a password is needed and there is no terminal to ask at; pass it with `--password-stdin`",
            ));
        };
        terminal.ask_secret(prompt).map_err(|cause| Failure::local(format!("cannot read the password: {cause}")))
    }

    /// Standard input up to its end, without the line end that `echo` and editors put there.
    fn password_from_stdin(&mut self) -> Result<Secret, Failure> {
        let mut bytes = Vec::new();
        (&mut self.inputs.stdin)
            .take(PASSWORD_BYTES_MAX + 1)
            .read_to_end(&mut bytes)
            .map_err(|cause| Failure::usage(format!("cannot read the password from standard input: {cause}")))?;
        if u64::try_from(bytes.len()).is_ok_and(|read| read > PASSWORD_BYTES_MAX) {
            return Err(Failure::usage(format!(
                "standard input is longer than {PASSWORD_BYTES_MAX} bytes; no password is"
            )));
        }
        let Ok(text) = String::from_utf8(bytes) else {
            return Err(Failure::usage("the password on standard input is not UTF-8"));
        };
        let line = text.strip_suffix('\n').unwrap_or(&text);
        let line = line.strip_suffix('\r').unwrap_or(line);
        match line {
            "" => Err(Failure::usage("standard input is empty; a password was to be there")),
            line if line.contains('\n') => Err(Failure::usage("standard input has several lines; a password is one")),
            line => Ok(Secret::new(line)),
        }
    }
}
