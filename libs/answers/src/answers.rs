//! The read services, and what they are configured with.

use reeve_api::admission::admission_service_server::{AdmissionService, AdmissionServiceServer};
use reeve_api::admission::{AdmitRequest, AdmitResponse};
use reeve_api::policy::decision_service_server::{DecisionService, DecisionServiceServer};
use reeve_api::policy::{CheckRequest, CheckResponse};
use reeve_chassis::{Caller, Failure, MAX_MESSAGE_BYTES, Services, Unauthenticated};
use reeve_config_policy::PriorityOrder;
use reeve_model::{Resource, Violations, WorkspaceName};
use reeve_world::Workspace;
use tonic::{Extensions, Request, Response, Status};

use crate::{Moment, Reader};

/// What the cluster's configuration says about answers.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `security`: who tasks run as by default, and whether as root.
    pub agent_user: reeve_agent_user::Settings,
    /// Which numbers are higher priorities, where a request does not say.
    pub priority_order: PriorityOrder,
    /// The scheduler's default priority, where a request does not say; none if it is unknown.
    pub default_priority: Option<i64>,
}

/// Answers from one replica.
#[derive(Clone)]
pub struct Answers {
    pub(crate) reader: Reader,
    pub(crate) settings: Settings,
}

impl Answers {
    /// Answers from what `reader` reads.
    pub fn new(reader: Reader, settings: Settings) -> Self {
        Self { reader, settings }
    }

    /// The configuration.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The servers of `DecisionService` and `AdmissionService`; their rows are [`ROWS`](crate::ROWS).
    pub fn services(&self) -> Services {
        Services::new()
            .mount(DecisionServiceServer::new(self.clone()).max_decoding_message_size(MAX_MESSAGE_BYTES))
            .mount(AdmissionServiceServer::new(self.clone()).max_decoding_message_size(MAX_MESSAGE_BYTES))
    }
}

#[tonic::async_trait]
impl DecisionService for Answers {
    async fn check(&self, request: Request<CheckRequest>) -> Result<Response<CheckResponse>, Status> {
        Ok(Response::new(Self::check(self, request).await?))
    }
}

#[tonic::async_trait]
impl AdmissionService for Answers {
    async fn admit(&self, request: Request<AdmitRequest>) -> Result<Response<AdmitResponse>, Status> {
        Ok(Response::new(Self::admit(self, request).await?))
    }
}

/// The caller that the authentication layer found.
pub(crate) fn caller(extensions: &Extensions) -> Result<&Caller, Failure> {
    extensions.get::<Caller>().ok_or(Failure::Unauthenticated(Unauthenticated::TokenMissing))
}

/// Fails with every field that is wrong, if one is.
pub(crate) fn all_right(violations: Violations) -> Result<(), Failure> {
    if violations.is_empty() { Ok(()) } else { Err(Failure::Invalid(violations)) }
}

/// The workspace of this name, if the caller may know that it exists.
pub(crate) fn known_workspace<'a>(
    moment: &'a Moment,
    caller: &Caller,
    name: &WorkspaceName,
) -> Result<&'a Workspace, Failure> {
    use reeve_chassis::Authority;
    let resource = Resource::workspace(name);
    match moment.world().workspace_by_name(name.as_str()) {
        Some(workspace) if moment.may_know(caller, &resource) => Ok(workspace),
        _ => Err(Failure::not_found(resource)),
    }
}
