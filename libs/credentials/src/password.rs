//! Passwords: what may be chosen, and how what was chosen is kept.

mod hasher;
mod policy;

pub use hasher::{HashError, HashMemory, HashParams, HashParamsError, Hasher, SALT_BYTES, Verified};
pub use policy::{
    CharacterClasses, CommonPasswords, EmptyPasswords, MAX_PASSWORD_BYTES, PasswordFault, PasswordPolicy,
};
