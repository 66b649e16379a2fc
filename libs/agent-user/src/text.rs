//! The free fields of a line of passwd(5): home, shell, gecos.

use std::fmt;

/// Most bytes of a home directory, a shell or a gecos field (`PATH_MAX`).
pub const MAX_TEXT_BYTES: usize = 4096;

/// An absolute path without `:` and control characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AbsolutePath(String);

/// The comment field of passwd(5): no `:`, no control character; may be empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Gecos(String);

/// What is wrong with a free field, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{given}` {problem}")]
pub struct TextError {
    given: String,
    problem: &'static str,
}

impl AbsolutePath {
    /// Reads a path, exactly as given.
    ///
    /// # Errors
    /// What is wrong with it and what would be right.
    pub fn parse(text: &str) -> Result<Self, TextError> {
        if !text.starts_with('/') {
            return Err(error(text, "is not an absolute path: it starts with `/`"));
        }
        field(text).map(Self)
    }

    /// The path.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Gecos {
    /// Reads a comment, exactly as given.
    ///
    /// # Errors
    /// What is wrong with it and what would be right.
    pub fn parse(text: &str) -> Result<Self, TextError> {
        field(text).map(Self)
    }

    /// The comment.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn field(text: &str) -> Result<String, TextError> {
    if text.len() > MAX_TEXT_BYTES {
        return Err(error(text, "is too long: it has at most 4096 bytes"));
    }
    if text.contains(|c: char| c == ':' || c.is_control()) {
        return Err(error(text, "has a `:` or a control character: a line of passwd cannot carry them"));
    }
    Ok(text.to_owned())
}

fn error(given: &str, problem: &'static str) -> TextError {
    TextError { given: given.chars().take(80).flat_map(char::escape_default).collect(), problem }
}

impl fmt::Display for AbsolutePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Gecos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_absolute_and_fit_in_a_line() {
        for good in ["/", "/home/alice", "/mnt/my files/a,b", "/é"] {
            AbsolutePath::parse(good).unwrap();
        }
        for bad in ["", "home", "~", "/a:b", "/a\nroot:x:0:0", "/a\0", &format!("/{}", "a".repeat(4096))] {
            AbsolutePath::parse(bad).unwrap_err();
        }
    }

    #[test]
    fn a_comment_may_be_empty_and_fits_in_a_line() {
        for good in ["", "Alice B., room 3, +49 1", "é"] {
            Gecos::parse(good).unwrap();
        }
        for bad in ["a:b", "a\nb", "\u{1b}"] {
            Gecos::parse(bad).unwrap_err();
        }
    }
}
