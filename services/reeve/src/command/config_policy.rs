//! What workloads may look like.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use reeve_api::policy::config_policy_service_client::ConfigPolicyServiceClient;
use reeve_api::policy::{
    ConfigPolicy, DeleteConfigPolicyRequest, GetConfigPolicyRequest, LimitPrecedence, SetConfigPolicyRequest,
    SetConfigPolicyResponse,
};

use crate::command::scope::Scope;
use crate::context::Context;
use crate::failure::{Exit, Failure};
use crate::file;
use crate::output::Format;
use crate::time::shown;

/// `reeve config-policy …`
#[derive(Subcommand)]
pub(crate) enum ConfigPolicyCommand {
    /// Replace the policy of one workload type.
    #[command(after_help = "\
Examples:
  reeve config-policy set experiment -f limits.yaml                  the cluster's
  reeve config-policy set experiment -w vision -f vision.yaml
  reeve config-policy get task | sed s/8/4/ | reeve config-policy set task -f -")]
    Set(SetArguments),
    /// Print a policy's document as it was written; its version and etag go to standard error.
    Get(PolicyArguments),
    /// Remove a policy.
    Delete(PolicyArguments),
}

/// Which policy.
#[derive(Args)]
pub(crate) struct PolicyArguments {
    /// The workload type: `experiment` or `task`.
    #[arg(value_name = "TYPE")]
    workload_type: String,
    /// Where.
    #[command(flatten)]
    scope: Scope,
}

/// Arguments of `reeve config-policy set`.
#[derive(Args)]
pub(crate) struct SetArguments {
    /// Which policy.
    #[command(flatten)]
    policy: PolicyArguments,
    /// The document, in YAML or JSON; `-` is standard input.
    #[arg(short = 'f', long, value_name = "FILE")]
    file: PathBuf,
    /// How the cluster's limits and a workspace's combine; for the cluster's policy alone.
    #[arg(long, value_name = "RULE", value_enum)]
    limit_precedence: Option<Precedence>,
    /// Set the cluster's policy although workspaces' policies contradict it.
    #[arg(long)]
    allow_conflicts: bool,
    /// Only if the policy still has this etag.
    #[arg(long, value_name = "E")]
    etag: Option<String>,
}

/// How limits combine.
#[derive(Clone, Copy, ValueEnum)]
enum Precedence {
    /// A workspace tightens what the cluster allows, and never loosens it.
    #[value(name = "strictest_wins", alias = "strictest-wins")]
    StrictestWins,
    /// The cluster's value replaces the workspace's, even when looser.
    #[value(name = "cluster_overrides", alias = "cluster-overrides")]
    ClusterOverrides,
}

impl From<Precedence> for LimitPrecedence {
    fn from(precedence: Precedence) -> Self {
        match precedence {
            Precedence::StrictestWins => Self::StrictestWins,
            Precedence::ClusterOverrides => Self::ClusterOverrides,
        }
    }
}

/// Runs `reeve config-policy …`.
pub(crate) async fn run(command: ConfigPolicyCommand, context: &mut Context<'_>) -> Result<Exit, Failure> {
    match command {
        ConfigPolicyCommand::Set(arguments) => set(arguments, context).await?,
        ConfigPolicyCommand::Get(policy) => get(policy, context).await?,
        ConfigPolicyCommand::Delete(policy) => delete(policy, context).await?,
    }
    Ok(Exit::Yes)
}

async fn set(arguments: SetArguments, context: &mut Context<'_>) -> Result<(), Failure> {
    let document = file::read(&arguments.file, &mut context.inputs.stdin)?;
    let limit_precedence = arguments.limit_precedence.map_or(LimitPrecedence::Unspecified, LimitPrecedence::from);
    let policy = ConfigPolicy {
        scope: arguments.policy.scope.resource(),
        workload_type: arguments.policy.workload_type,
        document,
        limit_precedence: limit_precedence.into(),
        etag: arguments.etag.unwrap_or_default(),
        ..ConfigPolicy::default()
    };
    let request = SetConfigPolicyRequest { policy: Some(policy), allow_conflicts: arguments.allow_conflicts };
    let answer = context
        .write(request, async |channel, request| {
            ConfigPolicyServiceClient::new(channel).set_config_policy(request).await
        })
        .await?;
    for warning in &answer.warnings {
        context.output.warn(warning);
    }
    for conflict in &answer.conflicts {
        context.output.warn(format!("conflict: {conflict}"));
    }
    context.output.answer(&answer, |answer, _| confirmed(answer))
}

fn confirmed(answer: &SetConfigPolicyResponse) -> String {
    answer.policy.as_ref().map(|policy| format!("set {}\n", named(policy))).unwrap_or_default()
}

fn named(policy: &ConfigPolicy) -> String {
    format!("the {} policy of {}, version {}", policy.workload_type, policy.scope, policy.version)
}

async fn get(arguments: PolicyArguments, context: &mut Context<'_>) -> Result<(), Failure> {
    let request = GetConfigPolicyRequest {
        scope: arguments.scope.resource(),
        workload_type: arguments.workload_type,
        consistency: None,
    };
    let answer = context
        .read(request, async |channel, request| {
            ConfigPolicyServiceClient::new(channel).get_config_policy(request).await
        })
        .await?;
    if let (Format::Table, Some(policy)) = (context.output.format(), &answer.policy) {
        let precedence = match policy.limit_precedence() {
            LimitPrecedence::ClusterOverrides => ", cluster_overrides",
            LimitPrecedence::Unspecified | LimitPrecedence::StrictestWins => "",
        };
        let set = format!("set by {} at {}", policy.author, shown(policy.update_time.as_ref()));
        context.output.note(format!("{}{precedence}, etag {}, {set}", named(policy), policy.etag));
    }
    context
        .output
        .answer(&answer, |answer, _| answer.policy.as_ref().map(|policy| policy.document.clone()).unwrap_or_default())
}

async fn delete(arguments: PolicyArguments, context: &mut Context<'_>) -> Result<(), Failure> {
    let (scope, workload_type) = (arguments.scope.resource(), arguments.workload_type);
    let deleted = format!("deleted the {workload_type} policy of {scope}\n");
    let request = DeleteConfigPolicyRequest { scope, workload_type, etag: String::new() };
    let answer = context
        .write(request, async |channel, request| {
            ConfigPolicyServiceClient::new(channel).delete_config_policy(request).await
        })
        .await?;
    context.output.answer(&answer, |_, _| deleted)
}
