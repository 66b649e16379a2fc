//! The tokens that people bring, as identity would have made them, and the records that make them hold.

use std::sync::LazyLock;
use std::time::Duration;

use reeve_credentials::{AccessClaims, KeyWindow, SecretString, SigningKey, TokenHash, mint_root, sign_access};
use reeve_model::{Epoch, SeededEntropy, SessionId};
use reeve_world::{Record, Token, TokenPrincipal, TokenRules};
use uuid::Uuid;

use crate::stand::{NAMES, START, user_id};

/// Longer than any test's clock runs.
const LONG: Duration = Duration::from_hours(24 * 365);

static KEY: LazyLock<SigningKey> = LazyLock::new(|| {
    let end = START.plus(LONG);
    SigningKey::generate(KeyWindow { sign_from: START, sign_until: end, verify_until: end }).unwrap()
});
static ROOT: LazyLock<SecretString> = LazyLock::new(|| mint_root(&SeededEntropy::new(71)));

pub(crate) fn rules() -> TokenRules {
    TokenRules { issuer: "https://reeve".to_owned(), audience: "reeve".to_owned() }
}

/// What makes the tokens of this module hold.
pub(crate) fn records() -> [Record; 2] {
    let token = |text: &SecretString, principal| {
        Record::Token(Token { hash: TokenHash::of(text.expose()), principal, expire_time: None, create_time: START })
    };
    [Record::SigningKey(reeve_world::SigningKey { public: KEY.public().clone() }), token(&ROOT, TokenPrincipal::Root)]
}

/// The token of a principal: an access token of a user, or root's; for anybody else, one that nobody made.
pub(crate) fn token_of(who: &str) -> String {
    match who {
        "root" => ROOT.expose().to_owned(),
        _ => match (1..).zip(NAMES).find(|(_, name)| who.strip_prefix("user:") == Some(name)) {
            Some((number, name)) => access_token(number, name),
            None => who.replacen(':', ".", 1),
        },
    }
}

fn access_token(number: u128, name: &str) -> String {
    let rules = rules();
    let claims = AccessClaims {
        issuer: rules.issuer,
        subject: user_id(number),
        audience: rules.audience,
        expires_at: START.plus(LONG),
        issued_at: START,
        not_before: START,
        token_id: Uuid::from_u128(number),
        session: SessionId::from_uuid(Uuid::from_u128(0x7000_8000_0000_0000_4000 + number)),
        username: name.to_owned(),
        user_epoch: Epoch::default(),
        access_epoch: Epoch::default(),
    };
    sign_access(&KEY, &claims).unwrap().expose().to_owned()
}
