//! `Check`: who may do what, where, and why.

use reeve_api::policy::{CheckRequest, CheckResponse, DecisionReason, Reason as WireReason};
use reeve_chassis::{Authority, Failure, filtered};
use reeve_model::{PrincipalName, Resource, Violations};
use reeve_rbac::{Permission, check_scope};
use reeve_world::{Answer, Reason, ResolvedPrincipal};
use tonic::Request;

use crate::answers::all_right;
use crate::rows::CHECK;
use crate::{Answers, Purpose};

impl Answers {
    /// Decides whether a principal, or the caller, holds a permission on a resource.
    ///
    /// # Errors
    /// [`Failure::Invalid`], and [`Failure::Denied`] for who may not ask about another. A denial is an answer.
    pub async fn check(&self, request: Request<CheckRequest>) -> Result<CheckResponse, Failure> {
        let granted = filtered(request.extensions(), &CHECK)?;
        let (metadata, request) = (request.metadata(), request.get_ref());
        let mut violations = Violations::new();
        let principal = match request.principal.as_str() {
            "" => Some(None),
            text => violations.take("principal", actor(text)).map(Some),
        };
        let permission = violations.take("permission", Permission::parse(&request.permission));
        let resource = violations.take("resource", Resource::parse(&request.resource));
        if let (Some(permission), Some(resource)) = (permission, &resource)
            && let Err(error) = check_scope(permission, resource)
        {
            violations.add("resource", error);
        }
        let (Some(principal), Some(permission), Some(resource)) = (principal, permission, resource) else {
            return Err(Failure::Invalid(violations));
        };
        all_right(violations)?;
        let moment = self.reader.at(metadata, request.consistency.as_ref(), Purpose::Decision).await?;
        let caller = granted.caller();
        let answer = match principal {
            None => moment.world().check(&caller.principal, permission, &resource, moment.now()),
            Some(name) => {
                let about = moment.world().principal(&name);
                let oneself = matches!(about, Ok(ResolvedPrincipal::Actor(about)) if about == caller.principal);
                if !oneself && !moment.holds(caller, Permission::ROLE_VIEW, &resource)? {
                    return Err(Failure::Denied { permission: Permission::ROLE_VIEW, resource });
                }
                match about {
                    Ok(ResolvedPrincipal::Actor(about)) => {
                        moment.world().check(&about, permission, &resource, moment.now())
                    }
                    Ok(ResolvedPrincipal::Set(_)) | Err(_) => Ok(unknown(&name)),
                }
            }
        };
        let answer = answer.map_err(|error| Failure::invalid("resource", error))?;
        Ok(CheckResponse {
            allowed: answer.allowed,
            reason: Some(reason(answer)),
            revision: moment.revision().get(),
            age: Some(moment.age_message()),
        })
    }
}

/// Somebody who acts: groups and all users cannot be asked about.
fn actor(text: &str) -> Result<PrincipalName, String> {
    match PrincipalName::parse(text).map_err(|error| error.to_string())? {
        name @ (PrincipalName::User(_) | PrincipalName::Robot(_) | PrincipalName::Root) => Ok(name),
        PrincipalName::Group(_) | PrincipalName::AllUsers => {
            Err(format!("`{text}` is many: ask about a `user:NAME` or a `robot:NAME`"))
        }
    }
}

fn unknown(name: &PrincipalName) -> Answer {
    Answer { allowed: false, reason: Reason::UnknownPrincipal, message: format!("there is no {name}") }
}

fn reason(answer: Answer) -> WireReason {
    let code = match &answer.reason {
        Reason::Binding { .. } => DecisionReason::Binding,
        Reason::AdminsGroup => DecisionReason::AdminsGroup,
        Reason::Root => DecisionReason::Root,
        Reason::UnknownPrincipal => DecisionReason::UnknownPrincipal,
        Reason::InactivePrincipal => DecisionReason::InactivePrincipal,
        Reason::UnknownWorkspace => DecisionReason::UnknownWorkspace,
        Reason::MissingPermission => DecisionReason::MissingPermission,
    };
    let message = WireReason { code: code.into(), message: answer.message, ..WireReason::default() };
    match answer.reason {
        Reason::Binding { uid, role, resource, through } => {
            WireReason { binding_uid: uid.to_string(), role: role.to_owned(), resource, through, ..message }
        }
        _ => message,
    }
}
