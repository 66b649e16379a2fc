//! The bindings of a World, as the decision looks them up.

use std::sync::Arc;

use reeve_model::{Subject, WorkspaceId};
use reeve_rbac::{Bound, Grant, Grants};

use crate::{Binding, ChunkMap};

/// The bindings on one resource of one workspace, by subject.
#[derive(Clone, Debug, Default)]
pub(crate) struct BoundHere(ChunkMap<Subject, Arc<[Grant]>>);

impl Bound for BoundHere {
    fn of(&self, subject: &Subject) -> &[Grant] {
        self.0.get(subject).map_or(&[], |grants| grants)
    }
}

/// Every binding, by resource path. Bindings of a workspace that is gone stand beside those of one that took its name; they
/// are told apart by the workspace's uid.
#[derive(Clone, Debug, Default)]
pub(crate) struct GrantIndex(ChunkMap<String, Vec<(Option<WorkspaceId>, BoundHere)>>);

impl GrantIndex {
    pub(crate) fn insert(&mut self, binding: &Binding) {
        let path = binding.resource.as_str();
        // taken out, not copied: while nobody else has this index, it is changed in place
        let mut places = self.0.remove(path).unwrap_or_default();
        let at = places.iter().position(|(workspace, _)| *workspace == binding.workspace).unwrap_or_else(|| {
            places.push((binding.workspace, BoundHere::default()));
            places.len() - 1
        });
        if let Some((_, bound)) = places.get_mut(at) {
            let grant = Grant { binding: binding.uid, role: binding.role, expire_time: binding.expire_time };
            let others = bound.of(&binding.subject).iter().filter(|other| other.binding != binding.uid);
            let mut grants: Vec<Grant> = others.copied().chain([grant]).collect();
            // so that every replica tells the same reason, whatever order the bindings came in
            grants.sort_unstable_by_key(|grant| grant.binding);
            bound.0.insert(binding.subject, grants.into());
        }
        self.0.insert(path.to_owned(), places);
    }

    pub(crate) fn remove(&mut self, binding: &Binding) {
        let path = binding.resource.as_str();
        let Some(mut places) = self.0.remove(path) else { return };
        for (_, bound) in places.iter_mut().filter(|(workspace, _)| *workspace == binding.workspace) {
            let rest: Arc<[Grant]> =
                bound.of(&binding.subject).iter().filter(|grant| grant.binding != binding.uid).copied().collect();
            if rest.is_empty() {
                bound.0.remove(&binding.subject);
            } else {
                bound.0.insert(binding.subject, rest);
            }
        }
        places.retain(|(_, bound)| !bound.0.is_empty());
        if !places.is_empty() {
            self.0.insert(path.to_owned(), places);
        }
    }

    /// The bindings that stand for resources of `workspace` (none: the cluster alone).
    pub(crate) fn within(&self, workspace: Option<WorkspaceId>) -> GrantsWithin<'_> {
        GrantsWithin { index: self, workspace }
    }
}

/// The bindings that stand for the resources of one workspace.
pub(crate) struct GrantsWithin<'a> {
    index: &'a GrantIndex,
    workspace: Option<WorkspaceId>,
}

impl Grants for GrantsWithin<'_> {
    type Bound = BoundHere;

    fn at(&self, resource: &str) -> Option<&BoundHere> {
        let wanted = if resource == "cluster" { None } else { Some(self.workspace?) };
        self.index.0.get(resource)?.iter().find(|(workspace, _)| *workspace == wanted).map(|(_, bound)| bound)
    }
}
