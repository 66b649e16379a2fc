//! What an owner does about what hangs on records of others: the seam, and the removal of what is stray.

use std::sync::Arc;

use futures_util::future::try_join_all;
use reeve_chassis::{Failure, Owner};
use reeve_model::Revision;
use reeve_replica::Snapshot;
use reeve_store::{Key, MAX_OPERATIONS, Txn};
use reeve_world::{Parent, RecordKey};

use crate::Writer;

/// Most records that one turn removes; the next goes on.
pub const MAX_SWEPT: usize = 16 * PAGE;
/// Records of one transaction.
const PAGE: usize = MAX_OPERATIONS / 2;

/// Makes an owner's records fit those of the others.
///
/// It follows from the published records alone what there is to do, and doing it twice, late, or by two at once does no more
/// than doing it once. So it may be asked by anybody at any time: what is asked for only says where to look.
#[tonic::async_trait]
pub trait Reconcile: Send + Sync + 'static {
    /// Whose records.
    fn owner(&self) -> Owner;

    /// Does what `snapshot` says is to be done: about `what`, or everything; a bounded part of it.
    ///
    /// # Errors
    /// The store cannot be read or written.
    async fn reconcile(&self, snapshot: &Arc<Snapshot>, what: Option<Parent>) -> Result<Reconciled, Failure>;
}

/// What a turn did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reconciled {
    /// The revision of the last write; none where there was nothing to do.
    pub written: Option<Revision>,
    /// Whether more is to be done than one turn does, or somebody else wrote in between.
    pub more: bool,
}

impl Reconciled {
    /// Both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self { written: self.written.max(other.written), more: self.more || other.more }
    }
}

impl Writer {
    /// Removes the records that `strays` finds in `snapshot`, up to [`MAX_SWEPT`]: those of them that have not been written
    /// since. A state that is older than a record says nothing about it.
    ///
    /// `strays` may look at everything there is: it runs where that holds nobody up.
    ///
    /// # Errors
    /// The store cannot be read or written.
    pub async fn sweep(
        &self,
        snapshot: &Arc<Snapshot>,
        strays: impl FnOnce(&Snapshot) -> Vec<RecordKey> + Send + 'static,
    ) -> Result<Reconciled, Failure> {
        let looked_at = Arc::clone(snapshot);
        let mut strays = tokio::task::spawn_blocking(move || strays(&looked_at)).await.map_err(Failure::internal)?;
        let mut done = Reconciled { written: None, more: strays.len() > MAX_SWEPT };
        if strays.is_empty() {
            return Ok(done);
        }
        if !self.goes_on_from(snapshot).await? {
            return Ok(Reconciled::default());
        }
        strays.truncate(MAX_SWEPT);
        for page in strays.chunks(PAGE) {
            done = done.and(self.sweep_page(snapshot.revision(), page).await?);
        }
        Ok(done)
    }

    async fn sweep_page(&self, seen: Revision, strays: &[RecordKey]) -> Result<Reconciled, Failure> {
        let reads = strays.iter().map(async |key| self.get(&Key::new(key.to_string())).await);
        let found = try_join_all(reads).await?.into_iter().flatten();
        let txn = found.filter(|found| found.mod_revision <= seen).fold(Txn::new(), |txn, found| txn.remove(&found));
        if txn.ops.is_empty() {
            return Ok(Reconciled::default());
        }
        let count = txn.ops.len();
        // none: somebody else removed or changed one of them, and the next turn sees
        let written = self.commit(txn).await?;
        if let Some(revision) = written {
            tracing::debug!(count, %revision, "swept what hung on what is gone");
        }
        Ok(Reconciled { written, more: written.is_none() })
    }
}
