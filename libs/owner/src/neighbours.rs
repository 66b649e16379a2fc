//! Tells the other owners, after a write, to look at what hangs on it: a courtesy, bounded in time. Whoever was not told
//! reconciles by itself.

use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use futures_util::future::join_all;
use reeve_api::neighbour::ReconcileRequest;
use reeve_api::neighbour::neighbour_service_client::NeighbourServiceClient;
use reeve_chassis::{CallDeadline, Failure, Owner, Peers, ServiceTokenSource};
use reeve_model::ConsistencyToken;
use reeve_replica::Replica;
use reeve_world::Parent;
use tokio::time::{Instant, timeout_at};
use tonic::{Request, Status};

use crate::Reconcile;
use crate::look::look;

/// How long a write waits for the others at most.
pub const TELL_WAIT: Duration = Duration::from_secs(2);
/// What is left of a call's own time for its answer.
const ANSWER_TIME: Duration = Duration::from_millis(50);

/// The owners of one process.
#[derive(Default)]
pub struct LocalOwners(OnceLock<Vec<Weak<dyn Reconcile>>>);

impl LocalOwners {
    /// Nobody yet: owners are made with their neighbours, and so before they can be named.
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Names them, once. They are not kept alive by it.
    pub fn register(&self, owners: &[Arc<dyn Reconcile>]) {
        if self.0.set(owners.iter().map(Arc::downgrade).collect()).is_err() {
            tracing::error!("the owners of this process are named twice: the first time counts");
        }
    }

    fn find(&self, owner: Owner) -> Option<Arc<dyn Reconcile>> {
        self.0.get()?.iter().filter_map(Weak::upgrade).find(|found| found.owner() == owner)
    }
}

/// The other owners, as one sees them. Copies are the same.
#[derive(Clone)]
pub struct Neighbours {
    me: Owner,
    replica: Replica,
    reach: Reach,
}

/// How the others are reached.
#[derive(Clone)]
enum Reach {
    Nobody,
    Here(Arc<LocalOwners>),
    Elsewhere(Peers, ServiceTokenSource),
}

/// Why a neighbour was not told: for the log alone.
struct Untold(String);

impl From<Failure> for Untold {
    fn from(failure: Failure) -> Self {
        Self(format!("{failure:?}"))
    }
}

impl From<Status> for Untold {
    fn from(status: Status) -> Self {
        Self(format!("{:?}: {}", status.code(), status.message()))
    }
}

impl Neighbours {
    /// Tells nobody: every owner finds out by itself.
    pub fn untold(me: Owner, replica: Replica) -> Self {
        Self { me, replica, reach: Reach::Nobody }
    }

    /// The others live in this process, over the same `replica`.
    pub fn local(me: Owner, replica: Replica, owners: Arc<LocalOwners>) -> Self {
        Self { me, replica, reach: Reach::Here(owners) }
    }

    /// The others are processes of their own: they are called over gRPC, with a service token for each.
    pub fn remote(me: Owner, replica: Replica, peers: Peers, tokens: ServiceTokenSource) -> Self {
        Self { me, replica, reach: Reach::Elsewhere(peers, tokens) }
    }

    /// Tells the others, all at once, that `parent` came or went by the write that `written` proves, and waits until they have
    /// looked: [`TELL_WAIT`] at most, and no longer than the call has. Answers the proof of all that was written, and waits
    /// until this process shows it.
    ///
    /// Never fails: who cannot be told reconciles by itself, a little later.
    pub async fn tell(
        &self,
        parent: Parent,
        written: ConsistencyToken,
        deadline: Option<CallDeadline>,
    ) -> ConsistencyToken {
        let wait = deadline.map_or(TELL_WAIT, |deadline| deadline.left().saturating_sub(ANSWER_TIME).min(TELL_WAIT));
        let until = Instant::now() + wait;
        let others = Owner::ALL.into_iter().filter(|owner| *owner != self.me);
        let told = others.map(|owner| self.told(owner, parent, written, until));
        let answers = join_all(told).await;
        let newest = answers.into_iter().flatten().fold(written, |newest, answer| {
            if answer.store == newest.store && answer.revision > newest.revision { answer } else { newest }
        });
        let left = until.saturating_duration_since(Instant::now());
        if newest != written && self.replica.reach_written(newest.revision, left).await.is_err() {
            tracing::debug!(revision = %newest.revision, "neighbours wrote what is not yet seen here");
        }
        newest
    }

    /// What one answered in time.
    async fn told(
        &self,
        owner: Owner,
        parent: Parent,
        written: ConsistencyToken,
        until: Instant,
    ) -> Option<ConsistencyToken> {
        match timeout_at(until, self.ask(owner, parent, written, until)).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(Untold(cause))) => {
                tracing::warn!(%owner, %parent, cause, "a neighbour could not be told; it finds out by itself");
                None
            }
            Err(_) => {
                tracing::warn!(%owner, %parent, "a neighbour was not done in time; it goes on by itself");
                None
            }
        }
    }

    async fn ask(
        &self,
        owner: Owner,
        parent: Parent,
        written: ConsistencyToken,
        until: Instant,
    ) -> Result<Option<ConsistencyToken>, Untold> {
        match &self.reach {
            Reach::Nobody => Ok(None),
            Reach::Here(owners) => match owners.find(owner) {
                Some(found) => Ok(Some(look(found.as_ref(), &self.replica, parent, written).await?)),
                None => Ok(None),
            },
            Reach::Elsewhere(peers, tokens) => {
                let mut client = NeighbourServiceClient::with_interceptor(peers.to(owner), tokens.to(owner));
                let (after, subject) = (written.to_string(), parent.to_string());
                let mut request = Request::new(ReconcileRequest { after, subject });
                request.set_timeout(until.saturating_duration_since(Instant::now()));
                let answer = client.reconcile(request).await?.into_inner();
                ConsistencyToken::parse(&answer.consistency_token).map(Some).map_err(|error| Untold(error.to_string()))
            }
        }
    }
}
