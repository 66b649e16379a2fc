//! Whose a bearer token is, as the snapshot knows it.

use std::cmp::Ordering;

use reeve_credentials::{Expect, JwtError, Opaque, OpaqueKind, TokenHash, verify_access};
use reeve_model::{PrincipalId, SessionId, Timestamp, UserId};

use crate::{TokenPrincipal, World};

/// What an access token must say, from configuration.
pub type TokenRules = Expect;

/// Whose a token is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authenticated {
    /// The principal.
    pub principal: PrincipalId,
    /// The session that it belongs to, if it is an access token.
    pub session: Option<SessionId>,
    /// When the token ends, if it does.
    pub expire_time: Option<Timestamp>,
}

/// Why a token is not accepted. All but [`AuthenticateError::Unknown`], [`AuthenticateError::UnknownKey`] and
/// [`AuthenticateError::UnknownToken`] are said only of a genuine token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthenticateError {
    /// Not a token, or nobody's.
    #[error("the token is not one that this cluster made")]
    Unknown,
    /// Signed with a key that this snapshot does not have; a newer one may.
    #[error("the token is signed with an unknown key")]
    UnknownKey,
    /// It has the form of a token, and this snapshot does not have it; a newer one may.
    #[error("the token is not known")]
    UnknownToken,
    /// Of a user that this snapshot does not have: one who is gone, or who is still to come.
    #[error("the token's user is not known")]
    UnknownUser(UserId),
    /// Made under a newer epoch than this snapshot shows. A newer snapshot may show it; otherwise the store was restored.
    #[error("the token is of a newer state than this one")]
    Newer,
    /// Made under the epoch that its user was deactivated with: by now they may be active again.
    #[error("the user is deactivated, or was activated later")]
    NotYetActive,
    /// Past its end.
    #[error("the token has expired")]
    Expired,
    /// From before the user's, or the cluster's, credentials were ended.
    #[error("the token was revoked")]
    Revoked,
    /// Its session has ended.
    #[error("the session has ended")]
    SessionEnded,
    /// Its user is deactivated.
    #[error("the user is deactivated")]
    UserInactive,
}

/// Whether a newer snapshot may accept what one did not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outlook {
    /// No snapshot will: what has ended does not begin again.
    Final,
    /// One may, if the token is genuine at all, which this one cannot tell: anybody can make up such a token.
    Unproven,
    /// One may: the token is genuine.
    Proven,
}

impl AuthenticateError {
    /// Whether a newer snapshot may accept the token.
    pub const fn outlook(self) -> Outlook {
        match self {
            Self::Unknown | Self::Expired | Self::Revoked | Self::SessionEnded | Self::UserInactive => Outlook::Final,
            Self::UnknownKey | Self::UnknownToken => Outlook::Unproven,
            Self::UnknownUser(_) | Self::Newer | Self::NotYetActive => Outlook::Proven,
        }
    }
}

impl World {
    /// Whose the bearer token is: an access token, a robot token, or the root token.
    ///
    /// # Errors
    /// Why it is not accepted.
    pub fn authenticate(
        &self,
        bearer: &str,
        rules: &TokenRules,
        now: Timestamp,
    ) -> Result<Authenticated, AuthenticateError> {
        if Opaque::is_branded(bearer) {
            self.authenticate_opaque(bearer, now)
        } else {
            self.authenticate_access(bearer, rules, now)
        }
    }

    fn authenticate_opaque(&self, bearer: &str, now: Timestamp) -> Result<Authenticated, AuthenticateError> {
        let opaque = Opaque::parse(bearer).map_err(|_| AuthenticateError::Unknown)?;
        if opaque.kind == OpaqueKind::Session {
            return Err(AuthenticateError::Unknown);
        }
        let token = self.tokens.get(TokenHash::of(bearer).as_bytes()).ok_or(AuthenticateError::UnknownToken)?;
        let principal = match (opaque.kind, token.principal) {
            (OpaqueKind::Robot, TokenPrincipal::Robot(uid)) if self.robots.get(&uid).is_some() => {
                PrincipalId::Robot(uid)
            }
            (OpaqueKind::Robot, TokenPrincipal::Robot(_)) => return Err(AuthenticateError::Revoked),
            (OpaqueKind::Root, TokenPrincipal::Root) => PrincipalId::Root,
            _ => return Err(AuthenticateError::Unknown),
        };
        if token.expire_time.is_some_and(|end| now >= end) {
            return Err(AuthenticateError::Expired);
        }
        Ok(Authenticated { principal, session: None, expire_time: token.expire_time })
    }

    fn authenticate_access(
        &self,
        bearer: &str,
        rules: &TokenRules,
        now: Timestamp,
    ) -> Result<Authenticated, AuthenticateError> {
        let claims = verify_access(bearer, &self.key_set, rules, now).map_err(|error| match error {
            JwtError::Expired => AuthenticateError::Expired,
            JwtError::UnknownKey => AuthenticateError::UnknownKey,
            _ => AuthenticateError::Unknown,
        })?;
        let user = self.users.get(&claims.subject).ok_or(AuthenticateError::UnknownUser(claims.subject))?;
        // epochs only grow, so what an older one ended has ended in every newer snapshot as well
        let (own, everybody) = (claims.user_epoch.cmp(&user.epoch), claims.access_epoch.cmp(&self.access.epoch));
        if !user.active && own == Ordering::Less {
            return Err(AuthenticateError::UserInactive);
        }
        if self.ended_sessions.get(&claims.session).is_some() {
            return Err(AuthenticateError::SessionEnded);
        }
        if own == Ordering::Less || everybody == Ordering::Less {
            return Err(AuthenticateError::Revoked);
        }
        if own == Ordering::Greater || everybody == Ordering::Greater {
            return Err(AuthenticateError::Newer);
        }
        if !user.active {
            return Err(AuthenticateError::NotYetActive);
        }
        Ok(Authenticated {
            principal: PrincipalId::User(user.uid),
            session: Some(claims.session),
            expire_time: Some(claims.expires_at),
        })
    }
}
