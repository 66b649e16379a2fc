//! Readers of replicas that are behind: who asks is who they are in the moment that answers, and what is still to come is not
//! said to have ended.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod behind;
mod moments;
mod readiness;
mod stage;
