//! The background task that reconciles: when something came or went, and everything every minute.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use reeve_chassis::Failure;
use reeve_model::Entropy;
use reeve_replica::{Replica, Snapshot};
use reeve_world::{Parent, World};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::look::{MAX_AGE, not_synced, snapshot};
use crate::{Reconcile, Reconciled};

/// How often everything is looked at, whatever happened: three quarters of it at least, so that replicas do not go together.
const INTERVAL: Duration = Duration::from_mins(1);
/// How long a change is left to who was told of it, and to others that come with it: half of it at least.
const DEBOUNCE: Duration = Duration::from_millis(400);
/// The pause before going on with what was too much for one turn, or failed.
const PAUSE: Duration = Duration::from_millis(500);
/// How many that came or went are looked at one by one; beyond it, everything is, once.
const MAX_SINGLE: usize = 16;

/// Calls a [`Reconcile`] by itself: nothing depends on anybody being told.
pub struct Reconciler {
    reconcile: Arc<dyn Reconcile>,
    replica: Replica,
    entropy: Arc<dyn Entropy>,
}

/// What there is to look at.
#[derive(Debug, PartialEq, Eq)]
enum Due {
    Everything,
    These(BTreeSet<Parent>),
}

impl Reconciler {
    /// Reconciles by what `replica` shows. It needs a store behind the replica.
    pub fn new(reconcile: Arc<dyn Reconcile>, replica: Replica, entropy: Arc<dyn Entropy>) -> Self {
        Self { reconcile, replica, entropy }
    }

    /// Does now what is done every minute, to the end.
    ///
    /// # Errors
    /// The state is too old to act on, or the store cannot be read or written.
    pub async fn everything(&self) -> Result<(), Failure> {
        loop {
            let Some(snapshot) = snapshot(&self.replica) else { return Err(not_synced()) };
            let done = self.reconcile.reconcile(&snapshot, None).await?;
            if let Some(written) = done.written {
                self.replica.reach_written(written, MAX_AGE).await.map_err(|_| not_synced())?;
            }
            if !done.more && done.written.is_none() {
                return Ok(());
            }
        }
    }

    /// Reconciles until `shutdown`.
    pub async fn run(self, shutdown: CancellationToken) {
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = self.turns() => {}
        }
    }

    async fn turns(&self) {
        self.replica.ready().await;
        // of the first state nothing is known: who changed it may have died before telling
        let mut seen: Option<Arc<Snapshot>> = None;
        let mut next_full = Instant::now();
        loop {
            let Some(snapshot) = snapshot(&self.replica) else {
                tokio::time::sleep(PAUSE).await;
                continue;
            };
            let full = Instant::now() >= next_full;
            let due = match &seen {
                Some(seen) if !full => due_since(snapshot.world(), seen.world()),
                Some(_) | None => Due::Everything,
            };
            match self.look(&snapshot, &due).await {
                Ok(Reconciled { more: false, .. }) => {
                    if due == Due::Everything {
                        next_full = Instant::now() + self.jittered(INTERVAL, 4);
                    }
                    seen = Some(Arc::clone(&snapshot));
                    let left = next_full.saturating_duration_since(Instant::now());
                    // an error means that the time is over and nothing changed
                    if self.replica.reach(snapshot.revision().next(), left).await.is_ok() {
                        tokio::time::sleep(self.jittered(DEBOUNCE, 2)).await;
                    }
                }
                Ok(_) => tokio::time::sleep(self.jittered(PAUSE, 2)).await,
                Err(failure) => {
                    tracing::warn!(owner = %self.reconcile.owner(), ?failure, "not everything fits: it is tried again");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    async fn look(&self, snapshot: &Arc<Snapshot>, due: &Due) -> Result<Reconciled, Failure> {
        match due {
            Due::Everything => self.reconcile.reconcile(snapshot, None).await,
            Due::These(parents) => {
                let mut done = Reconciled::default();
                for parent in parents {
                    done = done.and(self.reconcile.reconcile(snapshot, Some(*parent)).await?);
                }
                Ok(done)
            }
        }
    }

    /// A duration up to `longest`, less than it by a random part of at most `1/part`.
    fn jittered(&self, longest: Duration, part: u32) -> Duration {
        let [low, high] = self.entropy.bytes::<2>();
        let spread = longest / part;
        longest.saturating_sub(spread * u32::from(u16::from_le_bytes([low, high])) / u32::from(u16::MAX))
    }
}

fn due_since(now: &World, earlier: &World) -> Due {
    let mut parents = BTreeSet::new();
    for parent in now.concerned_since(earlier) {
        parents.insert(parent);
        if parents.len() > MAX_SINGLE {
            return Due::Everything;
        }
    }
    Due::These(parents)
}
