//! `Admit`: the one question a scheduler asks.

use reeve_api::admission::{AdmitRequest, AdmitResponse, Denial as WireDenial, DenialReason, Verdict as WireVerdict};
use reeve_chassis::{Caller, Failure, bearer};
use reeve_model::{Violations, WorkspaceName};
use reeve_world::{AdmissionRequest, Denial, Verdict};
use tonic::Request;

use crate::answers::{all_right, caller};
use crate::config::{change, read_config, read_workload, unresolved, violation};
use crate::{Answers, Purpose, agent_user};

impl Answers {
    /// Decides on a submission: of the caller, or of the one whose token the request holds.
    ///
    /// # Errors
    /// [`Failure::Unauthenticated`] for a token that does not hold, [`Failure::Invalid`], [`Failure::Unavailable`]. Nothing
    /// is admitted by an error. A denial is an answer.
    pub async fn admit(&self, request: Request<AdmitRequest>) -> Result<AdmitResponse, Failure> {
        let (metadata, extensions, request) = request.into_parts();
        if request.token.is_empty() {
            // nobody to decide about: refused before anything is read
            caller(&extensions)?;
        }
        let mut violations = Violations::new();
        let workspace = violations.take("workspace", WorkspaceName::parse(&request.workspace));
        let workload = read_workload(&request.workload_type, &mut violations);
        let config = read_config(request.config.as_ref(), &mut violations);
        let order = self.priority_order(request.priority_order, &mut violations);
        let token = match request.token.as_str() {
            "" => bearer(metadata.as_ref())?,
            token => token,
        };
        // whoever calls, the verdict is of the submitter alone
        let moment = self.reader.at_of(token, request.consistency.as_ref(), Purpose::Decision).await?;
        let submitter = moment.caller();
        if !request.token.is_empty() && extensions.get::<Caller>().is_some() {
            self.reader.also(&moment, bearer(metadata.as_ref())?)?;
        }
        let (Some(workspace), Some(workload), Some(config), Some(order)) = (workspace, workload, config, order) else {
            return Err(Failure::Invalid(violations));
        };
        all_right(violations)?;
        let asked = AdmissionRequest {
            principal: submitter.principal,
            workspace: &workspace,
            workload,
            config: &config.document,
            priority_order: order,
            default_priority: request.default_priority.or(self.settings.default_priority),
        };
        let verdict = moment.world().admit(&asked, &self.settings.agent_user, moment.now()).map_err(unresolved)?;
        let answer = AdmitResponse {
            principal: moment.world().principal_name(&submitter.principal),
            revision: moment.revision().get(),
            age: Some(moment.age_message()),
            ..AdmitResponse::default()
        };
        Ok(match verdict {
            Verdict::Allow(admission) => AdmitResponse {
                verdict: WireVerdict::Allow.into(),
                effective_config: Some(config.answer(&admission.resolution)),
                changes: admission.resolution.changes.iter().map(change).collect(),
                agent_user: Some(agent_user::message(&admission.agent_user)),
                ..answer
            },
            Verdict::Deny { denials, violations } => AdmitResponse {
                verdict: WireVerdict::Deny.into(),
                reasons: denials.iter().map(denial).collect(),
                violations: violations.iter().map(violation).collect(),
                ..answer
            },
        })
    }
}

fn denial(denial: &Denial) -> WireDenial {
    let code = match denial {
        Denial::Principal(_) => DenialReason::Principal,
        Denial::UnknownWorkspace(_) => DenialReason::UnknownWorkspace,
        Denial::Permission(_) => DenialReason::Permission,
        Denial::Config(_) => DenialReason::Config,
        Denial::AgentUser(_) => DenialReason::AgentUser,
    };
    WireDenial { code: code.into(), message: denial.message().to_owned() }
}
