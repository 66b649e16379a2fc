//! The strict reader of compact JWS (RFC 7515 §3.1): one algorithm, known keys, no header that could change the rules.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, Header};
use reeve_model::Timestamp;
use serde::{Deserialize, Serialize};

use crate::key_set::KeySet;
use crate::public_key::PublicKey;
use crate::secret::SecretString;
use crate::signing_key::SigningKey;

/// Longest JWT that is looked at, in bytes.
pub const MAX_JWT_BYTES: usize = 16 * 1024;
/// An ES256 signature, base64url: 64 bytes (RFC 7518 §3.4).
const SIGNATURE_CHARS: usize = 86;

/// A JWT that is refused, and why. For the log; the caller is told only that the token is not valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwtError {
    /// Longer than [`MAX_JWT_BYTES`].
    #[error("the token is longer than 16384 bytes")]
    TooLong,
    /// Not three base64url parts.
    #[error("not a JWT: it has three base64url parts, joined by dots")]
    Malformed,
    /// The header is no JSON object, lacks `alg`, `typ` or `kid`, or has a parameter that Reeve never writes (`jwk`, `jku`,
    /// `x5c`, …).
    #[error("the header is not of this service's: it has `alg`, `typ` and `kid`, once each, and nothing else")]
    MalformedHeader,
    /// Another algorithm than the configured one.
    #[error("the algorithm is not the configured one: it is ES256")]
    WrongAlgorithm,
    /// Another `typ`.
    #[error("the `typ` is not the one of this kind of token")]
    WrongType,
    /// The header names critical extensions; there are none here (RFC 7515 §4.1.11).
    #[error("the header has `crit`: no extension is understood here")]
    Critical,
    /// No believed key has this `kid`. One that was just made may still be on its way: ask the feed, and try again.
    #[error("no believed key has the token's `kid`")]
    UnknownKey,
    /// Not signed by that key.
    #[error("the signature does not fit")]
    BadSignature,
    /// A claim is missing, twice there, or of the wrong type.
    #[error("the claims are not those of this kind of token: one is missing, there twice, or of the wrong type")]
    MalformedClaims,
    /// Another issuer.
    #[error("the token is from another issuer")]
    WrongIssuer,
    /// Another audience.
    #[error("the token is for another audience")]
    WrongAudience,
    /// Past `exp` and the leeway.
    #[error("the token has expired")]
    Expired,
    /// `nbf` or `iat` lies in the future, by more than the leeway.
    #[error("the token is from the future: check that the clocks agree")]
    NotYetValid,
}

/// A token that could not be signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the token could not be signed")]
pub struct SignError;

/// All that a header of Reeve's holds. Anything further is refused by name or by `deny_unknown_fields`; a parameter that
/// is there twice is refused by serde.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StrictHeader {
    alg: String,
    typ: String,
    kid: String,
    #[serde(default, deserialize_with = "present")]
    crit: bool,
}

/// True for whatever value is there, `null` too.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    serde::de::IgnoredAny::deserialize(deserializer).map(|_| true)
}

/// Signs `claims` as a compact JWS of type `typ`.
pub(crate) fn sign(key: &SigningKey, typ: &str, claims: &impl Serialize) -> Result<SecretString, SignError> {
    let mut header = Header::new(Algorithm::ES256);
    header.typ = Some(typ.to_owned());
    header.kid = Some(key.public().id().to_string());
    jsonwebtoken::encode(&header, claims, key.prepared()).map(SecretString::new).map_err(|_| SignError)
}

/// The payload of a compact JWS of type `typ` that a believed key signed.
pub(crate) fn verify(token: &str, typ: &str, keys: &KeySet, now: Timestamp) -> Result<Vec<u8>, JwtError> {
    if token.len() > MAX_JWT_BYTES {
        return Err(JwtError::TooLong);
    }
    let (message, signature) = token.rsplit_once('.').ok_or(JwtError::Malformed)?;
    let (header, payload) = message.split_once('.').ok_or(JwtError::Malformed)?;
    if payload.contains('.') {
        return Err(JwtError::Malformed);
    }
    let header: StrictHeader = read_object(&decode(header)?).ok_or(JwtError::MalformedHeader)?;
    if header.crit {
        return Err(JwtError::Critical);
    }
    if header.alg != PublicKey::ALGORITHM {
        return Err(JwtError::WrongAlgorithm);
    }
    if header.typ != typ {
        return Err(JwtError::WrongType);
    }
    let key = keys.find(&header.kid, now).ok_or(JwtError::UnknownKey)?;
    // The algorithm is this constant, never the header's word for it.
    let fits = signature.len() == SIGNATURE_CHARS
        && jsonwebtoken::crypto::verify(signature, message.as_bytes(), key, Algorithm::ES256) == Ok(true);
    if fits { decode(payload) } else { Err(JwtError::BadSignature) }
}

/// Reads a JSON object. An array is none, though serde would take its elements for the fields in order.
pub(crate) fn read_object<'de, T: Deserialize<'de>>(json: &'de [u8]) -> Option<T> {
    if json.first() == Some(&b'{') { serde_json::from_slice(json).ok() } else { None }
}

fn decode(part: &str) -> Result<Vec<u8>, JwtError> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| JwtError::Malformed)
}
