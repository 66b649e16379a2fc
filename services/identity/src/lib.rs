//! The identity service: users, credentials, groups, sessions, robots and their tokens, signing keys, the access state.
//!
//! It alone writes them. What others may know is published under `world/`; what is secret lies sealed under
//! `private/identity/`. A call goes one way: `grpc/` (decode, authorise), `app/` (one file per use case), the store, encode.

mod accounts;
mod app;
mod bootstrap;
mod config;
mod escalation;
mod groups;
mod grpc;
mod hashing;
mod keys;
mod reconcile;
mod rows;
mod service;
mod sessions;
mod signing;
mod stored;
mod sweep;

pub use bootstrap::{
    Bootstrap, BootstrapError, BootstrapOutcome, Bootstrapping, bootstrap, check_cluster_key, is_bootstrapped,
    open_canary,
};
pub use config::{
    ADMIN_NAME, HashConfig, IdentityConfig, MAX_ACCESS_TOKEN_LIFE, MAX_MIN_PASSWORD_CHARS, MAX_SESSION_LIFE,
    MIN_ACCESS_TOKEN_LIFE, PasswordsConfig, RequiredCharacters,
};
pub use hashing::MAX_WAITING_HASHES;
pub use keys::canary as canary_key;
pub use rows::ROWS;
pub use service::{Deps, IdentityService, StartError};
pub use sessions::MAX_SESSIONS_PER_USER;
