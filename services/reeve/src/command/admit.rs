//! The one question a scheduler asks, asked by a person.

use std::path::PathBuf;

use clap::Args;
use reeve_api::admission::admission_service_client::AdmissionServiceClient;
use reeve_api::admission::{AdmitRequest, Verdict};
use reeve_api::policy::WorkloadConfig;
use reeve_api::policy::workload_config::Form;

use crate::command::verdict::{self, Question, ShowConfig};
use crate::context::Context;
use crate::failure::{Exit, Failure};
use crate::file;

/// Arguments of `reeve admit`.
#[derive(Args)]
#[command(after_help = "\
Examples:
  reeve admit -w vision -t experiment -f mnist.yaml
  reeve admit -w vision -t experiment -f mnist.yaml -o json | jq -r .effectiveConfig.text
  reeve --server unix:/run/reeve/sidecar.sock admit -w vision -t task -f -

Exit status: 0 admitted, 1 refused.")]
pub(crate) struct AdmitArguments {
    /// The workspace.
    #[arg(short = 'w', long, value_name = "WS")]
    workspace: String,
    /// The workload type: `experiment` or `task`.
    #[arg(short = 't', long = "type", value_name = "TYPE")]
    workload_type: String,
    /// The workload's configuration, in YAML or JSON; `-` is standard input.
    #[arg(short = 'f', long, value_name = "FILE")]
    file: PathBuf,
    /// Print the configuration that would run, too.
    #[arg(long)]
    show_config: bool,
}

/// `reeve admit`. Whatever is not an explicit yes is a no.
pub(crate) async fn run(arguments: AdmitArguments, context: &mut Context<'_>) -> Result<Exit, Failure> {
    let text = file::read(&arguments.file, &mut context.inputs.stdin)?;
    let request = AdmitRequest {
        workspace: arguments.workspace.clone(),
        workload_type: arguments.workload_type.clone(),
        config: Some(WorkloadConfig { form: Some(Form::Text(text)) }),
        ..AdmitRequest::default()
    };
    let answer = context
        .read(request, async |channel, request| AdmissionServiceClient::new(channel).admit(request).await)
        .await?;
    for warning in answer.agent_user.iter().flat_map(|agent_user| &agent_user.warnings) {
        context.output.warn(warning);
    }
    let question = Question { workspace: arguments.workspace, workload_type: arguments.workload_type };
    let show_config = if arguments.show_config { ShowConfig::Yes } else { ShowConfig::No };
    context.output.answer(&answer, |answer, paint| verdict::described(answer, &question, show_config, paint))?;
    Ok(if answer.verdict() == Verdict::Allow { Exit::Yes } else { Exit::No })
}
