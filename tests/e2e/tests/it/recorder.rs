//! Clients who write down what they asked, what they were told, and when.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use reeve_api::admission::{AdmitRequest, Denial, DenialReason, Verdict};
use reeve_api::api::{Consistency, consistency::Requirement};
use reeve_api::identity::{ActivateUserRequest, DeactivateUserRequest};
use reeve_api::policy::{BindRequest, CheckRequest, UnbindRequest};
use reeve_e2e::history::{Asked, Decision, Disturbance, History, Moment, Outcome, State, Write};
use reeve_model::ConsistencyToken;
use tokio::time::Instant;
use tonic::{Code, Request, Response, Status};
use tonic_types::StatusExt as _;

use crate::client::{Client, grant, text};
use crate::oracle;

/// How long a client waits for one answer.
const DEADLINE: Duration = Duration::from_secs(3);

/// What all clients write into.
pub(crate) struct Recorder {
    began: Instant,
    history: Mutex<History>,
}

impl Recorder {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { began: Instant::now(), history: Mutex::default() })
    }

    pub(crate) fn now(&self) -> Moment {
        self.began.elapsed()
    }

    /// Notes that something was being done to the servers, from then until now.
    pub(crate) fn disturbed(&self, from: Moment) {
        self.history.lock().unwrap().disturbances.push(Disturbance { from, to: self.now() });
    }

    /// All that was written down.
    pub(crate) fn take(&self) -> History {
        std::mem::take(&mut self.history.lock().unwrap())
    }
}

/// One client with one address. It passes on, where it asks for that, the newest state that it has seen.
#[derive(Clone)]
pub(crate) struct Session {
    name: String,
    client: Client,
    seen: ConsistencyToken,
    recorder: Arc<Recorder>,
}

impl Session {
    /// A client that has seen `seen`.
    pub(crate) fn new(name: &str, client: Client, seen: &str, recorder: Arc<Recorder>) -> Self {
        Self { name: name.to_owned(), client, seen: ConsistencyToken::parse(seen).unwrap(), recorder }
    }

    /// The newest revision that it has seen.
    pub(crate) fn seen(&self) -> u64 {
        self.seen.revision.get()
    }

    /// Makes a user an editor of a workspace, or takes that away. Whether it was acknowledged.
    pub(crate) async fn edit(&mut self, user: &str, workspace: &str, to: State) -> bool {
        let grants = vec![grant(&format!("user:{user}"), "editor", &format!("workspaces/{workspace}"))];
        let mut bindings = self.client.bindings();
        let began = self.recorder.now();
        let answer = match to {
            State::On => {
                let answer = bindings.bind(timed(BindRequest { grants })).await;
                answer.map(|answer| answer.into_inner().consistency_token)
            }
            State::Off => {
                let answer = bindings.unbind(timed(UnbindRequest { grants })).await;
                answer.map(|answer| answer.into_inner().consistency_token)
            }
        };
        self.wrote(oracle::editor(user, workspace), to, began, answer, Outcome::Acknowledged)
    }

    /// Activates or deactivates a user. Whether it was acknowledged.
    pub(crate) async fn set_active(&mut self, user: &str, to: State) -> bool {
        let username = user.to_owned();
        let mut users = self.client.users();
        let began = self.recorder.now();
        let answer = match to {
            State::On => {
                let answer = users.activate_user(timed(ActivateUserRequest { username })).await;
                answer.map(|answer| answer.into_inner().consistency_token)
            }
            State::Off => {
                let answer = users.deactivate_user(timed(DeactivateUserRequest { username })).await;
                answer.map(|answer| answer.into_inner().consistency_token)
            }
        };
        // who is active already is made so again, and nothing is written
        self.wrote(oracle::user(user), to, began, answer, Outcome::Confirmed)
    }

    /// Notes a write, and what an answer to it means. Its token is seen.
    pub(crate) fn wrote(
        &mut self,
        key: String,
        to: State,
        began: Moment,
        answer: Result<String, Status>,
        means: fn(u64) -> Outcome,
    ) -> bool {
        let ended = self.recorder.now();
        let outcome = match answer {
            Ok(token) => {
                let token = ConsistencyToken::parse(&token).unwrap();
                self.saw(token.revision.get());
                means(token.revision.get())
            }
            Err(status) => of_failure(&status),
        };
        let write = Write { client: self.name.clone(), key, to, began, ended, outcome };
        self.recorder.history.lock().unwrap().writes.push(write);
        matches!(outcome, Outcome::Acknowledged(_) | Outcome::Confirmed(_))
    }

    /// Asks whether a user may submit to a workspace; the revision of the answer, if there was one.
    pub(crate) async fn check(&mut self, user: &str, workspace: &str, fresh: Fresh) -> Option<u64> {
        let (asked, consistency) = self.asks(fresh);
        let request = CheckRequest {
            principal: format!("user:{user}"),
            permission: "workload.submit".to_owned(),
            resource: format!("workspaces/{workspace}"),
            consistency,
        };
        let began = self.recorder.now();
        let answer = self.client.decisions().check(timed(request)).await.map(Response::into_inner);
        let answer = answer.map_err(|status| unanswered(&status)).ok()?;
        let keys = vec![oracle::user(user), oracle::editor(user, workspace)];
        self.decided(keys, began, asked, answer.revision, answer.allowed);
        Some(answer.revision)
    }

    /// Submits as the holder of a token, a user who stays active; the revision of the verdict, if there was one.
    pub(crate) async fn admit(&mut self, user: &str, token: &str, workspace: &str, fresh: Fresh) -> Option<u64> {
        let (asked, consistency) = self.asks(fresh);
        let request = AdmitRequest {
            token: token.to_owned(),
            workspace: workspace.to_owned(),
            workload_type: "experiment".to_owned(),
            config: text("name: x"),
            consistency,
            ..Default::default()
        };
        let began = self.recorder.now();
        let answer = self.client.admission().admit(timed(request)).await.map(Response::into_inner);
        let answer = answer.map_err(|status| unanswered(&status)).ok()?;
        let allowed = answer.verdict() == Verdict::Allow;
        let reasons: Vec<_> = answer.reasons.iter().map(Denial::code).collect();
        assert!(allowed || reasons == [DenialReason::Permission], "{reasons:?}");
        self.decided(vec![oracle::editor(user, workspace)], began, asked, answer.revision, allowed);
        Some(answer.revision)
    }

    fn asks(&self, fresh: Fresh) -> (Asked, Option<Consistency>) {
        let (asked, requirement) = match fresh {
            Fresh::Any => return (Asked::Any, None),
            Fresh::Seen => (Asked::AtLeast(self.seen()), Requirement::AtLeastAsFresh(self.seen.to_string())),
            Fresh::Newest => (Asked::Newest, Requirement::FullyConsistent(true)),
        };
        (asked, Some(Consistency { requirement: Some(requirement) }))
    }

    fn decided(&mut self, keys: Vec<String>, began: Moment, asked: Asked, at: u64, allowed: bool) {
        let ended = self.recorder.now();
        self.saw(at);
        let decision = Decision { client: self.name.clone(), keys, began, ended, asked, at, allowed };
        self.recorder.history.lock().unwrap().decisions.push(decision);
    }

    fn saw(&mut self, revision: u64) {
        self.seen.revision = self.seen.revision.max(reeve_model::Revision::new(revision));
    }
}

/// How new an answer is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fresh {
    Any,
    /// As what this client has seen.
    Seen,
    Newest,
}

fn timed<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(DEADLINE);
    request
}

/// What a failure says of a write: that it had no effect, or nothing.
fn of_failure(status: &Status) -> Outcome {
    is_no_fault_of_ours(status);
    match status.code() {
        Code::AlreadyExists | Code::NotFound => Outcome::Refused,
        Code::Unavailable
        | Code::DeadlineExceeded
        | Code::Cancelled
        | Code::Unknown
        | Code::Internal
        | Code::Aborted
        | Code::ResourceExhausted => Outcome::Unknown,
        _ => panic!("not what a write may be answered: {status:?}"),
    }
}

/// A decision that was not made: because something is away, and for no other reason.
fn unanswered(status: &Status) {
    is_no_fault_of_ours(status);
    let away = [Code::Unavailable, Code::DeadlineExceeded, Code::Cancelled, Code::Unknown, Code::Internal];
    assert!(away.contains(&status.code()), "not what a decision may be answered: {status:?}");
}

/// Servers are killed and held here; none of that may look like a fault in them.
fn is_no_fault_of_ours(status: &Status) {
    let reason = status.get_details_error_info().map(|info| info.reason);
    assert_ne!(reason.as_deref(), Some("INTERNAL"), "{status:?}");
}
