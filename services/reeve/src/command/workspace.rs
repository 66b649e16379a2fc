//! The corners of the cluster that teams work in.

use clap::{Args, Subcommand};
use prost_types::FieldMask;
use reeve_api::agentmap::agent_user_service_client::AgentUserServiceClient;
use reeve_api::agentmap::{ClearWorkspaceAgentUserRequest, SetWorkspaceAgentUserRequest, WorkspaceAgentUser};
use reeve_api::policy::workspace_service_client::WorkspaceServiceClient;
use reeve_api::policy::{
    CreateWorkspaceRequest, DeleteWorkspaceRequest, GetWorkspaceRequest, GroupProblem, ListWorkspacesRequest, Workspace,
};

use crate::context::Context;
use crate::failure::{Exit, Failure};
use crate::table::Table;
use crate::time::shown;

/// `reeve workspace …`
#[derive(Subcommand)]
pub(crate) enum WorkspaceCommand {
    /// Create a workspace; its creator becomes its workspaceAdmin.
    #[command(after_help = "Example:\n  reeve workspace create vision --description \"computer vision\"")]
    Create {
        /// The workspace's name.
        name: String,
        /// What it is for.
        #[arg(long, value_name = "TEXT")]
        description: Option<String>,
    },
    /// List the workspaces that you may see.
    List,
    /// Show a workspace.
    Show {
        /// The workspace's name.
        name: String,
    },
    /// Delete a workspace, with its group, bindings, config policies and overrides.
    Delete {
        /// The workspace's name.
        name: String,
    },
    /// Override, in one workspace, parts of the Unix user that tasks run as; the other parts stay as they are.
    #[command(after_help = "\
Example:
  reeve workspace set-agent-user vision --agent-gid 5000 --agent-group vision")]
    SetAgentUser(SetAgentUserArguments),
    /// Remove everything that a workspace overrides of the Unix user.
    ClearAgentUser {
        /// The workspace's name.
        #[arg(value_name = "WS")]
        workspace: String,
    },
}

/// Arguments of `reeve workspace set-agent-user`.
#[derive(Args)]
pub(crate) struct SetAgentUserArguments {
    /// The workspace's name.
    #[arg(value_name = "WS")]
    workspace: String,
    /// What is overridden.
    #[command(flatten)]
    overrides: Overrides,
}

/// At least one of the four.
#[derive(Args)]
#[group(required = true, multiple = true)]
struct Overrides {
    /// The user id on agents.
    #[arg(long, value_name = "N")]
    agent_uid: Option<u32>,
    /// The user's name on agents.
    #[arg(long, value_name = "S")]
    agent_user: Option<String>,
    /// The primary group id on agents.
    #[arg(long, value_name = "N")]
    agent_gid: Option<u32>,
    /// The primary group's name on agents.
    #[arg(long, value_name = "S")]
    agent_group: Option<String>,
}

impl Overrides {
    /// Which fields are given: only these change.
    fn mask(&self) -> FieldMask {
        let given = [
            ("uid", self.agent_uid.is_some()),
            ("user", self.agent_user.is_some()),
            ("gid", self.agent_gid.is_some()),
            ("group", self.agent_group.is_some()),
        ];
        FieldMask { paths: given.into_iter().filter(|(_, given)| *given).map(|(name, _)| name.to_owned()).collect() }
    }
}

/// Runs `reeve workspace …`.
pub(crate) async fn run(command: WorkspaceCommand, context: &mut Context<'_>) -> Result<Exit, Failure> {
    match command {
        WorkspaceCommand::Create { name, description } => create(name, description, context).await?,
        WorkspaceCommand::List => list(context).await?,
        WorkspaceCommand::Show { name } => show(name, context).await?,
        WorkspaceCommand::Delete { name } => delete(name, context).await?,
        WorkspaceCommand::SetAgentUser(arguments) => set_agent_user(arguments, context).await?,
        WorkspaceCommand::ClearAgentUser { workspace } => clear_agent_user(workspace, context).await?,
    }
    Ok(Exit::Yes)
}

async fn create(name: String, description: Option<String>, context: &mut Context<'_>) -> Result<(), Failure> {
    let request = CreateWorkspaceRequest { name, description: description.unwrap_or_default() };
    let answer = context
        .write(request, async |channel, request| WorkspaceServiceClient::new(channel).create_workspace(request).await)
        .await?;
    context.output.answer(&answer, |answer, _| {
        answer.workspace.as_ref().map(|made| format!("created workspace {}\n", made.name)).unwrap_or_default()
    })
}

async fn list(context: &mut Context<'_>) -> Result<(), Failure> {
    let answer = context
        .list(ListWorkspacesRequest::default(), async |channel, request| {
            WorkspaceServiceClient::new(channel).list_workspaces(request).await
        })
        .await?;
    context.output.answer(&answer, |answer, _| {
        let mut table = Table::headed(&["NAME", "DESCRIPTION", "CREATED"]);
        for workspace in &answer.workspaces {
            table.push([workspace.name.as_str(), &workspace.description, &shown(workspace.create_time.as_ref())]);
        }
        table.render()
    })
}

async fn show(name: String, context: &mut Context<'_>) -> Result<(), Failure> {
    let answer = context
        .read(GetWorkspaceRequest { name, consistency: None }, async |channel, request| {
            WorkspaceServiceClient::new(channel).get_workspace(request).await
        })
        .await?;
    context.output.answer(&answer, |answer, _| answer.workspace.as_ref().map(described).unwrap_or_default())
}

fn described(workspace: &Workspace) -> String {
    Table::bare()
        .detail("name", workspace.name.as_str())
        .detail("description", workspace.description.as_str())
        .detail("group", group(workspace))
        .detail("uid", workspace.uid.as_str())
        .detail("created", shown(workspace.create_time.as_ref()))
        .detail("updated", shown(workspace.update_time.as_ref()))
        .render()
}

/// The name of its group, or why there is none.
fn group(workspace: &Workspace) -> &str {
    match workspace.group_problem() {
        GroupProblem::Unspecified => &workspace.group,
        problem => problem.as_str_name().trim_start_matches("GROUP_PROBLEM_"),
    }
}

async fn delete(name: String, context: &mut Context<'_>) -> Result<(), Failure> {
    let request = DeleteWorkspaceRequest { name: name.clone(), etag: String::new() };
    let answer = context
        .write(request, async |channel, request| WorkspaceServiceClient::new(channel).delete_workspace(request).await)
        .await?;
    context.output.answer(&answer, |_, _| format!("deleted workspace {name}\n"))
}

async fn set_agent_user(arguments: SetAgentUserArguments, context: &mut Context<'_>) -> Result<(), Failure> {
    let update_mask = Some(arguments.overrides.mask());
    let Overrides { agent_uid, agent_user, agent_gid, agent_group } = arguments.overrides;
    let overrides = WorkspaceAgentUser { uid: agent_uid, user: agent_user, gid: agent_gid, group: agent_group };
    let request = SetWorkspaceAgentUserRequest {
        workspace: arguments.workspace.clone(),
        agent_user: Some(overrides),
        update_mask,
    };
    let answer = context
        .write(request, async |channel, request| {
            AgentUserServiceClient::new(channel).set_workspace_agent_user(request).await
        })
        .await?;
    context.output.answer(&answer, |answer, _| {
        let heading = format!("tasks in {} run with\n", arguments.workspace);
        heading + &answer.agent_user.as_ref().map(overridden).unwrap_or_default()
    })
}

fn overridden(agent_user: &WorkspaceAgentUser) -> String {
    let number = |id: Option<u32>| id.map(|id| id.to_string()).unwrap_or_default();
    Table::bare()
        .indented()
        .detail("uid", number(agent_user.uid))
        .detail("user", agent_user.user.clone().unwrap_or_default())
        .detail("gid", number(agent_user.gid))
        .detail("group", agent_user.group.clone().unwrap_or_default())
        .render()
}

async fn clear_agent_user(workspace: String, context: &mut Context<'_>) -> Result<(), Failure> {
    let request = ClearWorkspaceAgentUserRequest { workspace: workspace.clone() };
    let answer = context
        .write(request, async |channel, request| {
            AgentUserServiceClient::new(channel).clear_workspace_agent_user(request).await
        })
        .await?;
    context.output.answer(&answer, |_, _| format!("{workspace} overrides nothing of the Unix user\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workspace_shows_its_group_or_why_it_has_none() {
        let shown = |name: &str, problem: GroupProblem| {
            let workspace = Workspace { group: name.to_owned(), group_problem: problem.into(), ..Default::default() };
            group(&workspace).to_owned()
        };
        assert_eq!(shown("vision", GroupProblem::Unspecified), "vision");
        assert_eq!(shown("", GroupProblem::GroupNameTaken), "GROUP_NAME_TAKEN");
        assert_eq!(shown("", GroupProblem::GroupPending), "GROUP_PENDING");
        assert_eq!(shown("", GroupProblem::Unspecified), "");
    }
}
