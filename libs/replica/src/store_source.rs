//! Follows the store itself: list at one revision, watch from there, resume.

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, stream};
use reeve_model::{ConsistencyToken, Revision};
use reeve_store::{Store, StoreError, Versioned, Watch, WatchError, WatchEvent, WatchedChange};
use reeve_world::PREFIX;

use crate::history::HISTORY_MAX_CHANGES;
use crate::replica::Barrier;
use crate::source::{Source, SourceError, SourceEvent, StoredRecord};

/// Most records of one page of a list.
const PAGE: usize = 1000;
/// How often the store is asked for its oldest changes before they are done without.
const PAST_ATTEMPTS: usize = 3;

type Events = BoxStream<'static, Result<SourceEvent, SourceError>>;

/// Follows the published records of a store.
pub struct StoreSource {
    store: Arc<dyn Store>,
}

impl StoreSource {
    /// Follows `store`.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store }
    }

    fn token(&self, revision: Revision) -> ConsistencyToken {
        ConsistencyToken { store: self.store.id(), revision }
    }

    /// Every record at one revision, as events without the last, and that revision.
    async fn list(&self) -> Result<(Vec<SourceEvent>, Revision), SourceError> {
        let mut events = vec![SourceEvent::Begin];
        let (mut after, mut at) = (None, None);
        loop {
            let page = self.store.list(PREFIX, after.as_ref(), PAGE, at).await.map_err(lost)?;
            at = Some(page.revision);
            after = page.items.last().map(|item| item.key.clone());
            events.push(SourceEvent::Records(page.items.into_iter().map(stored).collect()));
            if !page.more {
                return Ok((events, page.revision));
            }
        }
    }

    /// A watch from before `revision`, as far back as a history reaches and the store still knows; and where it begins.
    async fn past(&self, revision: Revision) -> Result<Option<(Revision, Watch)>, SourceError> {
        let mut from = Revision::new(revision.get().saturating_sub(HISTORY_MAX_CHANGES as u64));
        // The store may forget more between saying how much it keeps and being asked for it.
        for _ in 0..PAST_ATTEMPTS {
            from = match self.store.watch(PREFIX, from).await {
                Ok(mut watch) => match watch.next().await {
                    Some(Err(WatchError::Compacted { oldest })) => oldest,
                    first => return Ok(Some((from, stream::iter(first).chain(watch).boxed()))),
                },
                Err(StoreError::Compacted { oldest, .. }) => oldest,
                Err(error) => return Err(lost(error)),
            };
            if from > revision {
                break;
            }
        }
        Ok(None)
    }

    async fn watch(&self, after: Revision) -> Result<Watch, SourceError> {
        self.store.watch(PREFIX, after).await.map_err(lost)
    }

    fn event(&self) -> impl Fn(WatchEvent) -> SourceEvent + Send + use<> {
        let store = self.store.id();
        move |event| match event {
            WatchEvent::Changes { revision, changes } => told(revision, changes),
            WatchEvent::Progress { revision, age } => {
                let token = ConsistencyToken { store, revision };
                SourceEvent::Confirmed { token, age, digest: None }
            }
        }
    }

    /// Every record at one revision; around it, what changed before it and what changes after.
    async fn list_and_watch(&self) -> Result<Events, SourceError> {
        let (events, revision) = self.list().await?;
        let source = Self { store: self.store.clone() };
        // Only when the list was taken in: a watch that nobody reads meanwhile would be given up.
        let rest = async move { source.around(revision).await.unwrap_or_else(|error| failed(error)) };
        Ok(stream::iter(events.into_iter().map(Ok)).chain(stream::once(rest).flatten()).boxed())
    }

    /// What changed before `revision`, that the list is complete there, and what changes after.
    async fn around(&self, revision: Revision) -> Result<Events, SourceError> {
        let (past, watch) = match self.past(revision).await? {
            Some((from, watch)) => (Some(SourceEvent::Past(from)), watch),
            None => (None, self.watch(revision).await?),
        };
        let mut complete = Some(SourceEvent::Complete(self.token(revision)));
        let event = self.event();
        let rest = watch.flat_map(move |watched| {
            let told = match watched {
                Ok(WatchEvent::Progress { revision: at, .. }) if complete.is_some() && at < revision => vec![],
                Ok(WatchEvent::Changes { revision: at, changes }) if at <= revision => vec![Ok(told(at, changes))],
                Ok(after) => complete.take().into_iter().chain([event(after)]).map(Ok).collect(),
                Err(error) => vec![Err(watch_lost(error))],
            };
            stream::iter(told)
        });
        // A store that was replaced while nobody watched has revisions too. Nothing of it is believed before it has said that
        // it is the one that was opened; from then on the watch would be cut.
        self.store.barrier().await.map_err(lost)?;
        Ok(stream::iter(past.map(Ok)).chain(rest).boxed())
    }

    /// What changes after `revision`.
    async fn on_from(&self, revision: Revision) -> Result<Events, SourceError> {
        let event = self.event();
        let watch = self.watch(revision).await?;
        // as above
        self.store.barrier().await.map_err(lost)?;
        Ok(watch.map(move |watched| watched.map(&event).map_err(watch_lost)).boxed())
    }
}

/// Nothing but an error.
fn failed(error: SourceError) -> Events {
    stream::once(async { Err(error) }).boxed()
}

#[async_trait]
impl Source for StoreSource {
    async fn open(&mut self, after: Option<ConsistencyToken>) -> Result<Events, SourceError> {
        match after.filter(|after| after.store == self.store.id()) {
            Some(after) => self.on_from(after.revision).await,
            None => self.list_and_watch().await,
        }
    }

    fn name(&self) -> String {
        format!("store {}", self.store.id().uuid)
    }
}

#[async_trait]
impl Barrier for StoreSource {
    async fn barrier(&self) -> Result<Revision, SourceError> {
        self.store.barrier().await.map_err(lost)
    }
}

fn lost(error: StoreError) -> SourceError {
    match error {
        StoreError::Compacted { .. } => SourceError::Compacted,
        error @ StoreError::Future { .. } => SourceError::Regressed(error.to_string()),
        error @ StoreError::Replaced(_) => SourceError::Foreign(error.to_string()),
        error => SourceError::Lost(error.to_string()),
    }
}

fn watch_lost(error: WatchError) -> SourceError {
    match error {
        WatchError::Compacted { .. } => SourceError::Compacted,
        error @ WatchError::Lost(_) => SourceError::Lost(error.to_string()),
    }
}

fn stored(item: Versioned) -> StoredRecord {
    StoredRecord { key: item.key.as_str().to_owned(), value: item.value }
}

fn told(revision: Revision, changes: Vec<WatchedChange>) -> SourceEvent {
    let (mut upserts, mut deletes) = (Vec::new(), Vec::new());
    for change in changes {
        match change {
            WatchedChange::Put(item) => upserts.push(stored(item)),
            WatchedChange::Deleted(key) => deletes.push(key.as_str().to_owned()),
        }
    }
    SourceEvent::Changes { revision, upserts, deletes }
}
