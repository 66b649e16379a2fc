//! Opaque tokens: `reeve_KIND_` + base-62 body + base-62 CRC-32, so that a secret scanner knows one when it sees it.

use reeve_model::Entropy;

use crate::base62;
use crate::secret::SecretString;

/// Longest text that is looked at as a token, in bytes.
pub const MAX_TOKEN_BYTES: usize = 512;
/// Random bytes of a minted token: 192 bits, 33 base-62 characters.
const RANDOM_BYTES: usize = 24;
/// The checksum's characters: a CRC-32 in base 62.
const CHECKSUM_CHARS: usize = base62::width(4);
const BRAND: &str = "reeve_";

/// What a token that Reeve's users carry is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OpaqueKind {
    /// `reeve_ses_`: a session's refresh token; made by [`refresh_token`](crate::refresh_token).
    Session,
    /// `reeve_bot_`: a robot's token; made by [`mint_robot`].
    Robot,
    /// `reeve_root_`: the root token; made by [`mint_root`].
    Root,
}

impl OpaqueKind {
    const ALL: [Self; 3] = [Self::Session, Self::Robot, Self::Root];

    /// The first characters of every token of this kind.
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Session => "reeve_ses_",
            Self::Robot => "reeve_bot_",
            Self::Root => "reeve_root_",
        }
    }

    /// How many characters stand between prefix and checksum.
    const fn body_chars(self) -> usize {
        match self {
            Self::Session => base62::width(crate::refresh::PAYLOAD_BYTES),
            Self::Robot | Self::Root => base62::width(RANDOM_BYTES),
        }
    }
}

/// A text that is no token of Reeve's: another prefix, another length, or a character that was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a token of this service, or mistyped: give it unchanged, as it was shown")]
pub struct Malformed;

/// A text that has the form of a token and the right checksum. Whether the token exists is for its owner to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Opaque {
    /// What the token is for.
    pub kind: OpaqueKind,
}

impl Opaque {
    /// Reads the form of a token; cheap, so that garbage is refused before any look-up.
    ///
    /// # Errors
    /// Any text that is not exactly a token of a known kind.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let kind = OpaqueKind::ALL.into_iter().find(|kind| text.starts_with(kind.prefix())).ok_or(Malformed)?;
        let body = unframe(kind.prefix(), text)?;
        if body.len() == kind.body_chars() { Ok(Self { kind }) } else { Err(Malformed) }
    }

    /// Whether `text` claims to be an opaque token, so that it need not be tried as anything else.
    pub fn is_branded(text: &str) -> bool {
        text.starts_with(BRAND)
    }
}

/// A new robot token, shown once: 192 random bits.
pub fn mint_robot(entropy: &dyn Entropy) -> SecretString {
    frame(OpaqueKind::Robot.prefix(), &entropy.bytes::<RANDOM_BYTES>())
}

/// A new root token: 192 random bits.
pub fn mint_root(entropy: &dyn Entropy) -> SecretString {
    frame(OpaqueKind::Root.prefix(), &entropy.bytes::<RANDOM_BYTES>())
}

/// `prefix`, the payload in base 62, and the checksum of both.
pub(crate) fn frame(prefix: &str, payload: &[u8]) -> SecretString {
    let mut text = String::with_capacity(prefix.len() + base62::width(payload.len()) + CHECKSUM_CHARS);
    text.push_str(prefix);
    text.push_str(&base62::encode(payload));
    text.push_str(&checksum(&text));
    SecretString::new(text)
}

/// What stands between `prefix` and a checksum that is right.
pub(crate) fn unframe<'a>(prefix: &str, text: &'a str) -> Result<&'a str, Malformed> {
    if text.len() > MAX_TOKEN_BYTES {
        return Err(Malformed);
    }
    let split = text.len().checked_sub(CHECKSUM_CHARS).ok_or(Malformed)?;
    let (branded, sum) = text.split_at_checked(split).ok_or(Malformed)?;
    let body = branded.strip_prefix(prefix).ok_or(Malformed)?;
    let alphanumeric = body.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if alphanumeric && checksum(branded) == sum { Ok(body) } else { Err(Malformed) }
}

fn checksum(text: &str) -> String {
    base62::encode(&crc32fast::hash(text.as_bytes()).to_be_bytes())
}
