//! The World against a model of itself, and against those who would get more out of it than they may.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod admit;
mod authenticate;
mod check;
mod groups;
mod lists;
mod model;
mod records;
