//! Accounts of people.

use clap::{Args, Subcommand};
use reeve_api::agentmap::agent_user_service_client::AgentUserServiceClient;
use reeve_api::agentmap::{AgentUser, LinkUserRequest, UnlinkUserRequest};
use reeve_api::identity::user_service_client::UserServiceClient;
use reeve_api::identity::{
    ActivateUserRequest, CreateUserRequest, DeactivateUserRequest, DeleteUserRequest, GetUserRequest, ListUsersRequest,
    User,
};

use crate::context::Context;
use crate::failure::{Exit, Failure};
use crate::password::PasswordFrom;
use crate::table::Table;
use crate::time::shown;

/// `reeve user …`
#[derive(Subcommand)]
pub(crate) enum UserCommand {
    /// Create a user; the password is asked for twice.
    #[command(after_help = "\
A password has at least 8 characters with an upper-case letter, a lower-case letter and a number.

Examples:
  reeve -u admin user create alice --display-name \"Alice Liddell\"
  reeve user create ops --admin --password-stdin < password")]
    Create(CreateArguments),
    /// List users.
    List {
        /// Inactive users too.
        #[arg(short = 'a', long)]
        all: bool,
    },
    /// Show a user.
    Show(UserArgument),
    /// Let a user sign in again.
    Activate(UserArgument),
    /// End every session and token of a user, at once and for good, and keep them out.
    Deactivate(UserArgument),
    /// Remove a user for good, with their sessions, memberships, bindings and link; the name is free again.
    Delete(UserArgument),
    /// Say which Unix user a user's tasks run as; replaces the whole link.
    #[command(after_help = "\
Example:
  reeve user link-with-agent-user alice --agent-uid 1000 --agent-user alice --agent-gid 1000 --agent-group staff")]
    LinkWithAgentUser(LinkArguments),
    /// Remove a user's link.
    UnlinkAgentUser(UserArgument),
}

/// A username.
#[derive(Args)]
pub(crate) struct UserArgument {
    /// The username.
    name: String,
}

/// Arguments of `reeve user create`.
#[derive(Args)]
pub(crate) struct CreateArguments {
    /// The username.
    name: String,
    /// Make the user a cluster administrator.
    #[arg(long)]
    admin: bool,
    /// The name for people.
    #[arg(long, value_name = "X")]
    display_name: Option<String>,
    /// Read the new user's password from standard input.
    #[arg(long)]
    password_stdin: bool,
}

/// Arguments of `reeve user link-with-agent-user`.
#[derive(Args)]
pub(crate) struct LinkArguments {
    /// The username.
    name: String,
    /// The user id on agents.
    #[arg(long, value_name = "N")]
    agent_uid: u32,
    /// The user's name on agents.
    #[arg(long, value_name = "S")]
    agent_user: String,
    /// The primary group id on agents.
    #[arg(long, value_name = "N")]
    agent_gid: u32,
    /// The primary group's name on agents.
    #[arg(long, value_name = "S")]
    agent_group: String,
    /// The home directory; left out, each task's working directory.
    #[arg(long, value_name = "PATH")]
    home: Option<String>,
    /// The login shell; left out, `/bin/bash`.
    #[arg(long, value_name = "PATH")]
    shell: Option<String>,
    /// Accept a uid, gid or name that another link uses too.
    #[arg(long)]
    allow_shared: bool,
}

/// Runs `reeve user …`.
pub(crate) async fn run(command: UserCommand, context: &mut Context<'_>) -> Result<Exit, Failure> {
    match command {
        UserCommand::Create(arguments) => create(arguments, context).await?,
        UserCommand::List { all } => list(all, context).await?,
        UserCommand::Show(user) => show(user.name, context).await?,
        UserCommand::Activate(user) => activate(user.name, context).await?,
        UserCommand::Deactivate(user) => deactivate(user.name, context).await?,
        UserCommand::Delete(user) => delete(user.name, context).await?,
        UserCommand::LinkWithAgentUser(arguments) => link(arguments, context).await?,
        UserCommand::UnlinkAgentUser(user) => unlink(user.name, context).await?,
    }
    Ok(Exit::Yes)
}

async fn create(arguments: CreateArguments, context: &mut Context<'_>) -> Result<(), Failure> {
    let password = context.new_password(&arguments.name, PasswordFrom::flag(arguments.password_stdin))?;
    let request = CreateUserRequest {
        username: arguments.name,
        display_name: arguments.display_name.unwrap_or_default(),
        password: password.expose().to_owned(),
        admin: arguments.admin,
    };
    let answer = context
        .write(request, async |channel, request| UserServiceClient::new(channel).create_user(request).await)
        .await?;
    context.output.answer(&answer, |answer, _| confirmed("created", answer.user.as_ref()))
}

async fn list(all: bool, context: &mut Context<'_>) -> Result<(), Failure> {
    let request = ListUsersRequest { include_inactive: all, ..ListUsersRequest::default() };
    let answer = context
        .list(request, async |channel, request| UserServiceClient::new(channel).list_users(request).await)
        .await?;
    context.output.answer(&answer, |answer, _| {
        let mut table = Table::headed(&["USERNAME", "DISPLAY NAME", "ACTIVE", "GROUPS", "CREATED"]);
        for user in &answer.users {
            let (groups, created) = (user.groups.join(","), shown(user.create_time.as_ref()));
            table.push([user.username.as_str(), &user.display_name, yes_or_no(user.active), &groups, &created]);
        }
        table.render()
    })
}

async fn show(name: String, context: &mut Context<'_>) -> Result<(), Failure> {
    let request = GetUserRequest { username: name, consistency: None };
    let answer =
        context.read(request, async |channel, request| UserServiceClient::new(channel).get_user(request).await).await?;
    context.output.answer(&answer, |answer, _| answer.user.as_ref().map(described).unwrap_or_default())
}

fn described(user: &User) -> String {
    Table::bare()
        .detail("username", user.username.as_str())
        .detail("display name", user.display_name.as_str())
        .detail("active", yes_or_no(user.active))
        .detail("groups", user.groups.join(", "))
        .detail("uid", user.uid.as_str())
        .detail("created", shown(user.create_time.as_ref()))
        .detail("updated", shown(user.update_time.as_ref()))
        .render()
}

async fn activate(name: String, context: &mut Context<'_>) -> Result<(), Failure> {
    let answer = context
        .write(ActivateUserRequest { username: name }, async |channel, request| {
            UserServiceClient::new(channel).activate_user(request).await
        })
        .await?;
    context.output.answer(&answer, |answer, _| confirmed("activated", answer.user.as_ref()))
}

async fn deactivate(name: String, context: &mut Context<'_>) -> Result<(), Failure> {
    let answer = context
        .write(DeactivateUserRequest { username: name }, async |channel, request| {
            UserServiceClient::new(channel).deactivate_user(request).await
        })
        .await?;
    context.output.answer(&answer, |answer, _| confirmed("deactivated", answer.user.as_ref()))
}

async fn delete(name: String, context: &mut Context<'_>) -> Result<(), Failure> {
    let request = DeleteUserRequest { username: name.clone(), etag: String::new() };
    let answer = context
        .write(request, async |channel, request| UserServiceClient::new(channel).delete_user(request).await)
        .await?;
    context.output.answer(&answer, |_, _| format!("deleted user {name}\n"))
}

async fn link(arguments: LinkArguments, context: &mut Context<'_>) -> Result<(), Failure> {
    let agent_user = AgentUser {
        uid: Some(arguments.agent_uid),
        user: arguments.agent_user,
        gid: Some(arguments.agent_gid),
        group: arguments.agent_group,
        home: arguments.home.unwrap_or_default(),
        shell: arguments.shell.unwrap_or_default(),
        ..AgentUser::default()
    };
    let name = arguments.name.clone();
    let request = LinkUserRequest {
        username: arguments.name,
        agent_user: Some(agent_user),
        allow_shared: arguments.allow_shared,
    };
    let answer = context
        .write(request, async |channel, request| AgentUserServiceClient::new(channel).link_user(request).await)
        .await?;
    for warning in &answer.warnings {
        context.output.warn(warning);
    }
    context.output.answer(&answer, |answer, _| match &answer.agent_user {
        None => format!("linked {name}\n"),
        Some(linked) => format!(
            "linked {name} with uid {} ({}), gid {} ({})\n",
            linked.uid.unwrap_or_default(),
            linked.user,
            linked.gid.unwrap_or_default(),
            linked.group
        ),
    })
}

async fn unlink(name: String, context: &mut Context<'_>) -> Result<(), Failure> {
    let answer = context
        .write(UnlinkUserRequest { username: name.clone() }, async |channel, request| {
            AgentUserServiceClient::new(channel).unlink_user(request).await
        })
        .await?;
    context.output.answer(&answer, |_, _| format!("unlinked {name}\n"))
}

fn confirmed(done: &str, user: Option<&User>) -> String {
    user.map(|user| format!("{done} user {}\n", user.username)).unwrap_or_default()
}

pub(crate) fn yes_or_no(value: bool) -> &'static str {
    if value { "yes" } else { "no" }
}
