//! Replicas: what they refuse to show, what they never lose, and what a network may do to them.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod feed;
mod network;
mod past;
mod reads;
mod records;
mod reflector;
mod script;
mod store;
mod swapped;
mod wire;
