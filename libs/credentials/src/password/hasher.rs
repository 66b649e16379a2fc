//! Password hashes: argon2id (RFC 9106) in PHC strings, with memory that is used again.

use std::fmt;

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{ARGON2ID_IDENT, Algorithm, Argon2, Block, Params, Version};
use aws_lc_rs::constant_time;

use super::policy::MAX_PASSWORD_BYTES;
use crate::secret::{Secret, SecretString};

/// Length of a salt (RFC 9106 §3.1 recommends 16 bytes).
pub const SALT_BYTES: usize = 16;
const OUTPUT_BYTES: usize = 32;
/// Bounds of what a stored hash may ask for: a corrupt record must not take the machine's memory or its hours.
const MAX_MEMORY_KIB: u32 = 256 * 1024;
const MAX_PASSES: u32 = 16;
const MAX_LANES: u32 = 64;
const MAX_PHC_BYTES: usize = 512;

/// What one hash costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashParams {
    /// Memory, in KiB: at least 8 per lane, at most 256 MiB.
    pub memory_kib: u32,
    /// Passes over the memory: 1 to 16.
    pub passes: u32,
    /// Lanes, which are computed one after the other here: 1 to 64.
    pub lanes: u32,
}

impl Default for HashParams {
    /// 19 MiB, 2 passes, 1 lane.
    fn default() -> Self {
        Self { memory_kib: 19 * 1024, passes: 2, lanes: 1 }
    }
}

/// Parameters that cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not argon2id parameters: memory is 8 to 262144 KiB (8 a lane at least), passes are 1 to 16, lanes 1 to 64")]
pub struct HashParamsError;

/// A hash that could not be made or checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HashError {
    /// More than [`MAX_PASSWORD_BYTES`].
    #[error("the password is too long: it has at most 512 bytes")]
    TooLong,
    /// The stored text is no argon2id PHC string within the bounds. Nobody can sign in with it.
    #[error("the stored password hash is corrupt")]
    Corrupt,
    /// The computation failed.
    #[error("the password could not be hashed")]
    Failed,
}

/// Whether a password is the one that was hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verified {
    /// It is.
    Match {
        /// The stored hash has other parameters than new ones get: hash the password again and store that.
        needs_rehash: bool,
    },
    /// It is not.
    Mismatch,
}

/// Working memory for hashing. Keep one per hashing thread: fresh memory costs half as much again as the hash itself.
/// It is overwritten by the next hash, never read out.
#[derive(Default)]
pub struct HashMemory(Vec<Block>);

impl HashMemory {
    /// No memory yet; it grows to what the first hash needs.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    fn at_least(&mut self, blocks: usize) -> &mut [Block] {
        if self.0.len() < blocks {
            self.0.resize(blocks, Block::new());
        }
        &mut self.0
    }
}

impl fmt::Debug for HashMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HashMemory({} KiB)", self.0.len())
    }
}

/// Hashes and verifies passwords. Each call takes milliseconds of a core: give it a thread of its own.
#[derive(Clone, Debug)]
pub struct Hasher {
    params: Params,
    decoy: String,
}

impl Hasher {
    /// A hasher whose new hashes cost `params`.
    ///
    /// # Errors
    /// A parameter is out of bounds.
    pub fn new(params: HashParams) -> Result<Self, HashParamsError> {
        let made = Params::new(params.memory_kib, params.passes, params.lanes, Some(OUTPUT_BYTES));
        let params = made.ok().filter(within_bounds).ok_or(HashParamsError)?;
        // Output and salt are constants: finding a password for them is finding a preimage.
        let decoy = phc(&params, &[0x5a; SALT_BYTES], &[0xa5; OUTPUT_BYTES]).ok_or(HashParamsError)?;
        Ok(Self { params, decoy })
    }

    /// The PHC string of `password`: `$argon2id$v=19$m=…,t=…,p=…$salt$hash`. `salt` is fresh and random.
    ///
    /// # Errors
    /// The password is longer than [`MAX_PASSWORD_BYTES`].
    pub fn hash(
        &self,
        password: &SecretString,
        salt: [u8; SALT_BYTES],
        memory: &mut HashMemory,
    ) -> Result<String, HashError> {
        if password.expose().len() > MAX_PASSWORD_BYTES {
            return Err(HashError::TooLong);
        }
        let output = compute(&self.params, password, &salt, memory)?;
        phc(&self.params, &salt, output.expose()).ok_or(HashError::Failed)
    }

    /// Whether `password` is the one that `phc` was made of. One that is too long is a mismatch, without a hash.
    ///
    /// # Errors
    /// `phc` is corrupt; see [`HashError::Corrupt`].
    pub fn verify(&self, password: &SecretString, phc: &str, memory: &mut HashMemory) -> Result<Verified, HashError> {
        if password.expose().len() > MAX_PASSWORD_BYTES {
            return Ok(Verified::Mismatch);
        }
        let stored = Stored::parse(phc).ok_or(HashError::Corrupt)?;
        let output = compute(&stored.params, password, stored.salt.as_ref(), memory)?;
        if constant_time::verify_slices_are_equal(output.expose(), stored.output.as_bytes()).is_err() {
            return Ok(Verified::Mismatch);
        }
        let needs_rehash = stored.params != self.params || stored.salt.as_ref().len() != SALT_BYTES;
        Ok(Verified::Match { needs_rehash })
    }

    /// A PHC string that no password fits and that costs what a real one does. Verify against it where there is no
    /// account, so that an unknown name takes as long as a known one.
    pub fn decoy(&self) -> &str {
        &self.decoy
    }
}

/// A PHC string that was read and is within bounds.
struct Stored {
    params: Params,
    salt: Salt,
    output: Output,
}

impl Stored {
    fn parse(text: &str) -> Option<Self> {
        if text.len() > MAX_PHC_BYTES {
            return None;
        }
        let phc = PasswordHash::new(text).ok()?;
        let current = phc.algorithm == ARGON2ID_IDENT && phc.version == Some(Version::V0x13.into());
        let params = Params::try_from(&phc).ok().filter(within_bounds)?;
        let keyed = !params.keyid().is_empty() || !params.data().is_empty();
        if !current || keyed || phc.params.iter().count() != 3 {
            return None;
        }
        let (salt, output) = (phc.salt?, phc.hash?);
        (output.len() == OUTPUT_BYTES).then_some(Self { params, salt, output })
    }
}

fn within_bounds(params: &Params) -> bool {
    params.m_cost() <= MAX_MEMORY_KIB && params.t_cost() <= MAX_PASSES && params.p_cost() <= MAX_LANES
}

fn compute(
    params: &Params,
    password: &SecretString,
    salt: &[u8],
    memory: &mut HashMemory,
) -> Result<Secret<[u8; OUTPUT_BYTES]>, HashError> {
    let blocks = memory.at_least(params.block_count());
    let mut output = [0; OUTPUT_BYTES];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone())
        .hash_password_into_with_memory(password.expose().as_bytes(), salt, &mut output, blocks)
        .map_err(|_| HashError::Failed)?;
    Ok(Secret::new(output))
}

fn phc(params: &Params, salt: &[u8], output: &[u8]) -> Option<String> {
    let phc = PasswordHash {
        algorithm: ARGON2ID_IDENT,
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(params).ok()?,
        salt: Some(Salt::new(salt).ok()?),
        hash: Some(Output::new(output).ok()?),
    };
    Some(phc.to_string())
}
