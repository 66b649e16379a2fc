//! Finds the moment that a call is answered from. Whoever asks is authenticated in that very moment: there is no other way
//! to one.

use std::sync::Arc;
use std::time::Duration;

use reeve_api::api::{Consistency as WireConsistency, consistency::Requirement};
use reeve_chassis::{Authority, Failure, Granted, PreconditionReason, Readiness, Serving, UnavailableReason, bearer};
use reeve_model::{Consistency, ConsistencyToken};
use reeve_replica::{ReadError, Replica};
use reeve_world::TokenRules;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tonic::metadata::MetadataMap;

use crate::Moment;
use crate::bearer::Bearer;
use crate::news::News;

/// How long a read waits for the state that it asks for.
const READ_WAIT: Duration = Duration::from_secs(5);
/// Most calls that wait for a state at once; more are told to try again. A revision that never comes can be asked for, and
/// must not hold every place that calls have.
const MAX_READ_WAITS: usize = 256;

/// How often it is looked at whether the replica is still fresh enough.
const READINESS_INTERVAL: Duration = Duration::from_millis(200);

/// How old a snapshot may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Staleness {
    /// For decisions and authentication.
    pub decisions: Duration,
    /// For administration.
    pub administration: Duration,
}

impl Default for Staleness {
    /// Five minutes for decisions, thirty seconds for administration.
    fn default() -> Self {
        Self { decisions: Duration::from_mins(5), administration: Duration::from_secs(30) }
    }
}

/// What a moment is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Decisions, resolution, admission.
    Decision,
    /// Everything that reads or changes the records themselves.
    Administration,
}

/// Reads one replica under the cluster's rules. Copies are the same reader.
#[derive(Clone)]
pub struct Reader {
    pub(crate) replica: Replica,
    pub(crate) rules: Arc<TokenRules>,
    staleness: Staleness,
    /// A place for each call that waits for a state.
    read_waits: Arc<Semaphore>,
    pub(crate) news: Arc<News>,
}

impl Reader {
    /// Reads `replica`; accepts access tokens as `rules` says.
    pub fn new(replica: Replica, rules: TokenRules, staleness: Staleness) -> Self {
        Self {
            replica,
            rules: Arc::new(rules),
            staleness,
            read_waits: Arc::new(Semaphore::new(MAX_READ_WAITS)),
            news: Arc::default(),
        }
    }

    /// The replica that is read.
    pub fn replica(&self) -> &Replica {
        &self.replica
    }

    /// A moment as fresh as a request's `consistency` asks for, in which whoever asks, by the call's `metadata`, is
    /// authenticated: what has ended by then is refused, not answered.
    ///
    /// # Errors
    /// [`Failure::Invalid`] for a consistency token that is none; `FOREIGN_TOKEN`, `NO_STORE`; [`Failure::Unavailable`];
    /// [`Failure::Unauthenticated`].
    pub async fn at(
        &self,
        metadata: &MetadataMap,
        consistency: Option<&WireConsistency>,
        purpose: Purpose,
    ) -> Result<Moment, Failure> {
        self.of(Bearer::new(bearer(metadata.as_ref())?), requirement(consistency)?, purpose).await
    }

    /// A moment as new as the store is now, in which whoever asks, by the call's `metadata`, is authenticated. What a write is
    /// authorised by: neither a right that was just taken away counts, nor somebody who was just signed out elsewhere.
    ///
    /// # Errors
    /// [`Failure::Unavailable`]; [`Failure::Unauthenticated`].
    pub async fn newest(&self, metadata: &MetadataMap, purpose: Purpose) -> Result<Moment, Failure> {
        self.of(Bearer::new(bearer(metadata.as_ref())?), Consistency::FullyConsistent, purpose).await
    }

    /// As [`Reader::newest`], later in the same administrative call, which was let in at `moment` with `granted`: whoever asks is
    /// authenticated again, and still holds what they were granted.
    ///
    /// # Errors
    /// As [`Reader::newest`]; [`Failure::Denied`]; [`Failure::NotFound`] where they may not know any more that there is what they
    /// were granted it on.
    pub async fn again(&self, moment: &Moment, granted: &Granted) -> Result<Moment, Failure> {
        let bearer = moment.bearer().clone();
        let newest = self.of(bearer, Consistency::FullyConsistent, Purpose::Administration).await?;
        if let Some((permission, resource)) = granted.need()
            && !newest.holds(granted.caller(), permission, resource)?
        {
            // as at the gate: who may not see a workspace does not learn whether there is one
            let known = resource.is_cluster() || newest.may_know(granted.caller(), resource);
            let denied = Failure::Denied { permission, resource: resource.clone() };
            return Err(if known { denied } else { Failure::not_found(resource) });
        }
        Ok(newest)
    }

    /// A moment as fresh as a request's `consistency` asks for, in which whoever `token` is of is authenticated.
    pub(crate) async fn at_of(
        &self,
        token: &str,
        consistency: Option<&WireConsistency>,
        purpose: Purpose,
    ) -> Result<Moment, Failure> {
        self.of(Bearer::new(token), requirement(consistency)?, purpose).await
    }

    /// The newest view, if it is fresh enough for `purpose`. Takes no lock and does no I/O.
    pub(crate) fn view(&self, purpose: Purpose) -> Result<reeve_replica::View, Failure> {
        self.replica.view(self.bound(purpose)).map_err(failure)
    }

    /// A view as fresh as asked for.
    pub(crate) async fn view_at(
        &self,
        consistency: Consistency,
        purpose: Purpose,
    ) -> Result<reeve_replica::View, Failure> {
        let _place = match consistency {
            Consistency::AtLeastAsFresh(token) if !self.has_reached(&token) => {
                Some(self.read_waits.try_acquire().map_err(|_| Failure::too_busy())?)
            }
            Consistency::AtLeastAsFresh(_) | Consistency::MinimizeLatency | Consistency::FullyConsistent => None,
        };
        self.replica.view_at(consistency, self.bound(purpose), READ_WAIT).await.map_err(failure)
    }

    /// Keeps `readiness` true exactly while decisions are fresh enough, until `shutdown`.
    pub async fn report(self, readiness: Readiness, shutdown: CancellationToken) {
        let mut look = tokio::time::interval(READINESS_INTERVAL);
        let mut administered = true;
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = self.replica.ready(), if self.is_loading() => {}
                _ = look.tick() => {}
            }
            let decisions = self.replica.view(self.staleness.decisions);
            if decisions.is_ok() {
                self.warn_of_administration(&mut administered);
            }
            readiness.set(match decisions {
                Ok(_) => Serving::Yes,
                Err(error) => Serving::No(self.why_not(&error)),
            });
        }
    }

    /// Why nothing is answered: for the operator, so with what keeps the replica from following.
    fn why_not(&self, error: &ReadError) -> String {
        match self.replica.trouble() {
            Some(trouble) => format!("{error}; {trouble}"),
            None => error.to_string(),
        }
    }

    /// Says once when administration ends for want of a confirmation, while decisions go on, and once when it is back.
    fn warn_of_administration(&self, administered: &mut bool) {
        match self.replica.view(self.staleness.administration) {
            Err(error) if *administered => {
                *administered = false;
                tracing::warn!(reason = self.why_not(&error), "administration is not answered, decisions are");
            }
            Ok(_) if !*administered => {
                *administered = true;
                tracing::info!("administration is answered again");
            }
            Ok(_) | Err(_) => {}
        }
    }

    fn has_reached(&self, token: &ConsistencyToken) -> bool {
        self.replica.latest().is_some_and(|snapshot| snapshot.revision() >= token.revision)
    }

    /// Whether the replica has not had a complete, confirmed snapshot yet.
    fn is_loading(&self) -> bool {
        matches!(self.replica.view(Duration::MAX), Err(ReadError::NotSynced))
    }

    fn bound(&self, purpose: Purpose) -> Duration {
        match purpose {
            Purpose::Decision => self.staleness.decisions,
            Purpose::Administration => self.staleness.administration,
        }
    }
}

fn requirement(consistency: Option<&WireConsistency>) -> Result<Consistency, Failure> {
    match consistency.and_then(|consistency| consistency.requirement.as_ref()) {
        Some(Requirement::AtLeastAsFresh(text)) => ConsistencyToken::parse(text)
            .map(Consistency::AtLeastAsFresh)
            .map_err(|error| Failure::invalid("consistency.at_least_as_fresh", error)),
        Some(Requirement::FullyConsistent(true)) => Ok(Consistency::FullyConsistent),
        None | Some(Requirement::MinimizeLatency(_) | Requirement::FullyConsistent(false)) => {
            Ok(Consistency::MinimizeLatency)
        }
    }
}

pub(crate) fn failure(error: ReadError) -> Failure {
    let message = error.to_string();
    let unavailable = |reason| Failure::Unavailable { reason, message: message.clone(), retry_after: None };
    match error {
        ReadError::NotSynced => unavailable(UnavailableReason::NotSynced),
        ReadError::Stale { .. } | ReadError::Damaged => unavailable(UnavailableReason::StaleReplica),
        ReadError::Regressed | ReadError::Replaced => unavailable(UnavailableReason::StoreRegressed),
        ReadError::Store(cause) => {
            // what the store says is for the log alone
            tracing::warn!(cause, "the store did not say what is current");
            Failure::Unavailable {
                reason: UnavailableReason::StoreUnavailable,
                message: "the store did not answer: try again".to_owned(),
                retry_after: None,
            }
        }
        ReadError::ForeignToken => Failure::precondition(PreconditionReason::ForeignToken, "consistency", message),
        ReadError::NoStore => {
            Failure::precondition(PreconditionReason::NoStore, "consistency.fully_consistent", message)
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use reeve_model::{ManualClock, Revision, StoreId};
    use tonic::Status;

    use super::*;

    #[tokio::test]
    async fn waits_for_a_state_that_never_comes_hold_a_bounded_number_of_places() {
        let replica = Replica::new(Arc::new(ManualClock::default()), None);
        let rules = TokenRules { issuer: String::new(), audience: String::new() };
        let reader = Reader::new(replica, rules, Staleness::default());
        let store = StoreId { uuid: uuid::Uuid::nil(), epoch: 0 };
        let never = Consistency::AtLeastAsFresh(ConsistencyToken { store, revision: Revision::new(u64::MAX) });
        let wait = || Box::pin(reader.view_at(never, Purpose::Decision));
        let mut waiting: Vec<_> = (0..MAX_READ_WAITS).map(|_| wait()).collect();
        assert!(waiting.iter_mut().all(|call| call.now_or_never().is_none()), "each of them waits");
        let Some(Err(refused)) = wait().now_or_never() else { panic!("one more is answered at once") };
        assert_eq!(Status::from(refused).code(), tonic::Code::ResourceExhausted);
        waiting.pop();
        assert!(wait().now_or_never().is_none(), "a place that is given back is there for the next");
    }

    #[test]
    fn what_the_store_says_stays_inside() {
        let status = Status::from(failure(ReadError::Store("I/O error: No space left on device".to_owned())));
        assert_eq!(status.code(), tonic::Code::Unavailable);
        assert!(!status.message().contains("I/O"), "{}", status.message());
    }
}
