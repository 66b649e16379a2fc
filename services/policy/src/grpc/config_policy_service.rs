//! `ConfigPolicyService`.

use std::sync::Arc;

use reeve_answers::Purpose;
use reeve_api::policy::config_policy_service_server::ConfigPolicyService;
use reeve_api::policy::{
    DeleteConfigPolicyRequest, DeleteConfigPolicyResponse, GetConfigPolicyRequest, GetConfigPolicyResponse,
    LimitPrecedence as WirePrecedence, ResolveConfigRequest, ResolveConfigResponse, SetConfigPolicyRequest,
    SetConfigPolicyResponse,
};
use reeve_chassis::{Failure, filtered, need};
use reeve_config_policy::{LimitPrecedence, Policy};
use reeve_model::Violations;
use tonic::{Request, Response, Status};

use super::decode::{self, all_right, read};
use super::encode;
use crate::app::{App, NewPolicy, PolicyScope, get_config_policy};
use crate::rows;

/// Serves the config policies.
pub(super) struct ConfigPolicies(pub(super) Arc<App>);

#[tonic::async_trait]
impl ConfigPolicyService for ConfigPolicies {
    async fn set_config_policy(
        &self,
        request: Request<SetConfigPolicyRequest>,
    ) -> Result<Response<SetConfigPolicyResponse>, Status> {
        Ok(Response::new(self.set(request).await?))
    }

    async fn get_config_policy(
        &self,
        request: Request<GetConfigPolicyRequest>,
    ) -> Result<Response<GetConfigPolicyResponse>, Status> {
        Ok(Response::new(self.get(request).await?))
    }

    async fn delete_config_policy(
        &self,
        request: Request<DeleteConfigPolicyRequest>,
    ) -> Result<Response<DeleteConfigPolicyResponse>, Status> {
        Ok(Response::new(self.delete(request).await?))
    }

    async fn resolve_config(
        &self,
        request: Request<ResolveConfigRequest>,
    ) -> Result<Response<ResolveConfigResponse>, Status> {
        Ok(Response::new(self.0.answers.resolve_config(request).await?))
    }
}

impl ConfigPolicies {
    async fn set(&self, request: Request<SetConfigPolicyRequest>) -> Result<SetConfigPolicyResponse, Failure> {
        let (metadata, extensions, request) = request.into_parts();
        let new = new_policy(request)?;
        let moment = self.0.moment_for_write(&metadata).await?;
        let granted = need(&extensions, &rows::SET_CONFIG_POLICY, &moment, new.scope.resource())?;
        let scope = new.scope.resource().to_string();
        let (set, token) = self.0.set_config_policy(&granted, &moment, new).await?;
        Ok(SetConfigPolicyResponse {
            policy: Some(encode::config_policy(moment.world(), &scope, &set.record)),
            warnings: set.warnings,
            conflicts: set.conflicts,
            consistency_token: token.to_string(),
        })
    }

    async fn get(&self, request: Request<GetConfigPolicyRequest>) -> Result<GetConfigPolicyResponse, Failure> {
        let (metadata, extensions, request) = request.into_parts();
        let mut violations = Violations::new();
        let scope = violations.take("scope", PolicyScope::parse(&request.scope));
        let workload = decode::workload("workload_type", &request.workload_type, &mut violations);
        all_right(violations)?;
        let (scope, workload) = (read(scope)?, read(workload)?);
        let moment = self.0.reader.at(&metadata, request.consistency.as_ref(), Purpose::Administration).await?;
        let granted = filtered(&extensions, &rows::GET_CONFIG_POLICY)?;
        let found = get_config_policy(&granted, &moment, &scope, workload)?;
        let policy = encode::config_policy(moment.world(), scope.resource().as_str(), &found);
        Ok(GetConfigPolicyResponse { policy: Some(policy) })
    }

    async fn delete(&self, request: Request<DeleteConfigPolicyRequest>) -> Result<DeleteConfigPolicyResponse, Failure> {
        let (metadata, extensions, request) = request.into_parts();
        let mut violations = Violations::new();
        let scope = violations.take("scope", PolicyScope::parse(&request.scope));
        let workload = decode::workload("workload_type", &request.workload_type, &mut violations);
        all_right(violations)?;
        let (scope, workload) = (read(scope)?, read(workload)?);
        let moment = self.0.moment_for_write(&metadata).await?;
        let granted = need(&extensions, &rows::DELETE_CONFIG_POLICY, &moment, scope.resource())?;
        let etag = decode::given(&request.etag);
        let token = self.0.delete_config_policy(&granted, &moment, (scope, workload), etag).await?;
        Ok(DeleteConfigPolicyResponse { consistency_token: token.to_string() })
    }
}

/// Reads a policy that is to be set, its document included.
fn new_policy(request: SetConfigPolicyRequest) -> Result<NewPolicy, Failure> {
    let given_policy = request.policy.ok_or_else(|| Failure::invalid("policy", "it is missing"))?;
    let mut violations = Violations::new();
    let scope = violations.take("policy.scope", PolicyScope::parse(&given_policy.scope));
    let workload = decode::workload("policy.workload_type", &given_policy.workload_type, &mut violations);
    let precedence = precedence(given_policy.limit_precedence, scope.as_ref(), &mut violations);
    if request.allow_conflicts && scope.as_ref().is_some_and(|scope| !scope.is_cluster()) {
        violations
            .add("allow_conflicts", "it is for the cluster's policy: a workspace's may not contradict the cluster's");
    }
    // what a document may say depends on the workload type
    let policy = workload.and_then(|workload| match Policy::parse(&given_policy.document, workload) {
        Ok(policy) => Some(policy),
        Err(errors) => {
            for error in errors.0 {
                violations.add("policy.document", error);
            }
            None
        }
    });
    all_right(violations)?;
    Ok(NewPolicy {
        scope: read(scope)?,
        workload: read(workload)?,
        policy: Arc::new(read(policy)?),
        limit_precedence: read(precedence)?,
        etag: decode::given(&given_policy.etag).map(str::to_owned),
        document: given_policy.document,
        allow_conflicts: request.allow_conflicts,
    })
}

fn precedence(given: i32, scope: Option<&PolicyScope>, violations: &mut Violations) -> Option<LimitPrecedence> {
    const FIELD: &str = "policy.limit_precedence";
    let Ok(given) = WirePrecedence::try_from(given) else {
        violations.add(FIELD, format!("{given} is not a limit precedence"));
        return None;
    };
    if given != WirePrecedence::Unspecified && scope.is_some_and(|scope| !scope.is_cluster()) {
        violations.add(FIELD, "it is for the cluster's policy: leave it out for a workspace's");
        return None;
    }
    Some(match given {
        WirePrecedence::Unspecified | WirePrecedence::StrictestWins => LimitPrecedence::StrictestWins,
        WirePrecedence::ClusterOverrides => LimitPrecedence::ClusterOverrides,
    })
}
