//! Access tokens: JWTs of the profile RFC 9068, for one session of one user.

use std::time::Duration;

use reeve_model::{Epoch, SessionId, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::jws::{self, JwtError, SignError};
use crate::key_set::KeySet;
use crate::secret::SecretString;
use crate::signing_key::SigningKey;

/// How far the clocks of signer and verifier may be apart.
pub const LEEWAY: Duration = Duration::from_secs(30);
/// RFC 9068 §2.1.
const TYPE: &str = "at+jwt";
/// 9999-12-31T23:59:59Z, the last second that RFC 3339 can write.
const LAST_SECOND: i64 = 253_402_300_799;

/// What an access token says. Times are whole seconds in the token (RFC 7519 NumericDate), rounded towards the past.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessClaims {
    /// `iss`: the issuer's URL.
    pub issuer: String,
    /// `sub`: the user.
    pub subject: UserId,
    /// `aud`: the one audience.
    pub audience: String,
    /// `exp`: not valid from here on.
    pub expires_at: Timestamp,
    /// `iat`: when it was made.
    pub issued_at: Timestamp,
    /// `nbf`: not valid before.
    pub not_before: Timestamp,
    /// `jti`: names this token.
    pub token_id: Uuid,
    /// `sid`: the session that it belongs to.
    pub session: SessionId,
    /// `username`: the user's name when it was made. For people and logs; rights hang on `subject`.
    pub username: String,
    /// `user_epoch`: the user's epoch that it was made under.
    pub user_epoch: Epoch,
    /// `access_epoch`: the access state's epoch that it was made under.
    pub access_epoch: Epoch,
}

impl AccessClaims {
    /// Whether these claims are in time at `now`, with [`LEEWAY`] on both sides. For claims that are remembered from a
    /// token that was verified before; [`verify_access`] asks it itself.
    ///
    /// # Errors
    /// [`JwtError::Expired`] or [`JwtError::NotYetValid`].
    pub fn check_time(&self, now: Timestamp) -> Result<(), JwtError> {
        let latest = now.plus(LEEWAY);
        if self.not_before > latest || self.issued_at > latest {
            return Err(JwtError::NotYetValid);
        }
        if now >= self.expires_at.plus(LEEWAY) { Err(JwtError::Expired) } else { Ok(()) }
    }
}

/// What a verifier is configured to accept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expect {
    /// The issuer's URL, compared byte by byte (RFC 8414 §2 forbids any normalising).
    pub issuer: String,
    /// The audience that the verifier is.
    pub audience: String,
}

/// Signs an access token with ES256.
///
/// # Errors
/// The signature failed, which a key that was read does not let happen.
pub fn sign_access(key: &SigningKey, claims: &AccessClaims) -> Result<SecretString, SignError> {
    jws::sign(key, TYPE, &Wire::from(claims))
}

/// Reads an access token and checks all of it: form, header, key, signature, issuer, audience, times.
///
/// Whether session, user and access state still stand is for the caller to look up.
///
/// # Errors
/// The first thing that is wrong. Nothing is said of the claims before the signature fits.
pub fn verify_access(token: &str, keys: &KeySet, expect: &Expect, now: Timestamp) -> Result<AccessClaims, JwtError> {
    let payload = jws::verify(token, TYPE, keys, now)?;
    let wire: Wire = jws::read_object(&payload).ok_or(JwtError::MalformedClaims)?;
    let claims = wire.into_claims().ok_or(JwtError::MalformedClaims)?;
    if claims.issuer != expect.issuer {
        return Err(JwtError::WrongIssuer);
    }
    if claims.audience != expect.audience {
        return Err(JwtError::WrongAudience);
    }
    claims.check_time(now)?;
    Ok(claims)
}

/// The claims as they stand in the token. Every field is required and single-valued by its type; serde refuses one that is
/// there twice. Further claims are let through, for a later version to add.
#[derive(Serialize, Deserialize)]
struct Wire {
    iss: String,
    sub: String,
    aud: String,
    exp: i64,
    iat: i64,
    nbf: i64,
    jti: String,
    sid: String,
    username: String,
    user_epoch: u64,
    access_epoch: u64,
}

impl From<&AccessClaims> for Wire {
    fn from(claims: &AccessClaims) -> Self {
        Self {
            iss: claims.issuer.clone(),
            sub: claims.subject.to_string(),
            aud: claims.audience.clone(),
            exp: claims.expires_at.as_secs(),
            iat: claims.issued_at.as_secs(),
            nbf: claims.not_before.as_secs(),
            jti: claims.token_id.to_string(),
            sid: claims.session.to_string(),
            username: claims.username.clone(),
            user_epoch: claims.user_epoch.get(),
            access_epoch: claims.access_epoch.get(),
        }
    }
}

impl Wire {
    fn into_claims(self) -> Option<AccessClaims> {
        Some(AccessClaims {
            subject: UserId::parse(&self.sub).ok()?,
            expires_at: instant(self.exp)?,
            issued_at: instant(self.iat)?,
            not_before: instant(self.nbf)?,
            token_id: Uuid::try_parse(&self.jti).ok()?,
            session: SessionId::parse(&self.sid).ok()?,
            user_epoch: Epoch::new(self.user_epoch),
            access_epoch: Epoch::new(self.access_epoch),
            issuer: self.iss,
            audience: self.aud,
            username: self.username,
        })
    }
}

fn instant(seconds: i64) -> Option<Timestamp> {
    (0..=LAST_SECOND).contains(&seconds).then(|| Timestamp::from_millis(seconds * 1000))
}
