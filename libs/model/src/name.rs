//! The names that people give: users, groups, robots, workspaces.

use std::fmt;

/// Most characters of a username, a display name, a group or a robot name.
pub const MAX_NAME_CHARS: usize = 128;
/// Most characters of a workspace id.
pub const MAX_WORKSPACE_CHARS: usize = 63;

/// What is wrong with a name, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{given}` {problem}")]
pub struct NameError {
    given: String,
    problem: &'static str,
}

impl NameError {
    fn new(given: &str, problem: &'static str) -> Self {
        Self { given: given.chars().take(MAX_NAME_CHARS).flat_map(char::escape_default).collect(), problem }
    }
}

/// A name in the form under which it is unique: two names that differ only by case are one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fold(String);

impl Fold {
    /// The case-insensitive form of any text.
    pub fn of(text: &str) -> Self {
        Self(text.trim().to_lowercase())
    }

    /// The folded text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Fold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident: $check:path;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// Reads a name, white space around it left out.
            ///
            /// # Errors
            /// What is wrong with it and what would be right.
            pub fn parse(text: &str) -> Result<Self, NameError> {
                let text = text.trim();
                match $check(text) {
                    None => Ok(Self(text.to_owned())),
                    Some(problem) => Err(NameError::new(text, problem)),
                }
            }

            /// The name as it was typed.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The form under which it is unique.
            pub fn fold(&self) -> Fold {
                Fold::of(&self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )+};
}

names! {
    /// The name a user signs in with: 2–128 of `[A-Za-z0-9._@+-]`, starting with a letter, digit or `_`; not `root`,
    /// `system` or `system:…`. Unique case-insensitively, kept as typed.
    Username: check_username;
    /// What a person is called on screen: printable text, 1–128 characters.
    DisplayName: check_display_name;
    /// `[A-Za-z0-9][A-Za-z0-9._-]{0,127}`, unique case-insensitively.
    GroupName: check_group_name;
    /// `[A-Za-z0-9][A-Za-z0-9._-]{0,127}`, unique case-insensitively.
    RobotName: check_group_name;
    /// A workspace id: `[A-Za-z0-9][A-Za-z0-9_-]{0,62}`, unique case-insensitively, matched exactly.
    WorkspaceName: check_workspace_name;
}

fn check_username(text: &str) -> Option<&'static str> {
    let count = text.chars().count();
    if !(2..=MAX_NAME_CHARS).contains(&count) {
        return Some("has the wrong length: a username has 2 to 128 characters");
    }
    if !text.chars().all(|c| c.is_ascii_alphanumeric() || "._@+-".contains(c)) {
        return Some("has a character that is not allowed: a username is made of letters, digits and `._@+-`");
    }
    if !text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_') {
        return Some("starts wrongly: a username starts with a letter, a digit or `_`");
    }
    is_reserved(text).then_some("is reserved")
}

fn check_display_name(text: &str) -> Option<&'static str> {
    if text.is_empty() || text.chars().count() > MAX_NAME_CHARS {
        return Some("has the wrong length: a display name has 1 to 128 characters");
    }
    if text.chars().any(|c| c.is_control() || is_invisible(c)) {
        return Some("has a character that cannot be seen: a display name is printable text");
    }
    is_reserved(text).then_some("is reserved")
}

/// Names that only Reeve itself goes by.
fn is_reserved(text: &str) -> bool {
    ["root", "system"].iter().any(|name| text.eq_ignore_ascii_case(name))
}

/// Characters that turn, join or hide what stands around them (Unicode's format characters and fillers): with them one name can
/// be made to look like another.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}'
        | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

fn check_group_name(text: &str) -> Option<&'static str> {
    if text.is_empty() || text.chars().count() > MAX_NAME_CHARS {
        return Some("has the wrong length: a name has 1 to 128 characters");
    }
    let fits = text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
    (!fits).then_some("is not a name: it starts with a letter or digit and is made of letters, digits and `._-`")
}

fn check_workspace_name(text: &str) -> Option<&'static str> {
    if text.is_empty() || text.chars().count() > MAX_WORKSPACE_CHARS {
        return Some("has the wrong length: a workspace id has 1 to 63 characters");
    }
    let fits = text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c));
    (!fits).then_some(
        "is not a workspace id: it starts with a letter or digit and is made of letters, digits, `_` and `-`",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usernames_are_kept_as_typed_and_fold_to_one() {
        let name = Username::parse(" Alice.B@corp ").unwrap();
        assert_eq!(name.as_str(), "Alice.B@corp");
        assert_eq!(name.fold(), Username::parse("alice.b@CORP").unwrap().fold());
    }

    #[test]
    fn bad_usernames_are_refused_with_what_would_be_right() {
        for bad in ["", "a", "-al", "al ice", "al/ice", "system:x", "Root", "SYSTEM", "é2", &"a".repeat(129)] {
            let error = Username::parse(bad).unwrap_err().to_string();
            assert!(error.contains("username") || error.contains("reserved"), "{error}");
        }
        Username::parse(&"a".repeat(128)).unwrap();
    }

    #[test]
    fn an_error_never_carries_a_control_character() {
        let error = DisplayName::parse("a\u{1b}[2Jb").unwrap_err().to_string();
        assert!(!error.contains('\u{1b}'), "{error:?}");
    }

    #[test]
    fn a_display_name_cannot_pass_for_another() {
        for bad in ["root", "System", "al\u{202e}ice", "a\u{200b}dmin", "\u{feff}alice", "al\u{ad}ice", "\u{3164}"] {
            assert!(DisplayName::parse(bad).is_err(), "{bad:?}");
        }
        for fits in ["Alice A.", "Zoë 李", "Ольга", "O’Neil"] {
            DisplayName::parse(fits).unwrap();
        }
    }

    #[test]
    fn workspace_ids_are_short_and_plain() {
        WorkspaceName::parse(&"w".repeat(63)).unwrap();
        for bad in ["", "_w", "a.b", "a/b", &"w".repeat(64)] {
            assert!(WorkspaceName::parse(bad).is_err(), "{bad}");
        }
    }
}
