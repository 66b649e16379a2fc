//! How a watch of etcd's comes about, or does not.

use std::time::Duration;

use etcd_client::{Client, WatchOptions, WatchStream};
use reeve_model::Revision;
use tokio::time::timeout;

use super::core::Core;
use super::failure::{Failure, failure, of_message};
use super::keys::{number, revision};
use super::pool::{Answer, Effect};
use crate::{StoreError, WatchError};

/// Most bytes of one message of a watch. A member cuts what is longer than the largest request that it takes, where it may.
const MAX_MESSAGE_BYTES: usize = 16 * 1024 * 1024;

/// How long a member may take to say from where on it knows history.
const PATIENCE: Duration = Duration::from_secs(3);

/// Why there is no watch.
pub(super) enum NoWatch {
    /// A member answered that there cannot be.
    Watch(WatchError),
    /// Nobody opened one.
    Failed(Failure),
}

/// A watch as a member opened it, or from where on it could have.
enum Created {
    Stream(Box<WatchStream>),
    Compacted(Revision),
}

impl Core {
    /// The oldest revision that is kept. etcd tells it to those alone who want to watch from an older one.
    pub(super) async fn oldest(&self) -> Result<Revision, StoreError> {
        let record = self.space.record();
        let end = super::keys::after(record.clone());
        let told = match self.open_watch(record, end, Revision::ZERO).await {
            Err(NoWatch::Watch(WatchError::Compacted { oldest })) => return Ok(oldest),
            // It says so in a message of its own, after having confirmed the watch.
            Ok(mut watch) => match timeout(PATIENCE, watch.value.message()).await {
                Ok(told) => told.map_err(|error| StoreError::from(failure(error)))?,
                Err(_) => None,
            },
            Err(NoWatch::Watch(WatchError::Lost(why))) => return Err(StoreError::Unavailable(why)),
            Err(NoWatch::Failed(failure)) => return Err(failure.into()),
        };
        match told.map_or(0, |told| told.compact_revision()) {
            0 => Err(Failure::Compacted.into()),
            oldest => revision(oldest),
        }
    }

    /// Watches the keys from `start` to before `end`, after a revision; and which member does.
    pub(super) async fn open_watch(
        &self,
        start: Vec<u8>,
        end: Vec<u8>,
        after: Revision,
    ) -> Result<Answer<WatchStream>, NoWatch> {
        // The first change that is possible is at revision two.
        let from = if after == Revision::ZERO { 1 } else { number(after).saturating_add(1) };
        let options = WatchOptions::new().with_range(end).with_start_revision(from).with_fragment();
        let open = |client: Client| create(client, start.clone(), options.clone());
        let answer = self.pool.call(Effect::Repeatable, open).await.map_err(NoWatch::Failed)?;
        match answer.value {
            Created::Stream(stream) => Ok(Answer { value: *stream, member: answer.member }),
            Created::Compacted(oldest) => Err(NoWatch::Watch(WatchError::Compacted { oldest })),
        }
    }
}

/// Opens a watch, and waits until the member has confirmed it.
async fn create(client: Client, start: Vec<u8>, options: WatchOptions) -> Result<Created, Failure> {
    let mut client = client.watch_client().max_decoding_message_size(MAX_MESSAGE_BYTES);
    let mut stream = client.watch(start, Some(options)).await.map_err(failure)?;
    loop {
        let answer = stream.message().await.map_err(failure)?;
        let answer = answer.ok_or_else(|| Failure::Unknown("it ended a watch before it began".to_owned()))?;
        if answer.compact_revision() > 0 {
            return Ok(Created::Compacted(revision(answer.compact_revision())?));
        }
        if answer.canceled() {
            return Err(cancelled(answer.cancel_reason()));
        }
        if answer.created() {
            return Ok(Created::Stream(Box::new(stream)));
        }
    }
}

/// Why a member cancelled a watch: with accounts, a sign-in that it does not know is no different from one without rights.
fn cancelled(reason: &str) -> Failure {
    let text = format!("it cancelled the watch: {reason}");
    match of_message(reason) {
        Some(Failure::Denied(_)) => Failure::SignedOut(text),
        Some(failure) => failure,
        None => Failure::Unknown(text),
    }
}
