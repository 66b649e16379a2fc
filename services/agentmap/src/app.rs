//! The use cases, one file each; and what they work with.

mod clear_workspace_agent_user;
mod get_user_link;
mod get_workspace_agent_user;
mod link_user;
mod reconcile;
mod set_workspace_agent_user;
mod unlink_user;

use reeve_answers::{Answers, Moment, Purpose, Reader};
use reeve_chassis::Failure;
use reeve_model::{Username, WorkspaceId, WorkspaceName};
use reeve_owner::Writer;
use reeve_store::Versioned;
use reeve_world::{RecordKey, User};
use tonic::metadata::MetadataMap;

pub(crate) use get_user_link::get_user_link;
pub(crate) use get_workspace_agent_user::get_workspace_agent_user;
pub(crate) use link_user::NewLink;
pub(crate) use set_workspace_agent_user::OverrideChange;

/// What the use cases work with.
pub(crate) struct App {
    pub(crate) writer: Writer,
    pub(crate) reader: Reader,
    pub(crate) answers: Answers,
}

impl App {
    /// The moment that a write is authorised by: as new as the store at the time of the call, so that neither a right that
    /// was just taken away counts, nor somebody who was just signed out, nor a user is missed who was just created through another service.
    pub(crate) async fn moment_for_write(&self, metadata: &MetadataMap) -> Result<Moment, Failure> {
        self.reader.newest(metadata, Purpose::Administration).await
    }

    /// What stands in the store for something that must exist.
    async fn existing(&self, key: &RecordKey, name: &str) -> Result<Versioned, Failure> {
        let found = self.writer.record(key).await?;
        found.map(|(_, read)| read).ok_or_else(|| Failure::not_found(name))
    }
}

/// The user of this name.
fn user<'a>(moment: &'a Moment, name: &Username) -> Result<&'a User, Failure> {
    let found = moment.world().user_by_name(name.as_str());
    found.map(AsRef::as_ref).ok_or_else(|| Failure::not_found(format!("user:{name}")))
}

/// The workspace of this name.
fn workspace(moment: &Moment, name: &WorkspaceName) -> Result<WorkspaceId, Failure> {
    let found = moment.world().workspace_by_name(name.as_str());
    found.map(|workspace| workspace.uid).ok_or_else(|| Failure::not_found(format!("workspaces/{name}")))
}
