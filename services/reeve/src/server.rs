//! The address of a server.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use http::Uri;
use thiserror::Error;

/// Where a server is asked when nobody said.
pub(crate) const DEFAULT_SERVER: &str = "http://127.0.0.1:7300";

/// `http://HOST:PORT`, or `unix:/PATH`, in the one form that it is kept under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ServerAddress(String);

/// Why a text is no address of a server.
#[derive(Debug, Error, PartialEq, Eq)]
pub(crate) enum AddressError {
    /// TLS was asked for.
    #[error(
        "`{0}` asks for TLS, which this version does not speak; use `http://HOST:PORT`, or `unix:/PATH` on the same machine"
    )]
    Tls(String),
    /// The path of a socket has to be absolute.
    #[error("`{0}` names no absolute path; a socket is written `unix:/PATH`")]
    RelativeSocket(String),
    /// Anything else.
    #[error("`{0}` is not a server's address; write `http://HOST:PORT` or `unix:/PATH`")]
    Form(String),
}

impl ServerAddress {
    /// The address, as tonic and the credentials file take it.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether what is sent there can be read by nobody on the way: a socket, or a loopback address.
    pub(crate) fn is_local(&self) -> bool {
        let Some(authority) = self.0.strip_prefix("http://") else { return true };
        let Ok(uri) = authority.parse::<http::uri::Authority>() else { return false };
        let host = uri.host().trim_start_matches('[').trim_end_matches(']');
        host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}

impl fmt::Display for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for ServerAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        if let Some(path) = text.strip_prefix("unix:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            return match path {
                absolute if absolute.starts_with('/') => Ok(Self(format!("unix:{absolute}"))),
                _ => Err(AddressError::RelativeSocket(text.to_owned())),
            };
        }
        let form = || AddressError::Form(shown(text));
        let uri = text.parse::<Uri>().map_err(|_| form())?;
        let authority = uri.authority().ok_or_else(form)?;
        let bare = uri.path().trim_matches('/').is_empty() && uri.query().is_none();
        match uri.scheme_str() {
            Some("https") => Err(AddressError::Tls(shown(text))),
            Some("http") if bare && !authority.host().is_empty() && !authority.as_str().contains('@') => {
                Ok(Self(format!("http://{}", authority.as_str().to_ascii_lowercase())))
            }
            _ => Err(form()),
        }
    }
}

/// The text without what may be a password before an `@`.
fn shown(text: &str) -> String {
    match text.rsplit_once('@') {
        None => text.to_owned(),
        Some((_, host)) => format!("…@{host}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_one_form() {
        for (text, form) in [
            ("http://127.0.0.1:7300", "http://127.0.0.1:7300"),
            ("http://Reeve.Corp:7300/", "http://reeve.corp:7300"),
            ("http://[::1]:7300", "http://[::1]:7300"),
            ("unix:/run/reeve.sock", "unix:/run/reeve.sock"),
            ("unix:///run/reeve.sock", "unix:/run/reeve.sock"),
        ] {
            assert_eq!(text.parse::<ServerAddress>().unwrap().as_str(), form, "{text}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused_with_the_right_form() {
        for text in ["", "reeve", "127.0.0.1:7300", "ftp://a:1", "http://a:1/path", "http://a:1?x=1", "unix:run/x"] {
            let refused = text.parse::<ServerAddress>().unwrap_err().to_string();
            assert!(refused.contains("unix:/PATH"), "{text}: {refused}");
        }
    }

    #[test]
    fn tls_is_refused_by_name() {
        assert!(matches!("https://a:1".parse::<ServerAddress>(), Err(AddressError::Tls(_))));
    }

    #[test]
    fn a_password_in_an_address_is_refused_and_not_shown() {
        let refused = "http://alice:hunter2@a:1".parse::<ServerAddress>().unwrap_err().to_string();
        assert!(!refused.contains("hunter2"), "{refused}");
    }

    #[test]
    fn only_sockets_and_loopback_are_local() {
        for (text, local) in [
            ("unix:/run/reeve.sock", true),
            ("http://127.0.0.1:7300", true),
            ("http://[::1]:7300", true),
            ("http://localhost:7300", true),
            ("http://10.0.0.1:7300", false),
            ("http://reeve.corp:7300", false),
        ] {
            assert_eq!(text.parse::<ServerAddress>().unwrap().is_local(), local, "{text}");
        }
    }
}
