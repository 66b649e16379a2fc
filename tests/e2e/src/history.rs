//! What many clients did and were told while servers were killed and held, and the laws that it must keep.
//!
//! Everything is about *keys* that are on or off: a binding that is there or not. A write turns one key on or off; a decision is
//! allowed exactly while all of its keys are on. The store's own order of changes, read from the store when all is over, is the
//! truth that writes and decisions are held to.
//!
//! Values in, values out: [`check`] can be tested without a server.

mod check;
mod violation;

use std::collections::BTreeSet;
use std::time::Duration;

pub use check::check;
pub use violation::Violation;

/// When something happened, since the recording began, by one monotonic clock.
pub type Moment = Duration;

/// Whether a key is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// It is.
    On,
    /// It is not; so every key begins.
    Off,
}

/// What became of a write, as far as its client was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It took effect, at this revision.
    Acknowledged(u64),
    /// It was made so by this write or was so already while it was asked for, at this revision or shortly before.
    Confirmed(u64),
    /// It had no effect, and never will.
    Refused,
    /// Nobody said: it took effect, will yet, or never will; once at most.
    Unknown,
}

/// One write of one client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    /// Who asked for it.
    pub client: String,
    /// What it is about.
    pub key: String,
    /// What it was to become.
    pub to: State,
    /// When it was sent.
    pub began: Moment,
    /// When its client was told, or gave up.
    pub ended: Moment,
    /// What became of it.
    pub outcome: Outcome,
}

/// How new an answer was to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// As new as the server has it.
    Any,
    /// At least as new as a revision that the client holds the token of.
    AtLeast(u64),
    /// As new as the store at the moment of the call.
    Newest,
}

/// One decision that was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Who asked, and whom.
    pub client: String,
    /// What it hangs on: it is allowed while all are on.
    pub keys: Vec<String>,
    /// When it was sent.
    pub began: Moment,
    /// When it was answered.
    pub ended: Moment,
    /// How new it was to be.
    pub asked: Asked,
    /// The revision that it says it was made at.
    pub at: u64,
    /// The answer.
    pub allowed: bool,
}

/// One change in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The revision that made it.
    pub revision: u64,
    /// What it is about.
    pub key: String,
    /// What it became.
    pub to: State,
}

/// A time in which something was killed, held, or finding its feet again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disturbance {
    /// From when.
    pub from: Moment,
    /// Until when.
    pub to: Moment,
}

/// All that was recorded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// Every write that was asked for.
    pub writes: Vec<Write>,
    /// Every decision that was answered.
    pub decisions: Vec<Decision>,
    /// Every change of the store, by revision.
    pub order: Vec<Change>,
    /// The revision up to which `order` is complete.
    pub until: u64,
    /// What the services listed in the end as being there.
    pub listed: BTreeSet<String>,
    /// When something was being done to the servers.
    pub disturbances: Vec<Disturbance>,
}

/// How soon a revocation must be heeded by one who asks without its token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// While nothing is being done to the servers.
    pub calm: Duration,
    /// Always: the staleness that the servers are configured with.
    pub always: Duration,
}
