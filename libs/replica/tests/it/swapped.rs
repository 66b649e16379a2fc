//! A store that is replaced behind the back of whoever has it open, as etcd is when it is wiped or put back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use reeve_model::{Revision, StoreId};
use reeve_replica::{ReadError, Replica, StoreSource, follow};
use reeve_store::{CommitError, Committed, Key, Lease, LeaseId, Page, Store, StoreError, Txn, Versioned, Watch};
use tokio_util::sync::CancellationToken;

use crate::records::{user, user_id};
use crate::script::PATIENCE;
use crate::store::House;

const BOUND: Duration = Duration::from_secs(30);

/// Reads come from whatever is there now; that it is not what was opened, only a write finds out.
struct Swapped {
    opened: House,
    other: House,
    swapped: AtomicBool,
}

impl Swapped {
    fn now(&self) -> &dyn Store {
        if self.swapped.load(Ordering::SeqCst) { self.other.store.as_ref() } else { self.opened.store.as_ref() }
    }

    fn check(&self) -> Result<(), StoreError> {
        if self.swapped.load(Ordering::SeqCst) { Err(StoreError::Replaced("it is another".to_owned())) } else { Ok(()) }
    }
}

#[async_trait]
impl Store for Swapped {
    fn id(&self) -> StoreId {
        self.opened.store.id()
    }

    async fn get(&self, key: &Key) -> Result<Option<Versioned>, StoreError> {
        self.now().get(key).await
    }

    async fn list(
        &self,
        prefix: &str,
        after: Option<&Key>,
        limit: usize,
        at: Option<Revision>,
    ) -> Result<Page, StoreError> {
        self.now().list(prefix, after, limit, at).await
    }

    async fn commit(&self, txn: Txn) -> Result<Committed, CommitError> {
        self.check()?;
        self.now().commit(txn).await
    }

    async fn watch(&self, prefix: &str, after: Revision) -> Result<Watch, StoreError> {
        self.now().watch(prefix, after).await
    }

    async fn barrier(&self) -> Result<Revision, StoreError> {
        self.check()?;
        self.now().barrier().await
    }

    async fn grant_lease(&self, ttl: Duration) -> Result<Lease, StoreError> {
        self.now().grant_lease(ttl).await
    }

    async fn keep_lease_alive(&self, lease: LeaseId) -> Result<(), StoreError> {
        self.now().keep_lease_alive(lease).await
    }

    async fn revoke_lease(&self, lease: LeaseId) -> Result<(), StoreError> {
        self.now().revoke_lease(lease).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_was_replaced_by_one_that_is_ahead_is_not_mixed_in() {
    let (opened, other) = (House::new(), House::new());
    opened.write(&[user(1, 1)], &[]).await;
    for epoch in 0..30 {
        other.write(&[user(2, epoch)], &[]).await;
    }
    let clock = opened.clock.clone();
    let swapped = Arc::new(Swapped { opened, other, swapped: AtomicBool::new(false) });
    let replica = Replica::new(clock, Some(Arc::new(StoreSource::new(swapped.clone()))));
    let end = CancellationToken::new();
    let _end = end.clone().drop_guard();
    tokio::spawn(follow(replica.clone(), StoreSource::new(swapped.clone()), end));
    tokio::time::timeout(PATIENCE, replica.ready()).await.unwrap();
    assert!(replica.view(BOUND).is_ok());

    swapped.swapped.store(true, Ordering::SeqCst);
    // the watch is lost with the store that it was of
    swapped.opened.store.close();
    let refused = async {
        while !matches!(replica.view(BOUND), Err(ReadError::Replaced)) {
            assert!(replica.latest().unwrap().world().user_by_id(&user_id(2)).is_none());
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, refused).await.unwrap();
    assert!(replica.latest().unwrap().world().user_by_id(&user_id(2)).is_none());
    assert!(replica.trouble().unwrap().contains("it is another"));
}
