//! What stands under the private keys: protobuf with a schema version; secrets inside are sealed for their key.

use reeve_chassis::Failure;
use reeve_credentials::{SealError, Sealer, SecretBytes};
use reeve_model::Entropy;
use reeve_store::{Key, Versioned};

/// The version that this code writes, and the only one that it reads.
pub(crate) const SCHEMA: u32 = 1;

/// A private value.
pub(crate) trait Stored: prost::Message + Default {
    /// The version that it was written under.
    fn schema(&self) -> u32;
}

macro_rules! stored {
    ($($name:ident),+ $(,)?) => {$(
        impl Stored for $name {
            fn schema(&self) -> u32 {
                self.schema
            }
        }
    )+};
}

stored!(Canary, NameClaim, Credential, StoredSession, StoredSigningKey, SigningHead, RobotToken);

/// Opens with the cluster key alone.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Canary {
    #[prost(uint32, tag = "1")]
    pub(crate) schema: u32,
    #[prost(bytes = "vec", tag = "2")]
    pub(crate) sealed: Vec<u8>,
}

/// Whose a name is.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct NameClaim {
    #[prost(uint32, tag = "1")]
    pub(crate) schema: u32,
    /// The user's or robot's UUID.
    #[prost(string, tag = "2")]
    pub(crate) uid: String,
}

/// What a user signs in with.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Credential {
    #[prost(uint32, tag = "1")]
    pub(crate) schema: u32,
    /// A PHC string, sealed.
    #[prost(bytes = "vec", tag = "2")]
    pub(crate) sealed_phc: Vec<u8>,
}

/// A session. Times are milliseconds since the Unix epoch.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct StoredSession {
    #[prost(uint32, tag = "1")]
    pub(crate) schema: u32,
    #[prost(string, tag = "2")]
    pub(crate) user_uid: String,
    #[prost(uint64, tag = "3")]
    pub(crate) user_epoch: u64,
    #[prost(uint64, tag = "4")]
    pub(crate) access_epoch: u64,
    /// 32 bytes, sealed.
    #[prost(bytes = "vec", tag = "5")]
    pub(crate) sealed_key: Vec<u8>,
    #[prost(uint32, tag = "6")]
    pub(crate) generation: u32,
    #[prost(int64, tag = "7")]
    pub(crate) rotated_at_ms: i64,
    #[prost(int64, tag = "8")]
    pub(crate) create_time_ms: i64,
    #[prost(int64, tag = "9")]
    pub(crate) expire_time_ms: i64,
    #[prost(string, tag = "10")]
    pub(crate) client: String,
}

/// A signing key's private half and its window, in milliseconds since the Unix epoch. Never changed.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct StoredSigningKey {
    #[prost(uint32, tag = "1")]
    pub(crate) schema: u32,
    /// PKCS#8, sealed.
    #[prost(bytes = "vec", tag = "2")]
    pub(crate) sealed_pkcs8: Vec<u8>,
    #[prost(int64, tag = "3")]
    pub(crate) sign_from_ms: i64,
    #[prost(int64, tag = "4")]
    pub(crate) sign_until_ms: i64,
    #[prost(int64, tag = "5")]
    pub(crate) verify_until_ms: i64,
}

/// The signing key that was written last.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct SigningHead {
    #[prost(uint32, tag = "1")]
    pub(crate) schema: u32,
    #[prost(string, tag = "2")]
    pub(crate) kid: String,
}

/// That a robot has a token.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct RobotToken {
    #[prost(uint32, tag = "1")]
    pub(crate) schema: u32,
    /// Milliseconds since the Unix epoch; 0 if it does not end.
    #[prost(int64, tag = "2")]
    pub(crate) expire_time_ms: i64,
}

/// Reads what stands at a private key.
///
/// # Errors
/// [`Failure::Internal`] for anything that this version did not write.
pub(crate) fn read<T: Stored>(found: &Versioned) -> Result<T, Failure> {
    let value = T::decode(found.value.clone()).map_err(|error| corrupt(&found.key, &error.to_string()))?;
    if value.schema() == SCHEMA {
        Ok(value)
    } else {
        Err(corrupt(&found.key, &format!("it is of schema {}, and this version reads {SCHEMA}", value.schema())))
    }
}

/// A private value that cannot be used, for the log.
pub(crate) fn corrupt(key: &Key, problem: &str) -> Failure {
    Failure::internal(format!("`{key}` cannot be read: {problem}"))
}

/// Opens a secret that was sealed for `key`.
///
/// # Errors
/// [`Failure::Internal`] with the reason, which says nothing of the secret.
pub(crate) fn open(sealer: &Sealer, key: &Key, sealed: &[u8]) -> Result<SecretBytes, Failure> {
    sealer.open(key.as_str(), sealed).map_err(|error| corrupt(key, &error.to_string()))
}

/// Seals a secret for `key`.
///
/// # Errors
/// The cipher refused.
pub(crate) fn seal(sealer: &Sealer, key: &Key, plaintext: &[u8], entropy: &dyn Entropy) -> Result<Vec<u8>, SealError> {
    sealer.seal(key.as_str(), plaintext, entropy)
}
