//! The members of a cluster: one client each, one of them preferred for as long as it answers.
//!
//! The client library could balance by itself, but then nobody knows who answered, a request that hangs stays where it is, and
//! one that may have taken effect is sent again.

use std::future::Future;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use etcd_client::{Client, ConnectOptions, Txn, TxnResponse};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, timeout};

use super::failure::{Failure, failure};
use super::keys::revision;
use super::options::{CONNECT_TIMEOUT, EtcdOptions};
use crate::StoreError;

/// How long a member may take to answer a read before another one is asked.
const READ_TIMEOUT: Duration = Duration::from_millis(2500);
/// How long a member may take to answer a write, which is then given up: nobody knows whether it took effect.
const WRITE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a request goes from member to member. An election takes a second or two.
const PATIENCE: Duration = Duration::from_secs(6);
/// How long to wait after all members were asked in vain; it doubles, up to [`LONGEST_PAUSE`].
const PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// What a request that was sent and not answered may have done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// Nothing, or what is as well done twice: it may be sent again.
    Repeatable,
    /// A change that may not be made twice.
    Once,
}

impl Effect {
    fn timeout(self) -> Duration {
        match self {
            Self::Repeatable => READ_TIMEOUT,
            Self::Once => WRITE_TIMEOUT,
        }
    }
}

/// One member.
struct Member {
    endpoint: String,
    /// Made when it is first needed, and again when its sign-in is no longer known; counted, so that who finds it so does not
    /// end a newer one.
    connection: Mutex<(u64, Option<Client>)>,
}

/// The members of a cluster.
pub(super) struct Pool {
    members: Vec<Member>,
    options: ConnectOptions,
    signs_in: bool,
    preferred: AtomicUsize,
    /// The newest revision that anybody has answered with: an answer to a later question must not be older.
    newest: AtomicU64,
}

/// An answer, and which member gave it.
pub(super) struct Answer<T> {
    pub(super) value: T,
    pub(super) member: usize,
}

impl Pool {
    /// Members that were not spoken to yet; the one at `start` is asked first.
    pub(super) fn new(options: &EtcdOptions, start: usize) -> Self {
        let member = |endpoint: &String| Member { endpoint: endpoint.clone(), connection: Mutex::new((0, None)) };
        Self {
            members: options.endpoints.iter().map(member).collect(),
            options: options.connect(),
            signs_in: options.credentials.is_some(),
            preferred: AtomicUsize::new(start),
            newest: AtomicU64::new(0),
        }
    }

    /// The members' addresses.
    pub(super) fn endpoints(&self) -> impl Iterator<Item = &str> {
        self.members.iter().map(|member| member.endpoint.as_str())
    }

    /// Asks the preferred member, and where that is of no use the next.
    pub(super) async fn call<T, F, R>(&self, effect: Effect, request: R) -> Result<Answer<T>, Failure>
    where
        R: Fn(Client) -> F,
        F: Future<Output = Result<T, Failure>>,
    {
        let (deadline, mut pause) = (Instant::now() + PATIENCE, PAUSE);
        let mut sign_ins = self.members.len();
        loop {
            let mut last = None;
            for _ in 0..self.members.len() {
                let member = self.preferred.load(Ordering::Relaxed) % self.members.len();
                let why = match self.ask(member, effect, &request).await {
                    Ok(value) => return Ok(Answer { value, member }),
                    Err(Failure::SignedOut(why)) if self.signs_in && sign_ins > 0 => {
                        sign_ins -= 1;
                        why
                    }
                    Err(Failure::NotDone(why)) => {
                        self.avoid(member);
                        why
                    }
                    Err(Failure::Unknown(why)) => {
                        self.avoid(member);
                        if effect == Effect::Once {
                            return Err(Failure::Unknown(why));
                        }
                        why
                    }
                    Err(failure) => return Err(failure),
                };
                tracing::debug!(why, "a member of etcd was of no use");
                last = Some(why);
                if Instant::now() >= deadline {
                    break;
                }
            }
            if Instant::now() + pause >= deadline {
                return Err(Failure::NotDone(last.unwrap_or_default()));
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Asks one member.
    pub(super) async fn ask<T, F, R>(&self, member: usize, effect: Effect, request: &R) -> Result<T, Failure>
    where
        R: Fn(Client) -> F,
        F: Future<Output = Result<T, Failure>>,
    {
        let it = self.members.get(member).ok_or_else(|| Failure::NotDone("no such member".to_owned()))?;
        let at = |failure| located(&it.endpoint, failure);
        let (number, client) = self.client(it).await.map_err(at)?;
        let answer = timeout(effect.timeout(), request(client))
            .await
            .unwrap_or_else(|_| Err(Failure::Unknown(format!("no answer within {} ms", effect.timeout().as_millis()))));
        if matches!(answer, Err(Failure::SignedOut(_))) {
            let mut connection = it.connection.lock().await;
            if connection.0 == number {
                connection.1 = None;
            }
        }
        answer.map_err(at)
    }

    /// A member's client, connected and signed in if need be. A failure means that nothing was asked of it yet.
    async fn client(&self, member: &Member) -> Result<(u64, Client), Failure> {
        let connecting = async {
            let mut connection = member.connection.lock().await;
            if let (number, Some(client)) = &*connection {
                return Ok((*number, client.clone()));
            }
            let client = Client::connect([&member.endpoint], Some(self.options.clone())).await;
            let client = client.map_err(|error| match failure(error) {
                Failure::Unknown(why) => Failure::NotDone(why),
                Failure::SignedOut(why) => Failure::Denied(why),
                failure => failure,
            })?;
            *connection = (connection.0 + 1, Some(client.clone()));
            Ok((connection.0, client))
        };
        timeout(CONNECT_TIMEOUT, connecting).await.unwrap_or_else(|_| {
            Err(Failure::NotDone(format!("no connection within {} ms", CONNECT_TIMEOUT.as_millis())))
        })
    }

    /// Lets another member be asked from now on, unless that was done already.
    pub(super) fn avoid(&self, member: usize) {
        let next = (member + 1) % self.members.len().max(1);
        // Somebody else may have moved on from it meanwhile.
        let _ = self.preferred.compare_exchange(member, next, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// Makes a transaction. Its answer is not older than any that came before it was asked for.
    pub(super) async fn txn(&self, effect: Effect, txn: Txn) -> Result<TxnResponse, Failure> {
        let answer = self.call(effect, |mut client| {
            let (txn, newest) = (txn.clone(), self.newest.load(Ordering::SeqCst));
            async move {
                let answer = client.txn(txn).await.map_err(failure)?;
                let found = answer.header().map_or(0, etcd_client::ResponseHeader::revision);
                let found = revision(found)?.get();
                // One whose conditions did not hold says which store this is: that comes before how old it is.
                if answer.succeeded() && found < newest {
                    return Err(Failure::Unknown(format!(
                        "it is at revision {found} and was at {newest} before: it is stale, or was put back without a new epoch"
                    )));
                }
                self.seen(found);
                Ok(answer)
            }
        });
        Ok(answer.await?.value)
    }

    /// Notes a revision that the cluster has reached.
    pub(super) fn seen(&self, revision: u64) {
        self.newest.fetch_max(revision, Ordering::SeqCst);
    }
}

/// Says where it happened.
fn located(endpoint: &str, failure: Failure) -> Failure {
    match failure {
        Failure::NotDone(why) => Failure::NotDone(format!("{endpoint}: {why}")),
        Failure::Unknown(why) => Failure::Unknown(format!("{endpoint}: {why}")),
        Failure::SignedOut(why) => Failure::SignedOut(format!("{endpoint}: {why}")),
        Failure::Denied(why) => Failure::Denied(format!("{endpoint}: {why}")),
        Failure::Final(StoreError::Unavailable(why)) => {
            Failure::Final(StoreError::Unavailable(format!("{endpoint}: {why}")))
        }
        other => other,
    }
}
