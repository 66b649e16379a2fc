//! Real etcd servers for tests, started and ended by the test that wants them.
//!
//! ```no_run
//! # async fn story() {
//! use reeve_test_etcd::EtcdCluster;
//!
//! let etcd = EtcdCluster::start(3).await;
//! let endpoints = etcd.endpoints(); // for the client under test
//! let leader = etcd.leader().await;
//! etcd.kill(leader);
//! etcd.leader().await; // another one
//! etcd.restart(leader).await;
//! # }
//! ```
//!
//! The servers are the `etcd` on the path (Debian: `etcd-server`, `etcd-client`), on free loopback ports, each with a folder of its own.
//! They end with the [`EtcdCluster`]; and where a test is killed before it can drop anything, the kernel ends them with it
//! (`setpriv --pdeathsig`).
//!
//! This is for tests: what cannot be done panics, with the end of the servers' logs.
#![expect(clippy::expect_used, clippy::panic, reason = "a test that gets no etcd has failed")]

mod builder;
mod certificates;
mod cluster;
mod disaster;
mod home;
pub mod keeper;
mod node;
mod ports;
mod probe;
mod wait;

pub use builder::{EtcdBuilder, EtcdCredentials};
pub use certificates::{EtcdCertificate, EtcdTlsFiles};
pub use cluster::EtcdCluster;
