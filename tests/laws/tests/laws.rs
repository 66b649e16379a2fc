//! The laws of the house, held over what `cargo metadata` says and over every file.
//!
//! A law that is broken says which one, why it stands, and every place. An exception is a row in a table, with its
//! reason; one that nothing needs any longer breaks the law too.

#![expect(clippy::panic, clippy::expect_used, reason = "tests")]

#[path = "laws/every_file.rs"]
mod every_file;
#[path = "laws/house.rs"]
mod house;
#[path = "laws/links.rs"]
mod links;
#[path = "laws/manifests.rs"]
mod manifests;
#[path = "laws/sources.rs"]
mod sources;

use std::fmt::Write as _;

/// The crates that are values in, values out, by their folders.
const PURE: &[&str] =
    &["libs/model", "libs/rbac", "libs/config-policy", "libs/agent-user", "libs/credentials", "libs/world"];

/// Fails with everything that breaks the law.
fn hold(law: &str, because: &str, mut broken: Vec<String>) {
    if broken.is_empty() {
        return;
    }
    broken.sort();
    broken.dedup();
    let mut places = String::new();
    for place in &broken {
        let _ = write!(places, "\n    {place}");
    }
    panic!("\n  law: {law}\n  because: {because}\n  broken {} times:{places}\n", broken.len());
}
