//! The whole of Reeve as its clients meet it: real servers on free ports, real sockets, nothing but the contract.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "tests"
)]

// what the tests are made of; the first makes a test of each on each deployment
#[path = "it/deployment.rs"]
#[macro_use]
mod deployment;
#[path = "it/apart.rs"]
mod apart;
#[path = "it/asked.rs"]
mod asked;
#[path = "it/awaiting.rs"]
mod awaiting;
#[path = "it/client.rs"]
mod client;
#[path = "it/cluster.rs"]
mod cluster;
#[path = "it/member.rs"]
mod member;
#[path = "it/oracle.rs"]
mod oracle;
#[path = "it/port.rs"]
mod port;
#[path = "it/process.rs"]
mod process;
#[path = "it/proxy.rs"]
mod proxy;
#[path = "it/raw.rs"]
mod raw;
#[path = "it/recorder.rs"]
mod recorder;
#[path = "it/refusal.rs"]
mod refusal;
#[path = "it/sidecar.rs"]
mod sidecar;
#[path = "it/up.rs"]
mod up;

// the tests
#[path = "it/bad_input.rs"]
mod bad_input;
#[path = "it/bad_requests.rs"]
mod bad_requests;
#[path = "it/chaos.rs"]
mod chaos;
#[path = "it/disasters.rs"]
mod disasters;
#[path = "it/escalation.rs"]
mod escalation;
#[path = "it/experiments.rs"]
mod experiments;
#[path = "it/feed_cut.rs"]
mod feed_cut;
#[path = "it/groups.rs"]
mod groups;
#[path = "it/history.rs"]
mod history;
#[path = "it/last_admin.rs"]
mod last_admin;
#[path = "it/methods.rs"]
mod methods;
#[path = "it/read_your_write.rs"]
mod read_your_write;
#[path = "it/reflection.rs"]
mod reflection;
#[path = "it/revocation.rs"]
mod revocation;
#[path = "it/sessions.rs"]
mod sessions;
#[path = "it/starting.rs"]
mod starting;
#[path = "it/story.rs"]
mod story;
