//! The cluster key, what it seals, and the tokens between services.

use proptest::prelude::*;
use reeve_credentials::{
    ClusterKey, ClusterKeyError, MAX_SEALED_BYTES, OpenError, SealError, Sealer, SecretBytes, ServiceTokenError,
    ServiceTokens,
};

use crate::{NOW, at, entropy};

const HEX: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
const CONTEXT: &str = "private/identity/session/1";

fn key(number: u8) -> ClusterKey {
    ClusterKey::parse(&HEX.replacen("00", &format!("{number:02x}"), 1)).unwrap()
}

fn sealer() -> Sealer {
    Sealer::new(key(1), vec![])
}

#[test]
fn a_cluster_key_is_read_in_every_usual_form() {
    let forms = [
        HEX.to_owned(),
        HEX.to_uppercase(),
        format!("  {HEX}\n"),
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=".to_owned(),
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8".to_owned(),
    ];
    for form in forms {
        assert_eq!(ClusterKey::parse(&form).unwrap().id(), key(0).id(), "{form}");
    }
    let high = ClusterKey::parse("-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_8").unwrap();
    assert_eq!(ClusterKey::parse("+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/8=").unwrap().id(), high.id());
    assert_eq!(ClusterKey::parse(high.to_text().expose()).unwrap().id(), high.id());
}

#[test]
fn other_texts_are_no_cluster_key_and_are_not_repeated() {
    for (text, error) in [
        ("", ClusterKeyError::Length(0)),
        ("c2hvcnQ=", ClusterKeyError::Length(5)),
        (&HEX[2..], ClusterKeyError::Length(31)),
        (&HEX.replace("00", "zz!"), ClusterKeyError::Encoding),
        ("my cluster key", ClusterKeyError::Encoding),
        (&"0".repeat(64), ClusterKeyError::NotRandom),
        (&HEX[1..], ClusterKeyError::Encoding),
        (&HEX.repeat(50), ClusterKeyError::Length(3200)),
    ] {
        let found = ClusterKey::parse(text).unwrap_err();
        assert_eq!(found, error, "{text}");
        assert!(text.is_empty() || !found.to_string().contains(text));
    }
}

#[test]
fn a_cluster_key_prints_its_id_alone() {
    let key = ClusterKey::generate(&entropy()).unwrap();
    assert_eq!(format!("{key:?}"), format!("ClusterKey({})", key.id()));
    assert!(!key.to_text().expose().contains(&key.id().to_string()));
}

#[test]
fn what_was_sealed_opens_in_its_own_place_alone() {
    let blob = sealer().seal(CONTEXT, b"hunter2", &entropy()).unwrap();
    assert_eq!(sealer().open(CONTEXT, &blob).unwrap().expose(), b"hunter2");
    for elsewhere in ["", "private/identity/session/2", "private/identity/session/1 "] {
        assert_eq!(sealer().open(elsewhere, &blob), Err(OpenError::Corrupt), "{elsewhere}");
    }
}

#[test]
fn sealing_twice_gives_two_blobs_that_show_nothing() {
    let entropy = entropy();
    let (first, second) =
        (sealer().seal(CONTEXT, b"hunter2", &entropy).unwrap(), sealer().seal(CONTEXT, b"hunter2", &entropy).unwrap());
    assert_ne!(first, second);
    assert!(!first.windows(7).any(|window| window == b"hunter2"));
}

#[test]
fn every_changed_bit_of_a_blob_is_found() {
    let blob = sealer().seal(CONTEXT, b"hunter2", &entropy()).unwrap();
    for bit in 0..blob.len() * 8 {
        let mut changed = blob.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(sealer().open(CONTEXT, &changed).is_err(), "bit {bit}");
    }
}

#[test]
fn a_blob_that_was_cut_off_or_grew_is_found() {
    let blob = sealer().seal(CONTEXT, b"hunter2", &entropy()).unwrap();
    for end in 0..blob.len() {
        assert!(sealer().open(CONTEXT, &blob[..end]).is_err(), "{end} bytes");
    }
    assert_eq!(sealer().open(CONTEXT, &[blob.as_slice(), &[0]].concat()), Err(OpenError::Corrupt));
    assert_eq!(sealer().open(CONTEXT, &[9, 9]), Err(OpenError::UnknownFormat(9)));
}

#[test]
fn another_cluster_key_is_named() {
    let blob = sealer().seal(CONTEXT, b"hunter2", &entropy()).unwrap();
    let stranger = Sealer::new(key(2), vec![key(3)]);
    assert_eq!(stranger.open(CONTEXT, &blob), Err(OpenError::WrongKey(key(1).id())));
}

#[test]
fn after_a_rotation_the_old_opens_and_the_new_seals() {
    let old = sealer().seal(CONTEXT, b"hunter2", &entropy()).unwrap();
    let rotated = Sealer::new(key(2), vec![key(1)]);
    assert_eq!(rotated.open(CONTEXT, &old).unwrap().expose(), b"hunter2");
    let new = rotated.seal(CONTEXT, b"hunter2", &entropy()).unwrap();
    assert_eq!(sealer().open(CONTEXT, &new), Err(OpenError::WrongKey(key(2).id())));
    assert!(rotated.is_current(&new) && !rotated.is_current(&old) && !rotated.is_current(&[]));
}

#[test]
fn a_secret_that_is_too_long_is_not_sealed() {
    let long = vec![7; MAX_SEALED_BYTES + 1];
    assert_eq!(sealer().seal(CONTEXT, &long, &entropy()), Err(SealError::TooLong(MAX_SEALED_BYTES + 1)));
    let blob = sealer().seal(CONTEXT, &long[1..], &entropy()).unwrap();
    assert_eq!(sealer().open(CONTEXT, &blob).unwrap().expose(), &long[1..]);
}

#[test]
fn a_service_token_is_good_for_its_audience_for_a_minute() {
    let tokens = ServiceTokens::new(key(1), vec![]);
    let token = tokens.mint("identity", NOW);
    assert!(token.expose().starts_with("reeve_svc_") && ServiceTokens::is_branded(token.expose()));
    let verify = |audience, now| tokens.verify(token.expose(), audience, now);
    for (millis, outcome) in [
        (-30_001, Err(ServiceTokenError::NotYetValid)),
        (-30_000, Ok(())),
        (0, Ok(())),
        (89_999, Ok(())),
        (90_000, Err(ServiceTokenError::Expired)),
        (i64::MAX - NOW.as_millis(), Err(ServiceTokenError::Expired)),
    ] {
        assert_eq!(verify("identity", at(millis)), outcome, "{millis}");
    }
    for other in ["policy", "", "identit", "identity2"] {
        assert_eq!(verify(other, NOW), Err(ServiceTokenError::BadSignature), "{other}");
    }
}

#[test]
fn a_service_token_of_another_cluster_is_refused() {
    let token = ServiceTokens::new(key(1), vec![]).mint("identity", NOW);
    let other = ServiceTokens::new(key(2), vec![]);
    assert_eq!(other.verify(token.expose(), "identity", NOW), Err(ServiceTokenError::UnknownKey(key(1).id())));
    let rotated = ServiceTokens::new(key(2), vec![key(1)]);
    assert_eq!(rotated.verify(token.expose(), "identity", NOW), Ok(()));
}

#[test]
fn every_changed_character_of_a_service_token_is_found() {
    let tokens = ServiceTokens::new(key(1), vec![]);
    let token = tokens.mint("identity", NOW);
    for at in 0..token.expose().len() {
        for letter in *b"0aZ_" {
            let mut bytes = token.expose().as_bytes().to_vec();
            if std::mem::replace(&mut bytes[at], letter) != letter {
                let changed = String::from_utf8(bytes).unwrap();
                let outcome = tokens.verify(&changed, "identity", NOW);
                assert_eq!(outcome, Err(ServiceTokenError::Malformed), "{changed}");
            }
        }
    }
}

proptest! {
    #[test]
    fn whatever_is_given_as_a_key_is_answered(text in ".{0,100}") {
        let _answered = ClusterKey::parse(&text);
    }

    #[test]
    fn whatever_lies_in_the_store_is_answered(blob: Vec<u8>, context in ".{0,20}") {
        prop_assert!(sealer().open(&context, &blob).is_err());
        let headed = [&[1], key(1).id().to_string().as_bytes(), &blob].concat();
        prop_assert!(sealer().open(&context, &headed).is_err());
    }

    #[test]
    fn what_was_sealed_opens(context in ".{0,40}", plaintext: Vec<u8>) {
        let blob = sealer().seal(&context, &plaintext, &entropy()).unwrap();
        prop_assert_eq!(sealer().open(&context, &blob), Ok(SecretBytes::new(plaintext)));
    }

    #[test]
    fn whatever_is_presented_is_answered(token in "(reeve_svc_)?[0-9A-Za-z]{0,90}") {
        let outcome = ServiceTokens::new(key(1), vec![]).verify(&token, "identity", NOW);
        prop_assert_eq!(outcome, Err(ServiceTokenError::Malformed));
    }
}
