//! What the credentials file holds: who is signed in where.

use std::collections::BTreeMap;

use prost_types::Timestamp;
use reeve_api::identity::SessionTokens;
use serde::{Deserialize, Serialize};

use crate::secret::Secret;

/// The form of the file that this version writes. A later one is left alone.
pub(crate) const FORM: u32 = 1;

/// Everything that is remembered between two commands.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Credentials {
    /// The form of the file.
    pub(crate) form: u32,
    /// The server that was used last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) last_server: Option<String>,
    /// What is known of each server, by its address.
    #[serde(default)]
    servers: BTreeMap<String, ServerCredentials>,
}

/// What is remembered of one server.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct ServerCredentials {
    /// The user that commands run as.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    active: Option<String>,
    /// Proof of the last write, so that the next read sees it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    consistency_token: Option<String>,
    /// Live sessions, by username.
    #[serde(default)]
    sessions: BTreeMap<String, Session>,
}

/// One session.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Session {
    /// The JWT for `authorization: Bearer`.
    pub(crate) access_token: Secret,
    /// When the access token ends, in seconds since the Unix epoch.
    pub(crate) access_token_expires: i64,
    /// Exchanged for the next access token.
    pub(crate) refresh_token: Secret,
    /// When the session ends, in seconds since the Unix epoch.
    pub(crate) session_expires: i64,
}

/// Whether a session's user becomes the one that commands run as.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Activation {
    /// `reeve login`: from now on.
    Active,
    /// `reeve -u NAME …`: for commands that say so.
    OnRequest,
}

impl Default for Credentials {
    fn default() -> Self {
        Self { form: FORM, last_server: None, servers: BTreeMap::new() }
    }
}

impl From<SessionTokens> for Session {
    /// A time that the server left out counts as past.
    fn from(tokens: SessionTokens) -> Self {
        let seconds = |time: Option<Timestamp>| time.map_or(0, |time| time.seconds);
        Self {
            access_token: Secret::new(tokens.access_token),
            access_token_expires: seconds(tokens.access_token_expire_time),
            refresh_token: Secret::new(tokens.refresh_token),
            session_expires: seconds(tokens.session_expire_time),
        }
    }
}

impl Credentials {
    /// The user that commands run as at `server`.
    pub(crate) fn active(&self, server: &str) -> Option<&str> {
        self.servers.get(server)?.active.as_deref()
    }

    /// The session of `user` at `server`; usernames differ in more than case.
    pub(crate) fn session(&self, server: &str, user: &str) -> Option<&Session> {
        let sessions = &self.servers.get(server)?.sessions;
        sessions.iter().find(|(name, _)| name.eq_ignore_ascii_case(user)).map(|(_, session)| session)
    }

    /// The users with a session at `server`.
    pub(crate) fn users(&self, server: &str) -> Vec<String> {
        self.servers.get(server).map(|server| server.sessions.keys().cloned().collect()).unwrap_or_default()
    }

    /// Proof of the last write at `server`.
    pub(crate) fn consistency_token(&self, server: &str) -> Option<&str> {
        self.servers.get(server)?.consistency_token.as_deref()
    }

    /// Remembers, or forgets, the last write at `server`.
    pub(crate) fn set_consistency_token(&mut self, server: &str, token: Option<String>) {
        self.servers.entry(server.to_owned()).or_default().consistency_token = token;
    }

    /// Remembers a new session.
    pub(crate) fn sign_in(&mut self, server: &str, user: &str, session: Session, activation: Activation) {
        let entry = self.servers.entry(server.to_owned()).or_default();
        entry.sessions.retain(|name, _| !name.eq_ignore_ascii_case(user));
        entry.sessions.insert(user.to_owned(), session);
        if activation == Activation::Active {
            entry.active = Some(user.to_owned());
        }
    }

    /// Puts `next` in the place of the session with the refresh token `exchanged`. A session that another command
    /// has renewed or ended meanwhile stays as that command left it.
    pub(crate) fn renew(&mut self, server: &str, exchanged: &Secret, next: Session) {
        let Some(entry) = self.servers.get_mut(server) else { return };
        if let Some(session) = entry.sessions.values_mut().find(|session| session.refresh_token == *exchanged) {
            *session = next;
        }
    }

    /// Forgets the session of `user`, and that they are the one that commands run as.
    pub(crate) fn sign_out(&mut self, server: &str, user: &str) {
        let Some(entry) = self.servers.get_mut(server) else { return };
        entry.sessions.retain(|name, _| !name.eq_ignore_ascii_case(user));
        if entry.active.as_deref().is_some_and(|active| active.eq_ignore_ascii_case(user)) {
            entry.active = None;
        }
    }

    /// Forgets a session that the server no longer knows, unless another command has replaced it meanwhile. Its user
    /// stays the one that commands run as, so that the next command can say whose session ended.
    pub(crate) fn forget(&mut self, server: &str, dead: &Secret) {
        let Some(entry) = self.servers.get_mut(server) else { return };
        entry.sessions.retain(|_, session| session.refresh_token != *dead);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVER: &str = "http://127.0.0.1:7300";

    fn session(refresh: &str) -> Session {
        Session {
            access_token: Secret::new("access"),
            access_token_expires: 100,
            refresh_token: Secret::new(refresh),
            session_expires: 200,
        }
    }

    #[test]
    fn signing_in_on_request_leaves_the_active_user() {
        let mut credentials = Credentials::default();
        credentials.sign_in(SERVER, "alice", session("a"), Activation::Active);
        credentials.sign_in(SERVER, "bob", session("b"), Activation::OnRequest);
        assert_eq!(credentials.active(SERVER), Some("alice"));
        assert_eq!(credentials.users(SERVER), ["alice", "bob"]);
    }

    #[test]
    fn a_user_has_one_session_however_the_name_is_typed() {
        let mut credentials = Credentials::default();
        credentials.sign_in(SERVER, "alice", session("a"), Activation::Active);
        credentials.sign_in(SERVER, "Alice", session("b"), Activation::Active);
        assert!(credentials.session(SERVER, "ALICE").unwrap().refresh_token == Secret::new("b"));
        assert_eq!(credentials.users(SERVER).len(), 1);
    }

    #[test]
    fn a_late_renewal_does_not_replace_a_newer_session() {
        let mut credentials = Credentials::default();
        credentials.sign_in(SERVER, "alice", session("second"), Activation::Active);
        credentials.renew(SERVER, &Secret::new("first"), session("stale"));
        assert!(credentials.session(SERVER, "alice").unwrap().refresh_token == Secret::new("second"));
    }

    #[test]
    fn signing_out_one_user_keeps_the_others_and_other_servers() {
        let mut credentials = Credentials::default();
        credentials.sign_in(SERVER, "alice", session("a"), Activation::Active);
        credentials.sign_in(SERVER, "bob", session("b"), Activation::OnRequest);
        credentials.sign_in("unix:/x", "alice", session("c"), Activation::Active);
        credentials.sign_out(SERVER, "alice");
        assert_eq!(credentials.active(SERVER), None);
        assert_eq!(credentials.users(SERVER), ["bob"]);
        assert_eq!(credentials.active("unix:/x"), Some("alice"));
    }

    #[test]
    fn a_dead_session_is_forgotten_but_not_whose_it_was() {
        let mut credentials = Credentials::default();
        credentials.sign_in(SERVER, "alice", session("a"), Activation::Active);
        credentials.forget(SERVER, &Secret::new("a"));
        assert!(credentials.session(SERVER, "alice").is_none());
        assert_eq!(credentials.active(SERVER), Some("alice"));
    }
}
