//! Who holds which role where.

use clap::{Args, Subcommand};
use reeve_api::policy::binding_service_client::BindingServiceClient;
use reeve_api::policy::{BindRequest, Binding, Grant, ListBindingsRequest, UnbindRequest};

use crate::command::scope::{Scope, Target};
use crate::context::Context;
use crate::failure::{Exit, Failure};
use crate::table::Table;
use crate::time::{Expiry, shown};

/// `reeve binding …`
#[derive(Subcommand)]
pub(crate) enum BindingCommand {
    /// List bindings: those of a workspace and below it, or all.
    List {
        /// Where.
        #[command(flatten)]
        scope: Scope,
        /// Only those of this principal: `user:NAME`, `group:NAME`, `robot:NAME`, or `allUsers`.
        #[arg(long, value_name = "P")]
        principal: Option<String>,
    },
    /// Let a principal hold a role on a resource and on everything below it.
    #[command(after_help = "\
Examples:
  reeve binding add workspaceAdmin user:alice -w vision
  reeve binding add editor group:interns -w vision --expires 30d --note \"summer school\"
  reeve binding add clusterAdmin user:carol                       on the cluster
  reeve binding add viewer allUsers --on workspaces/vision/projects/demo")]
    Add {
        /// Which role.
        #[command(flatten)]
        held: Held,
        /// When it ends by itself: a time, `2026-12-24T18:00:00Z`, or a duration from now, `30d`, `720h`.
        #[arg(long, value_name = "WHEN")]
        expires: Option<Expiry>,
        /// Why it is made.
        #[arg(long, value_name = "TEXT")]
        note: Option<String>,
    },
    /// Remove a binding.
    #[command(after_help = "Example:\n  reeve binding remove editor user:bob -w vision")]
    Remove {
        /// Which role.
        #[command(flatten)]
        held: Held,
    },
}

/// A role, who holds it, and where.
#[derive(Args)]
pub(crate) struct Held {
    /// The role's name; `reeve role list` shows them.
    role: String,
    /// `user:NAME`, `group:NAME`, `robot:NAME`, or `allUsers`.
    principal: String,
    /// Where.
    #[command(flatten)]
    target: Target,
}

impl Held {
    fn grant(self) -> Grant {
        Grant { principal: self.principal, role: self.role, resource: self.target.resource(), ..Grant::default() }
    }
}

/// Runs `reeve binding …`.
pub(crate) async fn run(command: BindingCommand, context: &mut Context<'_>) -> Result<Exit, Failure> {
    match command {
        BindingCommand::List { scope, principal } => list(scope.resource(), principal, context).await?,
        BindingCommand::Add { held, expires, note } => {
            let expire_time = expires.map(|expires| expires.at((context.inputs.now)()));
            add(Grant { expire_time, note: note.unwrap_or_default(), ..held.grant() }, context).await?;
        }
        BindingCommand::Remove { held } => remove(held.grant(), context).await?,
    }
    Ok(Exit::Yes)
}

async fn list(resource: String, principal: Option<String>, context: &mut Context<'_>) -> Result<(), Failure> {
    let request = ListBindingsRequest {
        resource,
        below: true,
        principal: principal.unwrap_or_default(),
        ..ListBindingsRequest::default()
    };
    let answer = context
        .list(request, async |channel, request| BindingServiceClient::new(channel).list_bindings(request).await)
        .await?;
    context.output.answer(&answer, |answer, _| {
        let mut table = Table::headed(&["PRINCIPAL", "ROLE", "RESOURCE", "EXPIRES", "NOTE"]);
        for bound in &answer.bindings {
            let expires = match bound.expire_time.as_ref() {
                Some(time) => shown(Some(time)),
                None => "never".to_owned(),
            };
            table.push([bound.principal.as_str(), &bound.role, &bound.resource, &expires, &bound.note]);
        }
        table.render()
    })
}

async fn add(grant: Grant, context: &mut Context<'_>) -> Result<(), Failure> {
    let answer = context
        .write(BindRequest { grants: vec![grant] }, async |channel, request| {
            BindingServiceClient::new(channel).bind(request).await
        })
        .await?;
    context.output.answer(&answer, |answer, _| answer.bindings.iter().map(made).collect())
}

fn made(bound: &Binding) -> String {
    let until = match bound.expire_time.as_ref() {
        Some(time) => format!(" until {}", shown(Some(time))),
        None => String::new(),
    };
    format!("{} holds {} on {}{until}\n", bound.principal, bound.role, bound.resource)
}

async fn remove(grant: Grant, context: &mut Context<'_>) -> Result<(), Failure> {
    let removed = format!("{} no longer holds {} on {}\n", grant.principal, grant.role, grant.resource);
    let answer = context
        .write(UnbindRequest { grants: vec![grant] }, async |channel, request| {
            BindingServiceClient::new(channel).unbind(request).await
        })
        .await?;
    context.output.answer(&answer, |_, _| removed)
}
