//! Stray records: those that hang on something that is gone. They grant nothing and are not listed; their owners sweep them.

use std::cell::OnceCell;
use std::collections::HashSet;

use reeve_model::{GroupId, Subject, WorkspaceId};

use crate::{Binding, Parent, RecordKey, World};

impl World {
    /// The bindings whose workspace or subject is gone for good: of `parent`, or all. A binding of a workspace's group whose
    /// group is not there yet is none, as long as the workspace is: the group comes.
    pub fn stray_bindings(&self, parent: Option<Parent>) -> impl Iterator<Item = RecordKey> {
        let awaited = OnceCell::new();
        let concerned = move |binding: &Binding| match parent {
            None => true,
            Some(Parent::User(uid)) => binding.subject == Subject::User(uid),
            Some(Parent::Group(uid)) => binding.subject == Subject::Group(uid),
            Some(Parent::Robot(uid)) => binding.subject == Subject::Robot(uid),
            // a workspace that goes takes its group along, and what hangs on that anywhere
            Some(Parent::Workspace(uid)) => {
                binding.workspace == Some(uid) || binding.subject == Subject::Group(GroupId::of_workspace(&uid))
            }
        };
        let bindings = self.bindings.iter().map(|(_, binding)| binding);
        bindings
            .filter(move |binding| concerned(binding))
            .filter(move |binding| self.is_stray(binding, &awaited))
            .map(|binding| RecordKey::Binding(binding.uid))
    }

    fn is_stray(&self, binding: &Binding, awaited: &OnceCell<HashSet<GroupId>>) -> bool {
        if binding.workspace.is_some_and(|uid| !self.has(&Parent::Workspace(uid))) {
            return true;
        }
        match binding.subject {
            Subject::User(uid) => !self.has(&Parent::User(uid)),
            Subject::Robot(uid) => !self.has(&Parent::Robot(uid)),
            // which groups may still come is worked out only where one is missing
            Subject::Group(uid) => {
                !self.has(&Parent::Group(uid)) && !awaited.get_or_init(|| self.groups_of_workspaces()).contains(&uid)
            }
            Subject::AllUsers => false,
        }
    }

    fn groups_of_workspaces(&self) -> HashSet<GroupId> {
        self.workspaces.iter().map(|(uid, _)| GroupId::of_workspace(uid)).collect()
    }

    /// The bindings on a workspace and below, whether or not they still stand.
    pub fn bindings_in(&self, workspace: WorkspaceId) -> impl Iterator<Item = RecordKey> {
        let bindings = self.bindings.iter().map(|(_, binding)| binding);
        bindings
            .filter(move |binding| binding.workspace == Some(workspace))
            .map(|binding| RecordKey::Binding(binding.uid))
    }

    /// The config policies of a workspace, whether or not it is still there.
    pub fn config_policies_in(&self, workspace: WorkspaceId) -> impl Iterator<Item = RecordKey> {
        let policies = self.config_policies.iter().filter(move |((scope, _), _)| *scope == Some(workspace));
        policies.map(|(_, policy)| RecordKey::ConfigPolicy(policy.record.workspace, policy.record.workload))
    }

    /// The config policies whose workspace is gone: of `parent`, or all.
    pub fn stray_config_policies(&self, parent: Option<Parent>) -> impl Iterator<Item = RecordKey> {
        let policies = self.config_policies.iter().filter_map(|((scope, _), policy)| Some(((*scope)?, policy)));
        policies
            .filter(move |(workspace, _)| self.is_gone(Parent::Workspace(*workspace), parent))
            .map(|(workspace, policy)| RecordKey::ConfigPolicy(Some(workspace), policy.record.workload))
    }

    /// The links whose user is gone: of `parent`, or all.
    pub fn stray_user_links(&self, parent: Option<Parent>) -> impl Iterator<Item = RecordKey> {
        let users = self.user_links.iter().map(|(user, _)| *user);
        users.filter(move |user| self.is_gone(Parent::User(*user), parent)).map(RecordKey::UserLink)
    }

    /// The overrides whose workspace is gone: of `parent`, or all.
    pub fn stray_workspace_agent_users(&self, parent: Option<Parent>) -> impl Iterator<Item = RecordKey> {
        let workspaces = self.workspace_agent_users.iter().map(|(workspace, _)| *workspace);
        workspaces
            .filter(move |workspace| self.is_gone(Parent::Workspace(*workspace), parent))
            .map(RecordKey::WorkspaceAgentUser)
    }

    /// Whether something that a record hangs on is gone, and is what is asked about.
    fn is_gone(&self, on: Parent, asked: Option<Parent>) -> bool {
        asked.is_none_or(|asked| asked == on) && !self.has(&on)
    }
}
