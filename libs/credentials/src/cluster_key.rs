//! The cluster key: 32 bytes that every service shares, and the keys derived from it.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::{aead, hkdf, hmac};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use reeve_model::Entropy;

use crate::secret::{Secret, SecretString};

/// Length of the cluster key.
pub const CLUSTER_KEY_BYTES: usize = 32;
/// Longest text that is looked at as a cluster key, in bytes.
const MAX_TEXT_BYTES: usize = 256;
pub(crate) const KEY_ID_BYTES: usize = 8;
const SALT: &[u8] = b"reeve cluster key 1";

/// A text that is no cluster key. It never repeats the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClusterKeyError {
    /// Neither hexadecimal nor base64.
    #[error("the cluster key is neither hexadecimal nor base64: write 32 random bytes as 64 hexadecimal digits")]
    Encoding,
    /// Another length.
    #[error("the cluster key has {0} bytes: it has exactly 32, written as 64 hexadecimal digits or in base64")]
    Length(usize),
    /// One byte, repeated.
    #[error("the cluster key is one byte repeated: take 32 random bytes")]
    NotRandom,
    /// The key derivation failed.
    #[error("no keys could be derived from the cluster key")]
    Derivation,
}

/// Names a cluster key without telling anything of it: derived, so that equal keys have equal ids on every replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ClusterKeyId(pub(crate) [u8; KEY_ID_BYTES]);

impl fmt::Display for ClusterKeyId {
    /// 16 hexadecimal digits, lower case.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The cluster key and what HKDF-SHA-256 (RFC 5869) derives from it.
#[derive(Clone)]
pub struct ClusterKey {
    bytes: Secret<[u8; CLUSTER_KEY_BYTES]>,
    id: ClusterKeyId,
    sealing: Arc<aead::LessSafeKey>,
    service_tokens: hmac::Key,
}

impl ClusterKey {
    /// Reads 64 hexadecimal digits or base64 (standard or URL-safe, padded or not); white space around it is left out.
    ///
    /// # Errors
    /// Any other text, another length, or a key that is one byte repeated.
    pub fn parse(text: &str) -> Result<Self, ClusterKeyError> {
        let text = text.trim();
        if text.len() > MAX_TEXT_BYTES {
            return Err(ClusterKeyError::Length(text.len()));
        }
        let decoded = Secret::new(decode(text).ok_or(ClusterKeyError::Encoding)?);
        let bytes = <[u8; CLUSTER_KEY_BYTES]>::try_from(decoded.expose())
            .map_err(|_| ClusterKeyError::Length(decoded.expose().len()))?;
        if bytes.iter().all(|byte| Some(byte) == bytes.first()) {
            return Err(ClusterKeyError::NotRandom);
        }
        Self::from_bytes(bytes)
    }

    /// A new random key.
    ///
    /// # Errors
    /// The key derivation failed.
    pub fn generate(entropy: &dyn Entropy) -> Result<Self, ClusterKeyError> {
        Self::from_bytes(entropy.bytes())
    }

    fn from_bytes(bytes: [u8; CLUSTER_KEY_BYTES]) -> Result<Self, ClusterKeyError> {
        let root = hkdf::Salt::new(hkdf::HKDF_SHA256, SALT).extract(&bytes);
        let failed = |_| ClusterKeyError::Derivation;
        let mut id = [0; KEY_ID_BYTES];
        root.expand(&[b"key id"], Length(KEY_ID_BYTES)).and_then(|okm| okm.fill(&mut id)).map_err(failed)?;
        let sealing = root.expand(&[b"sealing: AES-256-GCM-SIV"], &aead::AES_256_GCM_SIV).map_err(failed)?;
        let service_tokens = root.expand(&[b"service tokens: HMAC-SHA-256"], hmac::HMAC_SHA256).map_err(failed)?;
        Ok(Self {
            bytes: Secret::new(bytes),
            id: ClusterKeyId(id),
            sealing: Arc::new(aead::LessSafeKey::new(sealing.into())),
            service_tokens: service_tokens.into(),
        })
    }

    /// Its name.
    pub const fn id(&self) -> ClusterKeyId {
        self.id
    }

    /// Base64 with padding, 44 characters, for the file it is kept in.
    pub fn to_text(&self) -> SecretString {
        SecretString::new(STANDARD.encode(self.bytes.expose()))
    }

    pub(crate) fn sealing(&self) -> &aead::LessSafeKey {
        &self.sealing
    }

    pub(crate) const fn service_tokens(&self) -> &hmac::Key {
        &self.service_tokens
    }
}

impl fmt::Debug for ClusterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClusterKey({})", self.id)
    }
}

/// How many bytes to derive.
struct Length(usize);

impl hkdf::KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

fn decode(text: &str) -> Option<Vec<u8>> {
    // No base64 of 32 bytes is mistaken for this: it has an odd length, or ends in `=`.
    if text.len().is_multiple_of(2) && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return text.as_bytes().chunks_exact(2).map(hex_byte).collect();
    }
    [&STANDARD, &URL_SAFE, &STANDARD_NO_PAD, &URL_SAFE_NO_PAD].into_iter().find_map(|form| form.decode(text).ok())
}

fn hex_byte(pair: &[u8]) -> Option<u8> {
    u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()
}
