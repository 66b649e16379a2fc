//! What config policies do, as their callers see it.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod it {
    mod cases;
    mod checks;
    mod configs;
    mod documents;
    mod policies;
    mod properties;
    mod refusals;
    mod world;
}
