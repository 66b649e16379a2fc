//! Accounts of programs, and their tokens.

use clap::{Args, Subcommand};
use prost_types::Duration;
use reeve_api::identity::robot_service_client::RobotServiceClient;
use reeve_api::identity::token_service_client::TokenServiceClient;
use reeve_api::identity::{CreateRobotRequest, CreateTokenRequest, DeleteRobotRequest, ListRobotsRequest};

use crate::context::Context;
use crate::failure::{Exit, Failure};
use crate::output::Format;
use crate::table::Table;
use crate::time::{parse_duration, shown};

/// `reeve robot …`
#[derive(Subcommand)]
pub(crate) enum RobotCommand {
    /// Create a robot, without a token and without permissions.
    #[command(after_help = "\
Example:
  reeve robot create sidecar-a --description \"sidecar of the scheduler in rack A\"
  reeve binding add sidecar robot:sidecar-a
  reeve access-token create --robot sidecar-a --ttl 720h")]
    Create {
        /// The robot's name.
        name: String,
        /// What it is for.
        #[arg(long, value_name = "TEXT")]
        description: Option<String>,
    },
    /// List robots.
    List,
    /// Remove a robot; its tokens and bindings grant nothing from then on.
    Delete {
        /// The robot's name.
        name: String,
    },
}

/// `reeve access-token …`
#[derive(Subcommand)]
pub(crate) enum AccessTokenCommand {
    /// Make a token for a robot; it is shown once.
    #[command(after_help = "\
Example:
  reeve access-token create --robot ci --ttl 720h > ci.token")]
    Create(TokenArguments),
}

/// Arguments of `reeve access-token create`.
#[derive(Args)]
pub(crate) struct TokenArguments {
    /// The robot's name.
    #[arg(long, value_name = "NAME")]
    robot: String,
    /// How long the token lives: `30d`, `720h`, `15m`; left out, it does not end by itself.
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    ttl: Option<Duration>,
}

/// Runs `reeve robot …`.
pub(crate) async fn run(command: RobotCommand, context: &mut Context<'_>) -> Result<Exit, Failure> {
    match command {
        RobotCommand::Create { name, description } => create(name, description, context).await?,
        RobotCommand::List => list(context).await?,
        RobotCommand::Delete { name } => delete(name, context).await?,
    }
    Ok(Exit::Yes)
}

async fn create(name: String, description: Option<String>, context: &mut Context<'_>) -> Result<(), Failure> {
    let request = CreateRobotRequest { name, description: description.unwrap_or_default() };
    let answer = context
        .write(request, async |channel, request| RobotServiceClient::new(channel).create_robot(request).await)
        .await?;
    context.output.answer(&answer, |answer, _| {
        answer.robot.as_ref().map(|robot| format!("created robot {}\n", robot.name)).unwrap_or_default()
    })
}

async fn list(context: &mut Context<'_>) -> Result<(), Failure> {
    let answer = context
        .list(ListRobotsRequest::default(), async |channel, request| {
            RobotServiceClient::new(channel).list_robots(request).await
        })
        .await?;
    context.output.answer(&answer, |answer, _| {
        let mut table = Table::headed(&["NAME", "DESCRIPTION", "CREATED"]);
        for robot in &answer.robots {
            table.push([robot.name.as_str(), &robot.description, &shown(robot.create_time.as_ref())]);
        }
        table.render()
    })
}

async fn delete(name: String, context: &mut Context<'_>) -> Result<(), Failure> {
    let answer = context
        .write(DeleteRobotRequest { name: name.clone() }, async |channel, request| {
            RobotServiceClient::new(channel).delete_robot(request).await
        })
        .await?;
    context.output.answer(&answer, |_, _| format!("deleted robot {name}\n"))
}

/// Runs `reeve access-token …`: the token alone goes to standard output, so that it can be redirected into a file.
pub(crate) async fn run_access_token(command: AccessTokenCommand, context: &mut Context<'_>) -> Result<Exit, Failure> {
    let AccessTokenCommand::Create(TokenArguments { robot, ttl }) = command;
    let answer = context
        .write(CreateTokenRequest { robot: robot.clone(), ttl }, async |channel, request| {
            TokenServiceClient::new(channel).create_token(request).await
        })
        .await?;
    if context.output.format() == Format::Table {
        let ends = match answer.expire_time.as_ref() {
            Some(time) => format!("it ends at {}", shown(Some(time))),
            None => "it does not end by itself".to_owned(),
        };
        context.output.note(format!("a token of robot {robot}, shown this once; {ends}"));
    }
    context.output.answer(&answer, |answer, _| answer.token.clone())?;
    Ok(Exit::Yes)
}
