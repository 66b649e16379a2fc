//! Whether somebody may do something, and why.

use clap::Args;
use reeve_api::policy::decision_service_client::DecisionServiceClient;
use reeve_api::policy::{CheckRequest, CheckResponse};

use crate::command::scope::Target;
use crate::context::Context;
use crate::failure::{Exit, Failure};
use crate::output::Paint;
use crate::table::plain;

/// Arguments of `reeve can`.
#[derive(Args)]
#[command(after_help = "\
Examples:
  reeve can workload.submit -w vision
  reeve can configPolicy.set -w vision --as user:bob
  reeve can user.administer && echo an administrator

Exit status: 0 yes, 1 no.")]
pub(crate) struct CanArguments {
    /// What, as `noun.verb`.
    permission: String,
    /// Where.
    #[command(flatten)]
    target: Target,
    /// Who: `user:NAME` or `robot:NAME`; left out, you.
    #[arg(long = "as", value_name = "PRINCIPAL")]
    principal: Option<String>,
}

/// `reeve can`.
pub(crate) async fn run(arguments: CanArguments, context: &mut Context<'_>) -> Result<Exit, Failure> {
    let request = CheckRequest {
        principal: arguments.principal.unwrap_or_default(),
        permission: arguments.permission,
        resource: arguments.target.resource(),
        consistency: None,
    };
    let answer = context
        .read(request, async |channel, request| DecisionServiceClient::new(channel).check(request).await)
        .await?;
    context.output.answer(&answer, decided)?;
    Ok(if answer.allowed { Exit::Yes } else { Exit::No })
}

fn decided(answer: &CheckResponse, paint: Paint) -> String {
    let decision = if answer.allowed { paint.good("yes") } else { paint.bad("no") };
    match answer.reason.as_ref().map(|reason| reason.message.as_str()) {
        None | Some("") => format!("{decision}\n"),
        Some(why) => format!("{decision}: {}\n", plain(why)),
    }
}
