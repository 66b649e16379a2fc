//! What a service that owns records needs: guarded writes that are seen, the last administrator kept, and its records made to
//! fit those of the other owners.

mod last_admin;
mod reconcile;
mod reconciler;
mod writer;

pub use last_admin::AdminChange;
pub use reconcile::{MAX_SWEPT, Reconcile, Reconciled};
pub use reconciler::Reconciler;
pub use reeve_world::Parent;
pub use writer::{Attempt, MAX_ATTEMPTS, OWN_WRITE_WAIT, PublishedTxn, Writer};
