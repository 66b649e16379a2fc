//! The address of a server: `http://HOST:PORT`.

use std::fmt;
use std::str::FromStr;

use http::Uri;
use serde::{Deserialize, Serialize};

/// The address of a server: `http://HOST:PORT`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PeerUrl(Uri);

/// A text that is no such address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not the address of a server: write `http://HOST:PORT`")]
pub struct PeerUrlError(String);

impl PeerUrl {
    pub(super) fn into_uri(self) -> Uri {
        self.0
    }
}

impl FromStr for PeerUrl {
    type Err = PeerUrlError;

    fn from_str(text: &str) -> Result<Self, PeerUrlError> {
        let wrong = || PeerUrlError(text.escape_default().to_string());
        let uri = text.parse::<Uri>().map_err(|_| wrong())?;
        let plain = uri.scheme_str() == Some("http") && uri.path() == "/" && uri.query().is_none();
        let authority = uri.authority().ok_or_else(wrong)?;
        // What the parser would drop without a word.
        let whole = !text.contains(['#', '@', '?']);
        let port = authority.as_str() == authority.host() || authority.port_u16().is_some();
        if plain && whole && port && !authority.host().is_empty() { Ok(Self(uri)) } else { Err(wrong()) }
    }
}

impl TryFrom<String> for PeerUrl {
    type Error = PeerUrlError;

    fn try_from(text: String) -> Result<Self, PeerUrlError> {
        text.parse()
    }
}

impl From<PeerUrl> for String {
    fn from(url: PeerUrl) -> Self {
        url.to_string()
    }
}

impl fmt::Display for PeerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.to_string().trim_end_matches('/'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_plain_http_address_is_one() {
        for (text, shown) in [
            ("http://127.0.0.1:7300", Some("http://127.0.0.1:7300")),
            ("http://identity.reeve:7300/", Some("http://identity.reeve:7300")),
            ("http://[::1]:7300", Some("http://[::1]:7300")),
            ("http://identity", Some("http://identity")),
            ("https://127.0.0.1:7300", None),
            ("127.0.0.1:7300", None),
            ("identity", None),
            ("http://", None),
            ("http://identity:", None),
            ("http://:7300", None),
            ("http://user@identity:7300", None),
            ("http://identity:7300/path", None),
            ("http://identity:7300/?query", None),
            ("http://identity:7300#part", None),
            ("http://identity:99999", None),
            ("", None),
        ] {
            let url = text.parse::<PeerUrl>().ok().map(|url| url.to_string());
            assert_eq!(url.as_deref(), shown, "{text}");
        }
    }
}
