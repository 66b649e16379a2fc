//! Records by number, and Worlds made of them.

use std::sync::LazyLock;

use reeve_agent_user::{AgentUser, AgentUserDraft, IdentityDraft};
use reeve_config_policy::{LimitPrecedence, WorkloadType};
use reeve_credentials::{KeyWindow, PublicKey, SigningKey};
use reeve_model::{
    BindingId, Epoch, GroupId, GroupName, PrincipalId, Resource, Revision, RobotId, RobotName, SessionId, Subject,
    Timestamp, UserId, Username, WorkspaceId, WorkspaceName,
};
use reeve_rbac::BuiltinRole;
use reeve_world::{
    Binding, ConfigPolicy, Group, Membership, Record, RecordKey, Robot, User, UserLink, Workspace, World,
};
use uuid::Uuid;

/// 2026-11-21T00:00:00Z.
pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_795_219_200_000);

/// `NOW`, moved by so many milliseconds.
pub(crate) fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(NOW.as_millis() + millis)
}

pub(crate) fn user_id(n: u8) -> UserId {
    UserId::from_uuid(Uuid::from_u128(0x0100 + u128::from(n)))
}

/// 0 is `everyone`, 1 is `admins`, 2 is the group of workspace 0.
pub(crate) fn group_id(n: u8) -> GroupId {
    match n {
        0 => GroupId::EVERYONE,
        1 => GroupId::ADMINS,
        2 => GroupId::of_workspace(&workspace_id(0)),
        n => GroupId::from_uuid(Uuid::from_u128(0x0200 + u128::from(n))),
    }
}

pub(crate) fn robot_id(n: u8) -> RobotId {
    RobotId::from_uuid(Uuid::from_u128(0x0300 + u128::from(n)))
}

pub(crate) fn workspace_id(n: u8) -> WorkspaceId {
    WorkspaceId::from_uuid(Uuid::from_u128(0x0400 + u128::from(n)))
}

pub(crate) fn binding_id(n: u8) -> BindingId {
    BindingId::from_uuid(Uuid::from_u128(0x0500 + u128::from(n)))
}

pub(crate) fn session_id(n: u8) -> SessionId {
    SessionId::from_uuid(Uuid::from_u128(0x0600 + u128::from(n)))
}

pub(crate) fn user(n: u8, name: &str) -> User {
    User {
        uid: user_id(n),
        username: Username::parse(name).unwrap(),
        display_name: None,
        active: true,
        epoch: Epoch::new(1),
        create_time: NOW,
        update_time: NOW,
    }
}

pub(crate) fn group(n: u8, name: &str) -> Group {
    Group::new(group_id(n), GroupName::parse(name).unwrap(), NOW)
}

pub(crate) fn robot(n: u8, name: &str) -> Robot {
    Robot { uid: robot_id(n), name: RobotName::parse(name).unwrap(), description: String::new(), create_time: NOW }
}

pub(crate) fn member(group: u8, member: PrincipalId) -> Membership {
    Membership { group: group_id(group), member }
}

pub(crate) fn workspace(n: u8, name: &str) -> Workspace {
    Workspace {
        uid: workspace_id(n),
        name: WorkspaceName::parse(name).unwrap(),
        description: String::new(),
        create_time: NOW,
        update_time: NOW,
    }
}

pub(crate) fn binding(n: u8, subject: Subject, role: BuiltinRole, resource: &str, workspace: Option<u8>) -> Binding {
    Binding {
        uid: binding_id(n),
        subject,
        role,
        resource: Resource::parse(resource).unwrap(),
        workspace: workspace.map(workspace_id),
        expire_time: None,
        note: String::new(),
        create_time: NOW,
    }
}

pub(crate) fn policy(workspace: Option<u8>, workload: WorkloadType, document: &str, version: u64) -> ConfigPolicy {
    ConfigPolicy {
        workspace: workspace.map(workspace_id),
        workload,
        document: document.to_owned(),
        limit_precedence: LimitPrecedence::StrictestWins,
        version,
        author: PrincipalId::Root,
        update_time: NOW,
    }
}

/// A link with a uid, for a user of this number.
pub(crate) fn link(n: u8, uid: u32, name: &str) -> UserLink {
    let identity =
        IdentityDraft { uid: Some(uid), user: Some(name.to_owned()), gid: Some(uid), group: Some(name.to_owned()) };
    let draft = AgentUserDraft { identity, ..AgentUserDraft::default() };
    UserLink { user: user_id(n), agent_user: AgentUser::parse(&draft, "").unwrap() }
}

/// Three key pairs, made once: they cannot be seeded.
pub(crate) static KEYS: LazyLock<[SigningKey; 3]> = LazyLock::new(|| {
    let window = KeyWindow { sign_from: at(-1), sign_until: at(1_000_000), verify_until: at(2_000_000) };
    [(); 3].map(|()| SigningKey::generate(window).unwrap())
});

pub(crate) fn public_key(n: usize) -> PublicKey {
    KEYS[n].public().clone()
}

/// A World of these records.
pub(crate) fn world(records: impl IntoIterator<Item = Record>) -> World {
    World::default().next(Revision::new(1), records, [])
}

/// The next World, with one record written.
pub(crate) fn with(world: &World, record: Record) -> World {
    world.clone().next(world.revision().next(), [record], [])
}

/// The next World, with one record removed.
pub(crate) fn without(world: &World, key: RecordKey) -> World {
    world.clone().next(world.revision().next(), [], [key])
}
