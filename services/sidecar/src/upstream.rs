//! The services that a sidecar follows, one after the other, and its token for them.

use std::error::Error;
use std::path::PathBuf;
use std::time::Duration;

use reeve_credentials::SecretString;
use reeve_replica::Connect;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Channel, Endpoint};

/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// How often a quiet connection is asked whether it lives.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(2);
/// How long it may take to say so. Together with the interval this bounds how old a heartbeat can be when it arrives.
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(3);

/// The services to follow; each attempt takes the next.
pub struct Upstreams {
    urls: Vec<String>,
    next: usize,
    token_file: PathBuf,
}

impl Upstreams {
    /// Follows `urls`, with the token in `token_file`, which is read for each connection so that it can be replaced.
    pub fn new(urls: Vec<String>, token_file: PathBuf) -> Self {
        Self { urls, next: 0, token_file }
    }

    async fn token(&self) -> Result<SecretString, String> {
        let text = tokio::fs::read_to_string(&self.token_file).await;
        let text = text.map_err(|error| format!("{} cannot be read: {error}", self.token_file.display()))?;
        Ok(SecretString::from(text.trim()))
    }
}

#[tonic::async_trait]
impl Connect for Upstreams {
    async fn connect(&mut self) -> Result<(Channel, MetadataValue<Ascii>), String> {
        let url = self.urls.get(self.next % self.urls.len().max(1)).ok_or("no service is named")?.clone();
        self.next = self.next.wrapping_add(1);
        let token = self.token().await?;
        let authorization = MetadataValue::try_from(format!("Bearer {}", token.expose()));
        let mut authorization = authorization.map_err(|_| format!("{} holds no token", self.token_file.display()))?;
        authorization.set_sensitive(true);
        let endpoint = Endpoint::from_shared(url.clone()).map_err(|error| format!("{url}: {error}"))?;
        let channel = endpoint
            .connect_timeout(CONNECT_TIMEOUT)
            .http2_keep_alive_interval(KEEPALIVE_INTERVAL)
            .keep_alive_timeout(KEEPALIVE_TIMEOUT)
            .keep_alive_while_idle(true)
            .tcp_nodelay(true)
            .connect()
            .await
            .map_err(|error| format!("{url} cannot be reached: {}", cause(&error)))?;
        Ok((channel, authorization))
    }

    fn name(&self) -> String {
        self.urls.join(", ")
    }

    fn has_others(&self) -> bool {
        self.urls.len() > 1
    }
}

/// The innermost cause: what the transport says of itself is that it failed.
fn cause(error: &dyn Error) -> String {
    error.source().map_or_else(|| error.to_string(), cause)
}
