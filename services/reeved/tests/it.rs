//! The real binary, as an operator and a crash meet it.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

// what the tests are made of
#[path = "it/apart.rs"]
mod apart;
#[path = "it/client.rs"]
mod client;
#[path = "it/process.rs"]
mod process;

// the tests
#[path = "it/archives.rs"]
mod archives;
#[path = "it/begin.rs"]
mod begin;
#[path = "it/clocks.rs"]
mod clocks;
#[path = "it/compose.rs"]
mod compose;
#[path = "it/configuration.rs"]
mod configuration;
#[path = "it/crash.rs"]
mod crash;
#[path = "it/health.rs"]
mod health;
#[path = "it/lifecycle.rs"]
mod lifecycle;
#[path = "it/refusals.rs"]
mod refusals;
#[path = "it/secrets.rs"]
mod secrets;
#[path = "it/state.rs"]
mod state;
