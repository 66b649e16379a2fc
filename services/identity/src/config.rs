//! The section `identity`.

use std::time::Duration;

use reeve_chassis::config::{Period, Validate};
use reeve_credentials::{
    CharacterClasses, CommonPasswords, EmptyPasswords, HashParams, Hasher, PasswordPolicy, REPEAT_WINDOW,
};
use reeve_model::{Fold, Username, Violations};
use reeve_world::TokenRules;
use serde::{Deserialize, Serialize};

/// The name of the administrator that the first start creates.
pub const ADMIN_NAME: &str = "admin";
/// Shortest life of an access token that can be configured.
pub const MIN_ACCESS_TOKEN_LIFE: Duration = Duration::from_mins(1);
/// Longest life of an access token that can be configured. Records of ended sessions are kept at least as long.
pub const MAX_ACCESS_TOKEN_LIFE: Duration = Duration::from_hours(1);
/// Longest life of a session that can be configured.
pub const MAX_SESSION_LIFE: Duration = Duration::from_hours(365 * 24);
/// Most characters that a password can be required to have.
pub const MAX_MIN_PASSWORD_CHARS: usize = 128;
/// Most characters of an issuer or an audience.
const MAX_URL_CHARS: usize = 512;

/// The section `identity`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct IdentityConfig {
    /// The issuer of access tokens (`iss`): a stable `http` or `https` URL. Default: `http://127.0.0.1:7300`.
    pub issuer: String,
    /// The audience of access tokens (`aud`). Default: `reeve`.
    pub audience: String,
    /// How long an access token lives, 1 minute to 1 hour. Default: `15m`.
    pub access_token_life: Period,
    /// How long a session lives, at most a year. Default: `30d`.
    pub session_life: Period,
    /// How long a session lives without being used. Default: `30d`.
    pub session_idle: Period,
    /// The plain account that the first start creates beside `admin`. Default: `reeve`.
    pub single_user: String,
    /// Passwords.
    pub passwords: PasswordsConfig,
}

/// The section `identity.passwords`: what may be chosen, and what a hash costs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PasswordsConfig {
    /// Fewest characters. Default: 8.
    pub min_chars: usize,
    /// Which characters a password must have.
    pub require: RequiredCharacters,
    /// Whether a password may be blank. Default: no.
    pub allow_blank: bool,
    /// Whether a password may be one that everybody knows. Default: no.
    pub allow_common: bool,
    /// What a hash costs.
    pub hash: HashConfig,
}

/// The section `identity.passwords.require`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RequiredCharacters {
    /// An upper-case letter. Default: yes.
    pub upper: bool,
    /// A lower-case letter. Default: yes.
    pub lower: bool,
    /// A number. Default: yes.
    pub number: bool,
}

/// The section `identity.passwords.hash`: argon2id (RFC 9106).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HashConfig {
    /// Memory, in KiB. Default: 19456.
    pub memory_kib: u32,
    /// Passes over the memory. Default: 2.
    pub passes: u32,
    /// Lanes. Default: 1.
    pub lanes: u32,
}

impl Default for IdentityConfig {
    fn default() -> Self {
        Self {
            issuer: "http://127.0.0.1:7300".to_owned(),
            audience: "reeve".to_owned(),
            access_token_life: Period::from_secs(15 * 60),
            session_life: Period::from_secs(30 * 24 * 3600),
            session_idle: Period::from_secs(30 * 24 * 3600),
            single_user: "reeve".to_owned(),
            passwords: PasswordsConfig::default(),
        }
    }
}

impl Default for PasswordsConfig {
    fn default() -> Self {
        let PasswordPolicy { min_chars, classes, empty, common } = PasswordPolicy::default();
        Self {
            min_chars,
            require: RequiredCharacters { upper: classes.upper, lower: classes.lower, number: classes.digit },
            allow_blank: empty == EmptyPasswords::Allowed,
            allow_common: common == CommonPasswords::Allowed,
            hash: HashConfig::default(),
        }
    }
}

impl Default for RequiredCharacters {
    fn default() -> Self {
        Self { upper: true, lower: true, number: true }
    }
}

impl Default for HashConfig {
    fn default() -> Self {
        let HashParams { memory_kib, passes, lanes } = HashParams::default();
        Self { memory_kib, passes, lanes }
    }
}

impl IdentityConfig {
    /// What every verifier of the cluster asks of an access token.
    pub fn token_rules(&self) -> TokenRules {
        TokenRules { issuer: self.issuer.clone(), audience: self.audience.clone() }
    }
}

impl PasswordsConfig {
    /// The rules that a new password is held to.
    pub fn policy(&self) -> PasswordPolicy {
        let RequiredCharacters { upper, lower, number } = self.require;
        PasswordPolicy {
            min_chars: self.min_chars,
            classes: CharacterClasses { upper, lower, digit: number },
            empty: if self.allow_blank { EmptyPasswords::Allowed } else { EmptyPasswords::Refused },
            common: if self.allow_common { CommonPasswords::Allowed } else { CommonPasswords::Refused },
        }
    }
}

impl HashConfig {
    /// What one hash costs.
    pub fn params(self) -> HashParams {
        HashParams { memory_kib: self.memory_kib, passes: self.passes, lanes: self.lanes }
    }
}

impl Validate for IdentityConfig {
    fn validate(&self, violations: &mut Violations) {
        if let Some(problem) = issuer_problem(&self.issuer) {
            violations.add("identity.issuer", problem);
        }
        let printable = self.audience.chars().all(|c| c.is_ascii_graphic());
        if self.audience.is_empty() || self.audience.len() > MAX_URL_CHARS || !printable {
            violations.add("identity.audience", "it must be 1 to 512 printable ASCII characters without spaces");
        }
        let access = self.access_token_life.get();
        if !(MIN_ACCESS_TOKEN_LIFE..=MAX_ACCESS_TOKEN_LIFE).contains(&access) {
            violations.add("identity.access_token_life", "it must be `1m` to `1h`");
        }
        if !(access..=MAX_SESSION_LIFE).contains(&self.session_life.get()) {
            violations
                .add("identity.session_life", "it must be as long as `identity.access_token_life`, at most `365d`");
        }
        // A session that is swept for having been idle must have no access token left.
        if self.session_idle.get() < access + 2 * REPEAT_WINDOW {
            violations
                .add("identity.session_idle", "it must be at least 2 minutes longer than `identity.access_token_life`");
        }
        match Username::parse(&self.single_user) {
            Err(error) => violations.add("identity.single_user", error),
            Ok(name) if name.fold() == Fold::of(ADMIN_NAME) => {
                violations
                    .add("identity.single_user", "`admin` is the administrator: give the plain account another name");
            }
            Ok(_) => {}
        }
        if !(1..=MAX_MIN_PASSWORD_CHARS).contains(&self.passwords.min_chars) {
            let most = MAX_MIN_PASSWORD_CHARS;
            violations.add("identity.passwords.min_chars", format!("it must be 1 to {most}"));
        }
        if let Err(error) = Hasher::new(self.passwords.hash.params()) {
            violations.add("identity.passwords.hash", error);
        }
    }
}

fn issuer_problem(issuer: &str) -> Option<&'static str> {
    const WRONG: &str =
        "it must be an absolute `http` or `https` URL without query or fragment, at most 512 characters";
    if issuer.len() > MAX_URL_CHARS || issuer.contains(['?', '#', '@']) {
        return Some(WRONG);
    }
    let uri: Option<http::Uri> = issuer.parse().ok();
    let fits = uri.is_some_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some_and(|host| !host.is_empty())
    });
    (!fits).then_some(WRONG)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(config: &IdentityConfig) -> Vec<String> {
        let mut violations = Violations::new();
        config.validate(&mut violations);
        violations.into_vec().into_iter().map(|violation| violation.field).collect()
    }

    #[test]
    fn the_defaults_are_valid_and_are_the_house_rules() {
        let config = IdentityConfig::default();
        assert_eq!(wrong(&config), Vec::<String>::new());
        assert_eq!(config.passwords.policy(), PasswordPolicy::default());
        assert_eq!(config.passwords.hash.params(), HashParams::default());
    }

    #[test]
    fn everything_wrong_is_named_at_once() {
        let config = IdentityConfig {
            issuer: "reeve.example".to_owned(),
            audience: String::new(),
            access_token_life: Period::from_secs(7200),
            session_life: Period::from_secs(60),
            session_idle: Period::from_secs(60),
            single_user: "Admin".to_owned(),
            passwords: PasswordsConfig {
                min_chars: 0,
                hash: HashConfig { memory_kib: 0, ..HashConfig::default() },
                ..PasswordsConfig::default()
            },
        };
        assert_eq!(
            wrong(&config),
            [
                "identity.issuer",
                "identity.audience",
                "identity.access_token_life",
                "identity.session_life",
                "identity.session_idle",
                "identity.single_user",
                "identity.passwords.min_chars",
                "identity.passwords.hash",
            ]
        );
    }

    #[test]
    fn an_issuer_is_an_absolute_url() {
        for good in ["http://127.0.0.1:7300", "https://reeve.example/identity", "https://[::1]:8443"] {
            assert_eq!(issuer_problem(good), None, "{good}");
        }
        for bad in ["", "reeve", "ftp://a", "https://", "https://a?b", "https://a#b", "https://u@a", "/path"] {
            assert!(issuer_problem(bad).is_some(), "{bad}");
        }
    }
}
