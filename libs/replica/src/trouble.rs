//! What keeps a replica from following its source.

/// Why a replica does not follow its source, while it does not.
#[derive(Debug)]
pub(crate) struct Trouble {
    /// What it is, if it is worse than that the source is away.
    worse: Option<Worse>,
    /// What happened, for the log and for whoever asks why the server is not ready.
    why: String,
}

impl Trouble {
    /// What is told after what was told before; none where that stays. Being lost is not having caught up: a block stays, and so
    /// does what is known, unless something worse than being lost follows.
    pub(crate) fn after(before: Option<&Self>, worse: Option<Worse>, why: String) -> Option<Self> {
        if worse.is_none() && before.is_some_and(|before| before.worse.is_some()) {
            return None;
        }
        let worse = match (worse, before.and_then(Self::block)) {
            (Some(Worse::Unreadable), Some(block)) => Some(Worse::Block(block)),
            (worse, _) => worse,
        };
        Some(Self { worse, why })
    }

    /// What happened.
    pub(crate) fn why(&self) -> &str {
        &self.why
    }

    /// Why nothing may be answered, if it is so.
    pub(crate) fn block(&self) -> Option<Block> {
        match self.worse {
            Some(Worse::Block(block)) => Some(block),
            Some(Worse::Unreadable) | None => None,
        }
    }
}

/// What is worse than a source that is away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Worse {
    /// It tells what cannot be applied. What is there may be served until it is too old.
    Unreadable,
    /// Nothing at all may be answered.
    Block(Block),
}

/// Why nothing may be answered, however young the snapshot is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Block {
    /// The store shows an older state than was served.
    Regressed,
    /// The source is of another store.
    Replaced,
    /// The records do not add up to the sender's.
    Damaged,
}
