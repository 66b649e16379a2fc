//! Where each published record stands in the store.

use std::fmt;

use reeve_config_policy::WorkloadType;
use reeve_credentials::TokenHash;
use reeve_model::{BindingId, GroupId, PrincipalId, RobotId, SessionId, UserId, WorkspaceId};

/// The prefix of every published record.
pub const PREFIX: &str = "world/";

/// The key of a published record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecordKey {
    /// `world/user/UID`
    User(UserId),
    /// `world/group/UID`
    Group(GroupId),
    /// `world/membership/GROUP/user:UID`
    Membership(GroupId, PrincipalId),
    /// `world/robot/UID`
    Robot(RobotId),
    /// `world/token/SHA256`
    Token(TokenHash),
    /// `world/ended-session/SID`
    EndedSession(SessionId),
    /// `world/signing-key/KID`
    SigningKey(String),
    /// `world/access`
    Access,
    /// `world/workspace/UID`
    Workspace(WorkspaceId),
    /// `world/binding/UID`
    Binding(BindingId),
    /// `world/config-policy/cluster/TYPE` or `world/config-policy/UID/TYPE`
    ConfigPolicy(Option<WorkspaceId>, WorkloadType),
    /// `world/user-link/UID`
    UserLink(UserId),
    /// `world/workspace-agent-user/UID`
    WorkspaceAgentUser(WorkspaceId),
}

/// A key under [`PREFIX`] that names no record of this contract.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not the key of a published record")]
pub struct KeyError(String);

impl RecordKey {
    /// Reads a key. Each record has one: a key that is written another way, as with a UUID in upper case, is none.
    ///
    /// # Errors
    /// A key that names no record of this contract.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let exact = |key: &Self| key.to_string() == text;
        parts(text)
            .filter(exact)
            .ok_or_else(|| KeyError(text.chars().take(200).flat_map(char::escape_default).collect()))
    }
}

fn parts(text: &str) -> Option<RecordKey> {
    if text == "world/access" {
        return Some(RecordKey::Access);
    }
    let (kind, id) = text.strip_prefix(PREFIX)?.split_once('/')?;
    Some(match kind {
        "user" => RecordKey::User(UserId::parse(id).ok()?),
        "group" => RecordKey::Group(GroupId::parse(id).ok()?),
        "membership" => {
            let (group, member) = id.split_once('/')?;
            RecordKey::Membership(GroupId::parse(group).ok()?, principal(member)?)
        }
        "robot" => RecordKey::Robot(RobotId::parse(id).ok()?),
        "token" => RecordKey::Token(token_hash(id)?),
        "ended-session" => RecordKey::EndedSession(SessionId::parse(id).ok()?),
        "signing-key" if !id.is_empty() => RecordKey::SigningKey(id.to_owned()),
        "workspace" => RecordKey::Workspace(WorkspaceId::parse(id).ok()?),
        "binding" => RecordKey::Binding(BindingId::parse(id).ok()?),
        "config-policy" => {
            let (scope, workload) = id.split_once('/')?;
            let workspace = if scope == "cluster" { None } else { Some(WorkspaceId::parse(scope).ok()?) };
            RecordKey::ConfigPolicy(workspace, WorkloadType::parse(workload)?)
        }
        "user-link" => RecordKey::UserLink(UserId::parse(id).ok()?),
        "workspace-agent-user" => RecordKey::WorkspaceAgentUser(WorkspaceId::parse(id).ok()?),
        _ => return None,
    })
}

fn principal(text: &str) -> Option<PrincipalId> {
    match text.split_once(':')? {
        ("user", id) => UserId::parse(id).ok().map(PrincipalId::User),
        ("robot", id) => RobotId::parse(id).ok().map(PrincipalId::Robot),
        _ => None,
    }
}

/// 64 lower-case hexadecimal digits.
fn token_hash(text: &str) -> Option<TokenHash> {
    if text.len() != 64 || !text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)) {
        return None;
    }
    let mut bytes = [0; 32];
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    Some(TokenHash::from_bytes(bytes))
}

impl fmt::Display for RecordKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(id) => write!(f, "{PREFIX}user/{id}"),
            Self::Group(id) => write!(f, "{PREFIX}group/{id}"),
            Self::Membership(group, member) => write!(f, "{PREFIX}membership/{group}/{member}"),
            Self::Robot(id) => write!(f, "{PREFIX}robot/{id}"),
            Self::Token(hash) => write!(f, "{PREFIX}token/{hash}"),
            Self::EndedSession(id) => write!(f, "{PREFIX}ended-session/{id}"),
            Self::SigningKey(kid) => write!(f, "{PREFIX}signing-key/{kid}"),
            Self::Access => write!(f, "{PREFIX}access"),
            Self::Workspace(id) => write!(f, "{PREFIX}workspace/{id}"),
            Self::Binding(id) => write!(f, "{PREFIX}binding/{id}"),
            Self::ConfigPolicy(None, workload) => write!(f, "{PREFIX}config-policy/cluster/{}", workload.as_str()),
            Self::ConfigPolicy(Some(id), workload) => write!(f, "{PREFIX}config-policy/{id}/{}", workload.as_str()),
            Self::UserLink(id) => write!(f, "{PREFIX}user-link/{id}"),
            Self::WorkspaceAgentUser(id) => write!(f, "{PREFIX}workspace-agent-user/{id}"),
        }
    }
}
