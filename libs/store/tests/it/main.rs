//! The embedded store: the contract every store keeps, a model it agrees with, and what is its own.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod contract;
mod contract_etcd;
mod contract_etcd_three;
mod etcd_subject;
mod model;
mod own;
mod subject;
mod torture;
