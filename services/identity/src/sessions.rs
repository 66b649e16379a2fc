//! Sessions as they are kept: sealed, counted, ended.

use prost::Message as _;
use reeve_chassis::Failure;
use reeve_credentials::{AccessClaims, LEEWAY, Sealer, SecretString, SessionKey, refresh_token};
use reeve_model::{Entropy, Epoch, SessionId, Timestamp, UserId, new_uuid};
use reeve_owner::PublishedTxn;
use reeve_store::{Txn, Versioned};
use reeve_world::{EndedSession, Record, User};

use crate::config::MAX_ACCESS_TOKEN_LIFE;
use crate::keys;
use crate::service::Shared;
use crate::stored::{SCHEMA, StoredSession, corrupt, open, read, seal};

/// Most sessions that a user has at once; one more ends the oldest.
pub const MAX_SESSIONS_PER_USER: usize = 1000;

/// A session.
pub(crate) struct Session {
    pub(crate) sid: SessionId,
    pub(crate) user: UserId,
    /// The epochs that it was made under; it ends with either.
    pub(crate) user_epoch: Epoch,
    pub(crate) access_epoch: Epoch,
    pub(crate) key: SessionKey,
    /// The generation of the current refresh token.
    pub(crate) generation: u32,
    /// When that token became current, which is when the session was last used.
    pub(crate) rotated_at: Timestamp,
    pub(crate) create_time: Timestamp,
    pub(crate) expire_time: Timestamp,
    /// What it is listed as.
    pub(crate) client: String,
}

/// What a session gives its client.
pub(crate) struct IssuedTokens {
    pub(crate) access: SecretString,
    pub(crate) access_expire_time: Timestamp,
    pub(crate) refresh: SecretString,
    pub(crate) session_expire_time: Timestamp,
}

impl Session {
    /// Reads a session and opens its key.
    ///
    /// # Errors
    /// [`Failure::Internal`] for anything that this version did not write.
    pub(crate) fn read(sid: SessionId, found: &Versioned, sealer: &Sealer) -> Result<Self, Failure> {
        let stored: StoredSession = read(found)?;
        let key = open(sealer, &found.key, &stored.sealed_key)?;
        let key = key.expose().try_into().map_err(|_| corrupt(&found.key, "the session's key has another length"))?;
        Ok(Self {
            sid,
            user: UserId::parse(&stored.user_uid).map_err(|_| corrupt(&found.key, "`user_uid` is no uuid"))?,
            user_epoch: Epoch::new(stored.user_epoch),
            access_epoch: Epoch::new(stored.access_epoch),
            key: SessionKey::from_bytes(key),
            generation: stored.generation,
            rotated_at: Timestamp::from_millis(stored.rotated_at_ms),
            create_time: Timestamp::from_millis(stored.create_time_ms),
            expire_time: Timestamp::from_millis(stored.expire_time_ms),
            client: stored.client,
        })
    }

    /// The session as it is stored.
    ///
    /// # Errors
    /// [`Failure::Internal`] when it cannot be sealed.
    pub(crate) fn write(&self, sealer: &Sealer, entropy: &dyn Entropy) -> Result<Vec<u8>, Failure> {
        let sealed_key = seal(sealer, &keys::session(self.sid), self.key.expose(), entropy);
        let stored = StoredSession {
            schema: SCHEMA,
            user_uid: self.user.to_string(),
            user_epoch: self.user_epoch.get(),
            access_epoch: self.access_epoch.get(),
            sealed_key: sealed_key.map_err(Failure::internal)?,
            generation: self.generation,
            rotated_at_ms: self.rotated_at.as_millis(),
            create_time_ms: self.create_time.as_millis(),
            expire_time_ms: self.expire_time.as_millis(),
            client: self.client.clone(),
        };
        Ok(stored.encode_to_vec())
    }
}

impl Shared {
    /// A new access token of a session, and its current refresh token.
    ///
    /// # Errors
    /// No key may sign now.
    pub(crate) fn issue(&self, user: &User, session: &Session, now: Timestamp) -> Result<IssuedTokens, Failure> {
        let expires_at = now.plus(self.config.access_token_life.get()).min(session.expire_time);
        let claims = AccessClaims {
            issuer: self.config.issuer.clone(),
            subject: user.uid,
            audience: self.config.audience.clone(),
            expires_at,
            issued_at: now,
            not_before: now,
            token_id: new_uuid(now, self.entropy()),
            session: session.sid,
            username: user.username.to_string(),
            user_epoch: session.user_epoch,
            access_epoch: session.access_epoch,
        };
        Ok(IssuedTokens {
            access: self.signing.sign(&claims, now)?,
            // the token says whole seconds
            access_expire_time: Timestamp::from_millis(expires_at.as_secs() * 1000),
            refresh: refresh_token(session.sid, session.generation, &session.key),
            session_expire_time: session.expire_time,
        })
    }
}

/// The transaction that also ends a session: its record goes, and that it has ended is published until the last access token
/// that it can have has expired.
pub(crate) fn end(txn: Txn, read: &Versioned, user: UserId, sid: SessionId, now: Timestamp) -> Txn {
    txn.remove(read).delete(keys::user_session(user, sid)).publish(&ended(sid, now))
}

/// That a session has ended. The longest life that can be configured counts: a shorter one may have been set since.
pub(crate) fn ended(sid: SessionId, now: Timestamp) -> Record {
    Record::EndedSession(EndedSession { sid, forget_time: now.plus(MAX_ACCESS_TOKEN_LIFE).plus(LEEWAY) })
}
