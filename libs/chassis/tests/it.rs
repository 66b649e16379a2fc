//! The chassis as a client meets it: a real server on port 0, and what needs none.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

#[path = "it/access.rs"]
mod access;
#[path = "it/config.rs"]
mod config;
#[path = "it/drain.rs"]
mod drain;
#[path = "it/failures.rs"]
mod failures;
#[path = "it/forward.rs"]
mod forward;
#[path = "it/forward_raw.rs"]
mod forward_raw;
#[path = "it/gate.rs"]
mod gate;
#[path = "it/health.rs"]
mod health;
#[path = "it/limits.rs"]
mod limits;
#[path = "it/peers.rs"]
mod peers;
#[path = "it/service_door.rs"]
mod service_door;
#[path = "it/stand.rs"]
mod stand;
#[path = "it/table.rs"]
mod table;
