//! Passwords, opaque tokens, JWTs, sealed secrets: every credential in one strict place.
//!
//! Pure: time and randomness are passed in, with one exception. [`SigningKey::generate`] and the ES256 signature draw
//! on the random generator inside aws-lc, which offers no other way.

mod access;
mod base62;
mod cluster_key;
mod jws;
mod key_schedule;
mod key_set;
mod opaque;
mod password;
mod provider;
mod public_key;
mod refresh;
mod sealer;
mod secret;
mod service_token;
mod signing_key;
mod token_hash;

pub use access::{AccessClaims, Expect, LEEWAY, sign_access, verify_access};
pub use cluster_key::{CLUSTER_KEY_BYTES, ClusterKey, ClusterKeyError, ClusterKeyId};
pub use jws::{JwtError, MAX_JWT_BYTES, SignError};
pub use key_schedule::{KeySchedule, KeyWindow, signer};
pub use key_set::KeySet;
pub use opaque::{MAX_TOKEN_BYTES, Malformed, Opaque, OpaqueKind, mint_robot, mint_root};
pub use password::{
    CharacterClasses, CommonPasswords, EmptyPasswords, HashError, HashMemory, HashParams, HashParamsError, Hasher,
    MAX_PASSWORD_BYTES, PasswordFault, PasswordPolicy, SALT_BYTES, Verified,
};
pub use provider::install_crypto_provider;
pub use public_key::{Jwk, JwkSet, KeyId, PublicKey, PublicKeyError};
pub use refresh::{REPEAT_WINDOW, RefreshToken, Rotation, SessionKey, parse_refresh, refresh_token, rotation};
pub use sealer::{MAX_SEALED_BYTES, OpenError, SealError, Sealer};
pub use secret::{Secret, SecretBytes, SecretString};
pub use service_token::{SERVICE_TOKEN_LIFE, ServiceTokenError, ServiceTokens};
pub use signing_key::{SigningKey, SigningKeyError};
pub use token_hash::TokenHash;
