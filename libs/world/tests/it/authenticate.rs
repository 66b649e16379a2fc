//! Bearer tokens: every way in which one ends, and every way to pass off something else as one.

use proptest::prelude::*;
use reeve_credentials::{
    AccessClaims, LEEWAY, SessionKey, SigningKey, TokenHash, mint_robot, mint_root, refresh_token, sign_access,
};
use reeve_model::{Entropy, Epoch, PrincipalId, Revision, SeededEntropy, Timestamp};
use reeve_world::{
    Access, AuthenticateError, EndedSession, Outlook, Record, RecordKey, Token, TokenPrincipal, TokenRules, User, World,
};
use uuid::Uuid;

use crate::records::{KEYS, NOW, at, public_key, robot, robot_id, session_id, user, user_id, with, without, world};

static ENTROPY: SeededEntropy = SeededEntropy::new(7);

fn rules() -> TokenRules {
    TokenRules { issuer: "https://reeve.example.org".to_owned(), audience: "reeve".to_owned() }
}

fn claims() -> AccessClaims {
    AccessClaims {
        issuer: rules().issuer,
        subject: user_id(1),
        audience: rules().audience,
        expires_at: at(900_000),
        issued_at: NOW,
        not_before: NOW,
        token_id: Uuid::from_u128(2),
        session: session_id(1),
        username: "alice".to_owned(),
        user_epoch: Epoch::new(1),
        access_epoch: Epoch::new(5),
    }
}

fn sign(key: &SigningKey, claims: &AccessClaims) -> String {
    sign_access(key, claims).unwrap().expose().to_owned()
}

fn token(text: &str, principal: TokenPrincipal, expire_time: Option<Timestamp>) -> Record {
    Record::Token(Token { hash: TokenHash::of(text), principal, expire_time, create_time: NOW })
}

/// Alice, the robot `ci`, and the first signing key.
fn cluster() -> World {
    world([
        Record::User(user(1, "alice")),
        Record::Robot(robot(1, "ci")),
        Record::SigningKey(reeve_world::SigningKey { public: public_key(0) }),
        Record::Access(Access { epoch: Epoch::new(5) }),
    ])
}

fn refused(world: &World, bearer: &str) -> AuthenticateError {
    world.authenticate(bearer, &rules(), NOW).unwrap_err()
}

#[test]
fn an_access_token_is_its_users() {
    let known = cluster().authenticate(&sign(&KEYS[0], &claims()), &rules(), NOW).unwrap();
    assert_eq!(known.principal, PrincipalId::User(user_id(1)));
    assert_eq!((known.session, known.expire_time), (Some(session_id(1)), Some(at(900_000))));
}

#[test]
fn an_access_token_ends_with_whatever_it_hangs_on() {
    use AuthenticateError::{Newer, NotYetActive, Revoked, SessionEnded, UnknownKey, UnknownUser, UserInactive};
    let alice = user(1, "alice");
    let ended = EndedSession { sid: session_id(1), forget_time: at(1) };
    let cases = [
        (Some(Record::User(User { active: false, epoch: Epoch::new(2), ..alice.clone() })), None, UserInactive),
        (Some(Record::User(User { active: false, ..alice.clone() })), None, NotYetActive),
        (Some(Record::User(User { epoch: Epoch::new(2), ..alice.clone() })), None, Revoked),
        (Some(Record::User(User { epoch: Epoch::new(0), ..alice.clone() })), None, Newer),
        (Some(Record::EndedSession(ended)), None, SessionEnded),
        (Some(Record::Access(Access { epoch: Epoch::new(6) })), None, Revoked),
        (Some(Record::Access(Access { epoch: Epoch::new(4) })), None, Newer),
        (None, Some(RecordKey::User(user_id(1))), UnknownUser(user_id(1))),
        (None, Some(RecordKey::Access), Newer),
        (None, Some(RecordKey::SigningKey(public_key(0).id().to_string())), UnknownKey),
    ];
    let bearer = sign(&KEYS[0], &claims());
    for (upsert, delete, expected) in cases {
        let shown = format!("{upsert:?} {delete:?}");
        let world = cluster().next(Revision::new(2), upsert, delete);
        assert_eq!(refused(&world, &bearer), expected, "{shown}");
        assert!(cluster().authenticate(&bearer, &rules(), NOW).is_ok());
    }
}

#[test]
fn a_user_who_is_reactivated_does_not_get_old_tokens_back() {
    let old = sign(&KEYS[0], &claims());
    let alice = user(1, "alice");
    let inactive = with(&cluster(), Record::User(User { active: false, epoch: Epoch::new(2), ..alice.clone() }));
    assert_eq!(refused(&inactive, &old), AuthenticateError::UserInactive);
    let back = with(&inactive, Record::User(User { epoch: Epoch::new(2), ..alice }));
    assert_eq!(refused(&back, &old), AuthenticateError::Revoked);
    let new = sign(&KEYS[0], &AccessClaims { user_epoch: Epoch::new(2), ..claims() });
    assert!(back.authenticate(&new, &rules(), NOW).is_ok());
}

/// Whoever is behind must never say that something has ended which has not begun there yet; and what has ended stays so,
/// whatever else is newer.
#[test]
fn what_has_ended_is_told_from_what_is_still_to_come() {
    use Outlook::{Final, Proven, Unproven};
    let alice = user(1, "alice");
    let shows = |user: User, access: u64| {
        cluster().next(Revision::new(2), [Record::User(user), Record::Access(Access { epoch: Epoch::new(access) })], [])
    };
    let signed = |user_epoch: u64, access_epoch: u64| {
        let epochs =
            AccessClaims { user_epoch: Epoch::new(user_epoch), access_epoch: Epoch::new(access_epoch), ..claims() };
        sign(&KEYS[0], &epochs)
    };
    for own in 0..3 {
        for everybody in 4..7 {
            let bearer = signed(own, everybody);
            let active = shows(alice.clone(), 5).authenticate(&bearer, &rules(), NOW);
            let inactive = refused(&shows(User { active: false, ..alice.clone() }, 5), &bearer).outlook();
            let ended = own < 1 || everybody < 5;
            assert_eq!(active.is_ok(), (own, everybody) == (1, 5));
            assert_eq!(inactive, if ended { Final } else { Proven }, "{own} {everybody}");
            if let Err(error) = active {
                assert_eq!(error.outlook(), if ended { Final } else { Proven }, "{own} {everybody}");
            }
        }
    }
    assert_eq!(refused(&World::default(), &signed(1, 5)).outlook(), Unproven, "its key is not there yet");
    for token in [mint_robot(&ENTROPY), mint_root(&ENTROPY)] {
        assert_eq!(refused(&cluster(), token.expose()).outlook(), Unproven);
        assert_eq!(refused(&cluster(), &format!("{}x", token.expose())).outlook(), Final, "no token looks like that");
    }
}

#[test]
fn a_user_of_the_same_name_is_not_the_one_who_was_deleted() {
    let gone = without(&cluster(), RecordKey::User(user_id(1)));
    let namesake = with(&gone, Record::User(user(2, "alice")));
    assert_eq!(refused(&namesake, &sign(&KEYS[0], &claims())), AuthenticateError::UnknownUser(user_id(1)));
}

#[test]
fn a_session_that_is_forgotten_ends_no_other() {
    let ended = with(&cluster(), Record::EndedSession(EndedSession { sid: session_id(2), forget_time: at(1) }));
    assert!(ended.authenticate(&sign(&KEYS[0], &claims()), &rules(), NOW).is_ok());
}

#[test]
fn an_access_token_of_another_time_or_place_is_refused() {
    use AuthenticateError::{Expired, Unknown, UnknownKey};
    let bearer = |claims| sign(&KEYS[0], &claims);
    let end = NOW.as_millis() - i64::try_from(LEEWAY.as_millis()).unwrap();
    let cases = [
        (bearer(AccessClaims { expires_at: Timestamp::from_millis(end), ..claims() }), Expired),
        (bearer(AccessClaims { not_before: at(60_000), ..claims() }), Unknown),
        (bearer(AccessClaims { audience: "another".to_owned(), ..claims() }), Unknown),
        (bearer(AccessClaims { issuer: "https://evil.example.org".to_owned(), ..claims() }), Unknown),
        (sign(&KEYS[1], &claims()), UnknownKey),
        (String::new(), Unknown),
        ("Bearer".to_owned(), Unknown),
        ("a.b.c".to_owned(), Unknown),
    ];
    for (bearer, expected) in cases {
        assert_eq!(refused(&cluster(), &bearer), expected, "{bearer}");
    }
}

#[test]
fn a_key_that_comes_later_is_believed_from_then_on() {
    let bearer = sign(&KEYS[1], &claims());
    assert_eq!(refused(&cluster(), &bearer), AuthenticateError::UnknownKey);
    let later = with(&cluster(), Record::SigningKey(reeve_world::SigningKey { public: public_key(1) }));
    assert!(later.authenticate(&bearer, &rules(), NOW).is_ok());
    assert!(later.authenticate(&sign(&KEYS[0], &claims()), &rules(), NOW).is_ok(), "and the others go on");
}

#[test]
fn a_robot_token_is_its_robots_until_its_end() {
    let text = mint_robot(&ENTROPY);
    let text = text.expose();
    let world = with(&cluster(), token(text, TokenPrincipal::Robot(robot_id(1)), Some(at(10))));
    let known = world.authenticate(text, &rules(), at(9)).unwrap();
    assert_eq!((known.principal, known.expire_time), (PrincipalId::Robot(robot_id(1)), Some(at(10))));
    assert_eq!(world.authenticate(text, &rules(), at(10)), Err(AuthenticateError::Expired), "at its very instant");
    let gone = without(&world, RecordKey::Robot(robot_id(1)));
    assert_eq!(refused(&gone, text), AuthenticateError::Revoked);
    let revoked = without(&world, RecordKey::Token(TokenHash::of(text)));
    assert_eq!(refused(&revoked, text), AuthenticateError::UnknownToken);
}

#[test]
fn the_root_token_is_root() {
    let text = mint_root(&ENTROPY);
    let world = with(&cluster(), token(text.expose(), TokenPrincipal::Root, None));
    assert_eq!(world.authenticate(text.expose(), &rules(), NOW).unwrap().principal, PrincipalId::Root);
    assert_eq!(refused(&cluster(), text.expose()), AuthenticateError::UnknownToken);
}

#[test]
fn a_token_of_one_kind_is_never_one_of_another() {
    let (robot, root) = (mint_robot(&ENTROPY), mint_root(&ENTROPY));
    let crossed = cluster().next(
        Revision::new(2),
        [
            token(robot.expose(), TokenPrincipal::Root, None),
            token(root.expose(), TokenPrincipal::Robot(robot_id(1)), None),
        ],
        [],
    );
    assert_eq!(refused(&crossed, robot.expose()), AuthenticateError::Unknown);
    assert_eq!(refused(&crossed, root.expose()), AuthenticateError::Unknown);
}

#[test]
fn a_refresh_token_is_no_bearer_even_if_its_hash_were_stored() {
    let entropy: &dyn Entropy = &ENTROPY;
    let text = refresh_token(session_id(1), 1, &SessionKey::generate(entropy));
    assert_eq!(refused(&cluster(), text.expose()), AuthenticateError::Unknown);
    let stored = with(&cluster(), token(text.expose(), TokenPrincipal::Root, None));
    assert_eq!(refused(&stored, text.expose()), AuthenticateError::Unknown);
}

proptest! {
    #[test]
    fn a_token_with_any_character_changed_is_refused(
        kind in 0usize..3,
        at in any::<prop::sample::Index>(),
        by in any::<char>(),
    ) {
        let texts = [
            sign(&KEYS[0], &claims()),
            mint_robot(&ENTROPY).expose().to_owned(),
            mint_root(&ENTROPY).expose().to_owned(),
        ];
        let world = cluster().next(
            Revision::new(2),
            [token(&texts[1], TokenPrincipal::Robot(robot_id(1)), None), token(&texts[2], TokenPrincipal::Root, None)],
            [],
        );
        let text = &texts[kind];
        prop_assert!(world.authenticate(text, &rules(), NOW).is_ok());
        let mut tampered: Vec<char> = text.chars().collect();
        let place = at.index(tampered.len());
        prop_assume!(tampered[place] != by);
        tampered[place] = by;
        let tampered: String = tampered.into_iter().collect();
        prop_assert!(world.authenticate(&tampered, &rules(), NOW).is_err(), "{}", tampered);
        prop_assert!(world.authenticate(&text[..place], &rules(), NOW).is_err());
        let longer = format!("{text}{by}");
        prop_assert!(world.authenticate(&longer, &rules(), NOW).is_err());
    }

    #[test]
    fn nothing_that_was_not_signed_or_stored_gets_in(text in ".{0,200}") {
        prop_assert!(cluster().authenticate(&text, &rules(), NOW).is_err());
    }
}
