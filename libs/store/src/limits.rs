//! The rules a request keeps before any store sees it: the same for every implementation.

use std::collections::HashSet;
use std::time::Duration;

use crate::{Guard, Key, MAX_GUARDS, MAX_OPERATIONS, MAX_REQUEST_BYTES, Op, StoreError, Txn};

/// Most bytes of a key.
pub const MAX_KEY_BYTES: usize = 2048;
/// The key beside the others that says which store they are.
pub(crate) const RECORD_KEY: &str = "store";
/// The last segment of keys that are written to see them come through a watch.
pub(crate) const TICK_SEGMENT: &str = "~tick";
/// Longest time to live of a lease (etcd's).
pub const MAX_LEASE_TTL: Duration = Duration::from_hours(2_500_000);

/// Whether a key is the stores' own: `store`, and any with a segment `~tick`.
pub fn is_reserved(key: &Key) -> bool {
    key.as_str() == RECORD_KEY || key.as_str().split('/').any(|segment| segment == TICK_SEGMENT)
}

/// Checks a transaction against the limits of the seam.
///
/// # Errors
/// `Refused`, with every rule it breaks: no operation at all, more than [`MAX_GUARDS`] guards or [`MAX_OPERATIONS`]
/// operations, more than [`MAX_REQUEST_BYTES`], a key named by two operations, a key that is empty, longer than
/// [`MAX_KEY_BYTES`] or [reserved](is_reserved).
pub fn check_txn(txn: &Txn) -> Result<(), StoreError> {
    let mut problems = Vec::new();
    if txn.ops.is_empty() {
        problems.push("a transaction needs at least one operation".to_owned());
    }
    for (what, count, most) in [("guards", txn.guards.len(), MAX_GUARDS), ("operations", txn.ops.len(), MAX_OPERATIONS)]
    {
        if count > most {
            problems.push(format!("{count} {what}: at most {most} are allowed"));
        }
    }
    let bytes = request_bytes(txn);
    if bytes > MAX_REQUEST_BYTES {
        problems.push(format!("{bytes} bytes: at most {MAX_REQUEST_BYTES} are allowed"));
    }
    let mut named = HashSet::new();
    for key in txn.ops.iter().map(op_key) {
        if !named.insert(key) {
            problems.push(format!("`{key}` is named by two operations: name it once"));
        }
    }
    for key in txn.ops.iter().map(op_key).chain(txn.guards.iter().map(guard_key)) {
        if key.as_str().is_empty() {
            problems.push("a key is empty".to_owned());
        } else if key.as_str().len() > MAX_KEY_BYTES {
            problems.push(format!("a key has {} bytes: at most {MAX_KEY_BYTES} are allowed", key.as_str().len()));
        } else if is_reserved(key) {
            problems.push(format!("`{key}` is reserved for the store itself"));
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(StoreError::Refused(problems.join("; "))) }
}

/// The time to live of a lease in whole seconds, rounded up.
///
/// # Errors
/// `Refused`, when it is zero or longer than [`MAX_LEASE_TTL`].
pub fn check_lease_ttl(ttl: Duration) -> Result<Duration, StoreError> {
    if ttl.is_zero() || ttl > MAX_LEASE_TTL {
        let longest = MAX_LEASE_TTL.as_secs();
        return Err(StoreError::Refused(format!("a lease lives 1 to {longest} seconds, not {}", ttl.as_secs())));
    }
    Ok(Duration::from_secs(ttl.as_secs() + u64::from(ttl.subsec_nanos() > 0)))
}

/// The bytes of a transaction, keys and values together.
pub(crate) fn request_bytes(txn: &Txn) -> usize {
    let ops = txn.ops.iter().map(|op| match op {
        Op::Put { key, value, .. } => key.as_str().len() + value.len(),
        Op::Delete(key) => key.as_str().len(),
    });
    ops.chain(txn.guards.iter().map(|guard| guard_key(guard).as_str().len())).sum()
}

/// The key that an operation changes.
pub(crate) fn op_key(op: &Op) -> &Key {
    match op {
        Op::Put { key, .. } | Op::Delete(key) => key,
    }
}

/// The key that a guard looks at.
fn guard_key(guard: &Guard) -> &Key {
    match guard {
        Guard::Absent(key) | Guard::Unchanged(key, _) => key,
    }
}

/// The lease that an operation hangs its key on.
pub(crate) fn op_lease(op: &Op) -> Option<crate::LeaseId> {
    match op {
        Op::Put { lease, .. } => *lease,
        Op::Delete(_) => None,
    }
}
