//! Roles, bindings and groups: decide, and explain what was decided.
//!
//! Pure: who is bound to what comes in through [`Grants`], the time as a [`Timestamp`](reeve_model::Timestamp). [`decide`]
//! is total and allocates nothing; [`why`] and [`nearest_grants`] make the text for an answer that is returned.

mod decide;
mod explain;
mod grant;
mod nearest;
mod permission;
mod role;
mod scope;
mod set;

pub use decide::{Holding, decide, lacking, permissions_of, permissions_through};
pub use explain::{NearestGrants, nearest_grants, why};
pub use grant::{Bound, Grant, Grants, implied_role};
pub use permission::{LowestScope, Permission, UnknownPermission};
pub use role::{BuiltinRole, UnknownRole};
pub use scope::{ScopeError, ScopeKind, check_scope};
pub use set::PermissionSet;
