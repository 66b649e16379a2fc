//! What a history can have against it.

use std::fmt;
use std::time::Duration;

use super::{Change, Decision, State, Write};

/// One law that was broken, with what broke it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Violation {
    /// A write was acknowledged and is not in the store's order where it was said to be.
    Lost(Write),
    /// The store holds a change that nobody asked for, or that was refused.
    Unasked(Change),
    /// A write that began after another had been acknowledged, or a decision seen, has the smaller revision.
    Disordered {
        /// The write.
        write: Write,
        /// What had been acknowledged before it began.
        after: u64,
    },
    /// The store's order names a key twice at a revision, or goes back, or goes beyond where it says that it ends.
    BadOrder(Change),
    /// What was listed in the end is not what the changes add up to.
    Listed {
        /// What it is about.
        key: String,
        /// What the changes say.
        expected: State,
    },
    /// A decision was made at a state older than it was asked to be.
    TooOld {
        /// The decision.
        decision: Decision,
        /// How new it had to be.
        wanted: u64,
    },
    /// A decision says a revision that the store has not reached.
    Future(Decision),
    /// A decision is not what the state at its revision says.
    Wrong(Decision),
    /// Something was allowed too long after its revocation was acknowledged.
    Revoked {
        /// The decision.
        decision: Decision,
        /// The revocation.
        write: Write,
        /// How long after it the decision was asked for.
        after: Duration,
    },
}

impl Violation {
    /// The law that was broken, in a word.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Lost(_) => "lost",
            Self::Unasked(_) => "unasked",
            Self::Disordered { .. } => "disordered",
            Self::BadOrder(_) => "no order",
            Self::Listed { .. } => "listed",
            Self::TooOld { .. } => "too old",
            Self::Future(_) => "future",
            Self::Wrong(_) => "wrong",
            Self::Revoked { .. } => "revoked",
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lost(write) => write!(f, "acknowledged and lost: {write:?}"),
            Self::Unasked(change) => write!(f, "nobody asked for it: {change:?}"),
            Self::Disordered { write, after } => write!(f, "revision {after} was known before it began: {write:?}"),
            Self::BadOrder(change) => write!(f, "the store's order is none: {change:?}"),
            Self::Listed { key, expected } => write!(f, "{key} is {expected:?}, and was not listed so"),
            Self::TooOld { decision, wanted } => write!(f, "older than revision {wanted}: {decision:?}"),
            Self::Future(decision) => write!(f, "made at a revision that never was: {decision:?}"),
            Self::Wrong(decision) => write!(f, "not what its revision says: {decision:?}"),
            Self::Revoked { decision, write, after } => {
                write!(f, "allowed {after:?} after it was revoked: {decision:?} after {write:?}")
            }
        }
    }
}
