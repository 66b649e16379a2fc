//! The published records as values.

use reeve_agent_user::{AgentUser, Override};
use reeve_config_policy::{LimitPrecedence, WorkloadType};
use reeve_credentials::{PublicKey, TokenHash};
use reeve_model::{
    BindingId, DisplayName, Epoch, GroupId, GroupName, PrincipalId, Resource, RobotId, RobotName, SessionId, Subject,
    Timestamp, UserId, Username, WorkspaceId, WorkspaceName,
};
use reeve_rbac::BuiltinRole;

use crate::RecordKey;

/// One published record.
#[derive(Clone, Debug, PartialEq)]
pub enum Record {
    /// A user.
    User(User),
    /// A group.
    Group(Group),
    /// One member of a group.
    Membership(Membership),
    /// A robot.
    Robot(Robot),
    /// The hash of a robot token or of the root token.
    Token(Token),
    /// A session that has ended.
    EndedSession(EndedSession),
    /// The public half of a signing key.
    SigningKey(SigningKey),
    /// The access state.
    Access(Access),
    /// A workspace.
    Workspace(Workspace),
    /// A binding.
    Binding(Binding),
    /// A config policy.
    ConfigPolicy(ConfigPolicy),
    /// A user's agent user.
    UserLink(UserLink),
    /// What a workspace overrides of agent users.
    WorkspaceAgentUser(WorkspaceAgentUser),
}

impl Record {
    /// Where it stands in the store.
    pub fn key(&self) -> RecordKey {
        match self {
            Self::User(user) => RecordKey::User(user.uid),
            Self::Group(group) => RecordKey::Group(group.uid),
            Self::Membership(membership) => RecordKey::Membership(membership.group, membership.member),
            Self::Robot(robot) => RecordKey::Robot(robot.uid),
            Self::Token(token) => RecordKey::Token(token.hash),
            Self::EndedSession(session) => RecordKey::EndedSession(session.sid),
            Self::SigningKey(key) => RecordKey::SigningKey(key.public.id().to_string()),
            Self::Access(_) => RecordKey::Access,
            Self::Workspace(workspace) => RecordKey::Workspace(workspace.uid),
            Self::Binding(binding) => RecordKey::Binding(binding.uid),
            Self::ConfigPolicy(policy) => RecordKey::ConfigPolicy(policy.workspace, policy.workload),
            Self::UserLink(link) => RecordKey::UserLink(link.user),
            Self::WorkspaceAgentUser(overrides) => RecordKey::WorkspaceAgentUser(overrides.workspace),
        }
    }
}

/// A person who can sign in.
#[derive(Clone, Debug, PartialEq)]
pub struct User {
    /// Immutable.
    pub uid: UserId,
    /// As typed; unique case-insensitively.
    pub username: Username,
    /// What they are called on screen.
    pub display_name: Option<DisplayName>,
    /// Whether they may sign in.
    pub active: bool,
    /// Moves on when every credential of theirs ends.
    pub epoch: Epoch,
    /// When they were created.
    pub create_time: Timestamp,
    /// When they were last changed.
    pub update_time: Timestamp,
}

/// A flat set of users and robots.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// Immutable.
    pub uid: GroupId,
    /// As typed; unique case-insensitively.
    pub name: GroupName,
    /// What it is for; may be empty.
    pub description: String,
    /// The workspace that it comes and goes with; none for one that people made, or that is built in.
    pub workspace: Option<WorkspaceId>,
    /// When it was created.
    pub create_time: Timestamp,
    /// When it last changed; who is in it does not count.
    pub update_time: Timestamp,
}

impl Group {
    /// A group as it begins: without a description, and of no workspace.
    pub fn new(uid: GroupId, name: GroupName, now: Timestamp) -> Self {
        Self { uid, name, description: String::new(), workspace: None, create_time: now, update_time: now }
    }
}

/// One member of a group. Every active user is in `everyone` without one.
#[derive(Clone, Debug, PartialEq)]
pub struct Membership {
    /// The group.
    pub group: GroupId,
    /// A user or a robot.
    pub member: PrincipalId,
}

/// A program with tokens of its own.
#[derive(Clone, Debug, PartialEq)]
pub struct Robot {
    /// Immutable.
    pub uid: RobotId,
    /// As typed; unique case-insensitively.
    pub name: RobotName,
    /// What it is for; may be empty.
    pub description: String,
    /// When it was created.
    pub create_time: Timestamp,
}

/// Whose an opaque token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenPrincipal {
    /// A robot's.
    Robot(RobotId),
    /// The root token.
    Root,
}

/// The hash of an opaque token.
#[derive(Clone, Debug, PartialEq)]
pub struct Token {
    /// SHA-256 of the token.
    pub hash: TokenHash,
    /// Whose it is.
    pub principal: TokenPrincipal,
    /// When it ends, if it does.
    pub expire_time: Option<Timestamp>,
    /// When it was made.
    pub create_time: Timestamp,
}

/// A session that has ended, kept until its last access token has expired.
#[derive(Clone, Debug, PartialEq)]
pub struct EndedSession {
    /// The session.
    pub sid: SessionId,
    /// When it may be forgotten.
    pub forget_time: Timestamp,
}

/// The public half of a signing key.
#[derive(Clone, Debug, PartialEq)]
pub struct SigningKey {
    /// The key, and until when it is believed.
    pub public: PublicKey,
}

/// The access state.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Access {
    /// Moves on when every credential of the cluster ends.
    pub epoch: Epoch,
}

/// A team's corner of the cluster.
#[derive(Clone, Debug, PartialEq)]
pub struct Workspace {
    /// Immutable; re-creating a name makes another.
    pub uid: WorkspaceId,
    /// Its id in resource names.
    pub name: WorkspaceName,
    /// What it is for; may be empty.
    pub description: String,
    /// When it was created.
    pub create_time: Timestamp,
    /// When it was last changed.
    pub update_time: Timestamp,
}

/// A subject holds a role on a resource.
#[derive(Clone, Debug, PartialEq)]
pub struct Binding {
    /// Derived from what it binds.
    pub uid: BindingId,
    /// Who holds.
    pub subject: Subject,
    /// What they hold.
    pub role: BuiltinRole,
    /// Where.
    pub resource: Resource,
    /// The workspace that the resource is, or lies below; none for the cluster.
    pub workspace: Option<WorkspaceId>,
    /// When it ends by itself, if it does.
    pub expire_time: Option<Timestamp>,
    /// Why it was made; may be empty.
    pub note: String,
    /// When it was made.
    pub create_time: Timestamp,
}

/// Defaults, invariants and limits for one workload type at one scope, as they were written.
#[derive(Clone, Debug, PartialEq)]
pub struct ConfigPolicy {
    /// The workspace; none for the cluster.
    pub workspace: Option<WorkspaceId>,
    /// The workload type.
    pub workload: WorkloadType,
    /// As it was written.
    pub document: String,
    /// How the cluster's limits and a workspace's combine; means nothing for a workspace's policy.
    pub limit_precedence: LimitPrecedence,
    /// 1 for the first.
    pub version: u64,
    /// Who set it.
    pub author: PrincipalId,
    /// When it was set.
    pub update_time: Timestamp,
}

/// A user's agent user.
#[derive(Clone, Debug, PartialEq)]
pub struct UserLink {
    /// The user.
    pub user: UserId,
    /// The Unix user that their tasks run as.
    pub agent_user: AgentUser,
}

/// What a workspace overrides of agent users.
#[derive(Clone, Debug, PartialEq)]
pub struct WorkspaceAgentUser {
    /// The workspace.
    pub workspace: WorkspaceId,
    /// Each field by itself.
    pub overrides: Override,
}
