//! One question to each service, that it answers itself: whether a token holds, and its holder may submit to vision.

use reeve_api::admission::{AdmitRequest, Verdict};
use reeve_api::agentmap::ResolveAgentUserRequest;
use reeve_api::identity::WhoAmIRequest;
use reeve_api::policy::CheckRequest;
use tonic::{Code, Request, Status};

use crate::apart::{Apart, Kind};
use crate::client::{Client, after, text};
use crate::member::Member;
use crate::refusal::reason;

/// How long an answer may take.
const DEADLINE: std::time::Duration = std::time::Duration::from_secs(12);

/// One who answers, and what is asked there.
pub(crate) struct Asked {
    pub(crate) name: String,
    pub(crate) client: Client,
    question: Question,
}

#[derive(Clone, Copy, Debug)]
enum Question {
    WhoAmI,
    Check,
    ResolveAgentUser,
    Admit,
}

impl Asked {
    /// Every service, and a sidecar if there is one.
    pub(crate) fn everybody(apart: &Apart, sidecar: Option<&Member>) -> Vec<Self> {
        let services = apart.services.iter().map(|service| {
            let question = match service.kind {
                Kind::Identity => Question::WhoAmI,
                Kind::Policy => Question::Check,
                Kind::Agentmap => Question::ResolveAgentUser,
            };
            (&service.member, question)
        });
        let beside = sidecar.into_iter().flat_map(|member| [(member, Question::Check), (member, Question::Admit)]);
        let asked = services.chain(beside).map(|(member, question)| Self {
            name: format!("{}, {question:?}", member.name()),
            client: member.nobody(),
            question,
        });
        asked.collect()
    }

    /// Asks with a token; fails where it does not hold.
    ///
    /// # Panics
    /// It holds, and the holder may not submit.
    pub(crate) async fn ask(&self, token: &str, proof: Option<&str>) -> Result<(), Status> {
        let client = self.client.with_token(token);
        let consistency = proof.and_then(after);
        let workspace = "vision".to_owned();
        match self.question {
            Question::WhoAmI => drop(client.sessions().who_am_i(timed(WhoAmIRequest { consistency })).await?),
            Question::Check => {
                let request = CheckRequest {
                    permission: "workload.submit".to_owned(),
                    resource: "workspaces/vision".to_owned(),
                    consistency,
                    ..Default::default()
                };
                let answer = client.decisions().check(timed(request)).await?.into_inner();
                assert!(answer.allowed, "{}: {answer:?}", self.name);
            }
            Question::ResolveAgentUser => {
                let request = ResolveAgentUserRequest { workspace, consistency, ..Default::default() };
                client.agent_users().resolve_agent_user(timed(request)).await?;
            }
            Question::Admit => {
                let request = AdmitRequest {
                    token: token.to_owned(),
                    workspace,
                    workload_type: "experiment".to_owned(),
                    config: text("name: x"),
                    consistency,
                    ..Default::default()
                };
                let answer = self.client.admission().admit(timed(request)).await?.into_inner();
                assert_eq!(answer.verdict(), Verdict::Allow, "{}: {:?}", self.name, answer.reasons);
            }
        }
        Ok(())
    }

    /// That a token is refused, and for what; not, if it holds.
    pub(crate) async fn refuses(&self, token: &str, proof: Option<&str>, expected: &str) -> bool {
        match self.ask(token, proof).await {
            Ok(()) => false,
            Err(status) => {
                let said = (status.code(), reason(&status));
                assert_eq!(said, (Code::Unauthenticated, expected.to_owned()), "{}: {status:?}", self.name);
                true
            }
        }
    }
}

/// Whether nothing was answered, because somebody is away or knows too little.
pub(crate) fn is_away(status: &Status) -> bool {
    [Code::Unavailable, Code::Unknown, Code::Cancelled, Code::DeadlineExceeded].contains(&status.code())
}

fn timed<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(DEADLINE);
    request
}
