//! A store on an etcd of a test's own.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use reeve_model::{Clock, SeededEntropy, Timestamp};
use reeve_store::contract::Subject;
use reeve_store::{Etcd, EtcdOptions, OpenEtcdError, Store};
use reeve_test_etcd::EtcdCluster;

/// Where the tests keep their stores.
pub(crate) const PREFIX: &str = "/reeve";

/// The time since the test began, on a wall clock that began long ago.
pub(crate) struct TestClock(tokio::time::Instant, i64);

impl TestClock {
    /// A clock whose wall shows this many milliseconds now.
    pub(crate) fn at(wall_ms: i64) -> Arc<Self> {
        Arc::new(Self(tokio::time::Instant::now(), wall_ms))
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.1 + i64::try_from(self.0.elapsed().as_millis()).unwrap())
    }

    fn monotonic(&self) -> Duration {
        self.0.elapsed()
    }
}

/// Options to open the store of these tests, or make it.
pub(crate) fn options(cluster: &EtcdCluster) -> EtcdOptions {
    let mut options = EtcdOptions::new(cluster.endpoints(), PREFIX);
    options.create = true;
    options.idle_tick = Duration::from_millis(250);
    options
}

/// Opens a store as a process does whose random numbers begin with `seed`.
pub(crate) async fn open(options: EtcdOptions, seed: u64) -> Result<Etcd, OpenEtcdError> {
    Etcd::open(options, TestClock::at(1_795_223_017_000), Arc::new(SeededEntropy::new(seed))).await
}

/// A new store and its cluster.
pub(crate) struct EtcdSubject {
    pub(crate) store: Option<Arc<Etcd>>,
    pub(crate) cluster: EtcdCluster,
}

impl EtcdSubject {
    pub(crate) async fn new(nodes: usize) -> Self {
        let cluster = EtcdCluster::start(nodes).await;
        let store = Some(Arc::new(open(options(&cluster), 7).await.unwrap()));
        Self { store, cluster }
    }

    pub(crate) fn etcd(&self) -> Arc<Etcd> {
        self.store.clone().unwrap()
    }

    /// Opens the store once more, as another process does.
    pub(crate) async fn another(&self, seed: u64) -> Etcd {
        open(options(&self.cluster), seed).await.unwrap()
    }
}

#[async_trait]
impl Subject for EtcdSubject {
    fn store(&self) -> Arc<dyn Store> {
        self.etcd()
    }

    async fn pass(&self, by: Duration) {
        tokio::time::sleep(by).await;
    }

    async fn forget_history(&self) {
        self.cluster.compact(self.cluster.revision().await).await;
    }

    /// Every node at once, and the process that had the store open.
    async fn crash(&mut self) {
        self.store = None;
        (0..self.cluster.size()).for_each(|node| self.cluster.kill(node));
        for node in 0..self.cluster.size() {
            self.cluster.restart(node).await;
        }
        self.cluster.leader().await;
        self.store = Some(Arc::new(open(options(&self.cluster), 8).await.unwrap()));
    }
}
