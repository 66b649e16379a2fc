//! What a service that owns records needs: guarded writes that are seen, and the last administrator kept.

mod last_admin;
mod writer;

pub use last_admin::AdminChange;
pub use writer::{Attempt, MAX_ATTEMPTS, OWN_WRITE_WAIT, PublishedTxn, Writer};
