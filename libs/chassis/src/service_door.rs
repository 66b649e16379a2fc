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

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::time::Duration;

    use http::Response;
    use reeve_credentials::ClusterKey;
    use reeve_model::{ManualClock, SeededEntropy, Timestamp};
    use tonic::body::Body;
    use tower::{Layer as _, ServiceExt as _};

    use super::*;
    use crate::authenticate::{Authenticate, AuthenticateLayer, SocketPolicy};
    use crate::method::{Access, MethodTable};
    use crate::principal::Caller;

    static ROWS: &[Row] = &[
        Row { method: "/reeve.neighbour.v1.NeighbourService/Reconcile", access: Access::Service },
        Row { method: "/reeve.identity.v1.AccessService/GetServerInfo", access: Access::Public },
        Row { method: "/reeve.admission.v1.AdmissionService/Admit", access: Access::Filtered("by nothing") },
    ];

    struct Nobody;

    #[tonic::async_trait]
    impl Authenticate for Nobody {
        async fn authenticate(&self, _: &str) -> Result<Caller, Failure> {
            Err(Unauthenticated::TokenMalformed.into())
        }
    }

    #[tokio::test]
    async fn nobody_but_the_layer_says_that_a_service_calls() {
        let services = ["reeve.neighbour.v1.NeighbourService", "reeve.identity.v1.AccessService"];
        let services = [services.as_slice(), &["reeve.admission.v1.AdmissionService"]].concat();
        let table = MethodTable::new(&[ROWS], &services, reeve_api::DESCRIPTOR_SET).unwrap();
        let tokens = Arc::new(ServiceTokens::new(ClusterKey::generate(&SeededEntropy::new(1)).unwrap(), Vec::new()));
        let now = Timestamp::from_millis(0).plus(Duration::from_hours(1));
        let door = ServiceDoor { tokens: tokens.clone(), audiences: vec![Owner::Agentmap, Owner::Policy] };
        // Every method open to a socket's peers without a token: the widest that a door can stand.
        let trusted = SocketPolicy::TrustPeers(ROWS.iter().map(|row| row.method).collect());
        let layer = AuthenticateLayer::new(Arc::new(table), Arc::new(Nobody))
            .with_door(Door::new(Some(door), Arc::new(ManualClock::at(now))))
            .with_socket_policy(trusted);
        let inner = tower::service_fn(|request: http::Request<Body>| async move {
            let marked = request.extensions().get::<ServiceCaller>().is_some();
            Ok::<_, Infallible>(Response::builder().header("marked", marked.to_string()).body(Body::empty()).unwrap())
        });
        let token = tokens.mint("policy", now);
        for (row, authorization, marked) in [
            (&ROWS[0], None, None),
            (&ROWS[0], Some(token.expose()), Some("true")),
            (&ROWS[1], Some(token.expose()), Some("false")),
            (&ROWS[1], None, Some("false")),
            (&ROWS[2], Some(token.expose()), None),
        ] {
            let mut request = http::Request::post(row.method).extension(ServiceCaller(())).body(Body::empty()).unwrap();
            if let Some(token) = authorization {
                let value = format!("Bearer {token}").parse().unwrap();
                request.headers_mut().insert(http::header::AUTHORIZATION, value);
            }
            let response = layer.layer(inner).oneshot(request).await.unwrap();
            let said = response.headers().get("marked").map(|value| value.to_str().unwrap());
            assert_eq!(said, marked, "{row:?} {authorization:?}");
        }
    }
}
