//! One connection to a server, and the calls made on it.

use std::error::Error;
use std::time::Duration;

use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Response, Status};

use crate::failure::{Credential, Failure};
use crate::secret::Secret;
use crate::server::ServerAddress;

/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a call may take: the deadline that the server is told.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);
/// How long an answer may be late after the deadline, so that a server's own word about it still arrives.
const CALL_GRACE: Duration = Duration::from_secs(1);

/// A token, ready to be sent.
#[derive(Clone)]
pub(crate) struct Bearer {
    /// The token itself.
    pub(crate) token: Secret,
    /// Where it comes from.
    pub(crate) credential: Credential,
    header: MetadataValue<Ascii>,
}

impl Bearer {
    /// Makes a token ready.
    ///
    /// # Errors
    /// When it has characters that no token has.
    pub(crate) fn new(token: Secret, credential: Credential) -> Result<Self, Failure> {
        let source = match credential {
            Credential::Token => "`REEVE_TOKEN`",
            Credential::Session(_) | Credential::None => "the token",
        };
        let mut header = format!("Bearer {}", token.expose())
            .parse::<MetadataValue<Ascii>>()
            .map_err(|_| Failure::usage(format!("{source} has characters that no token has")))?;
        header.set_sensitive(true);
        Ok(Self { token, credential, header })
    }
}

/// An open connection.
#[derive(Clone)]
pub(crate) struct Connection {
    channel: Channel,
    server: String,
}

impl Connection {
    /// Connects.
    pub(crate) async fn open(server: &ServerAddress) -> Result<Self, Failure> {
        let unreachable =
            |cause: &dyn Error| Failure::Unreachable { server: server.to_string(), cause: root_cause(cause) };
        let endpoint = Endpoint::from_shared(server.as_str().to_owned())
            .and_then(|endpoint| endpoint.user_agent(concat!("reeve/", env!("CARGO_PKG_VERSION"))))
            .map_err(|refused| unreachable(&refused))?;
        let channel = endpoint.connect_timeout(CONNECT_TIMEOUT).connect().await.map_err(|e| unreachable(&e))?;
        Ok(Self { channel, server: server.to_string() })
    }

    /// Makes a call, once.
    pub(crate) async fn send<Q, A>(
        &self,
        bearer: Option<&Bearer>,
        message: Q,
        ask: &impl AsyncFn(Channel, Request<Q>) -> Result<Response<A>, Status>,
    ) -> Result<A, Failure> {
        let mut request = Request::new(message);
        request.set_timeout(CALL_TIMEOUT);
        if let Some(bearer) = bearer {
            request.metadata_mut().insert("authorization", bearer.header.clone());
        }
        let credential = bearer.map_or(Credential::None, |bearer| bearer.credential.clone());
        match tokio::time::timeout(CALL_TIMEOUT + CALL_GRACE, ask(self.channel.clone(), request)).await {
            Ok(Ok(answer)) => Ok(answer.into_inner()),
            Ok(Err(status)) => Err(Failure::of_status(&status, &self.server, credential)),
            Err(_) => Err(Failure::Unreachable {
                server: self.server.clone(),
                cause: format!("no answer within {} s", CALL_TIMEOUT.as_secs()),
            }),
        }
    }
}

/// What is at the bottom of an error: `Connection refused`, not `transport error`.
pub(crate) fn root_cause(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
