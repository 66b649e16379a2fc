//! Records as they are stored and sent: `reeve.world.v1.Record`, and back.

use bytes::Bytes;
use prost::Message;
use reeve_agent_user::{AgentId, AgentUser, AgentUserDraft, IdentityDraft, Override, SupplementaryGroupDraft};
use reeve_api::world as wire;
use reeve_api::world::record::Kind;
use reeve_config_policy::{LimitPrecedence, WorkloadType};
use reeve_credentials::{PublicKey, TokenHash};
use reeve_model::{
    BindingId, DisplayName, Epoch, GroupId, GroupName, PrincipalId, Resource, RobotId, RobotName, SessionId, Subject,
    Timestamp, UserId, Username, Violations, WorkspaceId, WorkspaceName,
};
use reeve_rbac::BuiltinRole;
use reeve_world::{
    Access, Binding, ConfigPolicy, EndedSession, Group, KeyError, Membership, Record, Robot, SigningKey, Token,
    TokenPrincipal, User, UserLink, Workspace, WorkspaceAgentUser,
};

/// The version of the contract that this code writes, and the only one that it reads.
pub const SCHEMA: u32 = 1;

/// A stored record that this version cannot read. Nothing is guessed: what cannot be read cannot be decided on.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// Not an encoded record.
    #[error("`{key}` holds no record: {cause}")]
    Encoding {
        /// The key.
        key: String,
        /// Why not.
        cause: prost::DecodeError,
    },
    /// A key that names no record of this contract.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Written by a newer version.
    #[error("`{key}` is of schema {schema}, and this version reads {SCHEMA}: upgrade this service")]
    Schema {
        /// The record's key.
        key: String,
        /// Its schema.
        schema: u32,
    },
    /// Something beside what this version knows: ignoring it could ignore a restriction.
    #[error("`{key}` holds something that this version does not know: upgrade this service")]
    Unknown {
        /// The record's key.
        key: String,
    },
    /// A field that breaks the contract.
    #[error("`{key}` has a bad field `{field}`")]
    Field {
        /// The record's key.
        key: String,
        /// The field.
        field: &'static str,
    },
}

/// Encodes a record for the store.
pub fn encode(record: &Record) -> Bytes {
    let message = wire::Record { key: record.key().to_string(), schema: SCHEMA, kind: Some(kind(record)) };
    message.encode_to_vec().into()
}

/// The etag of a record: it changes whenever the record does.
pub fn etag(record: &Record) -> String {
    let digest = crate::Digest::of(&encode(record)).to_bytes();
    let short = digest.first_chunk::<8>().map_or(0, |bytes| u64::from_be_bytes(*bytes));
    format!("{short:016x}")
}

/// Reads the record that stands at `key`.
///
/// # Errors
/// Anything that this version did not write.
pub fn decode(key: &str, value: &[u8]) -> Result<Record, DecodeError> {
    let message = message(key, value)?;
    if message.schema != SCHEMA {
        return Err(DecodeError::Schema { key: key.to_owned(), schema: message.schema });
    }
    // A feed encodes a record anew for its followers: one that would come out different has no digest that holds for both.
    if message.encode_to_vec() != value {
        return Err(DecodeError::Unknown { key: key.to_owned() });
    }
    let bad = |field| DecodeError::Field { key: key.to_owned(), field };
    let record = message.kind.ok_or("kind").and_then(record).map_err(bad)?;
    let own = record.key().to_string();
    if own == key && message.key == key { Ok(record) } else { Err(bad("key")) }
}

/// The message that stands at `key`, before anything is made of it.
///
/// # Errors
/// Bytes that are none.
pub(crate) fn message(key: &str, value: &[u8]) -> Result<wire::Record, DecodeError> {
    wire::Record::decode(value).map_err(|cause| DecodeError::Encoding { key: key.to_owned(), cause })
}

fn ms(time: Timestamp) -> i64 {
    time.as_millis()
}

/// 0 says that there is no end, so an end at that very millisecond is written as the one before.
fn end_ms(time: Option<Timestamp>) -> i64 {
    time.map_or(0, |end| if ms(end) == 0 { -1 } else { ms(end) })
}

fn kind(record: &Record) -> Kind {
    match record {
        Record::User(user) => Kind::User(wire::User {
            uid: user.uid.to_string(),
            username: user.username.to_string(),
            display_name: user.display_name.as_ref().map(ToString::to_string).unwrap_or_default(),
            active: user.active,
            epoch: user.epoch.get(),
            create_time_ms: ms(user.create_time),
            update_time_ms: ms(user.update_time),
        }),
        Record::Group(group) => Kind::Group(wire::Group {
            uid: group.uid.to_string(),
            name: group.name.to_string(),
            create_time_ms: ms(group.create_time),
            description: group.description.clone(),
            workspace_uid: group.workspace.map(|uid| uid.to_string()).unwrap_or_default(),
            update_time_ms: ms(group.update_time),
        }),
        Record::Membership(membership) => Kind::Membership(wire::Membership {
            group_uid: membership.group.to_string(),
            member: membership.member.to_string(),
        }),
        Record::Robot(robot) => Kind::Robot(wire::Robot {
            uid: robot.uid.to_string(),
            name: robot.name.to_string(),
            description: robot.description.clone(),
            create_time_ms: ms(robot.create_time),
        }),
        Record::Token(token) => Kind::Token(wire::Token {
            sha256: token.hash.as_bytes().to_vec(),
            principal: match token.principal {
                TokenPrincipal::Robot(uid) => format!("robot:{uid}"),
                TokenPrincipal::Root => "root".to_owned(),
            },
            expire_time_ms: end_ms(token.expire_time),
            create_time_ms: ms(token.create_time),
        }),
        Record::EndedSession(session) => Kind::EndedSession(wire::EndedSession {
            sid: session.sid.to_string(),
            forget_time_ms: ms(session.forget_time),
        }),
        Record::SigningKey(key) => Kind::SigningKey(wire::SigningKey {
            public_key: key.public.point(),
            verify_until_ms: ms(key.public.verify_until()),
        }),
        Record::Access(access) => Kind::Access(wire::Access { epoch: access.epoch.get() }),
        Record::Workspace(workspace) => Kind::Workspace(wire::Workspace {
            uid: workspace.uid.to_string(),
            name: workspace.name.to_string(),
            description: workspace.description.clone(),
            create_time_ms: ms(workspace.create_time),
            update_time_ms: ms(workspace.update_time),
        }),
        Record::Binding(own) => Kind::Binding(binding(own)),
        Record::ConfigPolicy(policy) => Kind::ConfigPolicy(wire::ConfigPolicy {
            workspace_uid: policy.workspace.map(|uid| uid.to_string()).unwrap_or_default(),
            workload_type: policy.workload.as_str().to_owned(),
            document: policy.document.clone(),
            limit_precedence: match policy.limit_precedence {
                LimitPrecedence::StrictestWins => STRICTEST_WINS.to_owned(),
                LimitPrecedence::ClusterOverrides => CLUSTER_OVERRIDES.to_owned(),
            },
            version: policy.version,
            author: policy.author.to_string(),
            update_time_ms: ms(policy.update_time),
        }),
        Record::UserLink(link) => Kind::UserLink(user_link(link)),
        Record::WorkspaceAgentUser(own) => Kind::WorkspaceAgentUser(wire::WorkspaceAgentUser {
            workspace_uid: own.workspace.to_string(),
            uid: own.overrides.uid.map(AgentId::get),
            user: own.overrides.user.as_ref().map(ToString::to_string),
            gid: own.overrides.gid.map(AgentId::get),
            group: own.overrides.group.as_ref().map(ToString::to_string),
        }),
    }
}

fn binding(binding: &Binding) -> wire::Binding {
    wire::Binding {
        uid: binding.uid.to_string(),
        subject: binding.subject.to_string(),
        role: binding.role.as_str().to_owned(),
        resource: binding.resource.to_string(),
        workspace_uid: binding.workspace.map(|uid| uid.to_string()).unwrap_or_default(),
        expire_time_ms: end_ms(binding.expire_time),
        note: binding.note.clone(),
        create_time_ms: ms(binding.create_time),
    }
}

const STRICTEST_WINS: &str = "strictest_wins";
const CLUSTER_OVERRIDES: &str = "cluster_overrides";

fn user_link(link: &UserLink) -> wire::UserLink {
    let user = &link.agent_user;
    wire::UserLink {
        user_uid: link.user.to_string(),
        uid: user.uid.get(),
        user: user.user.to_string(),
        gid: user.gid.get(),
        group: user.group.to_string(),
        supplementary_groups: user
            .supplementary
            .iter()
            .map(|group| wire::SupplementaryGroup {
                gid: group.gid.get(),
                name: group.name.as_ref().map(ToString::to_string).unwrap_or_default(),
            })
            .collect(),
        home: user.home.as_ref().map(ToString::to_string).unwrap_or_default(),
        shell: user.shell.as_ref().map(ToString::to_string).unwrap_or_default(),
        gecos: user.gecos.as_ref().map(ToString::to_string).unwrap_or_default(),
    }
}

/// Names the field that breaks the contract.
type Read<T> = Result<T, &'static str>;

/// The value, or the name of the field that it was read from.
fn field<T, E>(name: &'static str, read: Result<T, E>) -> Read<T> {
    read.map_err(|_| name)
}

fn time(ms: i64) -> Timestamp {
    Timestamp::from_millis(ms)
}

fn end(ms: i64) -> Option<Timestamp> {
    (ms != 0).then(|| time(ms))
}

fn optional(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

fn workspace_uid(text: &str) -> Read<Option<WorkspaceId>> {
    if text.is_empty() { Ok(None) } else { field("workspace_uid", WorkspaceId::parse(text)).map(Some) }
}

fn record(kind: Kind) -> Read<Record> {
    Ok(match kind {
        Kind::User(user) => Record::User(User {
            uid: field("uid", UserId::parse(&user.uid))?,
            username: field("username", Username::parse(&user.username))?,
            display_name: optional(user.display_name)
                .map(|name| field("display_name", DisplayName::parse(&name)))
                .transpose()?,
            active: user.active,
            epoch: Epoch::new(user.epoch),
            create_time: time(user.create_time_ms),
            update_time: time(user.update_time_ms),
        }),
        Kind::Group(group) => Record::Group(Group {
            uid: field("uid", GroupId::parse(&group.uid))?,
            name: field("name", GroupName::parse(&group.name))?,
            description: group.description,
            workspace: workspace_uid(&group.workspace_uid)?,
            create_time: time(group.create_time_ms),
            update_time: time(group.update_time_ms),
        }),
        Kind::Membership(membership) => Record::Membership(Membership {
            group: field("group_uid", GroupId::parse(&membership.group_uid))?,
            member: principal(&membership.member).filter(|member| *member != PrincipalId::Root).ok_or("member")?,
        }),
        Kind::Robot(robot) => Record::Robot(Robot {
            uid: field("uid", RobotId::parse(&robot.uid))?,
            name: field("name", RobotName::parse(&robot.name))?,
            description: robot.description,
            create_time: time(robot.create_time_ms),
        }),
        Kind::Token(token) => Record::Token(Token {
            hash: TokenHash::from_bytes(field("sha256", token.sha256.as_slice().try_into())?),
            principal: match principal(&token.principal) {
                Some(PrincipalId::Robot(uid)) => TokenPrincipal::Robot(uid),
                Some(PrincipalId::Root) => TokenPrincipal::Root,
                Some(PrincipalId::User(_)) | None => return Err("principal"),
            },
            expire_time: end(token.expire_time_ms),
            create_time: time(token.create_time_ms),
        }),
        Kind::EndedSession(session) => Record::EndedSession(EndedSession {
            sid: field("sid", SessionId::parse(&session.sid))?,
            forget_time: time(session.forget_time_ms),
        }),
        Kind::SigningKey(key) => Record::SigningKey(SigningKey {
            public: field("public_key", PublicKey::from_point(&key.public_key, time(key.verify_until_ms)))?,
        }),
        Kind::Access(access) => Record::Access(Access { epoch: Epoch::new(access.epoch) }),
        Kind::Workspace(workspace) => Record::Workspace(Workspace {
            uid: field("uid", WorkspaceId::parse(&workspace.uid))?,
            name: field("name", WorkspaceName::parse(&workspace.name))?,
            description: workspace.description,
            create_time: time(workspace.create_time_ms),
            update_time: time(workspace.update_time_ms),
        }),
        Kind::Binding(binding) => Record::Binding(read_binding(binding)?),
        Kind::ConfigPolicy(policy) => Record::ConfigPolicy(ConfigPolicy {
            workspace: workspace_uid(&policy.workspace_uid)?,
            workload: WorkloadType::parse(&policy.workload_type).ok_or("workload_type")?,
            document: policy.document,
            limit_precedence: match policy.limit_precedence.as_str() {
                STRICTEST_WINS => LimitPrecedence::StrictestWins,
                CLUSTER_OVERRIDES => LimitPrecedence::ClusterOverrides,
                _ => return Err("limit_precedence"),
            },
            version: policy.version,
            author: principal(&policy.author).ok_or("author")?,
            update_time: time(policy.update_time_ms),
        }),
        Kind::UserLink(link) => Record::UserLink(read_user_link(link)?),
        Kind::WorkspaceAgentUser(own) => {
            let draft = IdentityDraft { uid: own.uid, user: own.user, gid: own.gid, group: own.group };
            Record::WorkspaceAgentUser(WorkspaceAgentUser {
                workspace: field("workspace_uid", WorkspaceId::parse(&own.workspace_uid))?,
                overrides: field("agent user", Override::parse(&draft, ""))?,
            })
        }
    })
}

fn read_binding(binding: wire::Binding) -> Read<Binding> {
    Ok(Binding {
        uid: field("uid", BindingId::parse(&binding.uid))?,
        subject: subject(&binding.subject).ok_or("subject")?,
        role: field("role", BuiltinRole::parse(&binding.role))?,
        resource: field("resource", Resource::parse(&binding.resource))?,
        workspace: workspace_uid(&binding.workspace_uid)?,
        expire_time: end(binding.expire_time_ms),
        note: binding.note,
        create_time: time(binding.create_time_ms),
    })
}

fn read_user_link(link: wire::UserLink) -> Read<UserLink> {
    let supplementary = link.supplementary_groups.into_iter();
    let draft = AgentUserDraft {
        identity: IdentityDraft {
            uid: Some(link.uid),
            user: Some(link.user),
            gid: Some(link.gid),
            group: Some(link.group),
        },
        supplementary: supplementary
            .map(|group| SupplementaryGroupDraft { gid: Some(group.gid), name: optional(group.name) })
            .collect(),
        home: optional(link.home),
        shell: optional(link.shell),
        gecos: optional(link.gecos),
    };
    let agent_user = AgentUser::parse(&draft, "").map_err(|_: Violations| "agent user")?;
    Ok(UserLink { user: field("user_uid", UserId::parse(&link.user_uid))?, agent_user })
}

fn principal(text: &str) -> Option<PrincipalId> {
    match text.split_once(':') {
        Some(("user", uid)) => UserId::parse(uid).ok().map(PrincipalId::User),
        Some(("robot", uid)) => RobotId::parse(uid).ok().map(PrincipalId::Robot),
        None if text == "root" => Some(PrincipalId::Root),
        Some(_) | None => None,
    }
}

fn subject(text: &str) -> Option<Subject> {
    match text.split_once(':') {
        Some(("user", uid)) => UserId::parse(uid).ok().map(Subject::User),
        Some(("group", uid)) => GroupId::parse(uid).ok().map(Subject::Group),
        Some(("robot", uid)) => RobotId::parse(uid).ok().map(Subject::Robot),
        None if text == "allUsers" => Some(Subject::AllUsers),
        Some(_) | None => None,
    }
}
