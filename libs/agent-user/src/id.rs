//! A Unix user or group id.

use std::fmt;

/// A uid or gid: 0 to 4294967294. Zero is root, a value like any other here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AgentId(u32);

/// The one number that is no id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`4294967295` is not an id: it means \"no id\" to the kernel; ids go from 0 to 4294967294")]
pub struct AgentIdError;

impl AgentId {
    /// Root's uid and gid.
    pub const ROOT: Self = Self(0);
    /// The kernel's overflow id, `nobody`: what unmapped ids appear as.
    pub const OVERFLOW: Self = Self(65_534);

    /// Reads an id.
    ///
    /// # Errors
    /// 4294967295, which `setresuid(2)` and `chown(2)` take for "leave unchanged".
    pub const fn parse(number: u32) -> Result<Self, AgentIdError> {
        if number == u32::MAX { Err(AgentIdError) } else { Ok(Self(number)) }
    }

    /// Its number.
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl fmt::Display for AgentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
