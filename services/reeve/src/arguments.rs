//! The arguments' grammar.

use clap::{Parser, Subcommand};

use crate::command::admit::AdmitArguments;
use crate::command::agent_user::AgentUserCommand;
use crate::command::binding::BindingCommand;
use crate::command::can::CanArguments;
use crate::command::completion::CompletionArguments;
use crate::command::config_policy::ConfigPolicyCommand;
use crate::command::group::GroupCommand;
use crate::command::robot::{AccessTokenCommand, RobotCommand};
use crate::command::role::RoleCommand;
use crate::command::session::{LoginArguments, LogoutArguments};
use crate::command::user::UserCommand;
use crate::command::workspace::WorkspaceCommand;
use crate::output::Format;

const EXAMPLES: &str = "\
Examples:
  reeve login alice                                    sign in; the password is asked for
  reeve whoami                                         who am I
  reeve -u admin user create bob                       one command as admin, as sudo does
  reeve binding add editor user:bob -w vision          bob may work in workspace vision
  reeve can workload.submit -w vision --as user:bob    yes or no, and why
  reeve admit -w vision -t experiment -f mnist.yaml    what would run, and as whom
  grpcurl -H \"authorization: Bearer $(reeve token)\" …   a token for another client

Environment:
  REEVE_SERVER, REEVE_USER     the server and the user, where --server and -u say nothing
  REEVE_TOKEN, REEVE_PASSWORD  credentials, where no session is kept
  XDG_CONFIG_HOME              where reeve/credentials.json lies; ~/.config if not set
  NO_COLOR                     no colours

Exit status: 0 yes or done, 1 no or failed, 2 usage, 3 not signed in, 4 cannot reach the server.";

/// Identity and access for shared ML clusters: the command line.
#[derive(Parser)]
#[command(name = "reeve", version, after_help = EXAMPLES, arg_required_else_help = true)]
pub(crate) struct Arguments {
    /// What every command takes.
    #[command(flatten)]
    pub(crate) global: Global,
    /// The command.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command takes.
#[derive(clap::Args)]
pub(crate) struct Global {
    /// Act as this user for one command; the active user does not change.
    #[arg(short = 'u', id = "acting-user", value_name = "USER", global = true)]
    pub(crate) user: Option<String>,
    /// The server: `http://HOST:PORT` or `unix:/PATH`. Else `REEVE_SERVER`, else the last used, else
    /// `http://127.0.0.1:7300`.
    #[arg(long, value_name = "URL", global = true)]
    pub(crate) server: Option<String>,
    /// The form of the answer: a table for people, the response in proto3 JSON or in YAML for programs.
    #[arg(short = 'o', id = "format", value_name = "FORMAT", value_enum, default_value = "table", global = true)]
    pub(crate) format: Format,
    /// No colours. `NO_COLOR` asks for the same.
    #[arg(long, global = true)]
    pub(crate) no_color: bool,
}

/// The commands.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Sign in and become the active user.
    Login(LoginArguments),
    /// End the session and forget it.
    Logout(LogoutArguments),
    /// Say who commands run as.
    Whoami,
    /// Print a valid access token and nothing else.
    #[command(after_help = "Example:\n  grpcurl -H \"authorization: Bearer $(reeve token)\" …")]
    Token,
    /// Accounts of people.
    #[command(subcommand)]
    User(UserCommand),
    /// Sets of users and robots.
    #[command(subcommand)]
    Group(GroupCommand),
    /// Accounts of programs: schedulers, sidecars, pipelines.
    #[command(subcommand)]
    Robot(RobotCommand),
    /// Long-lived tokens of robots.
    #[command(subcommand)]
    AccessToken(AccessTokenCommand),
    /// The corners of the cluster that teams work in.
    #[command(subcommand)]
    Workspace(WorkspaceCommand),
    /// What can be bound.
    #[command(subcommand)]
    Role(RoleCommand),
    /// Who holds which role where.
    #[command(subcommand)]
    Binding(BindingCommand),
    /// Ask whether somebody may do something: yes or no, and why.
    Can(CanArguments),
    /// What workloads may look like.
    #[command(subcommand)]
    ConfigPolicy(ConfigPolicyCommand),
    /// The Unix users that tasks run as.
    #[command(subcommand)]
    AgentUser(AgentUserCommand),
    /// Ask whether a workload may run, in which form, and as which Unix user.
    Admit(AdmitArguments),
    /// Print a script that completes this program's arguments in a shell.
    Completion(CompletionArguments),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_grammar_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn no_argument_takes_a_secret() {
        fn walk(command: &clap::Command) {
            for argument in command.get_arguments() {
                let name = argument.get_id().as_str();
                let flag = !argument.get_action().takes_values();
                assert!(flag || !(name.contains("password") || name.contains("token")), "{name}");
            }
            command.get_subcommands().for_each(walk);
        }
        walk(&Arguments::command());
    }
}
