//! Configuration: defaults, then a file, then the environment, then flags; read once, checked whole.

mod error;
mod layer;
mod load;
mod period;
mod secret;
mod server;
mod staleness;
mod telemetry;

use reeve_model::Violations;

pub use error::{ConfigError, ConfigErrors};
pub use layer::{ENV_PREFIX, Overrides, environment};
pub use load::{MAX_CONFIG_BYTES, MAX_CONFIG_ERRORS, load};
pub use period::{MAX_PERIOD, Period, PeriodError};
pub use secret::Secret;
pub use server::{MAX_CONCURRENCY_LIMIT, ServerConfig};
pub use staleness::StalenessConfig;
pub use telemetry::{LogFormat, TelemetryConfig};

/// What one section of the configuration knows to be wrong with itself.
pub trait Validate {
    /// Notes every wrong key by its full path: `server.listen`.
    fn validate(&self, violations: &mut Violations);
}
