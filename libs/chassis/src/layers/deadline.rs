//! Gives up a call when its caller has, or when the server's own limit is reached.

use std::time::Duration;

use http::{HeaderMap, Request, Response};
use tonic::body::Body;

use super::{Inner, Step};
use crate::{CallDeadline, status};

/// How much earlier than the caller's deadline the server gives up, at most, so that its answer still arrives, and
/// comes before the transport's, which carries no details.
const MARGIN: Duration = Duration::from_millis(5);
pub(crate) const GRPC_TIMEOUT: &str = "grpc-timeout";

/// Lets a call take no longer than the server's limit and its own `grpc-timeout`. A stream has begun by then.
pub(crate) struct Deadline {
    pub(crate) limit: Duration,
}

impl Step for Deadline {
    async fn around(&self, mut request: Request<Body>, inner: impl Inner) -> Response<Body> {
        let asked = timeout_of(request.headers()).map(|timeout| timeout.saturating_sub(MARGIN.min(timeout / 10)));
        let limit = asked.map_or(self.limit, |asked| asked.min(self.limit));
        request.extensions_mut().insert(CallDeadline::after(limit));
        match tokio::time::timeout(limit, inner.answer(request)).await {
            Ok(response) => response,
            Err(_) => status::deadline_exceeded().into_http(),
        }
    }
}

/// The `grpc-timeout` header (gRPC over HTTP/2: one to eight digits and a unit); none where there is none to read.
pub(crate) fn timeout_of(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(GRPC_TIMEOUT)?.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if !(1..=8).contains(&digits.len()) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let amount = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(amount * 3600)),
        "M" => Some(Duration::from_secs(amount * 60)),
        "S" => Some(Duration::from_secs(amount)),
        "m" => Some(Duration::from_millis(amount)),
        "u" => Some(Duration::from_micros(amount)),
        "n" => Some(Duration::from_nanos(amount)),
        _ => None,
    }
}

/// The text of a `grpc-timeout` header, exact to a microsecond where eight digits allow it; never longer than `left`.
pub(crate) fn timeout_text(left: Duration) -> String {
    const MOST: u128 = 99_999_999;
    match (left.as_micros(), left.as_millis(), left.as_secs()) {
        (micros, ..) if micros <= MOST => format!("{micros}u"),
        (_, millis, _) if millis <= MOST => format!("{millis}m"),
        (.., seconds) => format!("{}S", u128::from(seconds).min(MOST)),
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    #[tokio::test]
    async fn the_callers_own_deadline_is_kept_where_it_is_shorter() {
        let forever =
            tower::service_fn(|_: Request<Body>| std::future::pending::<Result<Response<Body>, Infallible>>());
        let step = Deadline { limit: Duration::from_hours(1) };
        let request = Request::builder().header(GRPC_TIMEOUT, "10m").body(Body::empty()).unwrap();
        let response = step.around(request, forever).await;
        let status = tonic::Status::from_header_map(response.headers()).unwrap();
        assert_eq!(status.code(), tonic::Code::DeadlineExceeded);
    }

    #[test]
    fn the_timeout_header_is_read_as_the_protocol_says() {
        for (text, expected) in [
            ("1H", Some(Duration::from_hours(1))),
            ("2M", Some(Duration::from_mins(2))),
            ("99999999S", Some(Duration::from_secs(99_999_999))),
            ("10m", Some(Duration::from_millis(10))),
            ("10u", Some(Duration::from_micros(10))),
            ("0n", Some(Duration::ZERO)),
            ("", None),
            ("S", None),
            ("5", None),
            ("-1S", None),
            ("123456789S", None),
            ("1s", None),
            ("é", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(GRPC_TIMEOUT, http::HeaderValue::from_bytes(text.as_bytes()).unwrap());
            assert_eq!(timeout_of(&headers), expected, "{text}");
        }
    }

    #[test]
    fn a_timeout_is_written_as_it_is_read_and_never_longer() {
        for (given, text) in [
            (Duration::from_nanos(1500), "1u"),
            (Duration::from_micros(99_999_999), "99999999u"),
            (Duration::from_secs(100), "100000m"),
            (Duration::from_secs(99_999), "99999000m"),
            (Duration::from_hours(48), "172800S"),
            (Duration::MAX, "99999999S"),
        ] {
            assert_eq!(timeout_text(given), text);
            let mut headers = HeaderMap::new();
            headers.insert(GRPC_TIMEOUT, text.parse().unwrap());
            assert!(timeout_of(&headers).unwrap() <= given, "{text}");
        }
    }
}
