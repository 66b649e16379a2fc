//! A multiset hash of the published records: cheap to keep, equal exactly when the records are.

use aws_lc_rs::digest::{SHA256, digest};

/// The sum, in four 64-bit lanes, of the SHA-256 of each encoded record (AdHash, Bellare and Micciancio 1997). It finds
/// faults, not forgers: who could forge a feed could forge its digest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Digest([u64; 4]);

impl Digest {
    /// The digest of one record.
    pub fn of(encoded: &[u8]) -> Self {
        let hash = digest(&SHA256, encoded);
        let mut lanes = [0; 4];
        for (lane, bytes) in lanes.iter_mut().zip(hash.as_ref().as_chunks::<8>().0) {
            *lane = u64::from_be_bytes(*bytes);
        }
        Self(lanes)
    }

    /// With the records of `other` too.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        self.zip(other, u64::wrapping_add)
    }

    /// Without the records of `other`.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        self.zip(other, u64::wrapping_sub)
    }

    /// 32 bytes, as heartbeats carry it.
    pub fn to_bytes(self) -> Vec<u8> {
        self.0.iter().flat_map(|lane| lane.to_be_bytes()).collect()
    }

    fn zip(mut self, other: Self, op: fn(u64, u64) -> u64) -> Self {
        for (lane, other) in self.0.iter_mut().zip(other.0) {
            *lane = op(*lane, other);
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_does_not_matter_and_removal_undoes_addition() {
        let (a, b) = (Digest::of(b"a"), Digest::of(b"b"));
        assert_eq!(a.with(b), b.with(a));
        assert_eq!(a.with(b).without(a), b);
        assert_ne!(a.with(a), Digest::default());
        assert_eq!(a.to_bytes().len(), 32);
    }
}
