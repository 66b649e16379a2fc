//! Sets of users and robots.

use clap::{Args, Subcommand};
use reeve_api::identity::group_service_client::GroupServiceClient;
use reeve_api::identity::{
    AddMembersRequest, CreateGroupRequest, DeleteGroupRequest, GetGroupRequest, Group, ListGroupsRequest,
    ListMembersRequest, RemoveMembersRequest,
};

use crate::command::user::yes_or_no;
use crate::context::Context;
use crate::failure::{Exit, Failure};
use crate::table::Table;
use crate::time::shown;

/// `reeve group …`
#[derive(Subcommand)]
pub(crate) enum GroupCommand {
    /// Create a group, without members and without permissions.
    #[command(after_help = "\
Example:
  reeve group create interns --description \"summer school\"
  reeve group add interns user:alice user:bob
  reeve binding add editor group:interns -w vision")]
    Create {
        /// The group's name.
        name: String,
        /// What it is for.
        #[arg(long, value_name = "TEXT")]
        description: Option<String>,
    },
    /// List groups.
    List,
    /// Show a group.
    Show(GroupArgument),
    /// List who is in a group.
    Members(GroupArgument),
    /// Add users and robots to a group: all of them or none.
    #[command(after_help = "Example:\n  reeve group add vision user:alice robot:ci")]
    Add(MemberArguments),
    /// Remove users and robots from a group: all of them or none.
    Remove(MemberArguments),
    /// Remove a group; what was bound to it grants nothing from then on.
    Delete(GroupArgument),
}

/// A group.
#[derive(Args)]
pub(crate) struct GroupArgument {
    /// The group's name.
    name: String,
}

/// A group and who comes or goes.
#[derive(Args)]
pub(crate) struct MemberArguments {
    /// The group's name.
    group: String,
    /// Who: `user:NAME` or `robot:NAME`, at most 100.
    #[arg(required = true, value_name = "MEMBER")]
    members: Vec<String>,
}

/// Runs `reeve group …`.
pub(crate) async fn run(command: GroupCommand, context: &mut Context<'_>) -> Result<Exit, Failure> {
    match command {
        GroupCommand::Create { name, description } => create(name, description, context).await?,
        GroupCommand::List => list(context).await?,
        GroupCommand::Show(group) => show(group.name, context).await?,
        GroupCommand::Members(group) => members(group.name, context).await?,
        GroupCommand::Add(arguments) => add(arguments, context).await?,
        GroupCommand::Remove(arguments) => remove(arguments, context).await?,
        GroupCommand::Delete(group) => delete(group.name, context).await?,
    }
    Ok(Exit::Yes)
}

async fn create(name: String, description: Option<String>, context: &mut Context<'_>) -> Result<(), Failure> {
    let request = CreateGroupRequest { name, description: description.unwrap_or_default() };
    let answer = context
        .write(request, async |channel, request| GroupServiceClient::new(channel).create_group(request).await)
        .await?;
    context.output.answer(&answer, |answer, _| {
        answer.group.as_ref().map(|group| format!("created group {}\n", group.name)).unwrap_or_default()
    })
}

async fn list(context: &mut Context<'_>) -> Result<(), Failure> {
    let answer = context
        .list(ListGroupsRequest::default(), async |channel, request| {
            GroupServiceClient::new(channel).list_groups(request).await
        })
        .await?;
    context.output.answer(&answer, |answer, _| {
        let mut table = Table::headed(&["NAME", "DESCRIPTION", "WORKSPACE", "CREATED"]);
        for group in &answer.groups {
            let created = shown(group.create_time.as_ref());
            table.push([group.name.as_str(), &group.description, &group.workspace, &created]);
        }
        table.render()
    })
}

async fn show(name: String, context: &mut Context<'_>) -> Result<(), Failure> {
    let request = GetGroupRequest { name, consistency: None };
    let answer = context
        .read(request, async |channel, request| GroupServiceClient::new(channel).get_group(request).await)
        .await?;
    context.output.answer(&answer, |answer, _| answer.group.as_ref().map(described).unwrap_or_default())
}

fn described(group: &Group) -> String {
    Table::bare()
        .detail("name", group.name.as_str())
        .detail("description", group.description.as_str())
        .detail("workspace", group.workspace.as_str())
        .detail("built in", yes_or_no(group.built_in))
        .detail("uid", group.uid.as_str())
        .detail("created", shown(group.create_time.as_ref()))
        .render()
}

async fn members(group: String, context: &mut Context<'_>) -> Result<(), Failure> {
    let request = ListMembersRequest { group, ..ListMembersRequest::default() };
    let answer = context
        .list(request, async |channel, request| GroupServiceClient::new(channel).list_members(request).await)
        .await?;
    context.output.answer(&answer, |answer, _| {
        let mut table = Table::headed(&["MEMBER", "ACTIVE"]);
        for member in &answer.members {
            table.push([member.principal.as_str(), yes_or_no(member.active)]);
        }
        table.render()
    })
}

async fn add(arguments: MemberArguments, context: &mut Context<'_>) -> Result<(), Failure> {
    let MemberArguments { group, members } = arguments;
    let done = lines(&members, |member| format!("{member} is in group {group}\n"));
    let answer = context
        .write(AddMembersRequest { group: group.clone(), members }, async |channel, request| {
            GroupServiceClient::new(channel).add_members(request).await
        })
        .await?;
    context.output.answer(&answer, |_, _| done)
}

async fn remove(arguments: MemberArguments, context: &mut Context<'_>) -> Result<(), Failure> {
    let MemberArguments { group, members } = arguments;
    let done = lines(&members, |member| format!("{member} is no longer in group {group}\n"));
    let answer = context
        .write(RemoveMembersRequest { group: group.clone(), members }, async |channel, request| {
            GroupServiceClient::new(channel).remove_members(request).await
        })
        .await?;
    context.output.answer(&answer, |_, _| done)
}

fn lines(members: &[String], line: impl Fn(&String) -> String) -> String {
    members.iter().map(line).collect()
}

async fn delete(name: String, context: &mut Context<'_>) -> Result<(), Failure> {
    let request = DeleteGroupRequest { name: name.clone(), etag: String::new() };
    let answer = context
        .write(request, async |channel, request| GroupServiceClient::new(channel).delete_group(request).await)
        .await?;
    context.output.answer(&answer, |_, _| format!("deleted group {name}\n"))
}
