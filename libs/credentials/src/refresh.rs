//! Refresh tokens: derived from the session's own key and a generation, and the rule by which they rotate.

use std::time::Duration;

use aws_lc_rs::{constant_time, hmac};
use reeve_model::{Entropy, SessionId, Timestamp};
use uuid::Uuid;

use crate::base62;
use crate::opaque::{Malformed, OpaqueKind, frame, unframe};
use crate::secret::{Secret, SecretString};

/// How long after its rotation a token may be presented again and is answered with the same successor.
pub const REPEAT_WINDOW: Duration = Duration::from_mins(1);

const SESSION_BYTES: usize = 16;
const GENERATION_BYTES: usize = 4;
/// The HMAC-SHA-256 is truncated to 192 bits (RFC 2104 §5 asks for at least half).
const MAC_BYTES: usize = 24;
/// What a refresh token carries: session id, generation, MAC.
pub(crate) const PAYLOAD_BYTES: usize = SESSION_BYTES + GENERATION_BYTES + MAC_BYTES;
/// Separates this use of the session's key from any other.
const PURPOSE: &[u8] = b"reeve refresh token 1";

/// The 32 random bytes from which all refresh tokens of one session are derived. Stored sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionKey(Secret<[u8; 32]>);

impl SessionKey {
    /// A new key.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        Self(Secret::new(entropy.bytes()))
    }

    /// The key with these bytes, as it was stored.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Secret::new(bytes))
    }

    /// Its bytes, to be sealed.
    pub const fn expose(&self) -> &[u8; 32] {
        self.0.expose()
    }

    fn mac(&self, session: SessionId, generation: u32) -> [u8; MAC_BYTES] {
        let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, self.0.expose()));
        context.update(PURPOSE);
        context.update(session.as_uuid().as_bytes());
        context.update(&generation.to_be_bytes());
        let tag = context.sign();
        let mut mac = [0; MAC_BYTES];
        mac.iter_mut().zip(tag.as_ref()).for_each(|(to, from)| *to = *from);
        mac
    }
}

/// A refresh token that was presented: which session and generation it claims. Nothing is proved before
/// [`verify`](Self::verify).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefreshToken {
    session: SessionId,
    generation: u32,
    mac: Secret<[u8; MAC_BYTES]>,
}

impl RefreshToken {
    /// The session it claims.
    pub const fn session(&self) -> SessionId {
        self.session
    }

    /// The generation it claims.
    pub const fn generation(&self) -> u32 {
        self.generation
    }

    /// Whether the session's key made it; in constant time.
    pub fn verify(&self, key: &SessionKey) -> bool {
        let expected = key.mac(self.session, self.generation);
        constant_time::verify_slices_are_equal(&expected, self.mac.expose()).is_ok()
    }
}

/// The refresh token of a session's `generation`: always the same for the same key.
pub fn refresh_token(session: SessionId, generation: u32, key: &SessionKey) -> SecretString {
    let mut payload = Vec::with_capacity(PAYLOAD_BYTES);
    payload.extend_from_slice(session.as_uuid().as_bytes());
    payload.extend_from_slice(&generation.to_be_bytes());
    payload.extend_from_slice(&key.mac(session, generation));
    frame(OpaqueKind::Session.prefix(), &payload)
}

/// Reads a refresh token.
///
/// # Errors
/// Any other text; see [`Opaque::parse`](crate::Opaque::parse).
pub fn parse_refresh(text: &str) -> Result<RefreshToken, Malformed> {
    let body = unframe(OpaqueKind::Session.prefix(), text)?;
    let payload = base62::decode::<PAYLOAD_BYTES>(body).ok_or(Malformed)?;
    let (session, rest) = payload.split_first_chunk::<SESSION_BYTES>().ok_or(Malformed)?;
    let (generation, mac) = rest.split_first_chunk::<GENERATION_BYTES>().ok_or(Malformed)?;
    let mac = <[u8; MAC_BYTES]>::try_from(mac).map_err(|_| Malformed)?;
    Ok(RefreshToken {
        session: SessionId::from_uuid(Uuid::from_bytes(*session)),
        generation: u32::from_be_bytes(*generation),
        mac: Secret::new(mac),
    })
}

/// What presenting a refresh token does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rotation {
    /// It is the current one: write that `next` is current from now on, and answer with it.
    Rotate {
        /// The new current generation.
        next: u32,
    },
    /// It was rotated a moment ago and its successor was never used, so the answer was probably lost: answer with the
    /// current generation, write nothing.
    Repeat {
        /// The generation to answer with.
        current: u32,
    },
    /// It was rotated before, so two parties hold it: end the session.
    Reused,
    /// It is of a generation that was never made (a store that was restored, or generations used up): refuse, change
    /// nothing.
    Unknown,
}

/// The rule of rotation for a token whose MAC is right.
///
/// `rotated_at` is when `current` became current. A successor counts as used as soon as it was presented itself, which
/// is to say, rotated: so only the generation just before the current one can be repeated.
pub fn rotation(presented: u32, current: u32, rotated_at: Timestamp, now: Timestamp) -> Rotation {
    if presented > current {
        return Rotation::Unknown;
    }
    if presented == current {
        return current.checked_add(1).map_or(Rotation::Unknown, |next| Rotation::Rotate { next });
    }
    let predecessor = presented.checked_add(1) == Some(current);
    if predecessor && now.since(rotated_at) <= REPEAT_WINDOW { Rotation::Repeat { current } } else { Rotation::Reused }
}
