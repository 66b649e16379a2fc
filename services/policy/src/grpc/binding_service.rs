//! `BindingService`.

use std::collections::HashMap;
use std::sync::Arc;

use reeve_answers::{Moment, Page, Purpose};
use reeve_api::policy::binding_service_server::BindingService;
use reeve_api::policy::{
    self as wire, BindRequest, BindResponse, ListBindingsRequest, ListBindingsResponse, UnbindRequest, UnbindResponse,
};
use reeve_chassis::{Failure, Row, need};
use reeve_model::{Fold, GroupName, PrincipalName, Resource, Timestamp, Violations};
use reeve_rbac::BuiltinRole;
use tonic::{Extensions, Request, Response, Status};

use super::decode::{self, all_right, read};
use super::encode;
use crate::app::{Allowed, App, BindingQuery, Grant, RoleName, list_bindings};
use crate::rows;

/// Most grants of one request.
const MAX_GRANTS: usize = 100;

/// Serves the bindings.
pub(super) struct Bindings(pub(super) Arc<App>);

#[tonic::async_trait]
impl BindingService for Bindings {
    async fn bind(&self, request: Request<BindRequest>) -> Result<Response<BindResponse>, Status> {
        Ok(Response::new(self.make(request).await?))
    }

    async fn unbind(&self, request: Request<UnbindRequest>) -> Result<Response<UnbindResponse>, Status> {
        Ok(Response::new(self.remove(request).await?))
    }

    async fn list_bindings(
        &self,
        request: Request<ListBindingsRequest>,
    ) -> Result<Response<ListBindingsResponse>, Status> {
        Ok(Response::new(self.list(request).await?))
    }
}

impl Bindings {
    async fn make(&self, request: Request<BindRequest>) -> Result<BindResponse, Failure> {
        let (metadata, extensions, request) = request.into_parts();
        let now = self.0.clock.now();
        let grants = grants(&request.grants, |grant, field, violations| Terms {
            expire_time: decode::future_time(
                &format!("{field}.expire_time"),
                grant.expire_time.as_ref(),
                now,
                violations,
            ),
            note: decode::text(&format!("{field}.note"), &grant.note, violations),
        })?;
        let moment = self.0.moment_for_write(&metadata).await?;
        let asked = allowed(&extensions, &rows::BIND, &moment, grants)?;
        let (made, token) = self.0.bind(&moment, asked).await?;
        Ok(BindResponse {
            bindings: made.iter().map(|binding| encode::binding(moment.world(), binding)).collect(),
            consistency_token: token.to_string(),
        })
    }

    async fn remove(&self, request: Request<UnbindRequest>) -> Result<UnbindResponse, Failure> {
        let (metadata, extensions, request) = request.into_parts();
        let grants = grants(&request.grants, |_, _, _| Terms::default())?;
        let moment = self.0.moment_for_write(&metadata).await?;
        let asked = allowed(&extensions, &rows::UNBIND, &moment, grants)?;
        let token = self.0.unbind(&moment, asked).await?;
        Ok(UnbindResponse { consistency_token: token.to_string() })
    }

    async fn list(&self, request: Request<ListBindingsRequest>) -> Result<ListBindingsResponse, Failure> {
        let (metadata, extensions, request) = request.into_parts();
        let mut violations = Violations::new();
        let resource = violations.take("resource", Resource::parse(&request.resource));
        let principal = match request.principal.as_str() {
            "" => None,
            text => principal("principal", text, &mut violations),
        };
        let page = Page::read(request.page_size, &request.page_token, &mut violations);
        all_right(violations)?;
        let query = BindingQuery { resource: read(resource)?, below: request.below, principal, page: read(page)? };
        let moment = self.0.reader.at(&metadata, request.consistency.as_ref(), Purpose::Administration).await?;
        let granted = need(&extensions, &rows::LIST_BINDINGS, &moment, &query.resource)?;
        let (bindings, next_page_token) = list_bindings(&granted, &moment, &query)?;
        Ok(ListBindingsResponse {
            bindings: bindings.iter().map(|binding| encode::binding(moment.world(), binding)).collect(),
            next_page_token,
            revision: moment.revision().get(),
        })
    }
}

/// For how long a grant is made, and why.
#[derive(Default)]
struct Terms {
    expire_time: Option<Timestamp>,
    note: String,
}

/// Reads the grants of a request: each once, with everything that is wrong with any.
fn grants(
    given: &[wire::Grant],
    terms: impl Fn(&wire::Grant, &str, &mut Violations) -> Terms,
) -> Result<Vec<Grant>, Failure> {
    let mut violations = Violations::new();
    if given.is_empty() || given.len() > MAX_GRANTS {
        violations.add("grants", format!("there are {}: a request has 1 to {MAX_GRANTS}", given.len()));
    }
    let mut grants = Vec::with_capacity(given.len().min(MAX_GRANTS));
    let mut first = HashMap::new();
    for (at, grant) in given.iter().enumerate().take(MAX_GRANTS) {
        let field = format!("grants[{at}]");
        let principal = principal(&format!("{field}.principal"), &grant.principal, &mut violations);
        let role = role(&format!("{field}.role"), &grant.role, &mut violations);
        let resource = violations.take(format!("{field}.resource"), Resource::parse(&grant.resource));
        let Terms { expire_time, note } = terms(grant, &field, &mut violations);
        let (Some(principal), Some(role), Some(resource)) = (principal, role, resource) else { continue };
        let item = (fold(&principal), role.to_string(), resource.clone());
        if let Some(first) = first.get(&item) {
            violations.add(field, format!("it is the same as grants[{first}]: name each once"));
            continue;
        }
        first.insert(item, at);
        grants.push(Grant { principal, role, resource, expire_time, note });
    }
    all_right(violations)?;
    Ok(grants)
}

/// The grants, each with the proof that the caller may bind there.
fn allowed(
    extensions: &Extensions,
    row: &'static Row,
    moment: &Moment,
    grants: Vec<Grant>,
) -> Result<Vec<Allowed<Grant>>, Failure> {
    let allow = |grant: Grant| {
        let granted = need(extensions, row, moment, &grant.resource)?;
        Ok(Allowed { granted, what: grant })
    };
    grants.into_iter().map(allow).collect()
}

/// Whom a binding can be for.
fn principal(field: &str, text: &str, violations: &mut Violations) -> Option<PrincipalName> {
    match violations.take(field, PrincipalName::parse(text))? {
        PrincipalName::Root => {
            violations.add(field, "`root` holds everything and is never named in a binding");
            None
        }
        name => Some(name),
    }
}

/// A role, or what could be the name of one.
fn role(field: &str, text: &str, violations: &mut Violations) -> Option<RoleName> {
    match (BuiltinRole::parse(text), GroupName::parse(text)) {
        (Ok(role), _) => Some(RoleName::Known(role)),
        (Err(_), Ok(name)) if name.as_str() == text => Some(RoleName::Unknown(text.to_owned())),
        (Err(error), _) => {
            violations.add(field, error);
            None
        }
    }
}

/// The form under which two written principals are one.
fn fold(principal: &PrincipalName) -> String {
    match principal {
        PrincipalName::User(name) => format!("user:{}", Fold::of(name)),
        PrincipalName::Group(name) => format!("group:{}", Fold::of(name)),
        PrincipalName::Robot(name) => format!("robot:{}", Fold::of(name)),
        PrincipalName::AllUsers | PrincipalName::Root => principal.to_string(),
    }
}
