//! The use cases, one file each; and what they work with.

mod bind;
mod create_workspace;
mod default_workspace;
mod delete_config_policy;
mod delete_workspace;
mod get_config_policy;
mod grant;
mod list_bindings;
mod list_workspaces;
mod policy_check;
mod policy_scope;
mod power;
mod reconcile;
mod set_config_policy;
mod unbind;
mod workspace_group;

use std::sync::Arc;

use reeve_answers::{Answers, Moment, Purpose, Reader};
use reeve_chassis::{Failure, Granted};
use reeve_model::{Clock, Entropy};
use reeve_owner::{Neighbours, WorkspacesConfig, Writer};
use reeve_rbac::BuiltinRole;
use tonic::metadata::MetadataMap;

pub(crate) use create_workspace::NewWorkspace;
pub(crate) use get_config_policy::get_config_policy;
pub(crate) use grant::{Grant, RoleName};
pub(crate) use list_bindings::{BindingQuery, list_bindings};
pub(crate) use list_workspaces::list_workspaces;
pub(crate) use policy_scope::PolicyScope;
pub(crate) use set_config_policy::NewPolicy;
pub(crate) use workspace_group::WorkspaceGroup;

/// What the use cases work with.
pub(crate) struct App {
    pub(crate) writer: Writer,
    pub(crate) reader: Reader,
    pub(crate) answers: Answers,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) neighbours: Neighbours,
    /// Whether workspaces have groups.
    pub(crate) groups: Groups,
}

/// Whether workspaces have groups of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Groups {
    /// None gets one.
    Off,
    /// Each gets one, with this role there.
    On(Option<BuiltinRole>),
}

impl Groups {
    /// As the configuration says.
    pub(crate) fn of(config: &WorkspacesConfig) -> Result<Self, String> {
        let role = config.group_role()?;
        Ok(if config.groups { Self::On(role) } else { Self::Off })
    }
}

/// Something asked for, with the proof that the caller may ask for it.
pub(crate) struct Allowed<T> {
    pub(crate) granted: Granted,
    pub(crate) what: T,
}

impl App {
    /// The moment that a write is authorised by: as new as the store at the time of the call, so that neither a right that
    /// was just taken away counts, nor somebody who was just signed out, nor a user is missed who was just created through another service.
    pub(crate) async fn moment_for_write(&self, metadata: &MetadataMap) -> Result<Moment, Failure> {
        self.reader.newest(metadata, Purpose::Administration).await
    }
}
