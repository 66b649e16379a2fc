//! What is answered while a service waits for its store.

use std::sync::Arc;

use reeve_chassis::{Authenticate, Caller, Failure, Server, Services, Setup, UnavailableReason};

use super::{Service, ServiceError};
use crate::assembly::rows;

/// Knows nobody yet.
struct NobodyYet;

#[tonic::async_trait]
impl Authenticate for NobodyYet {
    async fn authenticate(&self, _: &str) -> Result<Caller, Failure> {
        Err(Failure::Unavailable {
            reason: UnavailableReason::NotSynced,
            message: "this service is starting: try again".to_owned(),
            retry_after: None,
        })
    }
}

/// Health, which says that it is not serving; `UNAVAILABLE` for everything that will be served here; what others own is
/// forwarded.
pub(super) fn room(service: &Service) -> Result<Server, ServiceError> {
    let rows = rows(&[service.owner], &service.others());
    let setup = Setup::new(service.config.server.clone(), Services::not_ready(&rows), rows, Arc::new(NobodyYet));
    Ok(service.with_others(setup).build()?)
}
