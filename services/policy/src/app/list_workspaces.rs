//! `ListWorkspaces`: those that the caller may see.

use std::sync::Arc;

use reeve_answers::{Moment, Page, filter_matches};
use reeve_chassis::{Authority, Granted};
use reeve_model::{Resource, WorkspaceId};
use reeve_world::Workspace;

/// One page of the workspaces that the caller may see and whose name contains `filter`, and the token of the next.
pub(crate) fn list_workspaces(
    granted: &Granted,
    moment: &Moment,
    page: &Page,
    filter: &str,
) -> (Vec<Arc<Workspace>>, String) {
    let after = page.after.map(WorkspaceId::from_uuid);
    let visible = moment
        .world()
        .workspaces_after(after.as_ref())
        .filter(|workspace| filter_matches(filter, &[workspace.name.as_str()]))
        .filter(|workspace| moment.may_know(granted.caller(), &Resource::workspace(&workspace.name)));
    page.take(visible.cloned(), |workspace| *workspace.uid.as_uuid())
}
