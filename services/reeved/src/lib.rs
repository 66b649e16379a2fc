//! The server: every service in one process on an embedded store, or the sidecar alone.
//!
//! The binary is a thin shell over this library, so that tests run what `reeved` runs.

pub mod command;

mod alone;
mod assembly;
mod config;
mod etcd;
mod keys;
mod secrets;
mod service;
mod serving;
pub mod state;
mod up;

pub use alone::{Alone, AloneError};
pub use assembly::AssemblyError;
pub use config::{
    BootstrapConfig, Config, DefaultTaskConfig, EtcdConfig, EtcdTlsConfig, MAX_ENDPOINTS, PriorityOrderConfig,
    SecurityConfig, ServicesConfig, WorkloadsConfig,
};
pub use etcd::EtcdSetupError;
pub use keys::{ClusterKeys, KeysError};
pub use secrets::{SecretError, Secrets};
pub use service::{Service, ServiceError};
pub use serving::Stop;
pub use up::{SignIn, Up, UpError};

/// The version of this build.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
