//! A Unix user or group name, as a line of passwd(5) can carry it.

use std::fmt;

use crate::AgentId;

/// Most bytes of a Unix user or group name.
pub const MAX_UNIX_NAME_BYTES: usize = 256;

/// A Unix user or group name: 1–256 bytes, no `:`, `,`, `/`, white space (Unicode's) or control character, no leading `-`,
/// `+` or `#`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixName(String);

/// What is wrong with a Unix name, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{given}` is not a Unix name: {problem}")]
pub struct UnixNameError {
    given: String,
    problem: &'static str,
}

impl UnixName {
    /// Reads a name, exactly as given.
    ///
    /// # Errors
    /// What is wrong with it and what would be right.
    pub fn parse(text: &str) -> Result<Self, UnixNameError> {
        match problem_of(text) {
            None => Ok(Self(text.to_owned())),
            Some(problem) => {
                Err(UnixNameError { given: text.chars().take(80).flat_map(char::escape_default).collect(), problem })
            }
        }
    }

    /// `root`.
    pub fn root() -> Self {
        Self("root".to_owned())
    }

    /// `gid-N`: what a group without a name is called.
    pub fn of_unnamed_group(gid: AgentId) -> Self {
        Self(format!("gid-{gid}"))
    }

    /// Whether it is root's, exactly: Unix names know case.
    pub fn is_root(&self) -> bool {
        self.0 == "root"
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn problem_of(text: &str) -> Option<&'static str> {
    if text.is_empty() || text.len() > MAX_UNIX_NAME_BYTES {
        return Some("it has 1 to 256 bytes");
    }
    if text.starts_with(['-', '+', '#']) {
        return Some("it does not start with `-`, `+` or `#`");
    }
    if text.contains([':', ',', '/']) {
        return Some("it has no `:`, `,` or `/`");
    }
    text.contains(|c: char| c.is_whitespace() || c.is_control()).then_some("it has no white space or control character")
}

impl fmt::Display for UnixName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_real_systems_are_taken() {
        for good in
            ["alice", "_apt", "DOMAIN\\alice", "alice@corp.example", "svc$", "a-b+c#d", "é", "1000", &"a".repeat(256)]
        {
            assert_eq!(UnixName::parse(good).unwrap().as_str(), good);
        }
    }

    #[test]
    fn a_name_that_could_break_a_line_open_is_refused() {
        for bad in [
            "",
            "-a",
            "+a",
            "#a",
            "a:b",
            "a,b",
            "a/b",
            "a b",
            "a\n",
            "a\0",
            "a\u{85}b",
            "a\u{2028}b",
            "a\u{a0}b",
            "a\u{3000}",
            "\u{7f}",
            &"a".repeat(257),
            &"é".repeat(129),
        ] {
            let error = UnixName::parse(bad).unwrap_err().to_string();
            assert!(!error.contains(char::is_control), "{error:?}");
        }
    }
}
