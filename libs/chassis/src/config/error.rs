//! What is wrong with a configuration: every key at once, each with where it was said.

use std::fmt;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The key's full path: `server.listen`; empty where the file itself is wrong.
    pub key: String,
    /// Where it was said: a file, an environment variable, a flag; empty where it follows from several.
    pub origin: String,
    /// What is wrong, and what would be right.
    pub problem: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.key.is_empty(), self.origin.is_empty()) {
            (true, true) => write!(f, "{}", self.problem),
            (true, false) => write!(f, "{}: {}", self.origin, self.problem),
            (false, true) => write!(f, "`{}`: {}", self.key, self.problem),
            (false, false) => write!(f, "`{}` ({}): {}", self.key, self.origin, self.problem),
        }
    }
}

/// Everything that is wrong, one line each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigErrors(pub Vec<ConfigError>);

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, error) in self.0.iter().enumerate() {
            let end = if at + 1 == self.0.len() { "" } else { "\n" };
            write!(f, "{error}{end}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}
