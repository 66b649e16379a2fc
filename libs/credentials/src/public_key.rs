//! Public keys: what a verifier needs, and the JWK form in which they are published (RFC 7517).

use std::borrow::Borrow;
use std::fmt;

use aws_lc_rs::digest;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ParsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reeve_model::Timestamp;
use serde::Serialize;

/// An uncompressed P-256 point (SEC 1 §2.3.3): `04`, x, y.
const POINT_BYTES: usize = 65;
const COORDINATE_BYTES: usize = 32;

/// A `kid`: the key's RFC 7638 thumbprint (SHA-256, base64url), so that it can name no other key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(String);

impl KeyId {
    /// The id as text, 43 characters.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Borrow<str> for KeyId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// Bytes that are no public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a public key: it is an uncompressed point on P-256, 65 bytes")]
pub struct PublicKeyError;

/// A public key for ES256 (RFC 7518 §3.4), and until when signatures by it are believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    id: KeyId,
    x: [u8; COORDINATE_BYTES],
    y: [u8; COORDINATE_BYTES],
    verify_until: Timestamp,
}

impl PublicKey {
    /// The one algorithm of these keys, as `alg` names it.
    pub const ALGORITHM: &'static str = "ES256";

    /// Reads an uncompressed point and checks that it lies on the curve.
    ///
    /// # Errors
    /// Any other bytes.
    pub fn from_point(point: &[u8], verify_until: Timestamp) -> Result<Self, PublicKeyError> {
        let Some(([0x04], coordinates)) = point.split_first_chunk::<1>() else { return Err(PublicKeyError) };
        let (x, y) = coordinates.split_first_chunk::<COORDINATE_BYTES>().ok_or(PublicKeyError)?;
        let y = <[u8; COORDINATE_BYTES]>::try_from(y).map_err(|_| PublicKeyError)?;
        ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).map_err(|_| PublicKeyError)?;
        Ok(Self { id: thumbprint(x, &y), x: *x, y, verify_until })
    }

    /// Its id.
    pub const fn id(&self) -> &KeyId {
        &self.id
    }

    /// The uncompressed point, 65 bytes.
    pub fn point(&self) -> Vec<u8> {
        let mut point = Vec::with_capacity(POINT_BYTES);
        point.push(0x04);
        point.extend_from_slice(&self.x);
        point.extend_from_slice(&self.y);
        point
    }

    /// From this instant on, no signature by it is believed.
    pub const fn verify_until(&self) -> Timestamp {
        self.verify_until
    }

    /// The form in which it is published (RFC 7517 §4, RFC 7518 §6.2.1).
    pub fn to_jwk(&self) -> Jwk {
        Jwk {
            kty: "EC",
            crv: "P-256",
            x: URL_SAFE_NO_PAD.encode(self.x),
            y: URL_SAFE_NO_PAD.encode(self.y),
            usage: "sig",
            alg: Self::ALGORITHM,
            kid: self.id.0.clone(),
        }
    }
}

/// A published key; serialises as RFC 7517 §4.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Jwk {
    kty: &'static str,
    crv: &'static str,
    x: String,
    y: String,
    #[serde(rename = "use")]
    usage: &'static str,
    alg: &'static str,
    kid: String,
}

/// The body of a JWKS answer; serialises as RFC 7517 §5.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct JwkSet {
    /// The published keys.
    pub keys: Vec<Jwk>,
}

/// RFC 7638 §3: the SHA-256 of the required members, in lexicographic order, without white space.
fn thumbprint(x: &[u8], y: &[u8]) -> KeyId {
    let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
    let members = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
    KeyId(URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, members.as_bytes())))
}
