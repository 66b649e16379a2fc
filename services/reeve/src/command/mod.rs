//! The commands, one file for each family.

pub(crate) mod admit;
pub(crate) mod agent_user;
pub(crate) mod binding;
pub(crate) mod can;
pub(crate) mod completion;
pub(crate) mod config_policy;
pub(crate) mod group;
pub(crate) mod robot;
pub(crate) mod role;
pub(crate) mod scope;
pub(crate) mod session;
pub(crate) mod user;
mod verdict;
pub(crate) mod workspace;

use crate::arguments::{Arguments, Command};
use crate::command::agent_user::AgentUserCommand;
use crate::command::role::RoleCommand;
use crate::context::{Context, Inputs};
use crate::failure::{Exit, Failure};
use crate::output::Output;

/// Runs a command.
pub(crate) async fn run(arguments: Arguments, inputs: Inputs, output: &mut Output) -> Result<Exit, Failure> {
    if let Command::Completion(arguments) = &arguments.command {
        return completion::run(arguments, output);
    }
    let context = &mut Context::open(&arguments.global, inputs, output).await?;
    match arguments.command {
        Command::Login(arguments) => session::login(arguments, context).await,
        Command::Logout(arguments) => session::logout(&arguments, context).await,
        Command::Whoami => session::whoami(context).await,
        Command::Token => session::token(context).await,
        Command::User(command) => user::run(command, context).await,
        Command::Group(command) => group::run(command, context).await,
        Command::Robot(command) => robot::run(command, context).await,
        Command::AccessToken(command) => robot::run_access_token(command, context).await,
        Command::Workspace(command) => workspace::run(command, context).await,
        Command::Role(RoleCommand::List) => role::list(context).await,
        Command::Binding(command) => binding::run(command, context).await,
        Command::Can(arguments) => can::run(arguments, context).await,
        Command::ConfigPolicy(command) => config_policy::run(command, context).await,
        Command::AgentUser(AgentUserCommand::Resolve(arguments)) => agent_user::resolve(arguments, context).await,
        Command::Admit(arguments) => admit::run(arguments, context).await,
        Command::Completion(_) => Ok(Exit::Yes),
    }
}
