//! A grant as a caller names it, and what it stands for.

use std::fmt;

use reeve_chassis::{Failure, PreconditionReason, PreconditionSubject};
use reeve_model::{BindingId, PrincipalName, Resource, Subject, Timestamp, WorkspaceId, derived_uuid};
use reeve_rbac::{BuiltinRole, ScopeKind, implied_role};
use reeve_world::{RecordKey, World};

/// A role as a caller names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RoleName {
    /// A role that there is.
    Known(BuiltinRole),
    /// A name that a role could have, and none has.
    Unknown(String),
}

/// A grant as a caller names it.
#[derive(Clone, Debug)]
pub(crate) struct Grant {
    pub(crate) principal: PrincipalName,
    pub(crate) role: RoleName,
    pub(crate) resource: Resource,
    pub(crate) expire_time: Option<Timestamp>,
    pub(crate) note: String,
}

/// A grant whose names all stand for something.
#[derive(Clone, Debug)]
pub(super) struct Placed {
    pub(super) uid: BindingId,
    pub(super) subject: Subject,
    pub(super) role: BuiltinRole,
    pub(super) workspace: Option<WorkspaceId>,
    pub(super) grant: Grant,
}

/// The id of a binding: the same for the same grant, so that it can exist once.
pub(super) fn binding_id(
    workspace: Option<WorkspaceId>,
    resource: &Resource,
    subject: &Subject,
    role: BuiltinRole,
) -> BindingId {
    let place = workspace.map_or_else(|| "cluster".to_owned(), |uid| uid.to_string());
    BindingId::from_uuid(derived_uuid(&format!("binding/{place}/{resource}/{subject}/{role}")))
}

impl fmt::Display for RoleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(role) => role.fmt(f),
            Self::Unknown(name) => f.write_str(name),
        }
    }
}

impl fmt::Display for Grant {
    /// `user:alice as editor on workspaces/vision`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} as {} on {}", self.principal, self.role, self.resource)
    }
}

impl Placed {
    /// What a grant stands for.
    ///
    /// # Errors
    /// [`Failure::NotFound`]: an unknown role, principal or workspace.
    pub(super) fn of(grant: Grant, world: &World) -> Result<Self, Failure> {
        let role = match &grant.role {
            RoleName::Known(role) => *role,
            RoleName::Unknown(name) => return Err(Failure::not_found(format!("role:{name}"))),
        };
        let workspace = match grant.resource.workspace_name() {
            None => None,
            Some(name) => {
                let found = world.workspace_by_name(name);
                Some(found.ok_or_else(|| Failure::not_found(format!("workspaces/{name}")))?.uid)
            }
        };
        let subject = world.subject(&grant.principal).map_err(|_| Failure::not_found(&grant.principal))?;
        let uid = binding_id(workspace, &grant.resource, &subject, role);
        Ok(Self { uid, subject, role, workspace, grant })
    }

    /// Whether it is held without a binding: what the group of administrators is.
    pub(super) fn is_implied(&self) -> bool {
        self.grant.resource.is_cluster() && implied_role(&self.subject) == Some(self.role)
    }

    /// The records that it hangs on, each with how a caller names it.
    pub(super) fn parents(&self) -> impl Iterator<Item = (RecordKey, String)> {
        let workspace = self.workspace.map(|uid| {
            let name = self.grant.resource.workspace_name().unwrap_or_default();
            (RecordKey::Workspace(uid), format!("workspaces/{name}"))
        });
        let subject = match self.subject {
            Subject::User(uid) => Some(RecordKey::User(uid)),
            Subject::Group(uid) => Some(RecordKey::Group(uid)),
            Subject::Robot(uid) => Some(RecordKey::Robot(uid)),
            Subject::AllUsers => None,
        };
        let subject = subject.map(|key| (key, self.grant.principal.to_string()));
        workspace.into_iter().chain(subject)
    }
}

/// Checks that every role may be held where it is to be.
///
/// # Errors
/// `ROLE_NOT_ASSIGNABLE`, with every grant that may not.
pub(super) fn all_assignable(placed: &[Placed]) -> Result<(), Failure> {
    let refused = placed.iter().filter(|placed| !placed.role.allows(&placed.grant.resource));
    let violations: Vec<_> = refused
        .map(|placed| PreconditionSubject {
            subject: placed.grant.to_string(),
            description: format!("`{}` can be held at: {}", placed.role, places(placed.role)),
        })
        .collect();
    if violations.is_empty() {
        return Ok(());
    }
    Err(Failure::Precondition { reason: PreconditionReason::RoleNotAssignable, violations })
}

fn places(role: BuiltinRole) -> String {
    let name = |kind: &ScopeKind| match kind {
        ScopeKind::Cluster => "`cluster`",
        ScopeKind::Workspace => "a workspace",
        ScopeKind::Below => "anything below a workspace",
    };
    role.assignable_at().iter().map(name).collect::<Vec<_>>().join(", ")
}
