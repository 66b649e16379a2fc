//! Service tokens: how one service proves to another that it holds the cluster key. `reeve_svc_…`, for one audience, 60 s.

use std::time::Duration;

use aws_lc_rs::hmac;
use reeve_model::Timestamp;

use crate::access::LEEWAY;
use crate::base62;
use crate::cluster_key::{ClusterKey, ClusterKeyId, KEY_ID_BYTES};
use crate::opaque::{Malformed, frame, unframe};
use crate::secret::SecretString;

/// How long a service token is good for.
pub const SERVICE_TOKEN_LIFE: Duration = Duration::from_mins(1);
const PREFIX: &str = "reeve_svc_";
const TIME_BYTES: usize = 8;
const MAC_BYTES: usize = 32;
const PAYLOAD_BYTES: usize = KEY_ID_BYTES + TIME_BYTES + MAC_BYTES;

/// A service token that is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ServiceTokenError {
    /// Not a service token at all.
    #[error("not a service token")]
    Malformed,
    /// Made with a cluster key that this service was not given.
    #[error("made with the cluster key `{0}`, which is not configured here")]
    UnknownKey(ClusterKeyId),
    /// Not made with that key, or made for another audience.
    #[error("the service token was changed, or was made for another service")]
    BadSignature,
    /// Older than [`SERVICE_TOKEN_LIFE`] and the leeway.
    #[error("the service token has expired: check that the clocks of the services agree")]
    Expired,
    /// From the future, by more than the leeway.
    #[error("the service token is from the future: check that the clocks of the services agree")]
    NotYetValid,
}

impl From<Malformed> for ServiceTokenError {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}

/// Makes service tokens with the current cluster key; verifies those of the current and the older ones.
///
/// A token is key id (8 bytes), time of issue (milliseconds, 8 bytes) and the HMAC-SHA-256 of both and the audience,
/// in base 62 with a checksum. It says that the caller is a service of this cluster, not which one.
#[derive(Clone, Debug)]
pub struct ServiceTokens {
    current: ClusterKey,
    older: Vec<ClusterKey>,
}

impl ServiceTokens {
    /// Mints with `current`; verifies with it and with `older`.
    pub const fn new(current: ClusterKey, older: Vec<ClusterKey>) -> Self {
        Self { current, older }
    }

    /// Whether `text` claims to be a service token.
    pub fn is_branded(text: &str) -> bool {
        text.starts_with(PREFIX)
    }

    /// A token for the service `audience`, good from `now` for [`SERVICE_TOKEN_LIFE`].
    pub fn mint(&self, audience: &str, now: Timestamp) -> SecretString {
        let issued = now.as_millis().to_be_bytes();
        let tag = hmac::sign(self.current.service_tokens(), &signed(self.current.id(), issued, audience));
        let mut payload = Vec::with_capacity(PAYLOAD_BYTES);
        payload.extend_from_slice(&self.current.id().0);
        payload.extend_from_slice(&issued);
        payload.extend_from_slice(tag.as_ref());
        frame(PREFIX, &payload)
    }

    /// Whether `token` was made by a service of this cluster, for `audience`, at most 60 s ago (and 30 s of leeway).
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn verify(&self, token: &str, audience: &str, now: Timestamp) -> Result<(), ServiceTokenError> {
        let payload = base62::decode::<PAYLOAD_BYTES>(unframe(PREFIX, token)?).ok_or(Malformed)?;
        let (id, rest) = payload.split_first_chunk::<KEY_ID_BYTES>().ok_or(Malformed)?;
        let (issued, mac) = rest.split_first_chunk::<TIME_BYTES>().ok_or(Malformed)?;
        let id = ClusterKeyId(*id);
        let key = std::iter::once(&self.current)
            .chain(&self.older)
            .find(|key| key.id() == id)
            .ok_or(ServiceTokenError::UnknownKey(id))?;
        hmac::verify(key.service_tokens(), &signed(id, *issued, audience), mac)
            .map_err(|_| ServiceTokenError::BadSignature)?;
        let issued = Timestamp::from_millis(i64::from_be_bytes(*issued));
        if issued > now.plus(LEEWAY) {
            return Err(ServiceTokenError::NotYetValid);
        }
        if now >= issued.plus(SERVICE_TOKEN_LIFE).plus(LEEWAY) {
            return Err(ServiceTokenError::Expired);
        }
        Ok(())
    }
}

/// What the MAC covers. The audience comes last and all before it has a fixed length, so no two inputs meet.
fn signed(id: ClusterKeyId, issued: [u8; TIME_BYTES], audience: &str) -> Vec<u8> {
    [id.0.as_slice(), &issued, audience.as_bytes()].concat()
}
