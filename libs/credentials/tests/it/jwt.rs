//! Access tokens: every promise of the strict reader, attacked with tokens that the right key signed.

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD};
use proptest::prelude::*;
use reeve_credentials::{
    AccessClaims, Expect, JwtError, KeySet, KeyWindow, MAX_JWT_BYTES, SigningKey, install_crypto_provider, sign_access,
    verify_access,
};
use reeve_model::{Epoch, SessionId, UserId};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::keys::window;
use crate::{NOW, at};

const ISSUER: &str = "https://reeve.example.org";

fn expect() -> Expect {
    Expect { issuer: ISSUER.to_owned(), audience: "reeve".to_owned() }
}

fn claims() -> AccessClaims {
    AccessClaims {
        issuer: ISSUER.to_owned(),
        subject: UserId::from_uuid(Uuid::from_u128(1)),
        audience: "reeve".to_owned(),
        expires_at: at(900_000),
        issued_at: NOW,
        not_before: NOW,
        token_id: Uuid::from_u128(2),
        session: SessionId::from_uuid(Uuid::from_u128(3)),
        username: "alice".to_owned(),
        user_epoch: Epoch::new(4),
        access_epoch: Epoch::new(5),
    }
}

/// A key, and the set of keys that holds it alone.
struct Issuer {
    key: SigningKey,
    keys: KeySet,
}

impl Issuer {
    fn new() -> Self {
        install_crypto_provider();
        let key = SigningKey::generate(window()).unwrap();
        let keys = KeySet::new([key.public().clone()]);
        Self { key, keys }
    }

    fn header(&self) -> Map<String, Value> {
        let Value::Object(header) = json!({"alg": "ES256", "typ": "at+jwt", "kid": self.key.public().id().as_str()})
        else {
            unreachable!()
        };
        header
    }

    fn token(&self) -> String {
        sign_access(&self.key, &claims()).unwrap().expose().to_owned()
    }

    /// Signs whatever is given, by other code than the crate's own.
    fn sign_raw(&self, header: &str, payload: &str) -> String {
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, self.key.pkcs8().expose()).unwrap();
        let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
        let signature = pair.sign(&SystemRandom::new(), message.as_bytes()).unwrap();
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    fn verify(&self, token: &str) -> Result<AccessClaims, JwtError> {
        verify_access(token, &self.keys, &expect(), NOW)
    }
}

fn payload_of(token: &str) -> Map<String, Value> {
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
    serde_json::from_slice(&payload).unwrap()
}

fn text(object: &Map<String, Value>) -> String {
    serde_json::to_string(object).unwrap()
}

#[test]
fn a_token_says_what_was_signed() {
    let issuer = Issuer::new();
    assert_eq!(issuer.verify(&issuer.token()), Ok(claims()));
}

#[test]
fn a_token_has_the_form_of_rfc_9068() {
    let issuer = Issuer::new();
    let token = issuer.token();
    let header: Map<String, Value> =
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap()).unwrap();
    assert_eq!(header, issuer.header());
    assert_eq!(
        Value::Object(payload_of(&token)),
        json!({
            "iss": ISSUER, "aud": "reeve", "username": "alice",
            "sub": "00000000-0000-0000-0000-000000000001",
            "jti": "00000000-0000-0000-0000-000000000002",
            "sid": "00000000-0000-0000-0000-000000000003",
            "iat": 1_795_219_200, "nbf": 1_795_219_200, "exp": 1_795_220_100,
            "user_epoch": 4, "access_epoch": 5,
        })
    );
}

#[test]
fn the_table_of_refused_tokens_holds() {
    let issuer = Issuer::new();
    let cases: Vec<Value> = serde_json::from_str(include_str!("../data/refused-jwts.json")).unwrap();
    for case in cases {
        let (mut header, mut payload) = (issuer.header(), payload_of(&issuer.token()));
        for (part, object) in [("header", &mut header), ("claims", &mut payload)] {
            for name in case[part]["remove"].as_array().into_iter().flatten() {
                object.remove(name.as_str().unwrap()).unwrap();
            }
            for (name, value) in case[part]["set"].as_object().into_iter().flatten() {
                object.insert(name.clone(), value.clone());
            }
        }
        let outcome = issuer.verify(&issuer.sign_raw(&text(&header), &text(&payload)));
        assert_eq!(format!("{:?}", outcome.unwrap_err()), case["error"].as_str().unwrap(), "{}", case["name"]);
    }
}

#[test]
fn each_claim_is_required() {
    let issuer = Issuer::new();
    let whole = payload_of(&issuer.token());
    assert_eq!(whole.len(), 11);
    for name in whole.keys() {
        let mut payload = whole.clone();
        payload.remove(name);
        let outcome = issuer.verify(&issuer.sign_raw(&text(&issuer.header()), &text(&payload)));
        assert_eq!(outcome, Err(JwtError::MalformedClaims), "{name}");
    }
}

#[test]
fn each_claim_has_one_type() {
    let issuer = Issuer::new();
    let whole = payload_of(&issuer.token());
    for (name, value) in &whole {
        let swapped = if value.is_string() { json!(1_795_219_200) } else { json!(value.to_string()) };
        for wrong in [swapped, json!(null), json!(true), json!(1.5), json!(-1), json!([value]), json!({"a": value})] {
            let mut payload = whole.clone();
            payload.insert(name.clone(), wrong.clone());
            let outcome = issuer.verify(&issuer.sign_raw(&text(&issuer.header()), &text(&payload)));
            assert_eq!(outcome, Err(JwtError::MalformedClaims), "{name}: {wrong}");
        }
    }
}

#[test]
fn a_claim_that_is_there_twice_is_refused() {
    let issuer = Issuer::new();
    let payload = text(&payload_of(&issuer.token()));
    for (name, value) in payload_of(&issuer.token()) {
        let escaped = format!("\\u{:04x}{}", u32::from(name.as_bytes()[0]), &name[1..]);
        for twin in [name, escaped] {
            let twice = payload.replacen('{', &format!(r#"{{"{twin}":{value},"#), 1);
            let outcome = issuer.verify(&issuer.sign_raw(&text(&issuer.header()), &twice));
            assert_eq!(outcome, Err(JwtError::MalformedClaims), "{twice}");
        }
    }
}

#[test]
fn a_header_parameter_that_is_there_twice_is_refused() {
    let issuer = Issuer::new();
    let header = text(&issuer.header()).replacen('{', r#"{"alg":"none","#, 1);
    let outcome = issuer.verify(&issuer.sign_raw(&header, &text(&payload_of(&issuer.token()))));
    assert_eq!(outcome, Err(JwtError::MalformedHeader));
}

#[test]
fn an_array_in_an_objects_place_is_refused() {
    let issuer = Issuer::new();
    let payload = text(&payload_of(&issuer.token()));
    let header = format!(r#"["ES256","at+jwt","{}",false]"#, issuer.key.public().id());
    assert_eq!(issuer.verify(&issuer.sign_raw(&header, &payload)), Err(JwtError::MalformedHeader));
    let claims = format!(
        r#"["{ISSUER}","{}","reeve",1795220100,1795219200,1795219200,"{}","{}","alice",4,5]"#,
        Uuid::from_u128(1),
        Uuid::from_u128(2),
        Uuid::from_u128(3)
    );
    let outcome = issuer.verify(&issuer.sign_raw(&text(&issuer.header()), &claims));
    assert_eq!(outcome, Err(JwtError::MalformedClaims));
}

#[test]
fn a_claim_that_a_later_version_adds_is_let_through() {
    let issuer = Issuer::new();
    let mut payload = payload_of(&issuer.token());
    payload.insert("later".to_owned(), json!({"a": [1]}));
    assert_eq!(issuer.verify(&issuer.sign_raw(&text(&issuer.header()), &text(&payload))), Ok(claims()));
}

#[test]
fn an_unsigned_token_is_refused() {
    let issuer = Issuer::new();
    let token = issuer.token();
    let (message, _) = token.rsplit_once('.').unwrap();
    assert_eq!(issuer.verify(&format!("{message}.")), Err(JwtError::BadSignature));
    assert_eq!(issuer.verify(message), Err(JwtError::Malformed));
    for alg in ["none", "None", "NONE", "", "es256"] {
        let mut header = issuer.header();
        header.insert("alg".to_owned(), json!(alg));
        let payload = token.split('.').nth(1).unwrap();
        let unsigned = format!("{}.{payload}.", URL_SAFE_NO_PAD.encode(text(&header)));
        assert_eq!(issuer.verify(&unsigned), Err(JwtError::WrongAlgorithm), "{alg}");
    }
}

#[test]
fn a_public_key_used_as_an_hmac_secret_is_refused() {
    let issuer = Issuer::new();
    let payload = text(&payload_of(&issuer.token()));
    let jwk = serde_json::to_string(&issuer.key.public().to_jwk()).unwrap();
    for secret in [issuer.key.public().point(), jwk.into_bytes()] {
        for (alg, error) in [("HS256", JwtError::WrongAlgorithm), ("ES256", JwtError::BadSignature)] {
            let mut header = issuer.header();
            header.insert("alg".to_owned(), json!(alg));
            let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(text(&header)), URL_SAFE_NO_PAD.encode(&payload));
            let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &secret), message.as_bytes());
            let forged = format!("{message}.{}", URL_SAFE_NO_PAD.encode(tag));
            assert_eq!(issuer.verify(&forged), Err(error));
        }
    }
}

#[test]
fn a_signature_by_another_key_is_refused() {
    let (issuer, stranger) = (Issuer::new(), Issuer::new());
    let payload = text(&payload_of(&issuer.token()));
    assert_eq!(issuer.verify(&stranger.sign_raw(&text(&issuer.header()), &payload)), Err(JwtError::BadSignature));
    assert_eq!(issuer.verify(&stranger.token()), Err(JwtError::UnknownKey));
    assert_eq!(verify_access(&issuer.token(), &KeySet::default(), &expect(), NOW), Err(JwtError::UnknownKey));
}

#[test]
fn a_key_that_the_token_brings_along_is_refused() {
    let (issuer, thief) = (Issuer::new(), Issuer::new());
    for (name, value) in [
        ("jwk", serde_json::to_value(thief.key.public().to_jwk()).unwrap()),
        ("jku", json!("https://thief.example/jwks")),
        ("x5u", json!("https://thief.example/cert")),
        ("x5c", json!(["MIIB"])),
    ] {
        let mut header = thief.header();
        header.insert(name.to_owned(), value);
        let forged = thief.sign_raw(&text(&header), &text(&payload_of(&issuer.token())));
        assert_eq!(issuer.verify(&forged), Err(JwtError::MalformedHeader), "{name}");
    }
}

#[test]
fn a_key_past_its_time_is_believed_no_longer() {
    let window = KeyWindow { verify_until: at(60_000), ..window() };
    let key = SigningKey::generate(window).unwrap();
    let keys = KeySet::new([key.public().clone()]);
    let token = sign_access(&key, &claims()).unwrap();
    assert!(verify_access(token.expose(), &keys, &expect(), at(59_999)).is_ok());
    assert_eq!(verify_access(token.expose(), &keys, &expect(), at(60_000)), Err(JwtError::UnknownKey));
}

#[test]
fn a_token_expires_exactly_at_the_end_of_the_leeway() {
    let issuer = Issuer::new();
    let token = issuer.token();
    for (millis, outcome) in [
        (900_000, Ok(claims())),
        (929_999, Ok(claims())),
        (930_000, Err(JwtError::Expired)),
        (80 * 86_400_000, Err(JwtError::Expired)),
        (i64::MAX - NOW.as_millis(), Err(JwtError::UnknownKey)),
    ] {
        assert_eq!(verify_access(&token, &issuer.keys, &expect(), at(millis)), outcome, "{millis}");
    }
}

#[test]
fn a_token_from_the_future_is_refused_beyond_the_leeway() {
    let issuer = Issuer::new();
    for (issued_ms, not_before_ms, outcome) in
        [(30_000, 30_000, Ok(())), (31_000, 0, Err(JwtError::NotYetValid)), (0, 31_000, Err(JwtError::NotYetValid))]
    {
        let claims = AccessClaims { issued_at: at(issued_ms), not_before: at(not_before_ms), ..claims() };
        let token = sign_access(&issuer.key, &claims).unwrap();
        assert_eq!(issuer.verify(token.expose()).map(|_| ()), outcome, "{issued_ms} {not_before_ms}");
        assert_eq!(claims.check_time(NOW), outcome);
    }
    let token = issuer.token();
    assert_eq!(verify_access(&token, &issuer.keys, &expect(), at(-30_001)), Err(JwtError::NotYetValid));
    assert!(verify_access(&token, &issuer.keys, &expect(), at(-30_000)).is_ok());
}

#[test]
fn a_token_is_for_one_issuer_and_one_audience() {
    let issuer = Issuer::new();
    let token = issuer.token();
    for other in ["https://reeve.example.org/", "HTTPS://reeve.example.org", "https://reeve.example.or", ""] {
        let expect = Expect { issuer: other.to_owned(), ..expect() };
        assert_eq!(verify_access(&token, &issuer.keys, &expect, NOW), Err(JwtError::WrongIssuer), "{other}");
    }
    for other in ["kubernetes", "Reeve", "reeve ", ""] {
        let expect = Expect { audience: other.to_owned(), ..expect() };
        assert_eq!(verify_access(&token, &issuer.keys, &expect, NOW), Err(JwtError::WrongAudience), "{other}");
    }
}

#[test]
fn every_changed_character_of_a_token_is_found() {
    let issuer = Issuer::new();
    let token = issuer.token();
    for at in 0..token.len() {
        for letter in *b"Aw_." {
            let mut bytes = token.clone().into_bytes();
            if std::mem::replace(&mut bytes[at], letter) != letter {
                let changed = String::from_utf8(bytes).unwrap();
                assert!(issuer.verify(&changed).is_err(), "{changed}");
            }
        }
    }
}

#[test]
fn a_signature_has_one_form() {
    let issuer = Issuer::new();
    let token = issuer.token();
    let (message, signature) = token.rsplit_once('.').unwrap();
    let raw = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let der = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, issuer.key.pkcs8().expose()).unwrap();
    let der = der.sign(&SystemRandom::new(), message.as_bytes()).unwrap();
    for other in [
        URL_SAFE.encode(&raw),
        URL_SAFE_NO_PAD.encode(&raw[..63]),
        URL_SAFE_NO_PAD.encode([raw.as_slice(), &[0]].concat()),
        URL_SAFE_NO_PAD.encode(der),
        URL_SAFE_NO_PAD.encode([0; 64]),
        format!("{signature}\n"),
    ] {
        assert_eq!(issuer.verify(&format!("{message}.{other}")), Err(JwtError::BadSignature), "{other}");
    }
}

#[test]
fn a_token_has_three_parts() {
    let issuer = Issuer::new();
    let token = issuer.token();
    for other in [String::new(), ".".to_owned(), "..".to_owned(), format!("{token}.{token}"), format!(".{token}")] {
        assert!(issuer.verify(&other).is_err(), "{other}");
    }
    assert_eq!(issuer.verify(&format!("x.{token}")), Err(JwtError::Malformed));
}

#[test]
fn a_huge_token_is_refused_before_anything_else() {
    let issuer = Issuer::new();
    let mut payload = payload_of(&issuer.token());
    payload.insert("later".to_owned(), json!("x".repeat(MAX_JWT_BYTES * 3 / 4 - 700)));
    let large = issuer.sign_raw(&text(&issuer.header()), &text(&payload));
    assert!(large.len() <= MAX_JWT_BYTES && issuer.verify(&large).is_ok(), "{}", large.len());
    payload.insert("later".to_owned(), json!("x".repeat(MAX_JWT_BYTES)));
    let huge = issuer.sign_raw(&text(&issuer.header()), &text(&payload));
    assert_eq!(issuer.verify(&huge), Err(JwtError::TooLong));
    assert_eq!(issuer.verify(&".".repeat(MAX_JWT_BYTES + 1)), Err(JwtError::TooLong));
}

#[test]
fn deep_json_is_refused_not_followed() {
    let issuer = Issuer::new();
    let deep = format!(r#"{{"later":{}"#, "[".repeat(10_000));
    let outcome = issuer.verify(&issuer.sign_raw(&text(&issuer.header()), &deep));
    assert_eq!(outcome, Err(JwtError::MalformedClaims));
    assert_eq!(issuer.verify(&issuer.sign_raw(&deep, "{}")), Err(JwtError::MalformedHeader));
}

proptest! {
    #[test]
    fn whatever_is_presented_is_answered(token in ".{0,200}", parts in "[A-Za-z0-9_-]{0,60}(\\.[A-Za-z0-9_-]{0,60}){0,4}") {
        let keys = KeySet::default();
        prop_assert!(verify_access(&token, &keys, &expect(), NOW).is_err());
        prop_assert!(verify_access(&parts, &keys, &expect(), NOW).is_err());
    }

    #[test]
    fn whatever_header_is_presented_is_answered(header in ".{0,80}", payload in ".{0,80}") {
        let token = format!("{}.{}.AAAA", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
        prop_assert!(verify_access(&token, &KeySet::default(), &expect(), NOW).is_err());
    }

    #[test]
    fn whatever_was_signed_is_answered(payload in r#"\{("[a-z]{1,4}":[0-9"a\[{]{0,6},?){0,4}\}?"#) {
        thread_local!(static ISSUER: Issuer = Issuer::new());
        ISSUER.with(|issuer| {
            let outcome = issuer.verify(&issuer.sign_raw(&text(&issuer.header()), &payload));
            assert_eq!(outcome, Err(JwtError::MalformedClaims));
        });
    }
}
