//! The agentmap service as a client meets it: a real server on port 0 over an embedded store.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

#[path = "it/access.rs"]
mod access;
#[path = "it/links.rs"]
mod links;
#[path = "it/meddler.rs"]
mod meddler;
#[path = "it/overrides.rs"]
mod overrides;
#[path = "it/stand.rs"]
mod stand;
#[path = "it/sweep.rs"]
mod sweep;
#[path = "it/tokens.rs"]
mod tokens;
