//! A store in which somebody else writes between a decision and its commit.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use reeve_model::{Revision, StoreId};
use reeve_store::{
    CommitError, Committed, Embedded, Key, Lease, LeaseId, Page, Store, StoreError, Txn, Versioned, Watch,
};

/// Passes everything on, after whatever was to happen first.
pub(crate) struct Meddler {
    pub(crate) inner: Arc<Embedded>,
    first: Mutex<Option<Txn>>,
}

impl Meddler {
    pub(crate) fn new(inner: Arc<Embedded>) -> Self {
        Self { inner, first: Mutex::new(None) }
    }

    /// The next commit finds that this one was faster.
    pub(crate) fn before_next_commit(&self, txn: Txn) {
        *self.first.lock().unwrap() = Some(txn);
    }

    /// Whether what was to come first has come.
    pub(crate) fn has_meddled(&self) -> bool {
        self.first.lock().unwrap().is_none()
    }
}

#[tonic::async_trait]
impl Store for Meddler {
    fn id(&self) -> StoreId {
        self.inner.id()
    }

    async fn get(&self, key: &Key) -> Result<Option<Versioned>, StoreError> {
        self.inner.get(key).await
    }

    async fn list(
        &self,
        prefix: &str,
        after: Option<&Key>,
        limit: usize,
        at: Option<Revision>,
    ) -> Result<Page, StoreError> {
        self.inner.list(prefix, after, limit, at).await
    }

    async fn commit(&self, txn: Txn) -> Result<Committed, CommitError> {
        let first = self.first.lock().unwrap().take();
        if let Some(first) = first {
            self.inner.commit(first).await?;
        }
        self.inner.commit(txn).await
    }

    async fn watch(&self, prefix: &str, after: Revision) -> Result<Watch, StoreError> {
        self.inner.watch(prefix, after).await
    }

    async fn barrier(&self) -> Result<Revision, StoreError> {
        self.inner.barrier().await
    }

    async fn grant_lease(&self, ttl: Duration) -> Result<Lease, StoreError> {
        self.inner.grant_lease(ttl).await
    }

    async fn keep_lease_alive(&self, lease: LeaseId) -> Result<(), StoreError> {
        self.inner.keep_lease_alive(lease).await
    }

    async fn revoke_lease(&self, lease: LeaseId) -> Result<(), StoreError> {
        self.inner.revoke_lease(lease).await
    }
}
