//! The embedded store: the contract every store keeps, a model it agrees with, and what is its own.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod contract;
mod contract_etcd;
mod contract_etcd_three;
mod etcd_auth;
mod etcd_faults;
mod etcd_open;
mod etcd_own;
mod etcd_replaced;
mod etcd_space;
mod etcd_subject;
mod etcd_tls;
mod model;
mod own;
mod subject;
mod torture;
