//! The store's revision, and the token by which a reader asks for a state at least as new as a write.

use std::fmt;

use uuid::Uuid;

/// A position in the store's one global order of writes. Zero is before the first write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Revision(u64);

impl Revision {
    /// Before the first write.
    pub const ZERO: Self = Self(0);

    /// The revision with this number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// Its number.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The one after it.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A counter that revokes: what was made under an older one grants nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(u64);

impl Epoch {
    /// The epoch with this number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// Its number.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The one after it.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// Which store a revision belongs to: its uuid, and how often it was restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StoreId {
    /// Chosen at random when the store was made.
    pub uuid: Uuid,
    /// Counts restores; a token of an earlier epoch is refused.
    pub epoch: u32,
}

/// Proof of a write, as a client carries it: `rt1.UUID.EPOCH.REVISION`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConsistencyToken {
    /// The store that took the write.
    pub store: StoreId,
    /// The revision of the write.
    pub revision: Revision,
}

/// A text that is no consistency token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a consistency token: give back, unchanged, what a write answered with")]
pub struct TokenParseError;

impl ConsistencyToken {
    /// Reads the text form.
    ///
    /// # Errors
    /// Any other text.
    pub fn parse(text: &str) -> Result<Self, TokenParseError> {
        let mut parts = text.split('.');
        let (Some("rt1"), Some(uuid), Some(epoch), Some(revision), None) =
            (parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(TokenParseError);
        };
        let uuid = Uuid::try_parse(uuid).map_err(|_| TokenParseError)?;
        let epoch = epoch.parse().map_err(|_| TokenParseError)?;
        let revision = revision.parse().map_err(|_| TokenParseError)?;
        Ok(Self { store: StoreId { uuid, epoch }, revision: Revision::new(revision) })
    }
}

impl fmt::Display for ConsistencyToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rt1.{}.{}.{}", self.store.uuid.simple(), self.store.epoch, self.revision)
    }
}

/// How fresh an answer must be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Consistency {
    /// Whatever this replica has, within the staleness bound.
    #[default]
    MinimizeLatency,
    /// At least as new as the write that answered with this token.
    AtLeastAsFresh(ConsistencyToken),
    /// As new as the store at the moment of the call.
    FullyConsistent,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_round_trips_and_nothing_else_is_one() {
        let token =
            ConsistencyToken { store: StoreId { uuid: Uuid::from_u128(7), epoch: 3 }, revision: Revision::new(42) };
        assert_eq!(ConsistencyToken::parse(&token.to_string()), Ok(token));
        for bad in ["", "rt1", "rt2.0.0.0", &format!("{token}.1"), &token.to_string().replace("42", "-1")] {
            assert_eq!(ConsistencyToken::parse(bad), Err(TokenParseError), "{bad}");
        }
    }
}
