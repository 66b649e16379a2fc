//! What a service that owns records needs: guarded writes that are seen, the last administrator kept, and its records made to
//! fit those of the other owners.

mod last_admin;
mod look;
mod neighbour_server;
mod neighbours;
mod reconcile;
mod reconciler;
mod workspaces_config;
mod writer;

pub use last_admin::AdminChange;
pub use neighbour_server::{NEIGHBOUR_ROWS, NeighbourServer};
pub use neighbours::{LocalOwners, Neighbours, TELL_WAIT};
pub use reconcile::{MAX_SWEPT, Reconcile, Reconciled};
pub use reconciler::Reconciler;
pub use reeve_world::Parent;
pub use workspaces_config::{WorkspacesConfig, workspace_role};
pub use writer::{Attempt, DECISION_LIFE, MAX_ATTEMPTS, OWN_WRITE_WAIT, PublishedTxn, Writer};
