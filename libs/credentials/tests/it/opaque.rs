//! Opaque tokens: form, checksum, entropy.

use proptest::prelude::*;
use reeve_credentials::{Malformed, Opaque, OpaqueKind, SessionKey, TokenHash, mint_robot, mint_root, refresh_token};
use reeve_model::SessionId;

use crate::{NOW, entropy};

fn one_of_each() -> [(OpaqueKind, String); 3] {
    let entropy = entropy();
    let session = refresh_token(SessionId::new(NOW, &entropy), 7, &SessionKey::generate(&entropy));
    [
        (OpaqueKind::Robot, mint_robot(&entropy).expose().to_owned()),
        (OpaqueKind::Root, mint_root(&entropy).expose().to_owned()),
        (OpaqueKind::Session, session.expose().to_owned()),
    ]
}

#[test]
fn a_minted_token_is_recognised_by_its_prefix() {
    for (kind, token) in one_of_each() {
        assert_eq!(Opaque::parse(&token).map(|opaque| opaque.kind), Ok(kind));
        assert!(token.starts_with(kind.prefix()) && Opaque::is_branded(&token));
        let body = token.strip_prefix(kind.prefix()).unwrap();
        assert!(body.len() >= 30 + 6 && body.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{token}");
    }
}

#[test]
fn no_two_minted_tokens_are_equal() {
    let entropy = entropy();
    assert_ne!(mint_robot(&entropy), mint_robot(&entropy));
    assert_ne!(mint_root(&entropy), mint_root(&entropy));
}

#[test]
fn the_checksum_finds_every_change_of_one_character() {
    let alphabet = (b'0'..=b'9').chain(b'A'..=b'Z').chain(b'a'..=b'z').chain(*b"_-. \n");
    let letters: Vec<u8> = alphabet.collect();
    for (_, token) in one_of_each() {
        for at in 0..token.len() {
            for letter in letters.iter().filter(|letter| **letter != token.as_bytes()[at]) {
                let mut bytes = token.clone().into_bytes();
                bytes[at] = *letter;
                let changed = String::from_utf8(bytes).unwrap();
                assert_eq!(Opaque::parse(&changed), Err(Malformed), "{changed}");
            }
        }
    }
}

#[test]
fn two_neighbours_that_changed_places_are_found() {
    for (_, token) in one_of_each() {
        for at in 1..token.len() {
            let mut bytes = token.clone().into_bytes();
            bytes.swap(at - 1, at);
            let changed = String::from_utf8(bytes).unwrap();
            assert!(changed == token || Opaque::parse(&changed) == Err(Malformed), "{changed}");
        }
    }
}

#[test]
fn a_token_is_read_whole_or_not_at_all() {
    for (_, token) in one_of_each() {
        for end in 0..token.len() {
            assert_eq!(Opaque::parse(&token[..end]), Err(Malformed));
        }
        for framed in [format!("{token} "), format!(" {token}"), format!("{token}\n"), format!("Bearer {token}")] {
            assert_eq!(Opaque::parse(&framed), Err(Malformed), "{framed}");
        }
    }
}

#[test]
fn a_token_of_a_kind_that_is_not_known_is_refused() {
    for (_, token) in one_of_each() {
        let body = token.rsplit('_').next().unwrap();
        for prefix in ["reeve_pat_", "reeve_svc_", "reeve_", "ghp_", "REEVE_BOT_"] {
            assert_eq!(Opaque::parse(&format!("{prefix}{body}")), Err(Malformed));
        }
    }
}

#[test]
fn a_token_hash_is_its_sha_256() {
    let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(TokenHash::of("abc").to_string(), abc);
    assert_eq!(TokenHash::from_bytes(*TokenHash::of("abc").as_bytes()), TokenHash::of("abc"));
}

proptest! {
    #[test]
    fn whatever_is_presented_is_answered(text in ".*") {
        prop_assert_eq!(Opaque::parse(&text), Err(Malformed));
    }

    #[test]
    fn whatever_follows_a_prefix_is_answered(
        prefix in prop::sample::select(vec!["reeve_ses_", "reeve_bot_", "reeve_root_"]),
        body in "[0-9A-Za-z\u{e9}]{0,600}",
    ) {
        prop_assert_eq!(Opaque::parse(&format!("{prefix}{body}")), Err(Malformed));
    }
}
