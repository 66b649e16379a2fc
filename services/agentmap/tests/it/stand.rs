//! A running agentmap service with people in it, and what tests ask of it.

use std::sync::Arc;
use std::time::Duration;

use reeve_agentmap::{AgentmapService, Deps};
use reeve_answers::{Answers, Reader, Settings, Staleness};
use reeve_api::agentmap as api;
use reeve_api::agentmap::agent_user_service_client::AgentUserServiceClient;
use reeve_chassis::config::ServerConfig;
use reeve_chassis::{Listener, Setup};
use reeve_config_policy::PriorityOrder;
use reeve_model::{
    BindingId, Epoch, GroupId, GroupName, ManualClock, PrincipalId, Resource, SeededEntropy, Subject, Timestamp,
    UserId, Username, WorkspaceId, WorkspaceName, derived_uuid,
};
use reeve_owner::{PublishedTxn, Writer};
use reeve_rbac::BuiltinRole;
use reeve_replica::{Replica, StoreSource, follow};
use reeve_store::{Embedded, EmbeddedOptions, Key, Store, Txn};
use reeve_world::{Binding, Group, Membership, Record, RecordKey, User, Workspace, World};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};
use tonic_types::StatusExt as _;
use uuid::Uuid;

use crate::meddler::Meddler;
use crate::tokens::{self, rules, token_of};

/// Users 1 to 4.
pub(crate) const NAMES: [&str; 4] = ["admin", "alice", "bob", "carol"];

pub(crate) const START: Timestamp = Timestamp::from_millis(1_800_000_000_000);

/// A running service.
pub(crate) struct Stand {
    pub(crate) store: Arc<Meddler>,
    pub(crate) replica: Replica,
    pub(crate) service: AgentmapService,
    channel: Channel,
    _stop: DropGuard,
    _dir: TempDir,
}

impl Stand {
    pub(crate) async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::at(START));
        let entropy = Arc::new(SeededEntropy::new(1));
        let embedded = Embedded::open(dir.path(), clock.clone(), entropy.clone(), EmbeddedOptions::default()).unwrap();
        let store = Arc::new(Meddler::new(Arc::new(embedded)));
        let replica = Replica::new(clock, Some(Arc::new(StoreSource::new(store.clone()))));
        let stop = CancellationToken::new();
        tokio::spawn(follow(replica.clone(), StoreSource::new(store.clone()), stop.clone()));
        replica.ready().await;
        let reader = Reader::new(replica.clone(), rules(), Staleness::default());
        let settings = Settings {
            agent_user: reeve_agent_user::Settings::default(),
            priority_order: PriorityOrder::LowerIsHigher,
            default_priority: None,
        };
        let deps = Deps {
            writer: Writer::new(store.clone(), replica.clone(), entropy),
            answers: Answers::new(reader.clone(), settings),
            reader: reader.clone(),
        };
        let service = AgentmapService::start(deps).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let rows = vec![reeve_agentmap::ROWS];
        let authenticate = Arc::new(reader);
        let setup = Setup::new(ServerConfig::default(), service.services(), rows, authenticate);
        tokio::spawn(setup.build().unwrap().serve(vec![Listener::Tcp(listener)], stop.clone()));
        let channel = Endpoint::try_from(address).unwrap().connect().await.unwrap();
        let stand = Self { store, replica, service, channel, _stop: stop.drop_guard(), _dir: dir };
        stand.write(people(), []).await;
        stand
    }

    /// Writes published records as their owner would, and waits until they are seen.
    pub(crate) async fn write(
        &self,
        upserts: impl IntoIterator<Item = Record>,
        deletes: impl IntoIterator<Item = RecordKey>,
    ) {
        let committed = self.store.inner.commit(txn(upserts, deletes)).await.unwrap();
        self.replica.reach(committed.revision, Duration::from_secs(10)).await.unwrap();
    }

    pub(crate) fn world(&self) -> World {
        self.replica.latest().unwrap().world().clone()
    }

    pub(crate) fn client(&self) -> AgentUserServiceClient<Channel> {
        AgentUserServiceClient::new(self.channel.clone())
    }

    pub(crate) async fn link(
        &self,
        by: &str,
        username: &str,
        agent_user: api::AgentUser,
    ) -> Result<api::LinkUserResponse, Status> {
        let (username, agent_user) = (username.to_owned(), Some(agent_user));
        let request = api::LinkUserRequest { username, agent_user, allow_shared: false };
        Ok(self.client().link_user(asked_by(by, request)).await?.into_inner())
    }

    pub(crate) async fn unlink(&self, by: &str, username: &str) -> Result<(), Status> {
        let request = api::UnlinkUserRequest { username: username.to_owned() };
        let answer = self.client().unlink_user(asked_by(by, request)).await?.into_inner();
        assert!(answer.consistency_token.starts_with("rt1."));
        Ok(())
    }

    pub(crate) async fn get_link(&self, by: &str, username: &str) -> Result<api::AgentUser, Status> {
        let request = api::GetUserLinkRequest { username: username.to_owned(), consistency: None };
        Ok(self.client().get_user_link(asked_by(by, request)).await?.into_inner().agent_user.unwrap())
    }

    pub(crate) async fn set(
        &self,
        by: &str,
        workspace: &str,
        agent_user: Option<api::WorkspaceAgentUser>,
        mask: Option<&[&str]>,
    ) -> Result<api::WorkspaceAgentUser, Status> {
        let paths = |mask: &[&str]| mask.iter().map(|path| (*path).to_owned()).collect();
        let request = api::SetWorkspaceAgentUserRequest {
            workspace: workspace.to_owned(),
            agent_user,
            update_mask: mask.map(|mask| prost_types::FieldMask { paths: paths(mask) }),
        };
        let answer = self.client().set_workspace_agent_user(asked_by(by, request)).await?.into_inner();
        assert!(answer.consistency_token.starts_with("rt1."));
        Ok(answer.agent_user.unwrap())
    }

    pub(crate) async fn clear(&self, by: &str, workspace: &str) -> Result<(), Status> {
        let request = api::ClearWorkspaceAgentUserRequest { workspace: workspace.to_owned() };
        let answer = self.client().clear_workspace_agent_user(asked_by(by, request)).await?.into_inner();
        assert!(answer.consistency_token.starts_with("rt1."));
        Ok(())
    }

    pub(crate) async fn get(&self, by: &str, workspace: &str) -> Result<api::WorkspaceAgentUser, Status> {
        let request = api::GetWorkspaceAgentUserRequest { workspace: workspace.to_owned(), consistency: None };
        Ok(self.client().get_workspace_agent_user(asked_by(by, request)).await?.into_inner().agent_user.unwrap())
    }

    pub(crate) async fn resolve(&self, by: &str, username: &str) -> Result<api::ResolvedAgentUser, Status> {
        let (username, workspace) = (username.to_owned(), "vision".to_owned());
        let request = api::ResolveAgentUserRequest { username, workspace, consistency: None };
        Ok(self.client().resolve_agent_user(asked_by(by, request)).await?.into_inner().agent_user.unwrap())
    }

    /// Binds somebody on `vision`, or on the cluster.
    pub(crate) async fn bind(&self, number: u128, role: BuiltinRole, resource: &str) {
        let resource = Resource::parse(resource).unwrap();
        let binding = Binding {
            uid: BindingId::from_uuid(derived_uuid(&format!("{number} {role} {resource}"))),
            subject: Subject::User(user_id(number)),
            role,
            workspace: resource.is_workspace().then(workspace_id),
            resource,
            expire_time: None,
            note: String::new(),
            create_time: START,
        };
        self.write([Record::Binding(binding)], []).await;
    }
}

/// The writes of published records whatever stands there.
pub(crate) fn txn(upserts: impl IntoIterator<Item = Record>, deletes: impl IntoIterator<Item = RecordKey>) -> Txn {
    let txn = upserts.into_iter().fold(Txn::new(), |txn, record| txn.publish(&record));
    deletes.into_iter().fold(txn, |txn, key| txn.delete(Key::new(key.to_string())))
}

/// A request with the token of `who`; without one for nobody.
pub(crate) fn asked_by<T>(who: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    if !who.is_empty() {
        request.metadata_mut().insert("authorization", format!("Bearer {}", token_of(who)).parse().unwrap());
    }
    request
}

/// A whole agent user.
pub(crate) fn agent_user(uid: u32, user: &str, gid: u32, group: &str) -> api::AgentUser {
    api::AgentUser {
        uid: Some(uid),
        user: user.to_owned(),
        gid: Some(gid),
        group: group.to_owned(),
        ..Default::default()
    }
}

/// Code and reason of a failure.
pub(crate) fn why<T: std::fmt::Debug>(result: Result<T, Status>) -> (Code, String) {
    let status = result.unwrap_err();
    let info = status.get_details_error_info().unwrap_or_else(|| panic!("no ErrorInfo: {status:?}"));
    (status.code(), info.reason)
}

/// What was not found.
pub(crate) fn not_found<T: std::fmt::Debug>(result: Result<T, Status>) -> String {
    let status = result.unwrap_err();
    assert_eq!(status.code(), Code::NotFound, "{status:?}");
    status.get_details_error_info().unwrap().metadata.get("resource").cloned().unwrap()
}

/// The wrong fields of a refused request.
pub(crate) fn wrong_fields<T: std::fmt::Debug>(result: Result<T, Status>) -> Vec<String> {
    let status = result.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
    let details = status.get_details_bad_request().unwrap();
    details.field_violations.into_iter().map(|violation| violation.field).collect()
}

/// What stands against a request, with its reason.
pub(crate) fn obstacles<T: std::fmt::Debug>(result: Result<T, Status>) -> (String, Vec<String>) {
    let status = result.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition, "{status:?}");
    let reason = status.get_details_error_info().unwrap().reason;
    let details = status.get_details_precondition_failure().unwrap();
    let told = |v: tonic_types::PreconditionViolation| format!("{}: {}", v.subject, v.description);
    (reason, details.violations.into_iter().map(told).collect())
}

pub(crate) fn reason(code: Code, reason: &str) -> (Code, String) {
    (code, reason.to_owned())
}

pub(crate) fn user_id(number: u128) -> UserId {
    UserId::from_uuid(Uuid::from_u128(0x7000_8000_0000_0000_0000 + number))
}

pub(crate) fn workspace_id() -> WorkspaceId {
    WorkspaceId::from_uuid(Uuid::from_u128(0x7000_8000_0000_0000_3001))
}

pub(crate) fn user(number: u128, name: &str) -> Record {
    Record::User(User {
        uid: user_id(number),
        username: Username::parse(name).unwrap(),
        display_name: None,
        active: true,
        epoch: Epoch::default(),
        create_time: START,
        update_time: START,
    })
}

/// `admin` (1) is in `admins`; `alice` (2), `bob` (3) and `carol` (4) are in no group; there is the workspace `vision`.
fn people() -> Vec<Record> {
    let admins = GroupName::parse("admins").unwrap();
    let mut people = vec![
        Record::Group(Group::new(GroupId::ADMINS, admins, START)),
        user(1, "admin"),
        user(2, "alice"),
        user(3, "bob"),
        user(4, "carol"),
        Record::Membership(Membership { group: GroupId::ADMINS, member: PrincipalId::User(user_id(1)) }),
        vision(),
    ];
    people.extend(tokens::records());
    people
}

pub(crate) fn vision() -> Record {
    Record::Workspace(Workspace {
        uid: workspace_id(),
        name: WorkspaceName::parse("vision").unwrap(),
        description: String::new(),
        create_time: START,
        update_time: START,
    })
}
