//! Follows another service's feed over gRPC.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, stream};
use prost::Message;
use reeve_api::feed::watch_response::Event;
use reeve_api::feed::{WatchRequest, WatchResponse, feed_service_client::FeedServiceClient};
use reeve_api::world as wire;
use reeve_model::{ConsistencyToken, Revision};
use tokio::time::Instant;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::Channel;
use tonic::{Code, Request, Status, Streaming};

use crate::source::{Source, SourceError, SourceEvent, StoredRecord};

/// Largest message of a feed that is accepted.
const MAX_FEED_MESSAGE_BYTES: usize = 16 * 1024 * 1024;
/// A feed that has said nothing for this long, heartbeats included, is given up.
const SILENCE: Duration = Duration::from_secs(5);

/// A service that has not confirmed its own state for this long is left for another, if there is one; and not sooner after it
/// was turned to, so that nobody who is as far behind as all the others goes from one to the next.
const BEHIND: Duration = Duration::from_secs(15);

/// Makes a connection to a service, and the credentials for it, whenever one is needed.
#[async_trait]
pub trait Connect: Send + Sync + 'static {
    /// A channel to the next service to try, and the `authorization` value for it.
    async fn connect(&mut self) -> Result<(Channel, MetadataValue<Ascii>), String>;

    /// What it connects to, for the log.
    fn name(&self) -> String;

    /// Whether the next service to try is another one.
    fn has_others(&self) -> bool {
        false
    }
}

/// Follows the feed of a service.
pub struct FeedSource<C> {
    connect: C,
}

impl<C: Connect> FeedSource<C> {
    /// Follows the feed of whatever `connect` reaches.
    pub fn new(connect: C) -> Self {
        Self { connect }
    }
}

#[async_trait]
impl<C: Connect> Source for FeedSource<C> {
    async fn open(
        &mut self,
        after: Option<ConsistencyToken>,
    ) -> Result<BoxStream<'static, Result<SourceEvent, SourceError>>, SourceError> {
        let connected = tokio::time::timeout(SILENCE, self.connect.connect()).await;
        let (channel, authorization) = connected.map_err(|_| no_answer())?.map_err(SourceError::Lost)?;
        let mut client = FeedServiceClient::new(channel).max_decoding_message_size(MAX_FEED_MESSAGE_BYTES);
        let mut request =
            Request::new(WatchRequest { after: after.map(|token| token.to_string()).unwrap_or_default() });
        request.metadata_mut().insert("authorization", authorization);
        let opened = tokio::time::timeout(SILENCE, client.watch(request)).await;
        let messages = opened.map_err(|_| no_answer())?.map_err(refused)?.into_inner();
        let (opened, others) = (Instant::now(), self.connect.has_others());
        Ok(stream::unfold(Some(Heard { messages, at: opened, opened, others }), next).boxed())
    }

    fn name(&self) -> String {
        format!("feed of {}", self.connect.name())
    }
}

type Told = Result<SourceEvent, SourceError>;

/// A feed, when it was opened and last heard, and whether there are others.
struct Heard {
    messages: Streaming<WatchResponse>,
    at: Instant,
    opened: Instant,
    others: bool,
}

/// The next event; the first error is the last.
async fn next(heard: Option<Heard>) -> Option<(Told, Option<Heard>)> {
    let Heard { mut messages, at, opened, others } = heard?;
    let told = match tokio::time::timeout_at(at + SILENCE, messages.message()).await {
        // A message that waited for this process, as after the machine slept, is not as young as it says.
        Err(_) => Err(silence()),
        Ok(_) if at.elapsed() > SILENCE => Err(silence()),
        Ok(Err(status)) => Err(refused(status)),
        Ok(Ok(None)) => Err(SourceError::Lost("ended by the service".to_owned())),
        Ok(Ok(Some(message))) => match event(message) {
            Ok(SourceEvent::Confirmed { age, .. }) if others && is_behind(age, opened.elapsed()) => Err(behind(age)),
            told => told,
        },
    };
    let rest = told.is_ok().then(|| Heard { messages, at: Instant::now(), opened, others });
    Some((told, rest))
}

/// Whether a service whose state was confirmed `age` ago is left after having been followed for so long.
fn is_behind(age: Duration, followed_for: Duration) -> bool {
    age > BEHIND && followed_for > BEHIND
}

fn behind(age: Duration) -> SourceError {
    SourceError::Lost(format!("the service is behind: its own state was confirmed {} s ago", age.as_secs()))
}

fn silence() -> SourceError {
    SourceError::Lost(format!("nothing heard for {} s", SILENCE.as_secs()))
}

fn no_answer() -> SourceError {
    SourceError::Lost(format!("no answer for {} s", SILENCE.as_secs()))
}

fn refused(status: Status) -> SourceError {
    let told = format!("{}: {}", status.code(), status.message());
    match status.code() {
        // the one state of a service that stands against a follower: the follower's token is not of its store
        Code::FailedPrecondition => SourceError::Foreign(told),
        _ => SourceError::Lost(told),
    }
}

fn event(message: WatchResponse) -> Told {
    let event = message.event.ok_or_else(|| SourceError::Lost("an event of a newer contract".to_owned()))?;
    Ok(match event {
        Event::SnapshotBegin(_) => SourceEvent::Begin,
        Event::Records(records) => SourceEvent::Records(records.records.into_iter().map(stored).collect()),
        Event::SnapshotEnd(end) => SourceEvent::Complete(token(&end.consistency_token)?),
        Event::Changes(changes) => SourceEvent::Changes {
            revision: Revision::new(changes.revision),
            upserts: changes.upserts.into_iter().map(stored).collect(),
            deletes: changes.deletes,
        },
        Event::Heartbeat(heartbeat) => SourceEvent::Confirmed {
            token: token(&heartbeat.consistency_token)?,
            age: Duration::from_millis(heartbeat.confirmed_age_ms),
            digest: Some(heartbeat.digest),
        },
    })
}

/// Encodes as the store holds it: encoding is deterministic for these messages, which have no maps, so the digest is the same.
fn stored(record: wire::Record) -> StoredRecord {
    StoredRecord { value: Bytes::from(record.encode_to_vec()), key: record.key }
}

fn token(text: &str) -> Result<ConsistencyToken, SourceError> {
    ConsistencyToken::parse(text).map_err(|_| SourceError::Lost("a token of a newer contract".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_that_is_behind_is_left_in_its_time() {
        let after = Duration::from_millis(1);
        assert!(is_behind(BEHIND + after, BEHIND + after));
        assert!(!is_behind(BEHIND, BEHIND * 9), "it may yet be confirmed");
        assert!(!is_behind(BEHIND * 9, BEHIND), "it was only just turned to");
    }
}
