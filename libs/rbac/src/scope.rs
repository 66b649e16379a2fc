//! The three kinds of places: the cluster, a workspace, below a workspace.

use std::fmt;

use reeve_model::Resource;

use crate::{LowestScope, Permission};

/// What kind of place a resource is, as far as roles go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ScopeKind {
    /// `cluster` itself.
    Cluster,
    /// `workspaces/{id}`.
    Workspace,
    /// Something below a workspace.
    Below,
}

impl ScopeKind {
    /// The kind of `resource`.
    pub fn of(resource: &Resource) -> Self {
        Self::of_path(resource.as_str())
    }

    /// The kind of the resource whose path this is.
    pub(crate) fn of_path(path: &str) -> Self {
        match path.strip_prefix("workspaces/") {
            None => Self::Cluster,
            Some(rest) if rest.bytes().any(|byte| byte == b'/') => Self::Below,
            Some(_) => Self::Workspace,
        }
    }
}

impl fmt::Display for ScopeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cluster => "cluster",
            Self::Workspace => "workspace",
            Self::Below => "below",
        })
    }
}

/// A cluster-only permission that was asked, or is to be assigned, below the cluster.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{permission}` is held on the cluster only: ask for it on `cluster`, not on `{resource}`")]
pub struct ScopeError {
    /// The permission.
    pub permission: Permission,
    /// Where it was asked.
    pub resource: Resource,
}

/// Whether `permission` may be asked on `resource` at all.
///
/// # Errors
/// A cluster-only permission below the cluster.
pub fn check_scope(permission: Permission, resource: &Resource) -> Result<(), ScopeError> {
    match permission.lowest_scope() {
        LowestScope::Cluster if !resource.is_cluster() => Err(ScopeError { permission, resource: resource.clone() }),
        LowestScope::Cluster | LowestScope::Workspace => Ok(()),
    }
}
