//! Where a command applies: the cluster, a workspace, or a resource below one.

use clap::Args;

/// The cluster's resource name.
pub(crate) const CLUSTER: &str = "cluster";

/// The cluster, or a workspace.
#[derive(Args)]
pub(crate) struct Scope {
    /// The workspace; left out, the cluster.
    #[arg(short = 'w', long, value_name = "WS")]
    workspace: Option<String>,
}

impl Scope {
    /// Its resource name.
    pub(crate) fn resource(self) -> String {
        self.workspace.map_or_else(|| CLUSTER.to_owned(), |workspace| resource_of(&workspace))
    }
}

/// The cluster, a workspace, or any resource.
#[derive(Args)]
pub(crate) struct Target {
    /// The workspace; left out, the cluster.
    #[arg(short = 'w', long, value_name = "WS", conflicts_with = "on")]
    workspace: Option<String>,
    /// Any resource: `cluster`, `workspaces/WS`, or a path below a workspace.
    #[arg(long, value_name = "RESOURCE")]
    on: Option<String>,
}

impl Target {
    /// Its resource name.
    pub(crate) fn resource(self) -> String {
        self.on.unwrap_or_else(|| Scope { workspace: self.workspace }.resource())
    }
}

/// A workspace's resource name.
pub(crate) fn resource_of(workspace: &str) -> String {
    format!("workspaces/{workspace}")
}
