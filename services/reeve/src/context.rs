//! What a command runs in: a server, somebody to act as, and the calls made as them.

use std::io::Read;
use std::time::SystemTime;

use prost_types::Timestamp;
use reeve_api::api::consistency::Requirement;
use reeve_api::api::{Consistency, ErrorReason};
use tonic::transport::Channel;
use tonic::{Request, Response, Status};

use crate::arguments::Global;
use crate::cache::{Cache, CacheError, Loaded};
use crate::connection::{Bearer, Connection};
use crate::credentials::Credentials;
use crate::failure::{Credential, Failure};
use crate::message::{Page, PageRequest, Read as ReadRequest, Written};
use crate::output::Output;
use crate::server::ServerAddress;
use crate::session;
use crate::surroundings::Environment;
use crate::terminal::Terminal;

/// The longest page that the API gives.
const PAGE_SIZE: i32 = 1000;
/// A list with more pages than this does not end.
const PAGES_MAX: usize = 10_000;

/// What a command can read.
pub(crate) struct Inputs {
    /// The environment variables.
    pub(crate) environment: Environment,
    /// Standard input.
    pub(crate) stdin: Box<dyn Read + Send>,
    /// The person to ask, if there is one.
    pub(crate) terminal: Option<Box<dyn Terminal>>,
    /// The wall clock.
    pub(crate) now: fn() -> SystemTime,
}

/// What a command runs in.
pub(crate) struct Context<'a> {
    /// What it can read.
    pub(crate) inputs: Inputs,
    /// Where it answers.
    pub(crate) output: &'a mut Output,
    /// `-u`.
    pub(crate) user_flag: Option<String>,
    /// The server that is asked.
    pub(crate) server: ServerAddress,
    /// What is remembered.
    pub(crate) credentials: Credentials,
    /// The token that calls are made with, once there is one.
    pub(crate) bearer: Option<Bearer>,
    cache: Cache,
    connection: Option<Connection>,
}

impl<'a> Context<'a> {
    /// Reads what is remembered, and settles which server is asked.
    pub(crate) async fn open(global: &Global, inputs: Inputs, output: &'a mut Output) -> Result<Self, Failure> {
        let cache = Cache::of(&inputs.environment);
        let loaded = cache.load(seconds(&inputs)).await?;
        let from_environment = inputs.environment.text("REEVE_SERVER")?;
        let server = session::server(
            global.server.as_deref(),
            from_environment.as_deref(),
            loaded.credentials.last_server.as_deref(),
        )
        .parse::<ServerAddress>()?;
        let mut context = Self {
            inputs,
            output,
            user_flag: global.user.clone(),
            server,
            credentials: Credentials::default(),
            bearer: None,
            cache,
            connection: None,
        };
        context.take(loaded);
        Ok(context)
    }

    /// The time, in seconds since the Unix epoch.
    pub(crate) fn now_seconds(&self) -> i64 {
        seconds(&self.inputs)
    }

    /// Who to act as, if somebody was named or is signed in.
    pub(crate) fn user(&self) -> Result<Option<String>, Failure> {
        let from_environment = self.inputs.environment.text("REEVE_USER")?;
        let active = self.credentials.active(self.server.as_str());
        Ok(session::who(self.user_flag.as_deref(), from_environment.as_deref(), active).map(str::to_owned))
    }

    /// Reads, no older than this person's last write at this server.
    pub(crate) async fn read<Q: ReadRequest + Clone, A>(
        &mut self,
        mut message: Q,
        ask: impl AsyncFn(Channel, Request<Q>) -> Result<Response<A>, Status>,
    ) -> Result<A, Failure> {
        let last_write = self.credentials.consistency_token(self.server.as_str()).map(str::to_owned);
        if let Some(token) = last_write {
            let requirement = Some(Requirement::AtLeastAsFresh(token));
            *message.consistency() = Some(Consistency { requirement });
            match self.call(message.clone(), &ask).await {
                Err(failure) if failure.reason() == Some(ErrorReason::ForeignToken) => {
                    let server = self.server.to_string();
                    self.remember(|all| all.set_consistency_token(&server, None)).await;
                    *message.consistency() = None;
                }
                answered => return answered,
            }
        }
        self.call(message, &ask).await
    }

    /// Reads a list to its end, as one page.
    pub(crate) async fn list<Q: PageRequest, A: Page>(
        &mut self,
        mut message: Q,
        ask: impl AsyncFn(Channel, Request<Q>) -> Result<Response<A>, Status>,
    ) -> Result<A, Failure> {
        *message.page_size() = PAGE_SIZE;
        let mut all = self.read(message.clone(), &ask).await?;
        for _ in 1..PAGES_MAX {
            if all.next_page_token().is_empty() {
                return Ok(all);
            }
            all.next_page_token().clone_into(message.page_token());
            all.append(self.read(message.clone(), &ask).await?);
        }
        Err(Failure::local(format!("the server's list has more than {PAGES_MAX} pages; narrow it")))
    }

    /// Writes, and remembers the proof, so that the next read sees it.
    pub(crate) async fn write<Q: Clone, A: Written>(
        &mut self,
        message: Q,
        ask: impl AsyncFn(Channel, Request<Q>) -> Result<Response<A>, Status>,
    ) -> Result<A, Failure> {
        let answer = self.call(message, &ask).await?;
        self.remember_write(&answer).await;
        Ok(answer)
    }

    /// Makes a call as whoever this command acts as. A cached token that is not accepted is renewed, once.
    pub(crate) async fn call<Q: Clone, A>(
        &mut self,
        message: Q,
        ask: &impl AsyncFn(Channel, Request<Q>) -> Result<Response<A>, Status>,
    ) -> Result<A, Failure> {
        let bearer = self.bearer().await?;
        let connection = self.connection().await?;
        let answered = match connection.send(Some(&bearer), message.clone(), ask).await {
            Err(failure) if failure.is_unauthenticated() => match self.renewed_bearer(&bearer).await? {
                Some(renewed) => connection.send(Some(&renewed), message, ask).await,
                None => Err(failure),
            },
            answered => answered,
        };
        // a token that is good for one command makes its server that command's alone
        if answered.is_ok() && matches!(bearer.credential, Credential::Session(_)) {
            self.remember_server().await;
        }
        answered
    }

    /// The connection, opened when it is first needed.
    pub(crate) async fn connection(&mut self) -> Result<Connection, Failure> {
        if let Some(connection) = &self.connection {
            return Ok(connection.clone());
        }
        let connection = Connection::open(&self.server).await?;
        self.connection = Some(connection.clone());
        Ok(connection)
    }

    /// Remembers the proof of a write.
    pub(crate) async fn remember_write(&mut self, answer: &impl Written) {
        let (server, token) = (self.server.to_string(), answer.consistency_token().to_owned());
        if !token.is_empty() {
            self.remember(|all| all.set_consistency_token(&server, Some(token))).await;
        }
    }

    /// Changes the credentials file.
    pub(crate) async fn update(&mut self, change: impl FnOnce(&mut Credentials)) -> Result<(), Failure> {
        let loaded = self.cache.update(self.now_seconds(), change).await?;
        self.take(loaded);
        Ok(())
    }

    /// Changes the credentials file, where the command's answer does not depend on it.
    pub(crate) async fn remember(&mut self, change: impl FnOnce(&mut Credentials)) {
        match self.cache.update(self.now_seconds(), change).await {
            Ok(loaded) => self.take(loaded),
            Err(CacheError::NoHome) => {}
            Err(failed) => self.output.note(format!("{failed}; the next command will not remember this one")),
        }
    }

    async fn remember_server(&mut self) {
        let server = self.server.to_string();
        if self.credentials.last_server.as_ref() != Some(&server) {
            self.remember(|all| all.last_server = Some(server)).await;
        }
    }

    fn take(&mut self, loaded: Loaded) {
        self.credentials = loaded.credentials;
        if let Some(aside) = loaded.set_aside {
            let aside = aside.display();
            self.output.warn(format!("the credentials file was damaged and is set aside as `{aside}`; sign in again"));
        }
    }
}

fn seconds(inputs: &Inputs) -> i64 {
    Timestamp::from((inputs.now)()).seconds
}
