//! Signing keys: an ES256 key pair and the window in which it signs.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use jsonwebtoken::EncodingKey;

use crate::key_schedule::KeyWindow;
use crate::provider::install_crypto_provider;
use crate::public_key::PublicKey;
use crate::secret::SecretBytes;

/// A key pair that could not be made or read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SigningKeyError {
    /// The generator failed.
    #[error("no signing key could be generated")]
    Generation,
    /// Not the PKCS#8 of a P-256 key pair.
    #[error("not a signing key: it is a P-256 key pair in PKCS#8")]
    Malformed,
}

/// An ES256 key pair (RFC 7518 §3.4), prepared for signing.
#[derive(Clone, Debug)]
pub struct SigningKey {
    public: PublicKey,
    window: KeyWindow,
    pkcs8: SecretBytes,
    prepared: EncodingKey,
}

impl SigningKey {
    /// A new key pair that signs in `window`. Its randomness is aws-lc's own.
    ///
    /// # Errors
    /// The generator failed.
    pub fn generate(window: KeyWindow) -> Result<Self, SigningKeyError> {
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())
            .map_err(|_| SigningKeyError::Generation)?;
        Self::from_pkcs8(SecretBytes::new(pkcs8.as_ref().to_vec()), window)
    }

    /// Reads a key pair as [`pkcs8`](Self::pkcs8) gave it (RFC 5208).
    ///
    /// # Errors
    /// Anything but a P-256 key pair whose halves belong together.
    pub fn from_pkcs8(pkcs8: SecretBytes, window: KeyWindow) -> Result<Self, SigningKeyError> {
        install_crypto_provider();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.expose())
            .map_err(|_| SigningKeyError::Malformed)?;
        let public = PublicKey::from_point(pair.public_key().as_ref(), window.verify_until)
            .map_err(|_| SigningKeyError::Malformed)?;
        let prepared = EncodingKey::from_ec_der(pkcs8.expose());
        Ok(Self { public, window, pkcs8, prepared })
    }

    /// The half to publish; its id is the key's.
    pub const fn public(&self) -> &PublicKey {
        &self.public
    }

    /// When it signs and is believed.
    pub const fn window(&self) -> KeyWindow {
        self.window
    }

    /// The private half in PKCS#8, to be sealed.
    pub const fn pkcs8(&self) -> &SecretBytes {
        &self.pkcs8
    }

    pub(crate) const fn prepared(&self) -> &EncodingKey {
        &self.prepared
    }
}
