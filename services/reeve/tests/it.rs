//! Whole commands, run against small servers that play what a server may answer.
#![expect(clippy::unwrap_used, reason = "tests")]

#[path = "it/answers.rs"]
mod answers;
#[path = "it/fake.rs"]
mod fake;
#[path = "it/groups.rs"]
mod groups;
#[path = "it/person.rs"]
mod person;
#[path = "it/signing_in.rs"]
mod signing_in;
