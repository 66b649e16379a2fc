//! Where identity keeps what it alone reads, `private/identity/…`, and what it says to every service of the cluster, `cluster/…`.

use std::fmt::Write as _;

use reeve_credentials::TokenHash;
use reeve_model::{Fold, RobotId, SessionId, UserId};
use reeve_store::Key;

/// The sealed sessions.
pub(crate) const SESSIONS: &str = "private/identity/session/";
/// The sealed signing keys.
pub(crate) const SIGNING_KEYS: &str = "private/identity/signing-key/";
/// Which tokens each robot has.
pub(crate) const ROBOT_TOKENS: &str = "private/identity/robot-token/";

/// What the cluster key sealed at bootstrap, and every service opens before it writes. It exists exactly when the cluster does.
pub fn canary() -> Key {
    Key::new("cluster/canary")
}

/// Whose a username or a display name is.
pub(crate) fn name(name: &Fold) -> Key {
    Key::new(format!("private/identity/name/{}", segment(name)))
}

/// A user's password hash.
pub(crate) fn credential(user: UserId) -> Key {
    Key::new(format!("private/identity/credential/{user}"))
}

/// A session.
pub(crate) fn session(session: SessionId) -> Key {
    Key::new(format!("{SESSIONS}{session}"))
}

/// Which sessions a user has, oldest first.
pub(crate) fn user_sessions(user: UserId) -> String {
    format!("private/identity/user-session/{user}/")
}

/// That a session is a user's.
pub(crate) fn user_session(user: UserId, session: SessionId) -> Key {
    Key::new(format!("{}{session}", user_sessions(user)))
}

/// A signing key's private half.
pub(crate) fn signing_key(kid: &str) -> Key {
    Key::new(format!("{SIGNING_KEYS}{kid}"))
}

/// The signing key that was written last: what every rotation guards.
pub(crate) fn signing_head() -> Key {
    Key::new("private/identity/signing-head")
}

/// Whose a robot's name is.
pub(crate) fn robot_name(name: &Fold) -> Key {
    Key::new(format!("private/identity/robot-name/{}", segment(name)))
}

/// Whose a group's name is. The built-in groups have their names without.
pub(crate) fn group_name(name: &Fold) -> Key {
    Key::new(format!("private/identity/group-name/{}", segment(name)))
}

/// Which tokens a robot has.
pub(crate) fn robot_tokens(robot: RobotId) -> String {
    format!("{ROBOT_TOKENS}{robot}/")
}

/// That a token is a robot's.
pub(crate) fn robot_token(robot: RobotId, token: &TokenHash) -> Key {
    Key::new(format!("{}{token}", robot_tokens(robot)))
}

/// A name as one segment of a key: what is no letter, digit or one of `._@+-` is percent-encoded (RFC 3986 §2.1). Bounded, as
/// names are: 128 characters make at most 1536 bytes.
fn segment(name: &Fold) -> String {
    let mut text = String::with_capacity(name.as_str().len());
    for byte in name.as_str().bytes() {
        if byte.is_ascii_alphanumeric() || b"._@+-".contains(&byte) {
            text.push(char::from(byte));
        } else {
            // writing to a string cannot fail
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_segment_and_different_names_are_different_keys() {
        assert_eq!(name(&Fold::of("Alice.B@corp")).as_str(), "private/identity/name/alice.b@corp");
        assert_eq!(name(&Fold::of("a/b c%")).as_str(), "private/identity/name/a%2Fb%20c%25");
        assert_ne!(name(&Fold::of("a%2Fb")), name(&Fold::of("a/b")));
    }

    #[test]
    fn the_longest_name_fits_a_key() {
        let longest = Fold::of(&"\u{10400}".repeat(reeve_model::MAX_NAME_CHARS));
        assert!(name(&longest).as_str().len() <= reeve_store::MAX_KEY_BYTES);
    }
}
