//! `Watch`: the feed, for whoever may follow it.

use reeve_api::feed::feed_service_server::{FeedService, FeedServiceServer};
use reeve_api::feed::{WatchRequest, WatchResponse};
use reeve_chassis::{Failure, MAX_MESSAGE_BYTES, PreconditionReason, Services, UnavailableReason, need, or_service};
use reeve_model::{ConsistencyToken, Resource};
use reeve_replica::{FeedError, FeedServer};
use tonic::{Request, Response, Status};

use crate::rows::WATCH;
use crate::{Purpose, Reader};

/// Serves the feed of one replica.
#[derive(Clone)]
pub struct Feed {
    reader: Reader,
    server: FeedServer,
}

impl Feed {
    /// Serves what `server` streams, to whom `reader` says may follow it.
    pub fn new(reader: Reader, server: FeedServer) -> Self {
        Self { reader, server }
    }

    /// The server of `FeedService`; its row is [`FEED_ROWS`](crate::FEED_ROWS).
    pub fn services(&self) -> Services {
        Services::new().mount(FeedServiceServer::new(self.clone()).max_decoding_message_size(MAX_MESSAGE_BYTES))
    }

    async fn open(&self, request: Request<WatchRequest>) -> Result<reeve_replica::Feed, Failure> {
        // A service proves itself without a World: it may follow one that is too old to decide by.
        if or_service(request.extensions(), &WATCH)?.is_none() {
            let moment = self.reader.at(request.metadata(), None, Purpose::Decision).await?;
            need(request.extensions(), &WATCH, &moment, &Resource::cluster())?;
        }
        let after = match request.get_ref().after.as_str() {
            "" => None,
            text => Some(ConsistencyToken::parse(text).map_err(|error| Failure::invalid("after", error))?),
        };
        self.server.watch(after).await.map_err(|error| match error {
            FeedError::NotSynced => Failure::Unavailable {
                reason: UnavailableReason::NotSynced,
                message: error.to_string(),
                retry_after: None,
            },
            FeedError::ForeignToken => Failure::precondition(PreconditionReason::ForeignToken, "after", error),
        })
    }
}

#[tonic::async_trait]
impl FeedService for Feed {
    type WatchStream = std::pin::Pin<Box<dyn futures_util::Stream<Item = Result<WatchResponse, Status>> + Send>>;

    async fn watch(&self, request: Request<WatchRequest>) -> Result<Response<Self::WatchStream>, Status> {
        Ok(Response::new(self.open(request).await?))
    }
}
