//! Identity, policy and agentmap as instances of their own over one embedded store, which call each other over gRPC.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

#[path = "it/alone.rs"]
mod alone;
#[path = "it/cluster.rs"]
mod cluster;
#[path = "it/door.rs"]
mod door;
#[path = "it/late.rs"]
mod late;
#[path = "it/people.rs"]
mod people;
#[path = "it/random.rs"]
mod random;
#[path = "it/told.rs"]
mod told;
