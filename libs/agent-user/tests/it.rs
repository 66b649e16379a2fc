//! The rules of agent users, as cases and properties.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "tests")]

#[path = "it/conflicts.rs"]
mod conflicts;
#[path = "it/properties.rs"]
mod properties;
#[path = "it/records.rs"]
mod records;
#[path = "it/resolve_cases.rs"]
mod resolve_cases;
