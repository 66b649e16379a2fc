//! Records as bytes: what is written reads back, and nothing else is read.

use proptest::prelude::*;
use prost::Message;
use reeve_api::world as wire;
use reeve_api::world::record::Kind;
use reeve_model::{Resource, Subject, Timestamp, WorkspaceId};
use reeve_rbac::BuiltinRole;
use reeve_replica::{DecodeError, SCHEMA, decode, encode, etag};
use reeve_world::{Binding, Record};
use uuid::Uuid;

use crate::records::{NOW, any_record, user};

const ID: &str = "00000000-0000-0000-0000-000000000001";
const OTHER: &str = "00000000-0000-0000-0000-000000000002";

fn text(value: &str) -> String {
    value.to_owned()
}

/// What a stored record with this key, schema and content is read as.
fn read(key: &str, schema: u32, kind: Option<Kind>) -> Result<Record, DecodeError> {
    decode(key, &wire::Record { key: text(key), schema, kind }.encode_to_vec())
}

fn good_user() -> wire::User {
    wire::User { uid: text(ID), username: text("alice"), active: true, ..wire::User::default() }
}

fn good_group() -> wire::Group {
    wire::Group { uid: text(ID), name: text("team"), ..wire::Group::default() }
}

fn good_binding() -> wire::Binding {
    wire::Binding {
        uid: text(ID),
        subject: text("allUsers"),
        role: text("editor"),
        resource: text("workspaces/vision"),
        workspace_uid: text(OTHER),
        ..wire::Binding::default()
    }
}

fn good_policy() -> wire::ConfigPolicy {
    wire::ConfigPolicy {
        workload_type: text("task"),
        limit_precedence: text("strictest_wins"),
        author: text("root"),
        ..wire::ConfigPolicy::default()
    }
}

fn good_link() -> wire::UserLink {
    wire::UserLink {
        user_uid: text(ID),
        uid: 1,
        user: text("a"),
        gid: 1,
        group: text("a"),
        ..wire::UserLink::default()
    }
}

/// Records with one bad field each: the key, the content, the field.
fn bad_fields() -> Vec<(String, Kind, &'static str)> {
    let at = |kind: &str| format!("world/{kind}/{ID}");
    let user = |user| (at("user"), Kind::User(user));
    let binding = |binding| (at("binding"), Kind::Binding(binding));
    let policy = |policy| (text("world/config-policy/cluster/task"), Kind::ConfigPolicy(policy));
    let token = |token| (format!("world/token/{}", "00".repeat(32)), Kind::Token(token));
    let link = |link| (at("user-link"), Kind::UserLink(link));
    let membership = |member: &str| {
        let membership = wire::Membership { group_uid: text(ID), member: text(member) };
        (format!("world/membership/{ID}/{member}"), Kind::Membership(membership))
    };
    let key = wire::SigningKey { public_key: vec![4; 65], verify_until_ms: 1 };
    let unsized_hash = wire::Token { sha256: vec![0; 31], principal: text("root"), ..wire::Token::default() };
    let users_token = wire::Token { sha256: vec![0; 32], principal: format!("user:{ID}"), ..wire::Token::default() };
    let override_ = wire::WorkspaceAgentUser {
        workspace_uid: text(ID),
        uid: Some(u32::MAX),
        ..wire::WorkspaceAgentUser::default()
    };
    let cases = vec![
        (user(wire::User { uid: text("alice"), ..good_user() }), "uid"),
        (user(wire::User { username: text(""), ..good_user() }), "username"),
        (user(wire::User { username: text("root"), ..good_user() }), "username"),
        (user(wire::User { display_name: text("\u{7}"), ..good_user() }), "display_name"),
        (user(wire::User { uid: text(OTHER), ..good_user() }), "key"),
        ((at("group"), Kind::Group(wire::Group { workspace_uid: text("vision"), ..good_group() })), "workspace_uid"),
        ((at("group"), Kind::Group(wire::Group { name: text("a/b"), ..good_group() })), "name"),
        (membership("root"), "member"),
        (membership("group:x"), "member"),
        (token(unsized_hash), "sha256"),
        (token(users_token), "principal"),
        ((text("world/signing-key/x"), Kind::SigningKey(key)), "public_key"),
        (binding(wire::Binding { subject: text("root"), ..good_binding() }), "subject"),
        (binding(wire::Binding { subject: text("user:alice"), ..good_binding() }), "subject"),
        (binding(wire::Binding { role: text("owner"), ..good_binding() }), "role"),
        (binding(wire::Binding { resource: text("workspaces/"), ..good_binding() }), "resource"),
        (binding(wire::Binding { workspace_uid: text("vision"), ..good_binding() }), "workspace_uid"),
        (binding(wire::Binding { uid: text(OTHER), ..good_binding() }), "key"),
        (policy(wire::ConfigPolicy { workload_type: text("batch"), ..good_policy() }), "workload_type"),
        (policy(wire::ConfigPolicy { limit_precedence: text(""), ..good_policy() }), "limit_precedence"),
        (policy(wire::ConfigPolicy { author: text("allUsers"), ..good_policy() }), "author"),
        (policy(wire::ConfigPolicy { workspace_uid: text(ID), ..good_policy() }), "key"),
        (link(wire::UserLink { user: text("a:b"), ..good_link() }), "agent user"),
        (link(wire::UserLink { home: text("relative"), ..good_link() }), "agent user"),
        (link(wire::UserLink { user_uid: text(OTHER), ..good_link() }), "key"),
        ((at("workspace-agent-user"), Kind::WorkspaceAgentUser(override_)), "agent user"),
        ((at("group"), Kind::User(good_user())), "key"),
    ];
    cases.into_iter().map(|((key, kind), field)| (key, kind, field)).collect()
}

#[test]
fn the_good_records_that_the_bad_ones_are_made_of_are_read() {
    let at = |kind: &str| format!("world/{kind}/{ID}");
    for (key, kind) in [
        (at("user"), Kind::User(good_user())),
        (at("group"), Kind::Group(good_group())),
        (at("binding"), Kind::Binding(good_binding())),
        (text("world/config-policy/cluster/task"), Kind::ConfigPolicy(good_policy())),
        (at("user-link"), Kind::UserLink(good_link())),
    ] {
        read(&key, SCHEMA, Some(kind)).unwrap();
    }
}

#[test]
fn a_bad_field_is_refused_by_its_name() {
    for (key, kind, expected) in bad_fields() {
        match read(&key, SCHEMA, Some(kind.clone())) {
            Err(DecodeError::Field { key: at, field }) => assert_eq!((at, field), (key, expected), "{kind:?}"),
            other => panic!("{kind:?}: {other:?}"),
        }
    }
}

#[test]
fn a_record_of_another_schema_is_refused_with_what_to_do() {
    for schema in [0, SCHEMA + 1, u32::MAX] {
        let error = read(&format!("world/user/{ID}"), schema, Some(Kind::User(good_user()))).unwrap_err();
        assert!(matches!(error, DecodeError::Schema { .. }) && error.to_string().contains("upgrade"), "{error}");
    }
}

#[test]
fn a_record_without_a_kind_this_version_knows_is_refused() {
    let error = read("world/access", SCHEMA, None).unwrap_err();
    assert!(matches!(error, DecodeError::Field { field: "kind", .. }), "{error}");
    let mut newer = wire::Record { key: text("world/access"), schema: SCHEMA, kind: None }.encode_to_vec();
    newer.extend([0xfa, 0x01, 0x00]); // field 31, an empty message
    assert!(matches!(decode("world/access", &newer), Err(DecodeError::Unknown { .. })));
}

#[test]
fn a_field_that_this_version_does_not_know_is_not_passed_over() {
    let mut binding = good_binding().encode_to_vec();
    binding.extend([0xf8, 0x01, 0x01]); // field 31: 1
    let key = format!("world/binding/{ID}");
    let mut value = wire::Record { key: key.clone(), schema: SCHEMA, kind: None }.encode_to_vec();
    value.extend([0x62, u8::try_from(binding.len()).unwrap()]); // field 12, the binding
    value.extend(binding);
    let error = decode(&key, &value).unwrap_err();
    assert!(matches!(error, DecodeError::Unknown { .. }) && error.to_string().contains("upgrade"), "{error}");
}

#[test]
fn an_end_at_the_first_millisecond_of_1970_is_still_an_end() {
    let binding = Binding {
        uid: reeve_model::BindingId::from_uuid(Uuid::from_u128(1)),
        subject: Subject::AllUsers,
        role: BuiltinRole::Editor,
        resource: Resource::parse("workspaces/vision").unwrap(),
        workspace: Some(WorkspaceId::from_uuid(Uuid::from_u128(2))),
        expire_time: Some(Timestamp::from_millis(0)),
        note: String::new(),
        create_time: NOW,
    };
    let record = Record::Binding(binding);
    let Record::Binding(back) = decode(&record.key().to_string(), &encode(&record)).unwrap() else {
        panic!("a binding")
    };
    assert!(back.expire_time.is_some_and(|end| end <= Timestamp::from_millis(0)));
}

#[test]
fn an_etag_is_of_the_whole_record() {
    assert_eq!(etag(&user(1, 1)), etag(&user(1, 1)));
    assert_ne!(etag(&user(1, 1)), etag(&user(1, 2)));
    assert_eq!(etag(&user(1, 1)).len(), 16);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn what_is_written_reads_back(record in any_record()) {
        prop_assert_eq!(decode(&record.key().to_string(), &encode(&record)).unwrap(), record);
    }

    #[test]
    fn a_record_is_read_from_its_own_key_alone(record in any_record(), other in any_record()) {
        prop_assume!(record.key() != other.key());
        prop_assert!(decode(&other.key().to_string(), &encode(&record)).is_err());
        let key = record.key().to_string();
        prop_assert!(decode(&key.to_uppercase(), &encode(&record)).is_err());
    }

    #[test]
    fn arbitrary_bytes_are_refused(key in "world/[a-z-]{1,20}/.{0,40}", bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(decode(&key, &bytes).is_err());
    }

    /// What is read from damaged bytes, if anything, is what they say: a feed encodes it to the very same.
    #[test]
    fn damaged_bytes_are_refused_or_mean_what_they_say(
        record in any_record(),
        places in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in any::<prop::sample::Index>(),
    ) {
        let key = record.key().to_string();
        let whole = encode(&record).to_vec();
        prop_assert!(decode(&key, whole.get(..cut.index(whole.len())).unwrap()).is_err(), "cut short");
        let mut damaged = whole.clone();
        for (at, byte) in places {
            *at.get_mut(&mut damaged) = byte;
        }
        if let Ok(read) = decode(&key, &damaged) {
            prop_assert_eq!(read.key().to_string(), key);
            let sent = wire::Record::decode(&*damaged).unwrap().encode_to_vec();
            prop_assert_eq!(sent, damaged);
        }
    }
}
