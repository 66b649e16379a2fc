//! The Unix users that tasks run as.

use clap::{Args, Subcommand};
use reeve_api::agentmap::agent_user_service_client::AgentUserServiceClient;
use reeve_api::agentmap::{ResolveAgentUserRequest, ResolvedAgentUser};

use crate::context::Context;
use crate::failure::{Exit, Failure};
use crate::table::Table;

/// `reeve agent-user …`
#[derive(Subcommand)]
pub(crate) enum AgentUserCommand {
    /// Say which Unix user tasks run as in a workspace, and where each part of it comes from.
    #[command(after_help = "Example:\n  reeve agent-user resolve -w vision --user bob")]
    Resolve(ResolveArguments),
}

/// Arguments of `reeve agent-user resolve`.
#[derive(Args)]
pub(crate) struct ResolveArguments {
    /// The workspace.
    #[arg(short = 'w', long, value_name = "WS")]
    workspace: String,
    /// Whose tasks; left out, yours.
    #[arg(long, value_name = "USER")]
    user: Option<String>,
}

/// `reeve agent-user resolve`.
pub(crate) async fn resolve(arguments: ResolveArguments, context: &mut Context<'_>) -> Result<Exit, Failure> {
    let request = ResolveAgentUserRequest {
        username: arguments.user.unwrap_or_default(),
        workspace: arguments.workspace,
        consistency: None,
    };
    let answer = context
        .read(request, async |channel, request| AgentUserServiceClient::new(channel).resolve_agent_user(request).await)
        .await?;
    for warning in answer.agent_user.iter().flat_map(|agent_user| &agent_user.warnings) {
        context.output.warn(warning);
    }
    context.output.answer(&answer, |answer, _| answer.agent_user.as_ref().map(described).unwrap_or_default())?;
    Ok(Exit::Yes)
}

/// The fields with their sources, then the lines that a container's files need.
pub(crate) fn described(agent_user: &ResolvedAgentUser) -> String {
    let groups = agent_user.supplementary_groups.iter().map(|group| {
        let gid = group.gid.unwrap_or_default();
        if group.name.is_empty() { gid.to_string() } else { format!("{gid} ({})", group.name) }
    });
    let mut fields = Table::headed(&["FIELD", "VALUE", "SOURCE"]).indented();
    for (field, value) in [
        ("uid", agent_user.uid.to_string()),
        ("user", agent_user.user.clone()),
        ("gid", agent_user.gid.to_string()),
        ("group", agent_user.group.clone()),
        ("supplementary_groups", groups.collect::<Vec<_>>().join(", ")),
        ("home", agent_user.home.clone()),
    ] {
        let source = agent_user.sources.iter().find(|source| source.field == field);
        if !value.is_empty() {
            fields.push([field, &value, source.map_or("", |source| source.source.as_str())]);
        }
    }
    let mut lines = Table::bare().indented().detail("docker --user", agent_user.docker_user.as_str());
    if let Some(nss) = &agent_user.nss {
        lines = lines.detail("passwd", nss.passwd.as_str()).detail("shadow", nss.shadow.as_str());
        for group in &nss.group {
            lines = lines.detail("group", group.as_str());
        }
    }
    format!("{}{}", fields.render(), lines.render())
}
