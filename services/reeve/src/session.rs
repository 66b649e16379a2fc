//! Who a command runs as, at which server, and with which token: the precedences, as pure rules.

use crate::credentials::Session;
use crate::secret::Secret;
use crate::server::DEFAULT_SERVER;

/// An access token this close to its end, in seconds, is exchanged before it is used.
const RENEW_BEFORE_SECONDS: i64 = 30;

/// Who: `-u` before `REEVE_USER` before the active user.
pub(crate) fn who<'a>(flag: Option<&'a str>, environment: Option<&'a str>, active: Option<&'a str>) -> Option<&'a str> {
    flag.or(environment).or(active)
}

/// The server: `--server` before `REEVE_SERVER` before the last used before the default.
pub(crate) fn server<'a>(flag: Option<&'a str>, environment: Option<&'a str>, last_used: Option<&'a str>) -> &'a str {
    flag.or(environment).or(last_used).unwrap_or(DEFAULT_SERVER)
}

/// Whether a person can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Prompt {
    /// There is a terminal.
    Possible,
    /// The run is not interactive.
    Impossible,
}

/// What there is to get a token from.
pub(crate) struct Means<'a> {
    /// The session kept for the user.
    pub(crate) session: Option<&'a Session>,
    /// `REEVE_TOKEN`.
    pub(crate) token: Option<&'a Secret>,
    /// `REEVE_PASSWORD`.
    pub(crate) password: Option<&'a Secret>,
    /// Whether the password can be asked for.
    pub(crate) prompt: Prompt,
}

/// How to get a token.
#[derive(PartialEq, Eq)]
pub(crate) enum Step<'a> {
    /// Use the session's access token.
    UseSession(&'a Session),
    /// Exchange the session's refresh token first.
    Renew(&'a Session),
    /// Use `REEVE_TOKEN`.
    UseToken(&'a Secret),
    /// Sign in with `REEVE_PASSWORD`.
    SignIn(&'a str, &'a Secret),
    /// Ask for the password and sign in.
    Ask(&'a str),
    /// Nobody is signed in, and nobody was named.
    Nobody,
    /// There is no way to sign this user in.
    NoMeans(&'a str),
}

/// The token: cached and still valid, before `REEVE_TOKEN`, before `REEVE_PASSWORD`, before a prompt.
pub(crate) fn step<'a>(user: Option<&'a str>, means: &Means<'a>, now_seconds: i64) -> Step<'a> {
    match means.session {
        Some(session) if session.access_token_expires.saturating_sub(now_seconds) > RENEW_BEFORE_SECONDS => {
            return Step::UseSession(session);
        }
        Some(session) if session.session_expires > now_seconds => return Step::Renew(session),
        _ => {}
    }
    match (means.token, user, means.password, means.prompt) {
        (Some(token), _, _, _) => Step::UseToken(token),
        (None, None, _, _) => Step::Nobody,
        (None, Some(user), Some(password), _) => Step::SignIn(user, password),
        (None, Some(user), None, Prompt::Possible) => Step::Ask(user),
        (None, Some(user), None, Prompt::Impossible) => Step::NoMeans(user),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_000;

    fn session(access_ends: i64, session_ends: i64) -> Session {
        Session {
            access_token: Secret::new("access"),
            access_token_expires: access_ends,
            refresh_token: Secret::new("refresh"),
            session_expires: session_ends,
        }
    }

    #[test]
    fn the_flag_names_who_before_the_environment_before_the_active_user() {
        assert_eq!(who(Some("flag"), Some("environment"), Some("active")), Some("flag"));
        assert_eq!(who(None, Some("environment"), Some("active")), Some("environment"));
        assert_eq!(who(None, None, Some("active")), Some("active"));
        assert_eq!(who(None, None, None), None);
    }

    #[test]
    fn the_flag_names_the_server_before_the_environment_before_the_last_used_before_the_default() {
        assert_eq!(server(Some("flag"), Some("environment"), Some("last")), "flag");
        assert_eq!(server(None, Some("environment"), Some("last")), "environment");
        assert_eq!(server(None, None, Some("last")), "last");
        assert_eq!(server(None, None, None), "http://127.0.0.1:7300");
    }

    #[test]
    fn a_valid_cached_token_is_used_before_everything_else() {
        let (token, password, session) = (Secret::new("t"), Secret::new("p"), session(NOW + 31, NOW + 900));
        let means =
            Means { session: Some(&session), token: Some(&token), password: Some(&password), prompt: Prompt::Possible };
        assert!(step(Some("alice"), &means, NOW) == Step::UseSession(&session));
    }

    #[test]
    fn an_access_token_within_30_seconds_of_its_end_is_renewed() {
        for (left, renewed) in [(31, false), (30, true), (0, true), (-1_000, true)] {
            let session = session(NOW + left, NOW + 900);
            let means = Means { session: Some(&session), token: None, password: None, prompt: Prompt::Impossible };
            assert_eq!(step(Some("alice"), &means, NOW) == Step::Renew(&session), renewed, "{left} s left");
        }
    }

    #[test]
    fn an_ended_session_falls_through_to_the_next_means() {
        let (token, password, ended) = (Secret::new("t"), Secret::new("p"), session(NOW - 900, NOW));
        let with = |token, password, prompt| Means { session: Some(&ended), token, password, prompt };
        let all = with(Some(&token), Some(&password), Prompt::Possible);
        assert!(step(Some("alice"), &all, NOW) == Step::UseToken(&token));
        let password_left = with(None, Some(&password), Prompt::Possible);
        assert!(step(Some("alice"), &password_left, NOW) == Step::SignIn("alice", &password));
        assert!(step(Some("alice"), &with(None, None, Prompt::Possible), NOW) == Step::Ask("alice"));
        assert!(step(Some("alice"), &with(None, None, Prompt::Impossible), NOW) == Step::NoMeans("alice"));
    }

    #[test]
    fn a_given_token_needs_no_name_and_a_password_does() {
        let (token, password) = (Secret::new("t"), Secret::new("p"));
        let means = Means { session: None, token: Some(&token), password: None, prompt: Prompt::Impossible };
        assert!(step(None, &means, NOW) == Step::UseToken(&token));
        let means = Means { session: None, token: None, password: Some(&password), prompt: Prompt::Possible };
        assert!(step(None, &means, NOW) == Step::Nobody);
    }
}
