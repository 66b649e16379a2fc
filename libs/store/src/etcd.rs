//! The store on etcd: guarded transactions, watches that are waited for by ticks, and a record that says which store it is.

mod assemble;
mod commit;
mod core;
mod failure;
mod follow;
mod keys;
mod leases;
mod open;
mod open_watch;
mod options;
mod pool;
mod read;
mod record;
mod tick;
mod ticker;
mod version;

use std::fmt;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use etcd_client::{Txn as EtcdTxn, TxnOp};
use prost::Message;
use reeve_model::{Clock, Entropy, Revision, StoreId};

use self::assemble::Assembler;
use self::core::Core;
use self::follow::{Follower, no_watch};
use self::open::Site;
use self::open_watch::NoWatch;
use self::pool::Effect;
use self::record::StoreRecord;
use self::tick::Skew;
use self::ticker::Ticker;
use crate::{CommitError, Committed, Key, Lease, LeaseId, Page, Store, StoreError, Txn, Versioned, Watch, WatchError};

pub use self::open::OpenEtcdError;
pub use self::options::{EtcdClientCertificate, EtcdCredentials, EtcdOptions, EtcdTls, IDLE_TICK};

/// A store under a prefix of an etcd. It needs a Tokio runtime, and may be opened by any number of processes at once.
///
/// Everything that it reads and writes it does on the condition that the record of the store that was opened is there, so it
/// never takes one store for another. Answers never go back behind those before. Its watches report progress at least every
/// [`idle_tick`](EtcdOptions::idle_tick), as long as etcd can be written.
pub struct Etcd {
    core: Arc<Core>,
    ticker: Ticker,
    skew: Arc<Skew>,
    clock: Arc<dyn Clock>,
    version_warning: Option<String>,
}

impl Etcd {
    /// Opens the store; makes it, if there is none and the options say so. Fails fast: who wants to wait tries again while
    /// [`OpenEtcdError::may_pass`].
    ///
    /// # Errors
    /// Each says what would be right.
    pub async fn open(
        options: EtcdOptions,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self, OpenEtcdError> {
        let (core, warning) = open::open(&options, &*clock, &*entropy).await?;
        Ok(Self::start(core, warning, &options, clock, &*entropy))
    }

    /// Makes a store under a prefix where nothing is, for an import to write. Nobody opens it before it is finished.
    ///
    /// # Errors
    /// As for [`Etcd::open`]; `StoreExists` and `ForeignKeys`, when something is there.
    pub async fn import(
        options: EtcdOptions,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Result<EtcdImport, OpenEtcdError> {
        let (site, warning) = Site::reach(&options, &*entropy).await?;
        let core = Arc::new(site.create(&*clock, &*entropy).await?);
        Ok(EtcdImport { etcd: Self::start(core, warning, &options, clock, &*entropy) })
    }

    /// Puts the store under a new epoch, after etcd was put back from a copy: tokens that were given out since the copy was
    /// made are refused, and processes that have the store open stop using it.
    ///
    /// # Errors
    /// As for [`Etcd::open`]. After `Unreachable` it may have taken effect: done twice it does no harm.
    pub async fn new_epoch(options: EtcdOptions, entropy: Arc<dyn Entropy>) -> Result<StoreId, OpenEtcdError> {
        let (site, _) = Site::reach(&options, &*entropy).await?;
        site.new_epoch().await
    }

    fn start(
        core: Arc<Core>,
        version_warning: Option<String>,
        options: &EtcdOptions,
        clock: Arc<dyn Clock>,
        entropy: &dyn Entropy,
    ) -> Self {
        let writer = u64::from_le_bytes(entropy.bytes::<8>());
        let ticker = Ticker::start(core.clone(), clock.clone(), writer, options.idle_tick);
        Self { core, ticker, skew: Arc::new(Skew::new(clock.clone())), clock, version_warning }
    }

    /// What is to be warned of about the members' versions, as they were when the store was opened.
    pub fn version_warning(&self) -> Option<&str> {
        self.version_warning.as_deref()
    }

    /// How far this process's wall clock is behind that of another process on the same store: more than 30 seconds, as seen
    /// in the last minutes.
    pub fn clock_behind(&self) -> Option<Duration> {
        self.skew.behind()
    }
}

impl fmt::Debug for Etcd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Etcd").field("id", &self.core.id).finish_non_exhaustive()
    }
}

/// A store that is being imported, which nobody else can open.
#[derive(Debug)]
pub struct EtcdImport {
    etcd: Etcd,
}

impl EtcdImport {
    /// Where to write what is imported.
    pub fn store(&self) -> &Etcd {
        &self.etcd
    }

    /// Lets the store be opened.
    ///
    /// # Errors
    /// `Unavailable`: it may or may not be finished. `Replaced`, when somebody removed it meanwhile.
    pub async fn finish(self) -> Result<Etcd, StoreError> {
        let core = &self.etcd.core;
        let record = StoreRecord::new(core.id, false).encode_to_vec();
        let put = TxnOp::put(core.space.record(), record.clone(), None);
        let txn = EtcdTxn::new().when([core.same_store()]).and_then([put]).or_else([core.ask_record()]);
        let answer = core.pool.txn(Effect::Once, txn).await?;
        if !answer.succeeded() {
            return Err(core.replaced(answer));
        }
        *core.record.write().unwrap_or_else(PoisonError::into_inner) = record;
        Ok(self.etcd)
    }
}

#[async_trait]
impl Store for Etcd {
    fn id(&self) -> StoreId {
        self.core.id
    }

    async fn get(&self, key: &Key) -> Result<Option<Versioned>, StoreError> {
        self.core.get(key).await
    }

    async fn list(
        &self,
        prefix: &str,
        after: Option<&Key>,
        limit: usize,
        at: Option<Revision>,
    ) -> Result<Page, StoreError> {
        self.core.list(prefix, after, limit, at).await
    }

    async fn commit(&self, txn: Txn) -> Result<Committed, CommitError> {
        self.core.commit(txn).await
    }

    async fn watch(&self, prefix: &str, after: Revision) -> Result<Watch, StoreError> {
        // etcd waits for a revision that is ahead, without a word.
        self.core.check_readable(after).await?;
        let (start, end) = self.core.space.range(prefix);
        let opened = match self.core.open_watch(start, end, after).await {
            Ok(opened) => opened,
            Err(NoWatch::Watch(WatchError::Compacted { oldest })) => {
                return Err(StoreError::Compacted { asked: after, oldest });
            }
            Err(NoWatch::Watch(WatchError::Lost(why))) => return Err(StoreError::Unavailable(why)),
            Err(NoWatch::Failed(failure)) => return Err(no_watch(failure)),
        };
        // Once it is open: etcd cannot be put back without ending it.
        self.core.check_witness().await?;
        let follower = Follower {
            core: self.core.clone(),
            skew: self.skew.clone(),
            stream: opened.value,
            member: opened.member,
            assembler: Assembler::new(self.core.space.clone(), after),
            waiting: self.ticker.wait_for(self.core.space.tick(prefix)),
            writer: self.ticker.writer,
        };
        Ok(follower.follow(self.clock.clone()))
    }

    async fn barrier(&self) -> Result<Revision, StoreError> {
        self.ticker.barrier().await
    }

    async fn grant_lease(&self, ttl: Duration) -> Result<Lease, StoreError> {
        self.core.grant_lease(ttl).await
    }

    async fn keep_lease_alive(&self, lease: LeaseId) -> Result<(), StoreError> {
        self.core.keep_lease_alive(lease).await
    }

    async fn revoke_lease(&self, lease: LeaseId) -> Result<(), StoreError> {
        self.core.revoke_lease(lease).await
    }
}
