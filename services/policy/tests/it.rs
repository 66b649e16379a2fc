//! The policy service as a client meets it: a real server on port 0 over an embedded store.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

#[path = "it/access.rs"]
mod access;
#[path = "it/bindings.rs"]
mod bindings;
#[path = "it/deletion.rs"]
mod deletion;
#[path = "it/escalation.rs"]
mod escalation;
#[path = "it/listings.rs"]
mod listings;
#[path = "it/meddler.rs"]
mod meddler;
#[path = "it/policies.rs"]
mod policies;
#[path = "it/policy_races.rs"]
mod policy_races;
#[path = "it/stand.rs"]
mod stand;
#[path = "it/start.rs"]
mod start;
#[path = "it/sweep.rs"]
mod sweep;
#[path = "it/tokens.rs"]
mod tokens;
#[path = "it/workspace_groups.rs"]
mod workspace_groups;
#[path = "it/workspaces.rs"]
mod workspaces;
