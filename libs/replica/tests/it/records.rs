//! Records by number, and in every shape.

use proptest::prelude::*;
use reeve_agent_user::{AgentUser, AgentUserDraft, IdentityDraft, Override, SupplementaryGroupDraft};
use reeve_config_policy::{LimitPrecedence, WorkloadType};
use reeve_credentials::{PublicKey, TokenHash};
use reeve_model::{
    BindingId, DisplayName, Epoch, GroupId, GroupName, PrincipalId, Resource, RobotId, RobotName, SessionId, Subject,
    Timestamp, UserId, Username, WorkspaceId, WorkspaceName,
};
use reeve_rbac::BuiltinRole;
use reeve_replica::{StoredRecord, encode};
use reeve_world::{
    Access, Binding, ConfigPolicy, EndedSession, Group, Membership, Record, Robot, SigningKey, Token, TokenPrincipal,
    User, UserLink, Workspace, WorkspaceAgentUser,
};
use uuid::Uuid;

/// 2026-11-21T00:00:00Z.
pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_795_219_200_000);

pub(crate) fn user_id(n: u64) -> UserId {
    UserId::from_uuid(Uuid::from_u128(0x1_0000 + u128::from(n)))
}

/// User `n`, with an epoch to tell its versions apart.
pub(crate) fn user(n: u64, epoch: u64) -> Record {
    Record::User(User {
        uid: user_id(n),
        username: Username::parse(&format!("user{n}")).unwrap(),
        display_name: None,
        active: true,
        epoch: Epoch::new(epoch),
        create_time: NOW,
        update_time: NOW,
    })
}

pub(crate) fn stored(record: &Record) -> StoredRecord {
    StoredRecord { key: record.key().to_string(), value: encode(record) }
}

fn id() -> impl Strategy<Value = Uuid> {
    any::<u128>().prop_map(Uuid::from_u128)
}

fn time() -> impl Strategy<Value = Timestamp> {
    any::<i64>().prop_map(Timestamp::from_millis)
}

/// Any end but the one millisecond that has its own test.
fn end() -> impl Strategy<Value = Option<Timestamp>> {
    prop::option::of(any::<i64>().prop_filter("0 means none", |ms| *ms != 0).prop_map(Timestamp::from_millis))
}

fn robot_id() -> impl Strategy<Value = RobotId> {
    id().prop_map(RobotId::from_uuid)
}

fn actor() -> impl Strategy<Value = PrincipalId> {
    prop_oneof![id().prop_map(|id| PrincipalId::User(UserId::from_uuid(id))), robot_id().prop_map(PrincipalId::Robot)]
}

fn subject() -> impl Strategy<Value = Subject> {
    prop_oneof![
        id().prop_map(|id| Subject::User(UserId::from_uuid(id))),
        id().prop_map(|id| Subject::Group(GroupId::from_uuid(id))),
        robot_id().prop_map(Subject::Robot),
        Just(Subject::AllUsers),
    ]
}

fn group() -> impl Strategy<Value = Record> {
    let workspace = prop::option::of(id().prop_map(WorkspaceId::from_uuid));
    (id(), "[A-Za-z0-9][A-Za-z0-9._-]{0,30}", any::<String>(), workspace, time(), time()).prop_map(
        |(uid, name, description, workspace, create_time, update_time)| {
            let (uid, name) = (GroupId::from_uuid(uid), GroupName::parse(&name).unwrap());
            Record::Group(Group { uid, name, description, workspace, create_time, update_time })
        },
    )
}

fn principals() -> impl Strategy<Value = Record> {
    let display_name = prop::option::of("\\PC{1,40}".prop_filter_map("blank", |name| DisplayName::parse(&name).ok()));
    let user = (id(), "[a-z0-9_][A-Za-z0-9._@+-]{1,30}", display_name, any::<bool>(), any::<u64>(), time(), time());
    prop_oneof![
        user.prop_map(|(uid, name, display_name, active, epoch, create_time, update_time)| {
            Record::User(User {
                uid: UserId::from_uuid(uid),
                username: Username::parse(&format!("{name}x")).unwrap(),
                display_name,
                active,
                epoch: Epoch::new(epoch),
                create_time,
                update_time,
            })
        }),
        group(),
        (id(), actor())
            .prop_map(|(group, member)| Record::Membership(Membership { group: GroupId::from_uuid(group), member })),
        (robot_id(), "[A-Za-z0-9][A-Za-z0-9._-]{0,30}", any::<String>(), time()).prop_map(
            |(uid, name, description, create_time)| {
                Record::Robot(Robot { uid, name: RobotName::parse(&name).unwrap(), description, create_time })
            }
        ),
    ]
}

/// The base point of P-256 (SP 800-186 §3.2.1.3) and its double, uncompressed, in hexadecimal.
const POINTS: [&str; 2] = [
    "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c2964fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5",
    "047cf27b188d034f7e8a52380304b51ac3c08969e277f21b35a60b48fc4766997807775510db8ed040293d9ac69f7430dbba7dade63ce982299e04b79d227873d1",
];

fn point(hex: &str) -> Vec<u8> {
    let digits = hex.as_bytes().as_chunks::<2>().0;
    digits.iter().map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

fn credentials() -> impl Strategy<Value = Record> {
    let whose = prop_oneof![robot_id().prop_map(TokenPrincipal::Robot), Just(TokenPrincipal::Root)];
    prop_oneof![
        (any::<[u8; 32]>(), whose, end(), time()).prop_map(|(hash, principal, expire_time, create_time)| {
            Record::Token(Token { hash: TokenHash::from_bytes(hash), principal, expire_time, create_time })
        }),
        (id(), time()).prop_map(|(sid, forget_time)| {
            Record::EndedSession(EndedSession { sid: SessionId::from_uuid(sid), forget_time })
        }),
        (prop::sample::select(&POINTS[..]), time()).prop_map(|(hex, verify_until)| {
            Record::SigningKey(SigningKey { public: PublicKey::from_point(&point(hex), verify_until).unwrap() })
        }),
        any::<u64>().prop_map(|epoch| Record::Access(Access { epoch: Epoch::new(epoch) })),
    ]
}

fn places() -> impl Strategy<Value = Record> {
    let workspace = (id(), "[A-Za-z0-9][A-Za-z0-9_-]{0,30}", any::<String>(), time(), time());
    let place = prop_oneof![
        Just(("cluster", None)),
        id().prop_map(|id| ("workspaces/vision", Some(WorkspaceId::from_uuid(id)))),
        id().prop_map(|id| ("workspaces/vision/projects/p", Some(WorkspaceId::from_uuid(id)))),
    ];
    let binding = (id(), subject(), prop::sample::select(BuiltinRole::ALL), place, end(), any::<String>(), time());
    prop_oneof![
        workspace.prop_map(|(uid, name, description, create_time, update_time)| {
            Record::Workspace(Workspace {
                uid: WorkspaceId::from_uuid(uid),
                name: WorkspaceName::parse(&name).unwrap(),
                description,
                create_time,
                update_time,
            })
        }),
        binding.prop_map(|(uid, subject, role, (resource, workspace), expire_time, note, create_time)| {
            Record::Binding(Binding {
                uid: BindingId::from_uuid(uid),
                subject,
                role,
                resource: Resource::parse(resource).unwrap(),
                workspace,
                expire_time,
                note,
                create_time,
            })
        }),
    ]
}

fn rules() -> impl Strategy<Value = Record> {
    let precedence = prop::sample::select(vec![LimitPrecedence::StrictestWins, LimitPrecedence::ClusterOverrides]);
    let author = prop_oneof![actor(), Just(PrincipalId::Root)];
    let workload = prop::sample::select(&WorkloadType::ALL[..]);
    let policy = (prop::option::of(id()), workload, any::<String>(), precedence, any::<u64>(), author, time());
    let groups = prop::collection::vec((0u32..100_000, prop::option::of("[a-z]{1,8}")), 0..4);
    let texts = (prop::option::of("/[a-z/]{0,9}"), prop::option::of("/[a-z]{1,9}"), prop::option::of("[a-z ,]{1,9}"));
    let identity = || {
        (
            prop::option::of(0u32..9),
            prop::option::of("[a-z]{1,8}"),
            prop::option::of(0u32..9),
            prop::option::of("[a-z]{1,8}"),
        )
    };
    prop_oneof![
        policy.prop_map(|(workspace, workload, document, limit_precedence, version, author, update_time)| {
            Record::ConfigPolicy(ConfigPolicy {
                workspace: workspace.map(WorkspaceId::from_uuid),
                workload,
                document,
                limit_precedence,
                version,
                author,
                update_time,
            })
        }),
        (id(), 0u32..100_000, groups, texts).prop_map(|(user, uid, groups, (home, shell, gecos))| {
            let name = Some("worker".to_owned());
            let identity = IdentityDraft { uid: Some(uid), user: name.clone(), gid: Some(uid), group: name };
            let mut supplementary: Vec<_> =
                groups.into_iter().map(|(gid, name)| SupplementaryGroupDraft { gid: Some(gid), name }).collect();
            supplementary.sort_by_key(|group| group.gid);
            supplementary.dedup_by_key(|group| group.gid);
            let draft = AgentUserDraft { identity, supplementary, home, shell, gecos };
            let agent_user = AgentUser::parse(&draft, "").unwrap();
            Record::UserLink(UserLink { user: UserId::from_uuid(user), agent_user })
        }),
        (id(), identity()).prop_map(|(workspace, (uid, user, gid, group))| {
            let overrides = Override::parse(&IdentityDraft { uid, user, gid, group }, "").unwrap();
            Record::WorkspaceAgentUser(WorkspaceAgentUser { workspace: WorkspaceId::from_uuid(workspace), overrides })
        }),
    ]
}

/// Any record of any kind.
pub(crate) fn any_record() -> impl Strategy<Value = Record> {
    prop_oneof![principals(), credentials(), places(), rules()]
}
