//! Waits, within bounds, for what a replica that is behind does not know yet: a token, a key, a user, an epoch.

use std::pin::pin;
use std::time::Duration;

use reeve_chassis::{Failure, UnavailableReason};
use reeve_model::Consistency;
use reeve_replica::{ReadError, View};
use reeve_world::{AuthenticateError, Outlook};
use tokio::sync::{Mutex, Semaphore, SemaphorePermit};
use tokio::time::Instant;

use crate::authenticate::refused;
use crate::bearer::Bearer;
use crate::{Moment, Purpose, Reader};

/// How long a call waits for what its token hangs on.
const NEWS_WAIT: Duration = Duration::from_secs(1);
/// Most calls that wait at once with a token that anybody can make up: with an unknown key, or an unknown one. More are told to
/// try again, else a flood of them would hold every place that calls have.
const MAX_UNPROVEN: usize = 32;
/// Most calls that wait at once with a token that is genuine. Those of the others are not theirs.
const MAX_PROVEN: usize = 256;
/// Least time between two questions to the store, however many wait for the answer: who floods a server floods no store.
const ASK_GAP: Duration = Duration::from_millis(100);
/// A replica that cannot ask the store, and was confirmed not longer ago than this, knows all tokens but those of the last
/// moments; those it has waited for.
const NEARLY_CURRENT: Duration = Duration::from_secs(10);

/// How much younger than it is a state may look beside a feed: what a heartbeat takes to come and to be read is not in the age
/// that it tells.
const FEED_MARGIN: Duration = Duration::from_millis(500);

/// The places of calls that wait, and when the store was last asked.
pub(crate) struct News {
    unproven: Semaphore,
    proven: Semaphore,
    asked: Mutex<Option<Instant>>,
}

impl Default for News {
    fn default() -> Self {
        Self { unproven: Semaphore::new(MAX_UNPROVEN), proven: Semaphore::new(MAX_PROVEN), asked: Mutex::default() }
    }
}

impl News {
    /// A place for a call with a token that was not accepted for `error`; none where none is to be had.
    fn place(&self, outlook: Outlook, error: AuthenticateError) -> Result<SemaphorePermit<'_>, Failure> {
        let places = match outlook {
            Outlook::Final => return Err(refused(error)),
            Outlook::Unproven => &self.unproven,
            Outlook::Proven => &self.proven,
        };
        // not said to be nobody's: that was not found out
        places.try_acquire().map_err(|_| Failure::too_busy())
    }
}

impl Reader {
    /// The moment in which a token holds that the state at hand did not accept for `error`, once the replica shows all that was
    /// written before `arrived`.
    ///
    /// # Errors
    /// What that state says of the token; [`Failure::Unavailable`] where it did not come in time; `TOO_BUSY`.
    pub(crate) async fn after_news(
        &self,
        bearer: &Bearer,
        purpose: Purpose,
        arrived: Duration,
        mut error: AuthenticateError,
    ) -> Result<Moment, Failure> {
        let _place = self.news.place(self.outlook(error, bearer), error)?;
        let mut changed = self.replica.subscribe();
        let mut ask = pin!(self.ask_store(arrived));
        let asks = self.replica.asks_a_store();
        let shown_by = if asks { arrived } else { arrived.saturating_add(FEED_MARGIN) };
        let mut told = None;
        let mut end = pin!(tokio::time::sleep(NEWS_WAIT));
        loop {
            changed.mark_unchanged();
            let view = self.view(purpose)?;
            let shows_all = view.shows_all_before(shown_by) || matches!(told, Some(Ok(())));
            match self.identify(view.clone(), bearer) {
                Ok(moment) => return Ok(moment),
                Err(now) if shows_all || self.outlook(now, bearer) == Outlook::Final => return Err(refused(now)),
                Err(now) => error = now,
            }
            tokio::select! {
                () = &mut end => {
                    if let Some(Err(cause)) = told {
                        tracing::debug!(%cause, "the store did not say whether a token is on its way");
                    }
                    return Err(undecided(error, asks, &view));
                },
                asked = &mut ask, if asks && told.is_none() => told = Some(asked),
                // the sender lives as long as the replica
                _ = changed.changed() => {}
            }
        }
    }

    /// Waits until the replica shows all that was written before `arrived`, by asking the store. One asks at a time, and whoever
    /// came before the question has its answer too.
    async fn ask_store(&self, arrived: Duration) -> Result<(), ReadError> {
        let mut asked = self.news.asked.lock().await;
        if self.replica.view(Duration::MAX)?.shows_all_before(arrived) {
            return Ok(());
        }
        if let Some(last) = *asked {
            tokio::time::sleep_until(last + ASK_GAP).await;
        }
        *asked = Some(Instant::now());
        self.replica.view_at(Consistency::FullyConsistent, Duration::MAX, NEWS_WAIT).await.map(drop)
    }
}

/// What is said where it could not be found out in time whether the token holds.
fn undecided(error: AuthenticateError, asks: bool, view: &View) -> Failure {
    if error.outlook() == Outlook::Unproven && !asks && view.age() <= NEARLY_CURRENT {
        return refused(error);
    }
    Failure::Unavailable {
        reason: UnavailableReason::NotSynced,
        message: "this server does not know what the token hangs on, and may be behind: try again".to_owned(),
        retry_after: None,
    }
}
