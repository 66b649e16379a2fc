//! Finds the moment that a call is answered from, and whose a bearer token is.

use std::sync::Arc;
use std::time::Duration;

use reeve_api::api::{Consistency as WireConsistency, consistency::Requirement};
use reeve_chassis::{
    Authenticate, Caller, Failure, PreconditionReason, Readiness, Serving, Unauthenticated, UnavailableReason, Via,
    bearer,
};
use reeve_model::{Consistency, ConsistencyToken};
use reeve_replica::{ReadError, Replica};
use reeve_world::{AuthenticateError, TokenRules};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tonic::metadata::MetadataMap;

use crate::Moment;

/// How long a read waits for the state that it asks for.
const READ_WAIT: Duration = Duration::from_secs(5);
/// How long a token with an unknown key waits for the key.
const KEY_WAIT: Duration = Duration::from_secs(1);
/// Most calls that wait for a key at once. Anybody can write such a token, so more are answered at once: else a flood of
/// them would hold every place that calls have.
const MAX_KEY_WAITS: usize = 32;
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

/// Reads one replica under the cluster's rules.
#[derive(Clone)]
pub struct Reader {
    replica: Replica,
    rules: Arc<TokenRules>,
    staleness: Staleness,
    /// A place for each call that waits for a key.
    key_waits: Arc<Semaphore>,
    /// A place for each call that waits for a state.
    read_waits: Arc<Semaphore>,
}

impl Reader {
    /// Reads `replica`; accepts access tokens as `rules` says.
    pub fn new(replica: Replica, rules: TokenRules, staleness: Staleness) -> Self {
        Self {
            replica,
            rules: Arc::new(rules),
            staleness,
            key_waits: Arc::new(Semaphore::new(MAX_KEY_WAITS)),
            read_waits: Arc::new(Semaphore::new(MAX_READ_WAITS)),
        }
    }

    /// The replica that is read.
    pub fn replica(&self) -> &Replica {
        &self.replica
    }

    /// The newest moment, if it is fresh enough for `purpose`. Takes no lock and does no I/O.
    ///
    /// # Errors
    /// [`Failure::Unavailable`].
    pub fn now(&self, purpose: Purpose) -> Result<Moment, Failure> {
        let view = self.replica.view(self.bound(purpose)).map_err(failure)?;
        Ok(Moment::new(view, self.replica.clock().now()))
    }

    /// A moment as fresh as a request's `consistency` asks for. Whoever was authenticated before it is authenticated again
    /// in it, by the call's `metadata`: what has ended by then is refused, not answered.
    ///
    /// # Errors
    /// [`Failure::Invalid`] for a consistency token that is none; `FOREIGN_TOKEN`; [`Failure::Unavailable`];
    /// [`Failure::Unauthenticated`].
    pub async fn at(
        &self,
        metadata: &MetadataMap,
        consistency: Option<&WireConsistency>,
        purpose: Purpose,
    ) -> Result<Moment, Failure> {
        let consistency = requirement(consistency)?;
        let moment = self.moment_at(consistency, purpose).await?;
        if consistency != Consistency::MinimizeLatency {
            match bearer(metadata.as_ref()) {
                Ok(token) => drop(self.caller(&moment, token)?),
                // a trusted peer on the socket: there is nobody to authenticate
                Err(Unauthenticated::TokenMissing) => {}
                Err(why) => return Err(why.into()),
            }
        }
        Ok(moment)
    }

    /// A moment as new as the store is now.
    ///
    /// # Errors
    /// [`Failure::Unavailable`].
    pub async fn newest(&self, purpose: Purpose) -> Result<Moment, Failure> {
        self.moment_at(Consistency::FullyConsistent, purpose).await
    }

    async fn moment_at(&self, consistency: Consistency, purpose: Purpose) -> Result<Moment, Failure> {
        let _place = match consistency {
            Consistency::AtLeastAsFresh(token) if !self.has_reached(&token) => {
                Some(self.read_waits.try_acquire().map_err(|_| Failure::too_busy())?)
            }
            Consistency::AtLeastAsFresh(_) | Consistency::MinimizeLatency | Consistency::FullyConsistent => None,
        };
        let view = self.replica.view_at(consistency, self.bound(purpose), READ_WAIT).await.map_err(failure)?;
        Ok(Moment::new(view, self.replica.clock().now()))
    }

    /// Whose a bearer token is, at `moment`.
    ///
    /// # Errors
    /// [`Failure::Unauthenticated`].
    pub fn caller(&self, moment: &Moment, bearer: &str) -> Result<Caller, Failure> {
        Ok(self.identify(moment, bearer).map_err(unauthenticated)?)
    }

    /// Keeps `readiness` true exactly while decisions are fresh enough, until `shutdown`.
    pub async fn report(self, readiness: Readiness, shutdown: CancellationToken) {
        let mut look = tokio::time::interval(READINESS_INTERVAL);
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = self.replica.ready(), if self.is_loading() => {}
                _ = look.tick() => {}
            }
            readiness.set(match self.replica.view(self.staleness.decisions) {
                Ok(_) => Serving::Yes,
                Err(error) => Serving::No(error.to_string()),
            });
        }
    }

    fn has_reached(&self, token: &ConsistencyToken) -> bool {
        self.replica.latest().is_some_and(|snapshot| snapshot.revision() >= token.revision)
    }

    /// Whether the replica has not had a complete, confirmed snapshot yet.
    fn is_loading(&self) -> bool {
        matches!(self.replica.view(Duration::MAX), Err(ReadError::NotSynced))
    }

    fn identify(&self, moment: &Moment, bearer: &str) -> Result<Caller, AuthenticateError> {
        let found = moment.world().authenticate(bearer, &self.rules, moment.now())?;
        Ok(Caller {
            name: moment.world().principal_name(&found.principal),
            principal: found.principal,
            session: found.session,
            token_expire_time: found.expire_time,
            via: Via::Network,
        })
    }

    fn bound(&self, purpose: Purpose) -> Duration {
        match purpose {
            Purpose::Decision => self.staleness.decisions,
            Purpose::Administration => self.staleness.administration,
        }
    }
}

#[tonic::async_trait]
impl Authenticate for Reader {
    async fn authenticate(&self, bearer: &str) -> Result<Caller, Failure> {
        let moment = self.now(Purpose::Decision)?;
        match self.identify(&moment, bearer) {
            Err(AuthenticateError::UnknownKey) => {
                let Ok(_place) = self.key_waits.try_acquire() else {
                    return Err(unauthenticated(AuthenticateError::UnknownKey).into());
                };
                // a key that was just made may be on its way: whatever comes next, or the end of the wait, decides
                let newer = self.replica.reach(moment.revision().next(), KEY_WAIT).await;
                tracing::debug!(seen = newer.is_ok(), "met a token with an unknown key");
                self.caller(&self.now(Purpose::Decision)?, bearer)
            }
            other => Ok(other.map_err(unauthenticated)?),
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

fn unauthenticated(error: AuthenticateError) -> Unauthenticated {
    match error {
        AuthenticateError::Unknown | AuthenticateError::UnknownKey => Unauthenticated::TokenMalformed,
        AuthenticateError::Expired => Unauthenticated::TokenExpired,
        AuthenticateError::Revoked => Unauthenticated::TokenRevoked,
        AuthenticateError::SessionEnded => Unauthenticated::SessionEnded,
        AuthenticateError::UserInactive => Unauthenticated::UserInactive,
    }
}

fn failure(error: ReadError) -> Failure {
    let message = error.to_string();
    let unavailable = |reason| Failure::Unavailable { reason, message: message.clone(), retry_after: None };
    match error {
        ReadError::NotSynced => unavailable(UnavailableReason::NotSynced),
        ReadError::Stale { .. } => unavailable(UnavailableReason::StaleReplica),
        ReadError::Regressed => unavailable(UnavailableReason::StoreRegressed),
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
        ReadError::NoStore => Failure::invalid("consistency.fully_consistent", message),
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
        let wait = || Box::pin(reader.moment_at(never, Purpose::Decision));
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
