//! The log of a process, set up once, to standard error.

use std::io::{IsTerminal as _, stderr};

use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _};

use crate::config::{LogFormat, TelemetryConfig};

/// Why there is no log.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The level cannot be read.
    #[error("`telemetry.level` cannot be read")]
    Level(#[source] tracing_subscriber::filter::ParseError),
    /// Somebody set one up already.
    #[error("this process has a log already")]
    Already(#[source] tracing_subscriber::util::TryInitError),
}

/// Sets up the log of this process.
///
/// # Errors
/// [`TelemetryError`].
pub fn init(config: &TelemetryConfig) -> Result<(), TelemetryError> {
    let filter = EnvFilter::try_new(&config.level).map_err(TelemetryError::Level)?;
    let lines = tracing_subscriber::fmt::layer().with_writer(stderr);
    let lines = match config.format {
        LogFormat::Text => lines.with_ansi(stderr().is_terminal()).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    tracing_subscriber::registry().with(lines.with_filter(filter)).try_init().map_err(TelemetryError::Already)
}
