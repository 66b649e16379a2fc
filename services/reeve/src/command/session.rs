//! Signing in and out, and who commands run as.

use clap::Args;
use reeve_api::identity::session_service_client::SessionServiceClient;
use reeve_api::identity::{LogoutRequest, WhoAmIRequest, WhoAmIResponse};

use crate::context::Context;
use crate::credentials::Activation;
use crate::failure::{Credential, Exit, Failure};
use crate::password::PasswordFrom;
use crate::table::{Table, plain};
use crate::time::shown;

/// Arguments of `reeve login`.
#[derive(Args)]
#[command(after_help = "\
The password is asked for without echo; in a run without a terminal it comes from REEVE_PASSWORD or standard input.

Examples:
  reeve login alice
  reeve --server http://10.0.0.5:7300 login alice
  reeve login ci --password-stdin < /run/secrets/password")]
pub(crate) struct LoginArguments {
    /// The username; left out, who commands run as already.
    #[arg(value_name = "USER")]
    user: Option<String>,
    /// Read the password from standard input.
    #[arg(long)]
    password_stdin: bool,
}

/// Arguments of `reeve logout`.
#[derive(Args)]
#[command(after_help = "\
Examples:
  reeve logout             the active user
  reeve -u bob logout      forgets the session kept for `-u bob`
  reeve logout --all       every user with a session at this server")]
pub(crate) struct LogoutArguments {
    /// Sign out every user with a session at this server.
    #[arg(long)]
    all: bool,
}

/// `reeve login`.
pub(crate) async fn login(arguments: LoginArguments, context: &mut Context<'_>) -> Result<Exit, Failure> {
    let user = user_to_sign_in(arguments.user, context)?;
    let password = context.password_to_sign_in(&user, PasswordFrom::flag(arguments.password_stdin))?;
    let (username, _) = context.sign_in(&user, &password, Activation::Active).await?;
    context.output.text(&format!("signed in as {} at {}\n", plain(&username), context.server))?;
    Ok(Exit::Yes)
}

fn user_to_sign_in(argument: Option<String>, context: &mut Context<'_>) -> Result<String, Failure> {
    match (argument, &context.user_flag) {
        (Some(user), Some(flag)) if !user.eq_ignore_ascii_case(flag) => {
            return Err(Failure::usage(format!("`{user}` and `-u {flag}` name two users; sign in one at a time")));
        }
        (Some(user), _) => return Ok(user),
        (None, _) => {}
    }
    if let Some(user) = context.user()? {
        return Ok(user);
    }
    let Some(terminal) = &mut context.inputs.terminal else {
        return Err(Failure::usage("who signs in? write `reeve login NAME`"));
    };
    match terminal.ask("Username: ") {
        Ok(user) if user.is_empty() => Err(Failure::usage("who signs in? write `reeve login NAME`")),
        Ok(user) => Ok(user),
        Err(cause) => Err(Failure::local(format!("cannot read the username: {cause}"))),
    }
}

/// `reeve logout`: what is kept here is forgotten in any case.
pub(crate) async fn logout(arguments: &LogoutArguments, context: &mut Context<'_>) -> Result<Exit, Failure> {
    let users = if arguments.all {
        context.credentials.users(context.server.as_str())
    } else {
        context.user()?.into_iter().collect()
    };
    if users.is_empty() {
        context.output.text(&format!("nobody is signed in at {}\n", context.server))?;
    }
    let mut outcome = Ok(Exit::Yes);
    for user in users {
        let server = context.server.to_string();
        let kept = context.credentials.session(&server, &user).is_some();
        let ended = end_session(&user, context).await;
        let active = context.credentials.active(&server).is_some_and(|active| active.eq_ignore_ascii_case(&user));
        if kept || active {
            context.update(|all| all.sign_out(&server, &user)).await?;
        }
        match ended {
            Ok(()) if kept => context.output.text(&format!("signed out {user} at {server}\n"))?,
            Ok(()) => context.output.text(&format!("no session of {user} at {server} is kept\n"))?,
            Err(failure) => {
                context
                    .output
                    .warn(format!("the session of {user} is forgotten here, but the server did not end it: {failure}"));
                outcome = Err(failure);
            }
        }
    }
    outcome
}

/// Ends a session at the server. One that is not kept, or has ended there, needs no more.
async fn end_session(user: &str, context: &mut Context<'_>) -> Result<(), Failure> {
    let Some(bearer) = context.bearer_of_session(user).await? else { return Ok(()) };
    let connection = context.connection().await?;
    let ask = async |channel, request| SessionServiceClient::new(channel).logout(request).await;
    match connection.send(Some(&bearer), LogoutRequest {}, &ask).await {
        Ok(_) => Ok(()),
        Err(failure) if failure.is_unauthenticated() => Ok(()),
        Err(failure) => Err(failure),
    }
}

/// `reeve whoami`.
pub(crate) async fn whoami(context: &mut Context<'_>) -> Result<Exit, Failure> {
    let answer = context
        .read(WhoAmIRequest::default(), async |channel, request| {
            SessionServiceClient::new(channel).who_am_i(request).await
        })
        .await?;
    let credential = context.bearer.as_ref().map(|bearer| bearer.credential.clone());
    if matches!(credential, Some(Credential::Session(_))) && context.inputs.environment.has("REEVE_TOKEN") {
        context.output.note("`REEVE_TOKEN` is set and was not used: the session that is kept goes before it");
    }
    let from = match credential {
        Some(Credential::Session(_)) => "the session that is kept",
        Some(Credential::Token) => "REEVE_TOKEN",
        Some(Credential::None) | None => "",
    };
    let server = context.server.to_string();
    context.output.answer(&answer, |answer, _| described(answer, &server, from))?;
    Ok(Exit::Yes)
}

fn described(answer: &WhoAmIResponse, server: &str, from: &str) -> String {
    Table::bare()
        .detail("principal", answer.principal.as_str())
        .detail("display name", answer.display_name.as_str())
        .detail("uid", answer.uid.as_str())
        .detail("groups", answer.groups.join(", "))
        .detail("cluster admin", if answer.cluster_admin { "yes" } else { "no" })
        .detail("token ends", shown(answer.token_expire_time.as_ref()))
        .detail("token from", from)
        .detail("server", server)
        .render()
}

/// `reeve token`.
pub(crate) async fn token(context: &mut Context<'_>) -> Result<Exit, Failure> {
    let bearer = context.bearer().await?;
    context.output.text(bearer.token.expose())?;
    Ok(Exit::Yes)
}
