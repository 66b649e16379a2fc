//! What to do about each reason.

use reeve_api::api::ErrorReason;
use tonic::Code;

use crate::failure::{Credential, Refusal};

/// What the person can do next, if there is something.
pub(crate) fn next(refusal: &Refusal) -> Option<String> {
    match refusal.reason {
        Some(reason) => for_reason(reason, refusal),
        None if refusal.code == Code::Unimplemented => {
            Some("the server does not know this command; it may be of another version".to_owned())
        }
        None if refusal.code == Code::Unauthenticated => Some(sign_in(&refusal.credential)),
        None => None,
    }
}

fn for_reason(reason: ErrorReason, refusal: &Refusal) -> Option<String> {
    let about = |key: &str| refusal.metadata.get(key).map_or("it", String::as_str);
    let text = match reason {
        ErrorReason::TokenMissing
        | ErrorReason::TokenMalformed
        | ErrorReason::TokenExpired
        | ErrorReason::TokenRevoked
        | ErrorReason::SessionEnded => sign_in(&refusal.credential),
        ErrorReason::UserInactive => "ask an administrator to activate the account".to_owned(),
        ErrorReason::InvalidCredentials => {
            "check the name and the password; an account that is deactivated gets the same answer".to_owned()
        }
        ErrorReason::PermissionDenied => permission(refusal),
        ErrorReason::Escalation => {
            format!("ask somebody who holds {} to do it; nobody gives what they do not hold", about("lacking"))
        }
        ErrorReason::NotFound => "check the name; what you may not see is not found either".to_owned(),
        ErrorReason::AlreadyExists => "choose another name, or use what is there".to_owned(),
        ErrorReason::EtagMismatch => "get it again, make the change there, and set it with the new etag".to_owned(),
        ErrorReason::LastAdmin => "make another administrator first: `reeve user create NAME --admin`".to_owned(),
        ErrorReason::RoleNotAssignable => "`reeve role list` shows where each role can be held".to_owned(),
        ErrorReason::PolicyContradiction => "change the document so that it keeps the limits named above".to_owned(),
        ErrorReason::PolicyConflict => {
            "change those workspaces' policies first, or pass `--allow-conflicts` to set it all the same".to_owned()
        }
        ErrorReason::AgentUserRefused => {
            "link another agent user (`reeve user link-with-agent-user`), or change the workspace's (`reeve workspace set-agent-user`)"
                .to_owned()
        }
        ErrorReason::AgentUserShared => "choose one that is free, or pass `--allow-shared`".to_owned(),
        ErrorReason::PrincipalInactive => "`reeve user activate NAME` lets the user in again".to_owned(),
        ErrorReason::ForeignToken => "run the command again; what was remembered of the store is forgotten".to_owned(),
        ErrorReason::NoStore => "ask a service instead of a sidecar".to_owned(),
        ErrorReason::TooBusy | ErrorReason::DeadlineExceeded | ErrorReason::Cancelled => try_again(refusal),
        ErrorReason::Unimplemented => "ask another server: this one, a sidecar perhaps, does not serve that".to_owned(),
        ErrorReason::StaleReplica
        | ErrorReason::StoreUnavailable
        | ErrorReason::NotSynced
        | ErrorReason::StoreRegressed
        | ErrorReason::OwnerUnavailable => {
            format!("{}; if it lasts, the server's log says why", try_again(refusal))
        }
        ErrorReason::Internal => format!("tell the operator; the log has the cause under {}", about("request_id")),
        ErrorReason::LimitReached => format!("remove what is not needed, or ask an administrator; the limit is {}", about("limit")),
        ErrorReason::BuiltIn => "leave it; it cannot be changed".to_owned(),
        ErrorReason::WorkspaceGroup => "delete the workspace, if it is to go".to_owned(),
        ErrorReason::InvalidArgument | ErrorReason::Unspecified => return None,
    };
    Some(text)
}

fn sign_in(credential: &Credential) -> String {
    match credential {
        Credential::Session(user) => format!("sign in again: `reeve login {user}`"),
        Credential::Token => "set `REEVE_TOKEN` to a token that holds, or sign in: `reeve login NAME`".to_owned(),
        Credential::None => "sign in: `reeve login NAME`".to_owned(),
    }
}

fn permission(refusal: &Refusal) -> String {
    match (refusal.metadata.get("permission"), refusal.metadata.get("resource")) {
        (Some(permission), Some(resource)) => {
            format!("ask an administrator for a role that holds `{permission}` on `{resource}`")
        }
        _ => "ask an administrator for a role that allows it".to_owned(),
    }
}

fn try_again(refusal: &Refusal) -> String {
    match refusal.retry_after {
        Some(delay) => format!("try again in {} s", delay.as_secs_f64().ceil()),
        None => "try again in a moment".to_owned(),
    }
}
