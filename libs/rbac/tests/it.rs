//! The rules of roles and decisions, as snapshots, cases and properties.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "tests")]

#[path = "it/bindings.rs"]
mod bindings;
#[path = "it/decision_cases.rs"]
mod decision_cases;
#[path = "it/properties.rs"]
mod properties;
#[path = "it/role_snapshot.rs"]
mod role_snapshot;
