//! Signing keys: their form, their publication, their schedule.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proptest::prelude::*;
use reeve_credentials::{
    KeySchedule, KeySet, KeyWindow, PublicKey, PublicKeyError, SecretBytes, SigningKey, SigningKeyError, signer,
};
use reeve_model::Timestamp;

use crate::{NOW, at};

const DAY_MS: i64 = 86_400_000;

pub(crate) fn window() -> KeyWindow {
    KeyWindow { sign_from: NOW, sign_until: at(60 * DAY_MS), verify_until: at(90 * DAY_MS) }
}

/// The key of RFC 7515 appendix A.3.
fn rfc_7515_point() -> Vec<u8> {
    let (x, y) = ("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0");
    [vec![4], URL_SAFE_NO_PAD.decode(x).unwrap(), URL_SAFE_NO_PAD.decode(y).unwrap()].concat()
}

#[test]
fn a_public_key_is_published_as_the_rfcs_write_it() {
    let key = PublicKey::from_point(&rfc_7515_point(), NOW).unwrap();
    assert_eq!(
        serde_json::to_value(key.to_jwk()).unwrap(),
        serde_json::json!({
            "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256",
            "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
            "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
            "kid": "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U",
        })
    );
}

#[test]
fn a_point_round_trips_and_nothing_else_is_one() {
    let point = rfc_7515_point();
    assert_eq!(PublicKey::from_point(&point, NOW).unwrap().point(), point);
    let mut off_curve = point.clone();
    off_curve[64] ^= 1;
    let mut compressed = point[..33].to_vec();
    compressed[0] = 3;
    for bad in [&[], &point[..64], &[point.as_slice(), &[0]].concat(), &off_curve, &compressed, &[4; 65]] {
        assert_eq!(PublicKey::from_point(bad, NOW), Err(PublicKeyError), "{bad:?}");
    }
}

#[test]
fn a_signing_key_round_trips_through_pkcs8() {
    let key = SigningKey::generate(window()).unwrap();
    let again = SigningKey::from_pkcs8(key.pkcs8().clone(), window()).unwrap();
    assert_eq!(again.public(), key.public());
    assert_eq!(again.public().verify_until(), window().verify_until);
    assert_ne!(SigningKey::generate(window()).unwrap().public().id(), key.public().id());
}

#[test]
fn a_signing_key_does_not_print_its_private_half() {
    let key = SigningKey::generate(window()).unwrap();
    let printed = format!("{key:?}");
    assert!(printed.contains("pkcs8: secret") && !printed.contains(&format!("{:?}", key.pkcs8().expose())));
}

#[test]
fn other_bytes_are_no_signing_key() {
    let key = SigningKey::generate(window()).unwrap();
    let mut mixed = key.pkcs8().expose().to_vec();
    let other = SigningKey::generate(window()).unwrap();
    let public_at = mixed.len() - 64;
    mixed[public_at..].copy_from_slice(&other.pkcs8().expose()[public_at..]);
    for bad in [Vec::new(), vec![0x30, 0], key.pkcs8().expose()[1..].to_vec(), mixed] {
        let outcome = SigningKey::from_pkcs8(SecretBytes::new(bad), window());
        assert_eq!(outcome.err(), Some(SigningKeyError::Malformed));
    }
}

#[test]
fn keys_are_published_until_they_are_no_longer_believed() {
    let key = SigningKey::generate(window()).unwrap();
    let keys = KeySet::new([key.public().clone()]);
    let until = window().verify_until;
    let just_before = Timestamp::from_millis(until.as_millis() - 1);
    assert_eq!(keys.to_jwks(just_before).keys, [key.public().to_jwk()]);
    assert!(keys.knows(key.public().id().as_str(), just_before));
    assert!(keys.to_jwks(until).keys.is_empty());
    assert!(!keys.knows(key.public().id().as_str(), until) && !keys.knows("", NOW));
}

#[test]
fn the_first_key_of_a_cluster_signs_at_once() {
    let first = KeySchedule::default().due(None, NOW).unwrap();
    assert_eq!(first.sign_from, NOW);
    assert_eq!(KeySchedule::default().due(Some(first), NOW), None);
}

#[test]
fn the_next_key_is_written_ten_minutes_before_it_signs() {
    let schedule = KeySchedule::default();
    let first = schedule.due(None, NOW).unwrap();
    let turn = 30 * DAY_MS;
    assert_eq!(schedule.due(Some(first), at(turn - 600_001)), None);
    let next = schedule.due(Some(first), at(turn - 600_000)).unwrap();
    assert_eq!(next.sign_from, at(turn));
    let late = schedule.due(Some(first), at(turn + 5)).unwrap();
    assert_eq!(late.sign_from, at(turn + 5 + 600_000));
    assert_eq!(schedule.asked_for(NOW).sign_from, at(600_000));
}

#[test]
fn a_key_whose_time_ran_out_is_replaced_at_once() {
    let schedule = KeySchedule::default();
    let first = schedule.due(None, NOW).unwrap();
    assert_eq!(schedule.due(Some(first), first.sign_until).unwrap().sign_from, first.sign_until);
}

#[test]
fn a_key_made_by_a_clock_that_was_ahead_keeps_nobody_from_signing() {
    let schedule = KeySchedule::default();
    let ahead = schedule.due(None, at(1000 * DAY_MS)).unwrap();
    let now = schedule.due(Some(ahead), NOW).unwrap();
    assert_eq!(now.sign_from, NOW, "nobody signs, so a key is made for now");
    assert_eq!(schedule.due([ahead, now], at(1)), None);
    let next = schedule.due([ahead, now], at(30 * DAY_MS - 600_000)).unwrap();
    assert_eq!(next.sign_from, at(30 * DAY_MS), "and the turns go on as if the other were not there");
}

#[test]
fn the_newest_key_whose_time_has_come_signs() {
    let old = SigningKey::generate(window()).unwrap();
    let next = SigningKey::generate(KeyWindow { sign_from: at(1000), ..window() }).unwrap();
    let id = |now| signer([&old, &next], now).map(|key| key.public().id());
    assert_eq!(id(at(-1)), None);
    assert_eq!(id(at(999)), Some(old.public().id()));
    assert_eq!(id(at(1000)), Some(next.public().id()));
    assert_eq!(id(window().sign_until), None);
}

proptest! {
    #[test]
    fn somebody_signs_always_and_is_believed_as_long_as_what_they_signed(
        pauses_ms in prop::collection::vec(1_u64..20 * 86_400_000, 1..80),
    ) {
        let schedule = KeySchedule::default();
        let mut windows = vec![schedule.due(None, NOW).unwrap()];
        let mut now = NOW;
        for pause_ms in pauses_ms {
            now = now.plus(Duration::from_millis(pause_ms));
            if let Some(due) = schedule.due(windows.iter().copied(), now) {
                prop_assert!(due.sign_from >= now.plus(schedule.publish_ahead), "every verifier has it in time");
                windows.push(due);
            }
            let signing: Vec<_> =
                windows.iter().filter(|window| window.sign_from <= now && now < window.sign_until).collect();
            prop_assert!(!signing.is_empty());
            for window in signing {
                prop_assert!(now.plus(schedule.token_life) <= window.verify_until);
            }
        }
    }

    #[test]
    fn whatever_is_stored_is_answered(bytes: Vec<u8>) {
        prop_assert!(PublicKey::from_point(&bytes, NOW).is_err());
        prop_assert!(SigningKey::from_pkcs8(SecretBytes::new(bytes), window()).is_err());
    }
}
