//! A running policy service with people in it, and what tests ask of it.

use std::sync::Arc;
use std::time::Duration;

use reeve_answers::{Answers, Reader, Settings, Staleness};
use reeve_api::policy as api;
use reeve_api::policy::binding_service_client::BindingServiceClient;
use reeve_api::policy::config_policy_service_client::ConfigPolicyServiceClient;
use reeve_api::policy::role_service_client::RoleServiceClient;
use reeve_api::policy::workspace_service_client::WorkspaceServiceClient;
use reeve_chassis::config::ServerConfig;
use reeve_chassis::{Listener, Owner, Setup};
use reeve_config_policy::PriorityOrder;
use reeve_model::{
    Epoch, GroupId, GroupName, ManualClock, PrincipalId, RobotId, RobotName, SeededEntropy, Timestamp, UserId, Username,
};
use reeve_owner::{Neighbours, Parent, PublishedTxn, Reconciled, WorkspacesConfig, Writer};
use reeve_policy::{Deps, PolicyConfig, PolicyService};
use reeve_replica::{Replica, StoreSource, follow};
use reeve_store::{Embedded, EmbeddedOptions, Key, Store, Txn};
use reeve_world::{Group, Membership, Record, RecordKey, Robot, User, World};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};
use tonic_types::StatusExt as _;
use uuid::Uuid;

use crate::meddler::Meddler;
use crate::tokens::{self, rules, token_of};

/// When every test begins.
pub(crate) const START: Timestamp = Timestamp::from_millis(1_800_000_000_000);

/// Users 1 to 5.
pub(crate) const NAMES: [&str; 5] = ["admin", "alice", "bob", "carol", "dave"];

/// A store with people in it, and a replica that follows it.
pub(crate) struct Ground {
    pub(crate) store: Arc<Meddler>,
    pub(crate) replica: Replica,
    pub(crate) clock: Arc<ManualClock>,
    entropy: Arc<SeededEntropy>,
    _stop: DropGuard,
    _dir: TempDir,
}

/// A running service on a ground.
pub(crate) struct Stand {
    pub(crate) ground: Ground,
    pub(crate) service: PolicyService,
    channel: Channel,
    _stop: DropGuard,
}

impl Ground {
    pub(crate) async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::at(START));
        let entropy = Arc::new(SeededEntropy::new(1));
        let embedded = Embedded::open(dir.path(), clock.clone(), entropy.clone(), EmbeddedOptions::default()).unwrap();
        let store = Arc::new(Meddler::new(Arc::new(embedded)));
        let barrier = Arc::new(StoreSource::new(store.clone()));
        let replica = Replica::new(clock.clone(), Some(barrier));
        let stop = CancellationToken::new();
        tokio::spawn(follow(replica.clone(), StoreSource::new(store.clone()), stop.clone()));
        replica.ready().await;
        let ground = Self { store, replica, clock, entropy, _stop: stop.drop_guard(), _dir: dir };
        ground.write(people(), []).await;
        ground
    }

    /// What a service on this ground is made of.
    pub(crate) fn deps(&self, config: PolicyConfig) -> Deps {
        let reader = Reader::new(self.replica.clone(), rules(), Staleness::default());
        let settings = Settings {
            agent_user: reeve_agent_user::Settings::default(),
            priority_order: PriorityOrder::LowerIsHigher,
            default_priority: None,
        };
        Deps {
            writer: Writer::new(self.store.clone(), self.replica.clone(), self.entropy.clone()),
            answers: Answers::new(reader.clone(), settings),
            reader,
            clock: self.clock.clone(),
            entropy: self.entropy.clone(),
            neighbours: Neighbours::untold(Owner::Policy, self.replica.clone()),
            config,
            workspaces: WorkspacesConfig::default(),
        }
    }

    /// Writes published records as their owner would, and waits until they are seen.
    pub(crate) async fn write(
        &self,
        upserts: impl IntoIterator<Item = Record>,
        deletes: impl IntoIterator<Item = RecordKey>,
    ) {
        self.commit(txn(upserts, deletes)).await;
    }

    pub(crate) async fn commit(&self, txn: Txn) {
        let committed = self.store.inner.commit(txn).await.unwrap();
        self.replica.reach(committed.revision, Duration::from_secs(10)).await.unwrap();
    }

    /// Removes a key of any kind.
    pub(crate) async fn remove(&self, key: &str) {
        self.commit(Txn::new().delete(Key::new(key))).await;
    }

    /// The wall clock shows so long after the start. Ages do not grow: nothing becomes stale.
    pub(crate) fn at(&self, millis: u64) {
        self.clock.set_wall(START.plus(Duration::from_millis(millis)));
    }

    /// The newest records.
    pub(crate) fn world(&self) -> World {
        self.replica.latest().unwrap().world().clone()
    }
}

/// The writes of published records whatever stands there.
pub(crate) fn txn(upserts: impl IntoIterator<Item = Record>, deletes: impl IntoIterator<Item = RecordKey>) -> Txn {
    let txn = upserts.into_iter().fold(Txn::new(), |txn, record| txn.publish(&record));
    deletes.into_iter().fold(txn, |txn, key| txn.delete(Key::new(key.to_string())))
}

impl Stand {
    /// A service on new ground.
    pub(crate) async fn start() -> Self {
        Self::on(Ground::new().await).await
    }

    pub(crate) async fn on(ground: Ground) -> Self {
        Self::with(ground, WorkspacesConfig::default()).await
    }

    pub(crate) async fn with(ground: Ground, workspaces: WorkspacesConfig) -> Self {
        let deps = Deps { workspaces, ..ground.deps(PolicyConfig::default()) };
        let authenticate = Arc::new(deps.reader.clone());
        let service = PolicyService::start(deps).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let setup = Setup::new(ServerConfig::default(), service.services(), vec![reeve_policy::ROWS], authenticate);
        let stop = CancellationToken::new();
        tokio::spawn(setup.build().unwrap().serve(vec![Listener::Tcp(listener)], stop.clone()));
        let channel = Endpoint::try_from(address).unwrap().connect().await.unwrap();
        Self { ground, service, channel, _stop: stop.drop_guard() }
    }

    pub(crate) fn workspaces(&self) -> WorkspaceServiceClient<Channel> {
        WorkspaceServiceClient::new(self.channel.clone())
    }

    pub(crate) fn roles(&self) -> RoleServiceClient<Channel> {
        RoleServiceClient::new(self.channel.clone())
    }

    pub(crate) fn bindings(&self) -> BindingServiceClient<Channel> {
        BindingServiceClient::new(self.channel.clone())
    }

    pub(crate) fn policies(&self) -> ConfigPolicyServiceClient<Channel> {
        ConfigPolicyServiceClient::new(self.channel.clone())
    }

    /// Creates workspaces as root.
    pub(crate) async fn with_workspaces(names: &[&str]) -> Self {
        let stand = Self::start().await;
        for name in names {
            stand.create(name, "root").await.unwrap();
        }
        stand
    }

    pub(crate) async fn create(&self, name: &str, by: &str) -> Result<api::Workspace, Status> {
        let request = api::CreateWorkspaceRequest { name: name.to_owned(), ..Default::default() };
        let answer = self.workspaces().create_workspace(asked_by(by, request)).await?.into_inner();
        Ok(answer.workspace.unwrap())
    }

    pub(crate) async fn get(&self, by: &str, name: &str) -> Result<api::Workspace, Status> {
        let request = api::GetWorkspaceRequest { name: name.to_owned(), consistency: None };
        Ok(self.workspaces().get_workspace(asked_by(by, request)).await?.into_inner().workspace.unwrap())
    }

    pub(crate) async fn delete(&self, by: &str, name: &str, etag: &str) -> Result<String, Status> {
        let request = api::DeleteWorkspaceRequest { name: name.to_owned(), etag: etag.to_owned() };
        Ok(self.workspaces().delete_workspace(asked_by(by, request)).await?.into_inner().consistency_token)
    }

    /// One look at what hangs on something, or everything, by the newest state.
    pub(crate) async fn reconcile(&self, what: Option<Parent>) -> Reconciled {
        let snapshot = self.ground.replica.latest().unwrap();
        let done = self.service.reconcile().reconcile(&snapshot, what).await.unwrap();
        if let Some(written) = done.written {
            self.ground.replica.reach(written, Duration::from_secs(10)).await.unwrap();
        }
        done
    }

    /// How many records of a kind the store holds.
    pub(crate) async fn stored(&self, kind: &str) -> usize {
        let store: &dyn Store = self.ground.store.as_ref();
        store.list(&format!("world/{kind}/"), None, 10_000, None).await.unwrap().items.len()
    }

    pub(crate) async fn bind(&self, by: &str, grants: &[api::Grant]) -> Result<Vec<api::Binding>, Status> {
        let request = api::BindRequest { grants: grants.to_vec() };
        Ok(self.bindings().bind(asked_by(by, request)).await?.into_inner().bindings)
    }

    pub(crate) async fn unbind(&self, by: &str, grants: &[api::Grant]) -> Result<String, Status> {
        let request = api::UnbindRequest { grants: grants.to_vec() };
        Ok(self.bindings().unbind(asked_by(by, request)).await?.into_inner().consistency_token)
    }

    /// `principal role resource` of every binding that `by` sees on a resource and below.
    pub(crate) async fn bound(&self, by: &str, resource: &str) -> Result<Vec<String>, Status> {
        let request = api::ListBindingsRequest { resource: resource.to_owned(), below: true, ..Default::default() };
        let bindings = self.bindings().list_bindings(asked_by(by, request)).await?.into_inner().bindings;
        let mut all: Vec<_> = bindings.iter().map(|b| format!("{} {} {}", b.principal, b.role, b.resource)).collect();
        all.sort();
        Ok(all)
    }

    pub(crate) async fn set_policy(
        &self,
        by: &str,
        policy: api::ConfigPolicy,
    ) -> Result<api::SetConfigPolicyResponse, Status> {
        let request = api::SetConfigPolicyRequest { policy: Some(policy), allow_conflicts: false };
        Ok(self.policies().set_config_policy(asked_by(by, request)).await?.into_inner())
    }

    pub(crate) async fn get_policy(&self, by: &str, scope: &str) -> Result<api::ConfigPolicy, Status> {
        let request = api::GetConfigPolicyRequest {
            scope: scope.to_owned(),
            workload_type: "experiment".to_owned(),
            consistency: None,
        };
        Ok(self.policies().get_config_policy(asked_by(by, request)).await?.into_inner().policy.unwrap())
    }
}

/// A request with the token of `who`; without one for nobody.
pub(crate) fn asked_by<T>(who: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    if !who.is_empty() {
        request.metadata_mut().insert("authorization", format!("Bearer {}", token_of(who)).parse().unwrap());
    }
    request
}

pub(crate) fn grant(principal: &str, role: &str, resource: &str) -> api::Grant {
    api::Grant {
        principal: principal.to_owned(),
        role: role.to_owned(),
        resource: resource.to_owned(),
        expire_time: None,
        note: String::new(),
    }
}

/// A grant that ends so long after the start.
pub(crate) fn grant_for(principal: &str, role: &str, resource: &str, seconds: i64) -> api::Grant {
    let expire_time = Some(prost_types::Timestamp { seconds: START.as_secs() + seconds, nanos: 0 });
    api::Grant { expire_time, ..grant(principal, role, resource) }
}

/// A policy for experiments.
pub(crate) fn policy(scope: &str, document: &str) -> api::ConfigPolicy {
    api::ConfigPolicy {
        scope: scope.to_owned(),
        workload_type: "experiment".to_owned(),
        document: document.to_owned(),
        ..Default::default()
    }
}

/// Code and reason of a failure.
pub(crate) fn why<T: std::fmt::Debug>(result: Result<T, Status>) -> (Code, String) {
    let status = result.unwrap_err();
    let info = status.get_details_error_info().unwrap_or_else(|| panic!("no ErrorInfo: {status:?}"));
    assert_eq!(info.domain, "reeve");
    (status.code(), info.reason)
}

/// A piece of metadata of a failure.
pub(crate) fn metadata<T: std::fmt::Debug>(result: Result<T, Status>, key: &str) -> String {
    result.unwrap_err().get_details_error_info().unwrap().metadata.get(key).cloned().unwrap_or_default()
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

pub(crate) fn user(number: u128, name: &str) -> User {
    User {
        uid: user_id(number),
        username: Username::parse(name).unwrap(),
        display_name: None,
        active: true,
        epoch: Epoch::default(),
        create_time: START,
        update_time: START,
    }
}

pub(crate) fn robot_id() -> RobotId {
    RobotId::from_uuid(Uuid::from_u128(0x7000_8000_0000_0000_2001))
}

pub(crate) fn group_id(number: u128) -> GroupId {
    GroupId::from_uuid(Uuid::from_u128(0x7000_8000_0000_0000_1000 + number))
}

pub(crate) fn group(uid: GroupId, name: &str) -> Record {
    Record::Group(Group::new(uid, GroupName::parse(name).unwrap(), START))
}

/// `admin` is in `admins`, `dave` in `vision-team`; `alice`, `bob` and `carol` are in no group; `ci` is a robot.
fn people() -> Vec<Record> {
    let mut records = vec![
        group(GroupId::EVERYONE, "everyone"),
        group(GroupId::ADMINS, "admins"),
        group(group_id(1), "vision-team"),
        Record::Robot(Robot {
            uid: robot_id(),
            name: RobotName::parse("ci").unwrap(),
            description: String::new(),
            create_time: START,
        }),
    ];
    records.extend(tokens::records());
    records.extend((1..).zip(NAMES).map(|(number, name)| Record::User(user(number, name))));
    for (group, member) in [(GroupId::ADMINS, 1), (group_id(1), 5)] {
        records.push(Record::Membership(Membership { group, member: PrincipalId::User(user_id(member)) }));
    }
    records
}
