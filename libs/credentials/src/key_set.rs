//! The public keys that a verifier believes, prepared once.

use std::collections::HashMap;

use jsonwebtoken::DecodingKey;
use reeve_model::Timestamp;

use crate::provider::install_crypto_provider;
use crate::public_key::{JwkSet, KeyId, PublicKey};

/// Public keys by id. Building one prepares each key; verifying prepares nothing.
#[derive(Clone, Debug, Default)]
pub struct KeySet(HashMap<KeyId, (PublicKey, DecodingKey)>);

impl KeySet {
    /// The set of these keys.
    pub fn new(keys: impl IntoIterator<Item = PublicKey>) -> Self {
        install_crypto_provider();
        let prepare = |key: PublicKey| (key.id().clone(), (key.clone(), DecodingKey::from_ec_der(&key.point())));
        Self(keys.into_iter().map(prepare).collect())
    }

    /// Whether a key of this id is believed at `now`.
    pub fn knows(&self, id: &str, now: Timestamp) -> bool {
        self.find(id, now).is_some()
    }

    /// What to publish at `now`, in the order of the ids.
    pub fn to_jwks(&self, now: Timestamp) -> JwkSet {
        let mut live: Vec<&PublicKey> =
            self.0.values().map(|(key, _)| key).filter(|key| now < key.verify_until()).collect();
        live.sort_by_key(|key| key.id());
        JwkSet { keys: live.into_iter().map(PublicKey::to_jwk).collect() }
    }

    pub(crate) fn find(&self, id: &str, now: Timestamp) -> Option<&DecodingKey> {
        self.0.get(id).filter(|(key, _)| now < key.verify_until()).map(|(_, prepared)| prepared)
    }
}
