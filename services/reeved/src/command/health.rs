//! `reeved health`: asks a server whether it answers, for probes where there is no other client.

use std::error::Error;
use std::time::Duration;

use tonic::transport::{Channel, Endpoint};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

/// How long the whole question may take.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Why a server counts as not healthy.
#[derive(Debug, thiserror::Error)]
pub(super) enum HealthError {
    /// The address is none, or nobody answers there.
    #[error("{address} cannot be reached: {cause}")]
    Unreachable {
        /// Who was asked.
        address: String,
        /// The innermost reason.
        cause: String,
    },
    /// It is there, and does not answer yet, or any more.
    #[error("{0} is not ready")]
    NotReady(String),
    /// It said nothing in time.
    #[error("{0} did not answer within {after} s", after = TIMEOUT.as_secs())]
    Late(String),
}

/// Asks `grpc.health.v1` at `http://HOST:PORT` or `unix:/PATH` whether answers are safe there.
///
/// # Errors
/// [`HealthError`], for anything but a yes.
pub(super) async fn ask(address: &str) -> Result<(), HealthError> {
    match tokio::time::timeout(TIMEOUT, status(address)).await {
        Ok(Ok(ServingStatus::Serving)) => Ok(()),
        Ok(Ok(_)) => Err(HealthError::NotReady(address.to_owned())),
        Ok(Err(cause)) => Err(HealthError::Unreachable { address: address.to_owned(), cause }),
        Err(_) => Err(HealthError::Late(address.to_owned())),
    }
}

async fn status(address: &str) -> Result<ServingStatus, String> {
    let endpoint = Endpoint::from_shared(address.to_owned()).map_err(|error| innermost(&error))?;
    let channel: Channel = endpoint.connect().await.map_err(|error| innermost(&error))?;
    let answer = HealthClient::new(channel).check(HealthCheckRequest::default()).await;
    Ok(answer.map_err(|status| status.message().to_owned())?.into_inner().status())
}

fn innermost(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(below) = cause.source() {
        cause = below;
    }
    cause.to_string()
}
