//! Secrets at rest: sealed with AES-256-GCM-SIV (RFC 8452), bound to where they are kept.

use aws_lc_rs::aead;
use reeve_model::Entropy;

use crate::cluster_key::{ClusterKey, ClusterKeyId, KEY_ID_BYTES};
use crate::secret::SecretBytes;

/// Longest plaintext, in bytes.
pub const MAX_SEALED_BYTES: usize = 1024 * 1024;
const FORMAT: u8 = 1;
const HEADER_BYTES: usize = 1 + KEY_ID_BYTES + aead::NONCE_LEN;
const TAG_BYTES: usize = 16;

/// A secret that could not be sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// Longer than [`MAX_SEALED_BYTES`].
    #[error("the secret has {0} bytes: at most 1048576 can be sealed")]
    TooLong(usize),
    /// The cipher refused.
    #[error("the secret could not be sealed")]
    Cipher,
}

/// A blob that could not be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Sealed under a cluster key that this service was not given.
    #[error("sealed with the cluster key `{0}`, which is not configured here")]
    WrongKey(ClusterKeyId),
    /// Changed, cut off, or moved here from another place in the store.
    #[error("the sealed value is corrupt, or was moved from another key of the store")]
    Corrupt,
    /// Written by a later version.
    #[error("the sealed value has format {0}: this version opens format 1")]
    UnknownFormat(u8),
}

/// Seals with the current cluster key, opens with the current and the older ones.
#[derive(Clone, Debug)]
pub struct Sealer {
    current: ClusterKey,
    older: Vec<ClusterKey>,
}

impl Sealer {
    /// Seals with `current`; opens with it and with `older`.
    pub const fn new(current: ClusterKey, older: Vec<ClusterKey>) -> Self {
        Self { current, older }
    }

    /// Seals `plaintext` for one place: `context` (the store key, say) is authenticated, not stored.
    ///
    /// The blob is format (1 byte), key id (8), nonce (12), ciphertext, tag (16).
    ///
    /// # Errors
    /// The plaintext is longer than [`MAX_SEALED_BYTES`].
    pub fn seal(&self, context: &str, plaintext: &[u8], entropy: &dyn Entropy) -> Result<Vec<u8>, SealError> {
        if plaintext.len() > MAX_SEALED_BYTES {
            return Err(SealError::TooLong(plaintext.len()));
        }
        let nonce = entropy.bytes::<{ aead::NONCE_LEN }>();
        let mut blob = Vec::with_capacity(HEADER_BYTES + plaintext.len() + TAG_BYTES);
        blob.push(FORMAT);
        blob.extend_from_slice(&self.current.id().0);
        blob.extend_from_slice(&nonce);
        blob.extend_from_slice(plaintext);
        let aad = associated(self.current.id(), context);
        let body = blob.get_mut(HEADER_BYTES..).ok_or(SealError::Cipher)?;
        let nonce = aead::Nonce::assume_unique_for_key(nonce);
        let tag = self.current.sealing().seal_in_place_separate_tag(nonce, aad, body).map_err(|_| SealError::Cipher)?;
        blob.extend_from_slice(tag.as_ref());
        Ok(blob)
    }

    /// Opens a blob that was sealed for the same `context`.
    ///
    /// # Errors
    /// No such cluster key here, another format, or anything changed.
    pub fn open(&self, context: &str, blob: &[u8]) -> Result<SecretBytes, OpenError> {
        let (format, rest) = blob.split_first().ok_or(OpenError::Corrupt)?;
        if *format != FORMAT {
            return Err(OpenError::UnknownFormat(*format));
        }
        if rest.len() > HEADER_BYTES + MAX_SEALED_BYTES + TAG_BYTES {
            return Err(OpenError::Corrupt);
        }
        let (id, rest) = rest.split_first_chunk::<KEY_ID_BYTES>().ok_or(OpenError::Corrupt)?;
        let (nonce, ciphertext) = rest.split_first_chunk::<{ aead::NONCE_LEN }>().ok_or(OpenError::Corrupt)?;
        let key = self.key(ClusterKeyId(*id)).ok_or(OpenError::WrongKey(ClusterKeyId(*id)))?;
        let mut plaintext = ciphertext.to_vec();
        let nonce = aead::Nonce::assume_unique_for_key(*nonce);
        let opened = key.sealing().open_in_place(nonce, associated(key.id(), context), &mut plaintext);
        let length = opened.map_err(|_| OpenError::Corrupt)?.len();
        plaintext.truncate(length);
        Ok(SecretBytes::new(plaintext))
    }

    /// Whether `blob` is sealed with the current key, so that a rotation knows what is left to do.
    pub fn is_current(&self, blob: &[u8]) -> bool {
        blob.get(1..=KEY_ID_BYTES).is_some_and(|id| id == self.current.id().0)
    }

    fn key(&self, id: ClusterKeyId) -> Option<&ClusterKey> {
        std::iter::once(&self.current).chain(&self.older).find(|key| key.id() == id)
    }
}

/// The header's fixed part, then the context: nothing of the blob is left unauthenticated.
fn associated(id: ClusterKeyId, context: &str) -> aead::Aad<Vec<u8>> {
    let mut bytes = Vec::with_capacity(1 + KEY_ID_BYTES + context.len());
    bytes.push(FORMAT);
    bytes.extend_from_slice(&id.0);
    bytes.extend_from_slice(context.as_bytes());
    aead::Aad::from(bytes)
}
