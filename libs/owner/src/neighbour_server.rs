//! `NeighbourService`, as each owner serves it: another service says where to look, and it is looked.

use std::sync::Arc;

use reeve_api::neighbour::neighbour_service_server::{NeighbourService, NeighbourServiceServer};
use reeve_api::neighbour::{ReconcileRequest, ReconcileResponse};
use reeve_chassis::{Access, Failure, MAX_MESSAGE_BYTES, Row, Services, service};
use reeve_model::{ConsistencyToken, Violations};
use reeve_replica::Replica;
use reeve_world::Parent;
use tonic::{Request, Response, Status};

use crate::Reconcile;
use crate::look::look;

const RECONCILE: Row = Row { method: "/reeve.neighbour.v1.NeighbourService/Reconcile", access: Access::Service };

/// Who may call what [`NeighbourServer::services`] mounts: the services of the cluster.
pub const NEIGHBOUR_ROWS: &[Row] = &[RECONCILE];

/// Lets the other owners say where to look.
///
/// It does nothing that the owner would not do by itself, from the published records alone: whoever holds a stolen service token
/// can make it look, and no more.
#[derive(Clone)]
pub struct NeighbourServer {
    reconcile: Arc<dyn Reconcile>,
    replica: Replica,
}

impl NeighbourServer {
    /// Looks with `reconcile`, by what `replica` shows.
    pub fn new(reconcile: Arc<dyn Reconcile>, replica: Replica) -> Self {
        Self { reconcile, replica }
    }

    /// The server of `NeighbourService`; its rows are [`NEIGHBOUR_ROWS`]. One process has at most one: owners that live in one
    /// tell each other without.
    pub fn services(&self) -> Services {
        Services::new().mount(NeighbourServiceServer::new(self.clone()).max_decoding_message_size(MAX_MESSAGE_BYTES))
    }

    async fn looked(&self, request: Request<ReconcileRequest>) -> Result<ReconcileResponse, Failure> {
        service(request.extensions(), &RECONCILE)?;
        let ReconcileRequest { after, subject } = request.into_inner();
        let mut violations = Violations::new();
        let after = violations.take("after", ConsistencyToken::parse(&after));
        let subject = violations.take("subject", Parent::parse(&subject));
        let (Some(after), Some(subject)) = (after, subject) else { return Err(Failure::Invalid(violations)) };
        let token = look(self.reconcile.as_ref(), &self.replica, subject, after).await?;
        Ok(ReconcileResponse { consistency_token: token.to_string() })
    }
}

#[tonic::async_trait]
impl NeighbourService for NeighbourServer {
    async fn reconcile(&self, request: Request<ReconcileRequest>) -> Result<Response<ReconcileResponse>, Status> {
        Ok(Response::new(self.looked(request).await?))
    }
}
