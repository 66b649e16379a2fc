//! `ListBindings`: who holds which role on a resource, or on it and below.

use std::sync::Arc;

use reeve_answers::{Moment, Page};
use reeve_chassis::{Failure, Granted};
use reeve_model::{BindingId, PrincipalName, Resource};
use reeve_world::Binding;

/// Which bindings are asked for.
pub(crate) struct BindingQuery {
    pub(crate) resource: Resource,
    pub(crate) below: bool,
    pub(crate) principal: Option<PrincipalName>,
    pub(crate) page: Page,
}

/// One page of the bindings that have not ended, and the token of the next.
///
/// # Errors
/// [`Failure::NotFound`]: an unknown principal.
pub(crate) fn list_bindings(
    _granted: &Granted,
    moment: &Moment,
    query: &BindingQuery,
) -> Result<(Vec<Arc<Binding>>, String), Failure> {
    let world = moment.world();
    let subject = match &query.principal {
        None => None,
        Some(name) => Some(world.subject(name).map_err(|_| Failure::not_found(name))?),
    };
    let there = |resource: &Resource| query.resource == *resource || (query.below && query.resource.reaches(resource));
    let after = query.page.after.map(BindingId::from_uuid);
    let found = world
        .bindings_after(after.as_ref())
        .filter(|binding| there(&binding.resource))
        .filter(|binding| subject.is_none_or(|subject| binding.subject == subject))
        .filter(|binding| binding.expire_time.is_none_or(|end| moment.now() < end));
    Ok(query.page.take(found.cloned(), |binding| *binding.uid.as_uuid()))
}
