//! Which leases live, and until when.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use crate::{LeaseId, StoreError};

/// Most leases at a time.
pub const MAX_LEASES: usize = 10_000;

/// The deadlines of all leases, on the monotonic clock.
///
/// They are kept in memory alone: after a restart every lease lives for its whole time again.
#[derive(Debug, Default)]
pub(super) struct Leases {
    by_id: HashMap<i64, Held>,
    by_deadline: BTreeSet<(Duration, i64)>,
}

#[derive(Clone, Copy, Debug)]
struct Held {
    ttl: Duration,
    deadline: Duration,
}

impl Leases {
    /// Whether a lease may be added.
    pub(super) fn check_room(&self) -> Result<(), StoreError> {
        if self.by_id.len() >= MAX_LEASES {
            return Err(StoreError::Refused(format!("there are {MAX_LEASES} leases already, and no more are allowed")));
        }
        Ok(())
    }

    /// Adds a lease that lives from `now` on.
    pub(super) fn add(&mut self, lease: LeaseId, ttl: Duration, now: Duration) {
        let deadline = now.saturating_add(ttl);
        self.by_id.insert(lease.0, Held { ttl, deadline });
        self.by_deadline.insert((deadline, lease.0));
    }

    /// Lets a lease live for its whole time again.
    pub(super) fn renew(&mut self, lease: LeaseId, now: Duration) -> Result<(), StoreError> {
        let ttl = self.remove(lease).ok_or(StoreError::NoSuchLease)?;
        self.add(lease, ttl, now);
        Ok(())
    }

    /// Forgets a lease, and says how long it was to live.
    pub(super) fn remove(&mut self, lease: LeaseId) -> Option<Duration> {
        let held = self.by_id.remove(&lease.0)?;
        self.by_deadline.remove(&(held.deadline, lease.0));
        Some(held.ttl)
    }

    /// Whether a lease lives.
    pub(super) fn contains(&self, lease: LeaseId) -> bool {
        self.by_id.contains_key(&lease.0)
    }

    /// Whether there is any.
    pub(super) fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// A lease whose time is over, the longest overdue first.
    pub(super) fn due(&self, now: Duration) -> Option<LeaseId> {
        self.by_deadline.first().filter(|(deadline, _)| *deadline <= now).map(|(_, id)| LeaseId(*id))
    }
}
