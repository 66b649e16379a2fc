//! The rules for a new password; checked in the service, whatever client asks.

use reeve_model::Fold;

use crate::secret::SecretString;

/// Longest password, in bytes; checked before anything is hashed.
pub const MAX_PASSWORD_BYTES: usize = 512;
const DEFAULT_MIN_CHARS: usize = 8;
/// Well-known passwords that pass the other rules or come close, in lower case, one a line.
const COMMON: &str = include_str!("../../data/common-passwords.txt");

/// Which characters a password must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CharacterClasses {
    /// An upper-case letter.
    pub upper: bool,
    /// A lower-case letter.
    pub lower: bool,
    /// A number.
    pub digit: bool,
}

/// What is done about a blank password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EmptyPasswords {
    /// It is refused.
    Refused,
    /// `allow_blank`: it may be chosen, and no other rule then holds. For a lab that wants it.
    Allowed,
}

/// What is done about a password that everybody knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommonPasswords {
    /// It is refused.
    Refused,
    /// It may be chosen.
    Allowed,
}

/// The rules that a new password is held to. Existing passwords are not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasswordPolicy {
    /// Fewest characters (Unicode scalar values).
    pub min_chars: usize,
    /// Which characters it must have.
    pub classes: CharacterClasses,
    /// Whether it may be blank.
    pub empty: EmptyPasswords,
    /// Whether it may be on the list of common passwords that ships.
    pub common: CommonPasswords,
}

impl Default for PasswordPolicy {
    /// 8 characters with an upper-case letter, a lower-case letter and a number; not blank, not common.
    fn default() -> Self {
        Self {
            min_chars: DEFAULT_MIN_CHARS,
            classes: CharacterClasses { upper: true, lower: true, digit: true },
            empty: EmptyPasswords::Refused,
            common: CommonPasswords::Refused,
        }
    }
}

/// A rule that a password breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordFault {
    /// More than [`MAX_PASSWORD_BYTES`].
    #[error("is too long: a password has at most 512 bytes")]
    TooLong,
    /// Empty, or white space alone.
    #[error("is blank")]
    Blank,
    /// Too few characters.
    #[error("is too short: a password has at least {0} characters")]
    TooShort(usize),
    /// No upper-case letter.
    #[error("has no upper-case letter")]
    NoUpper,
    /// No lower-case letter.
    #[error("has no lower-case letter")]
    NoLower,
    /// No number.
    #[error("has no number")]
    NoDigit,
    /// The username, in whatever case.
    #[error("is the username")]
    IsUsername,
    /// On the list of common passwords, in whatever case.
    #[error("is one of the passwords that are tried first: choose another")]
    Common,
}

impl PasswordPolicy {
    /// Every rule that `password` breaks, together; none if it may be chosen.
    pub fn check(&self, username: &str, password: &SecretString) -> Vec<PasswordFault> {
        let text = password.expose();
        if text.len() > MAX_PASSWORD_BYTES {
            return vec![PasswordFault::TooLong];
        }
        let blank = text.trim().is_empty();
        if blank && self.empty == EmptyPasswords::Allowed {
            return Vec::new();
        }
        let lacks = |class: fn(char) -> bool| !text.chars().any(class);
        let rules = [
            (blank, PasswordFault::Blank),
            (text.chars().count() < self.min_chars, PasswordFault::TooShort(self.min_chars)),
            (self.classes.upper && lacks(char::is_uppercase), PasswordFault::NoUpper),
            (self.classes.lower && lacks(char::is_lowercase), PasswordFault::NoLower),
            (self.classes.digit && lacks(char::is_numeric), PasswordFault::NoDigit),
            (Fold::of(text) == Fold::of(username), PasswordFault::IsUsername),
            (self.common == CommonPasswords::Refused && is_common(text), PasswordFault::Common),
        ];
        rules.into_iter().filter(|(broken, _)| *broken).map(|(_, fault)| fault).collect()
    }
}

/// A walk over a few hundred lines: setting a password costs a hash of milliseconds anyhow.
fn is_common(text: &str) -> bool {
    let folded = SecretString::new(text.trim().to_lowercase());
    COMMON.lines().any(|line| line == folded.expose())
}
