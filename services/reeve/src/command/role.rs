//! What can be bound.

use clap::Subcommand;
use reeve_api::policy::ListRolesRequest;
use reeve_api::policy::role_service_client::RoleServiceClient;

use crate::context::Context;
use crate::failure::{Exit, Failure};
use crate::table::Table;

/// `reeve role …`
#[derive(Subcommand)]
pub(crate) enum RoleCommand {
    /// List the roles, weakest first; `-o yaml` shows what each holds.
    List,
}

/// `reeve role list`.
pub(crate) async fn list(context: &mut Context<'_>) -> Result<Exit, Failure> {
    let answer = context
        .call(ListRolesRequest {}, &async |channel, request| RoleServiceClient::new(channel).list_roles(request).await)
        .await?;
    context.output.answer(&answer, |answer, _| {
        let mut table = Table::headed(&["NAME", "BOUND AT", "PERMISSIONS", "DESCRIPTION"]);
        for role in &answer.roles {
            let (places, held) = (role.assignable_at.join(","), role.permissions.len().to_string());
            table.push([role.name.as_str(), &places, &held, &role.description]);
        }
        table.render()
    })?;
    Ok(Exit::Yes)
}
