//! Service tokens in use: the door by which services of the cluster come in, and what they show at another's.

use std::sync::Arc;

use reeve_credentials::{ServiceTokenError, ServiceTokens};
use reeve_model::Clock;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::{Request, Status};

use crate::error::{Failure, Unauthenticated};
use crate::method::Row;
use crate::owner::Owner;

/// Which service tokens are taken.
#[derive(Clone)]
pub struct ServiceDoor {
    /// The cluster keys.
    pub tokens: Arc<ServiceTokens>,
    /// For whom a token must be made: what this process is.
    pub audiences: Vec<Owner>,
}

/// A service of the cluster calls. The authentication layer puts it into the request's extensions, and nobody else can.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ServiceCaller(());

/// The door, and the time that tokens are held against.
#[derive(Clone)]
pub(crate) struct Door(Option<(ServiceDoor, Arc<dyn Clock>)>);

impl Door {
    /// A door that lets nobody in.
    pub(crate) fn shut() -> Self {
        Self(None)
    }

    pub(crate) fn new(door: Option<ServiceDoor>, clock: Arc<dyn Clock>) -> Self {
        Self(door.map(|door| (door, clock)))
    }

    /// Lets the holder of a token in.
    ///
    /// # Errors
    /// The token is not good here. The log has the cause; the caller is told no more than what they can mend.
    pub(crate) fn enter(&self, token: &str, row: &Row) -> Result<ServiceCaller, Failure> {
        let Some((door, clock)) = &self.0 else {
            tracing::info!(method = row.method, "a service token was sent to a server that takes none");
            return Err(Unauthenticated::ServiceTokenRefused.into());
        };
        let now = clock.now();
        let mut refused = ServiceTokenError::Malformed;
        for audience in &door.audiences {
            match door.tokens.verify(token, audience.name(), now) {
                Ok(()) => return Ok(ServiceCaller(())),
                // Genuine, so that no other audience could fit.
                Err(error @ (ServiceTokenError::Expired | ServiceTokenError::NotYetValid)) => {
                    tracing::warn!(method = row.method, %error, "a service of the cluster was refused");
                    return Err(Unauthenticated::ServiceClocksDiffer.into());
                }
                Err(error) => refused = error,
            }
        }
        tracing::info!(method = row.method, error = %refused, "a service token was refused");
        Err(Unauthenticated::ServiceTokenRefused.into())
    }
}

/// What this service shows at the doors of the others.
#[derive(Clone)]
pub struct ServiceTokenSource {
    tokens: Arc<ServiceTokens>,
    clock: Arc<dyn Clock>,
}

impl ServiceTokenSource {
    /// Makes tokens with the current one of the cluster keys.
    pub fn new(tokens: Arc<ServiceTokens>, clock: Arc<dyn Clock>) -> Self {
        Self { tokens, clock }
    }

    /// What adds a fresh token for `owner` to each call of a generated client:
    /// `Client::with_interceptor(peers.to(owner), source.to(owner))`.
    pub fn to(&self, owner: Owner) -> ServiceBearer {
        ServiceBearer { source: self.clone(), owner }
    }
}

/// Adds a service token to each call.
#[derive(Clone)]
pub struct ServiceBearer {
    source: ServiceTokenSource,
    owner: Owner,
}

impl Interceptor for ServiceBearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        let token = self.source.tokens.mint(self.owner.name(), self.source.clock.now());
        let value = MetadataValue::<Ascii>::try_from(format!("Bearer {}", token.expose()));
        let mut value = value.map_err(|error| Status::from(Failure::internal(error)))?;
        value.set_sensitive(true);
        request.metadata_mut().insert("authorization", value);
        Ok(request)
    }
}
