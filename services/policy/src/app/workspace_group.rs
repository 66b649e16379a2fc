//! The group of a workspace, as its records show it.

use reeve_model::{GroupId, GroupName};
use reeve_world::{Workspace, World};

use super::{App, Groups};

/// A workspace's group, or why there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum WorkspaceGroup {
    /// It has none and gets none.
    Off,
    /// It is there.
    Named(GroupName),
    /// It is still to be made.
    Pending,
    /// Another group has its name.
    NameTaken,
}

impl App {
    /// The group of a workspace. One that is there counts, whatever the configuration has become since.
    pub(crate) fn group_of(&self, world: &World, workspace: &Workspace) -> WorkspaceGroup {
        match (world.group_by_id(&GroupId::of_workspace(&workspace.uid)), self.groups) {
            (Some(group), _) => WorkspaceGroup::Named(group.name.clone()),
            (None, Groups::Off) => WorkspaceGroup::Off,
            (None, Groups::On(_)) if world.group_by_name(workspace.name.as_str()).is_some() => {
                WorkspaceGroup::NameTaken
            }
            (None, Groups::On(_)) => WorkspaceGroup::Pending,
        }
    }
}
