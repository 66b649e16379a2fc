//! Follows the store itself: list at one revision, watch from there, resume.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, TryStreamExt, stream};
use reeve_model::{ConsistencyToken, Revision};
use reeve_store::{Store, StoreError, Versioned, WatchError, WatchEvent, WatchedChange};
use reeve_world::PREFIX;

use crate::replica::Barrier;
use crate::source::{Source, SourceError, SourceEvent, StoredRecord};

/// Most records of one page of a list.
const PAGE: usize = 1000;

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

    /// Every record at one revision, as events, and that revision.
    async fn list(&self) -> Result<(Vec<SourceEvent>, Revision), SourceError> {
        let mut events = vec![SourceEvent::Begin];
        let (mut after, mut at) = (None, None);
        loop {
            let page = self.store.list(PREFIX, after.as_ref(), PAGE, at).await.map_err(lost)?;
            at = Some(page.revision);
            after = page.items.last().map(|item| item.key.clone());
            events.push(SourceEvent::Records(page.items.into_iter().map(stored).collect()));
            if !page.more {
                events.push(SourceEvent::Complete(self.token(page.revision)));
                return Ok((events, page.revision));
            }
        }
    }

    async fn watch(
        &self,
        after: Revision,
    ) -> Result<BoxStream<'static, Result<SourceEvent, SourceError>>, SourceError> {
        let store = self.store.id();
        let events = self.store.watch(PREFIX, after).await.map_err(lost)?;
        let events = events.map(move |event| match event {
            Ok(WatchEvent::Changes { revision, changes }) => Ok(told(revision, changes)),
            Ok(WatchEvent::Progress { revision }) => {
                let token = ConsistencyToken { store, revision };
                Ok(SourceEvent::Confirmed { token, age: Duration::ZERO, digest: None })
            }
            Err(WatchError::Compacted { .. }) => Err(SourceError::Compacted),
            Err(error @ WatchError::Lost(_)) => Err(SourceError::Lost(error.to_string())),
        });
        Ok(events.boxed())
    }
}

#[async_trait]
impl Source for StoreSource {
    async fn open(
        &mut self,
        after: Option<ConsistencyToken>,
    ) -> Result<BoxStream<'static, Result<SourceEvent, SourceError>>, SourceError> {
        if let Some(after) = after.filter(|after| after.store == self.store.id()) {
            return self.watch(after.revision).await;
        }
        let (events, revision) = self.list().await?;
        let changes = self.watch(revision).await?;
        Ok(stream::iter(events.into_iter().map(Ok)).chain(changes.into_stream()).boxed())
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
        error => SourceError::Lost(error.to_string()),
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
