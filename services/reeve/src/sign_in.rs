//! Getting a token: from the session that is kept, from the environment, or by signing in.

use reeve_api::identity::session_service_client::SessionServiceClient;
use reeve_api::identity::{LoginRequest, RefreshRequest, SessionTokens};

use crate::connection::Bearer;
use crate::context::Context;
use crate::credentials::{Activation, Credentials, Session};
use crate::failure::{Credential, Failure};
use crate::secret::Secret;
use crate::session::{Means, Prompt, Step, step};

impl Context<'_> {
    /// The token that calls are made with.
    pub(crate) async fn bearer(&mut self) -> Result<Bearer, Failure> {
        if let Some(bearer) = &self.bearer {
            return Ok(bearer.clone());
        }
        let bearer = self.obtain().await?;
        self.bearer = Some(bearer.clone());
        Ok(bearer)
    }

    async fn obtain(&mut self) -> Result<Bearer, Failure> {
        let user = self.user()?;
        let token = self.inputs.environment.secret("REEVE_TOKEN")?;
        let password = self.inputs.environment.secret("REEVE_PASSWORD")?;
        let prompt = if self.inputs.terminal.is_some() { Prompt::Possible } else { Prompt::Impossible };
        let mut session = user.as_deref().and_then(|user| self.session_of(user));
        loop {
            let means = Means { session: session.as_ref(), token: token.as_ref(), password: password.as_ref(), prompt };
            match step(user.as_deref(), &means, self.now_seconds()) {
                Step::UseSession(session) => return bearer_of(user.as_deref(), session),
                Step::Renew(old) => {
                    let old = old.clone();
                    session = self.renew(&old).await?;
                    if let Some(renewed) = &session {
                        return bearer_of(user.as_deref(), renewed);
                    }
                }
                Step::UseToken(token) => {
                    if let Some(user) = &self.user_flag {
                        self.output.note(format!("no session of `{user}` is kept; acting as whom `REEVE_TOKEN` names"));
                    }
                    return Bearer::new(token.clone(), Credential::Token);
                }
                Step::SignIn(user, password) => {
                    let (user, session) = self.sign_in(user, password, Activation::OnRequest).await?;
                    return bearer_of(Some(&user), &session);
                }
                Step::Ask(user) => {
                    let password = self.ask_password(user)?;
                    let (user, session) = self.sign_in(user, &password, Activation::OnRequest).await?;
                    return bearer_of(Some(&user), &session);
                }
                Step::Nobody => return Err(self.nobody()),
                Step::NoMeans(user) => return Err(self.no_means(user)),
            }
        }
    }

    /// A new token in the place of one that was not accepted; none if there is no session behind it, or no longer.
    pub(crate) async fn renewed_bearer(&mut self, refused: &Bearer) -> Result<Option<Bearer>, Failure> {
        let Credential::Session(user) = &refused.credential else { return Ok(None) };
        let Some(session) = self.session_of(user) else { return Ok(None) };
        let Some(renewed) = self.renew(&session).await? else { return Ok(None) };
        let bearer = bearer_of(Some(user), &renewed)?;
        self.bearer = Some(bearer.clone());
        Ok(Some(bearer))
    }

    /// The token of a session that is kept, renewed if need be; none if there is none, or it has ended.
    pub(crate) async fn bearer_of_session(&mut self, user: &str) -> Result<Option<Bearer>, Failure> {
        let session = self.session_of(user);
        let means = Means { session: session.as_ref(), token: None, password: None, prompt: Prompt::Impossible };
        match step(Some(user), &means, self.now_seconds()) {
            Step::UseSession(session) => bearer_of(Some(user), session).map(Some),
            Step::Renew(old) => {
                let renewed = self.renew(old).await?;
                renewed.map(|session| bearer_of(Some(user), &session)).transpose()
            }
            _ => Ok(None),
        }
    }

    /// Exchanges a session's refresh token; none if the session has ended, which is then forgotten.
    async fn renew(&mut self, old: &Session) -> Result<Option<Session>, Failure> {
        let request = RefreshRequest { refresh_token: old.refresh_token.expose().to_owned() };
        let answered = self
            .connection()
            .await?
            .send(None, request, &async |channel, request| SessionServiceClient::new(channel).refresh(request).await)
            .await;
        let server = self.server.to_string();
        match answered {
            Ok(answer) => {
                let session = session_from(answer.tokens)?;
                let next = session.clone();
                self.remember(|all| all.renew(&server, &old.refresh_token, next)).await;
                Ok(Some(session))
            }
            Err(failure) if failure.is_unauthenticated() => {
                self.remember(|all| all.forget(&server, &old.refresh_token)).await;
                Ok(None)
            }
            Err(failure) => Err(failure),
        }
    }

    /// Signs in and keeps the session. Answers with the username as the server has it.
    pub(crate) async fn sign_in(
        &mut self,
        user: &str,
        password: &Secret,
        activation: Activation,
    ) -> Result<(String, Session), Failure> {
        if !self.server.is_local() {
            self.output.note(format!("the connection to {} is not encrypted", self.server));
        }
        let client = match self.inputs.environment.text("HOSTNAME")? {
            Some(host) => format!("reeve on {host}").chars().take(CLIENT_CHARS_MAX).collect(),
            None => "reeve".to_owned(),
        };
        let request = LoginRequest { username: user.to_owned(), password: password.expose().to_owned(), client };
        let answer = self
            .connection()
            .await?
            .send(None, request, &async |channel, request| SessionServiceClient::new(channel).login(request).await)
            .await?;
        let session = session_from(answer.tokens)?;
        let (server, username, kept) = (self.server.to_string(), answer.username, session.clone());
        let token = Some(answer.consistency_token).filter(|token| !token.is_empty());
        let name = username.clone();
        let change = move |all: &mut Credentials| {
            all.sign_in(&server, &name, kept, activation);
            all.set_consistency_token(&server, token);
            all.last_server = Some(server);
        };
        match activation {
            Activation::Active => self.update(change).await?,
            Activation::OnRequest => self.remember(change).await,
        }
        Ok((username, session))
    }

    fn session_of(&self, user: &str) -> Option<Session> {
        self.credentials.session(self.server.as_str(), user).cloned()
    }

    fn nobody(&self) -> Failure {
        Failure::NotSignedIn {
            message: format!("nobody is signed in at {}", self.server),
            next: "sign in: `reeve login NAME`; or set `REEVE_TOKEN`".to_owned(),
        }
    }

    /// An active user without a session is one whose session has ended, in this command or an earlier one.
    fn no_means(&self, user: &str) -> Failure {
        let server = &self.server;
        let active = self.credentials.active(server.as_str());
        let (message, again) = if active.is_some_and(|active| active.eq_ignore_ascii_case(user)) {
            (format!("the session of `{user}` at {server} has ended"), " again")
        } else {
            let none = format!("no session of `{user}` at {server} is kept");
            (format!("{none}, and there is no terminal to ask for the password"), "")
        };
        let next = format!("sign in{again}: `reeve login {user}`; or set `REEVE_PASSWORD` or `REEVE_TOKEN`");
        Failure::NotSignedIn { message, next }
    }
}

/// The longest name that a session is listed as.
const CLIENT_CHARS_MAX: usize = 128;

fn bearer_of(user: Option<&str>, session: &Session) -> Result<Bearer, Failure> {
    let credential = Credential::Session(user.unwrap_or("NAME").to_owned());
    Bearer::new(session.access_token.clone(), credential)
}

fn session_from(tokens: Option<SessionTokens>) -> Result<Session, Failure> {
    tokens.map(Session::from).ok_or_else(|| Failure::local("the server answered without the session's tokens"))
}
