//! The check between a decoded request and the code that answers it; what it gives is the only way in.

use http::Extensions;
use reeve_model::Resource;
use reeve_rbac::Permission;

use crate::error::{Failure, Unauthenticated};
use crate::method::{Access, On, Row};
use crate::principal::Caller;
use crate::service_door::ServiceCaller;

/// What callers hold, by one snapshot. One value answers every question of one call, so that an answer is never a mix
/// of two moments.
pub trait Authority: Send + Sync {
    /// Whether the caller holds `permission` on `resource`.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] where the snapshot is too old to say so.
    fn holds(&self, caller: &Caller, permission: Permission, resource: &Resource) -> Result<bool, Failure>;

    /// Whether the caller may know that `resource` exists: it does, and they hold `workspace.view` there.
    fn may_know(&self, caller: &Caller, resource: &Resource) -> bool;
}

/// Proof that a caller may do what the row of the method says. Only this module makes one; `app/` functions take it.
#[derive(Debug)]
pub struct Granted {
    caller: Caller,
    method: &'static str,
    need: Option<(Permission, Resource)>,
}

impl Granted {
    /// Who calls.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// The method it was granted for.
    pub fn method(&self) -> &'static str {
        self.method
    }

    /// The permission that was found, and where; none where none is needed.
    pub fn need(&self) -> Option<(Permission, &Resource)> {
        self.need.as_ref().map(|(permission, resource)| (*permission, resource))
    }
}

/// Proof that a method is open to anyone. Only this module makes one.
#[derive(Debug)]
pub struct Anyone {
    method: &'static str,
}

impl Anyone {
    /// The method that is open.
    pub fn method(&self) -> &'static str {
        self.method
    }
}

/// Proof that a service of the cluster calls. It does not say which one. Only this module makes one.
#[derive(Debug)]
pub struct FromService {
    method: &'static str,
}

impl FromService {
    /// The method it was let in to.
    pub fn method(&self) -> &'static str {
        self.method
    }
}

/// Lets anyone in.
///
/// # Errors
/// [`Failure::Internal`] where the row says otherwise.
pub fn public(row: &'static Row) -> Result<Anyone, Failure> {
    match row.access {
        Access::Public => Ok(Anyone { method: row.method }),
        Access::Own | Access::Need(..) | Access::Filtered(_) | Access::Service | Access::NeedOrService(..) => {
            Err(misused(row, "public"))
        }
    }
}

/// Lets a caller at what is their own.
///
/// # Errors
/// [`Unauthenticated::TokenMissing`] without a caller; [`Failure::Internal`] where the row says otherwise.
pub fn own(extensions: &Extensions, row: &'static Row) -> Result<Granted, Failure> {
    match row.access {
        Access::Own => Ok(Granted { caller: caller_of(extensions)?, method: row.method, need: None }),
        Access::Public | Access::Need(..) | Access::Filtered(_) | Access::Service | Access::NeedOrService(..) => {
            Err(misused(row, "own"))
        }
    }
}

/// Lets a caller ask for what they may see. Whoever answers leaves out the rest.
///
/// # Errors
/// As [`own`].
pub fn filtered(extensions: &Extensions, row: &'static Row) -> Result<Granted, Failure> {
    match row.access {
        Access::Filtered(_) => Ok(Granted { caller: caller_of(extensions)?, method: row.method, need: None }),
        Access::Public | Access::Own | Access::Need(..) | Access::Service | Access::NeedOrService(..) => {
            Err(misused(row, "filtered"))
        }
    }
}

/// Lets a caller in who holds the row's permission on `resource`.
///
/// # Errors
/// [`Failure::Denied`]; [`Failure::NotFound`] where the caller may not know that the resource exists;
/// [`Unauthenticated::TokenMissing`] without a caller; what the authority fails with; [`Failure::Internal`] where the
/// row says otherwise.
pub fn need(
    extensions: &Extensions,
    row: &'static Row,
    authority: &dyn Authority,
    resource: &Resource,
) -> Result<Granted, Failure> {
    need_as(caller_of(extensions)?, row, authority, resource)
}

/// As [`need`], for a caller whose token came in the request itself.
///
/// # Errors
/// As [`need`].
pub fn need_as(
    caller: Caller,
    row: &'static Row,
    authority: &dyn Authority,
    resource: &Resource,
) -> Result<Granted, Failure> {
    let (Access::Need(permission, on) | Access::NeedOrService(permission, on)) = row.access else {
        return Err(misused(row, "need"));
    };
    if on == On::Cluster && !resource.is_cluster() {
        return Err(misused(row, "need on a resource"));
    }
    if authority.holds(&caller, permission, resource)? {
        return Ok(Granted { caller, method: row.method, need: Some((permission, resource.clone())) });
    }
    // Everyone knows that there is a cluster; who may not see a workspace does not learn here whether there is one.
    if resource.is_cluster() || authority.may_know(&caller, resource) {
        return Err(Failure::Denied { permission, resource: resource.clone() });
    }
    Err(Failure::not_found(resource))
}

/// Lets a service of the cluster in.
///
/// # Errors
/// [`Unauthenticated::ServiceTokenNeeded`] where anybody else calls; [`Failure::Internal`] where the row says otherwise.
pub fn service(extensions: &Extensions, row: &'static Row) -> Result<FromService, Failure> {
    if row.access != Access::Service {
        return Err(misused(row, "service"));
    }
    extensions.get::<ServiceCaller>().ok_or(Unauthenticated::ServiceTokenNeeded)?;
    Ok(FromService { method: row.method })
}

/// Lets a service of the cluster in, where a caller may call as well: none where it is no service that calls, and
/// [`need`] is to be asked.
///
/// # Errors
/// [`Failure::Internal`] where the row says otherwise.
pub fn or_service(extensions: &Extensions, row: &'static Row) -> Result<Option<FromService>, Failure> {
    let Access::NeedOrService(..) = row.access else { return Err(misused(row, "need or service")) };
    Ok(extensions.get::<ServiceCaller>().map(|_| FromService { method: row.method }))
}

fn caller_of(extensions: &Extensions) -> Result<Caller, Failure> {
    extensions.get::<Caller>().cloned().ok_or(Failure::Unauthenticated(Unauthenticated::TokenMissing))
}

/// The code asked for another check than the table names: a fault of ours, and no way in.
fn misused(row: &'static Row, check: &str) -> Failure {
    Failure::internal(format!("`{}` is {:?} in the method table, but was checked as {check}", row.method, row.access))
}
