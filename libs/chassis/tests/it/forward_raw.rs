//! What a forwarded call carries and brings back, byte for byte: the owner here is a bare HTTP/2 server.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use http_body::{Body as _, Frame};
use reeve_chassis::config::ServerConfig;
use reeve_chassis::{FORWARDED_BY_HEADER, Forward, Owner, REQUEST_ID_HEADER};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tonic::body::Body;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;
use tower::ServiceExt as _;

use crate::forward::{front, front_with, peers};
use crate::stand::{INFO, ROWS, Running, reason};

/// A message as it travels: not compressed, five bytes.
const MESSAGE: &[u8] = &[0, 0, 0, 0, 5, 8, 150, 1, 16, 1];
const METHOD: &str = "/reeve.identity.v1.RawService/Do";

type Frames = mpsc::UnboundedReceiver<Result<Frame<Bytes>, Status>>;

/// A body of frames that a test says one by one.
struct Said(Frames);

impl http_body::Body for Said {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<Frame<Bytes>, Status>>> {
        self.0.poll_recv(cx)
    }
}

fn said() -> (mpsc::UnboundedSender<Result<Frame<Bytes>, Status>>, Body) {
    let (say, said) = mpsc::unbounded_channel();
    (say, Body::new(Said(said)))
}

/// A bare server at an address, which answers by `answer`.
async fn raw<F>(answer: F) -> String
where
    F: Fn(Request<Body>) -> BoxFuture<'static, Response<Body>> + Clone + Send + Sync + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let service = tower::service_fn(move |request: Request<Body>| {
        let answered = answer(request);
        async move { Ok::<_, Infallible>(answered.await) }
    });
    let incoming = tokio_stream::wrappers::TcpListenerStream::new(listener);
    tokio::spawn(tonic::transport::Server::builder().serve_with_incoming(service, incoming));
    address
}

fn request(headers: &[(&'static str, &'static str)], body: Body) -> Request<Body> {
    let mut request = Request::post(METHOD).version(http::Version::HTTP_2).body(body).unwrap();
    request.headers_mut().insert("content-type", HeaderValue::from_static("application/grpc"));
    request.headers_mut().insert("te", HeaderValue::from_static("trailers"));
    for (name, value) in headers {
        request.headers_mut().append(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    request
}

fn message() -> Body {
    let (say, body) = said();
    say.send(Ok(Frame::data(Bytes::from_static(MESSAGE)))).unwrap();
    body
}

async fn call(front: &Running, request: Request<Body>) -> Response<Body> {
    front.channel.clone().oneshot(request).await.unwrap()
}

/// The next data, or the trailers.
async fn next(body: &mut Body) -> Option<Result<Bytes, HeaderMap>> {
    let frame = poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).await?.unwrap();
    match frame.into_data() {
        Ok(data) => Some(Ok(data)),
        Err(frame) => Some(Err(frame.into_trailers().unwrap())),
    }
}

/// What came in one piece: all data, and the trailers.
async fn all(mut body: Body) -> (Vec<u8>, Option<HeaderMap>) {
    let mut data = Vec::new();
    while let Some(piece) = next(&mut body).await {
        match piece {
            Ok(bytes) => data.extend_from_slice(&bytes),
            Err(trailers) => return (data, Some(trailers)),
        }
    }
    (data, None)
}

fn grpc_headers(response: &mut Response<Body>) {
    response.headers_mut().insert("content-type", HeaderValue::from_static("application/grpc"));
}

/// The headers of the calls that came, and an owner that notes them.
async fn noting() -> (Arc<Mutex<Vec<HeaderMap>>>, String) {
    let seen: Arc<Mutex<Vec<HeaderMap>>> = Arc::default();
    let noted = seen.clone();
    let address = raw(move |request| {
        noted.lock().unwrap().push(request.headers().clone());
        let status = Status::not_found("nothing");
        Box::pin(async move { Status::with_details(status.code(), "nothing", Bytes::from_static(b"x")).into_http() })
    })
    .await;
    (seen, address)
}

#[tokio::test]
async fn metadata_arrives_as_it_was_sent_and_nothing_is_claimed_for_the_caller() {
    let (seen, address) = noting().await;
    let front = front(&[&address]).await;
    let sent = [
        ("authorization", "Bearer reeve_pat_x"),
        ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
        ("tracestate", "a=b"),
        ("x-many", "one"),
        ("x-many", "two"),
        ("x-some-bin", "AAEC/w"),
        ("grpc-accept-encoding", "gzip"),
        ("x-request-id", "call-7"),
        ("user-agent", "grpcurl/1"),
    ];
    let dropped = [
        ("x-forwarded-for", "10.0.0.1"),
        ("forwarded", "for=10.0.0.1"),
        ("x-real-ip", "10.0.0.1"),
        ("host", "elsewhere"),
        ("proxy-authorization", "Basic eA"),
        (FORWARDED_BY_HEADER, "sidecar"),
    ];
    let headers: Vec<_> = sent.iter().chain(&dropped).copied().collect();
    call(&front, request(&headers, message())).await;
    call(&front, request(&[], message())).await;
    let seen = seen.lock().unwrap().clone();
    for (name, value) in &sent[..8] {
        assert!(seen[0].get_all(*name).iter().any(|kept| kept == value), "{name}: {:?}", seen[0]);
    }
    assert_eq!(seen[0].get_all("x-many").iter().count(), 2);
    assert!(seen[0]["user-agent"].to_str().unwrap().starts_with("grpcurl/1"));
    assert!(dropped[..5].iter().all(|(name, _)| !seen[0].contains_key(*name)), "{:?}", seen[0]);
    assert_eq!(seen[0].get_all(FORWARDED_BY_HEADER).iter().collect::<Vec<_>>(), ["policy"]);
    assert_eq!(seen[0]["te"], "trailers");
    // Where the caller sent none: neither a token nor anything else that could be one.
    let names: std::collections::BTreeSet<_> = seen[1].keys().map(HeaderName::as_str).collect();
    let expected = ["content-type", "grpc-timeout", "te", "user-agent", FORWARDED_BY_HEADER, REQUEST_ID_HEADER].into();
    assert_eq!(names, expected);
}

#[tokio::test]
async fn an_answer_comes_back_byte_for_byte() {
    let address = raw(|request| {
        Box::pin(async move {
            let (echo, _) = all(request.into_body()).await;
            let (say, body) = said();
            let mut trailers = HeaderMap::new();
            for (name, value) in [
                ("grpc-status", "9"),
                ("grpc-message", "na%C3%AFve%25"),
                ("grpc-status-details-bin", "AAEC/w"),
                ("x-trailer-bin", "/////w"),
                ("x-trailer", "one"),
                ("x-trailer", "two"),
            ] {
                trailers.append(name, HeaderValue::from_static(value));
            }
            say.send(Ok(Frame::data(Bytes::from(echo)))).unwrap();
            say.send(Ok(Frame::trailers(trailers))).unwrap();
            let mut response = Response::new(body);
            grpc_headers(&mut response);
            response.headers_mut().insert("x-header-bin", HeaderValue::from_static("AA"));
            response.headers_mut().insert("x-long", "a".repeat(10_000).parse().unwrap());
            response
        })
    })
    .await;
    let front = front(&[&address]).await;
    let response = call(&front, request(&[], message())).await;
    assert_eq!(response.headers()["x-header-bin"], "AA");
    assert_eq!(response.headers()["x-long"].len(), 10_000);
    let (data, trailers) = all(response.into_body()).await;
    let trailers = trailers.unwrap();
    assert_eq!(data, MESSAGE);
    assert_eq!(trailers["grpc-status"], "9");
    assert_eq!(trailers["grpc-message"], "na%C3%AFve%25");
    assert_eq!(trailers["grpc-status-details-bin"], "AAEC/w");
    assert_eq!(trailers["x-trailer-bin"], "/////w");
    assert_eq!(trailers.get_all("x-trailer").iter().collect::<Vec<_>>(), ["one", "two"]);
}

#[tokio::test]
async fn a_refusal_in_the_headers_alone_keeps_its_details() {
    let (_, address) = noting().await;
    let front = front(&[&address]).await;
    let response = call(&front, request(&[], message())).await;
    assert_eq!(response.headers()["grpc-status"], "5");
    assert_eq!(response.headers()["grpc-message"], "nothing");
    assert_eq!(response.headers()["grpc-status-details-bin"], "eA");
}

/// An owner whose answer the test says, frame by frame.
async fn streaming() -> (mpsc::UnboundedSender<Result<Frame<Bytes>, Status>>, String) {
    let (say, body) = said();
    let body = Arc::new(Mutex::new(Some(body)));
    let address = raw(move |_| {
        let mut response = Response::new(body.lock().unwrap().take().unwrap());
        grpc_headers(&mut response);
        Box::pin(std::future::ready(response))
    })
    .await;
    (say, address)
}

#[tokio::test]
async fn a_stream_arrives_message_by_message() {
    let (say, address) = streaming().await;
    let front = front(&[&address]).await;
    let mut body = call(&front, request(&[], message())).await.into_body();
    for _ in 0..3 {
        say.send(Ok(Frame::data(Bytes::from_static(MESSAGE)))).unwrap();
        assert_eq!(next(&mut body).await.unwrap().unwrap(), MESSAGE);
    }
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    say.send(Ok(Frame::trailers(trailers))).unwrap();
    assert_eq!(next(&mut body).await.unwrap().unwrap_err()["grpc-status"], "0");
}

#[tokio::test]
async fn a_stream_that_breaks_ends_with_a_status() {
    let (say, address) = streaming().await;
    let front = front(&[&address]).await;
    let mut body = call(&front, request(&[], message())).await.into_body();
    say.send(Ok(Frame::data(Bytes::from_static(MESSAGE)))).unwrap();
    assert_eq!(next(&mut body).await.unwrap().unwrap(), MESSAGE);
    say.send(Err(Status::internal("the owner is gone"))).unwrap();
    let trailers = next(&mut body).await.unwrap().unwrap_err();
    let status = Status::from_header_map(&trailers).unwrap();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::Unavailable, "OWNER_UNAVAILABLE"), "{status:?}");
    assert!(status.get_details_retry_info().is_some());
}

#[tokio::test]
async fn the_owner_is_given_what_is_left_of_the_shorter_deadline() {
    let (seen, address) = noting().await;
    let forward = Forward::as_service(Owner::Policy, peers(Owner::Identity, &[&address]));
    let config = ServerConfig { request_timeout: "2s".parse().unwrap(), ..Default::default() };
    let front = front_with(forward, config).await;
    for asked in [&[][..], &[("grpc-timeout", "5S")], &[("grpc-timeout", "500m")], &[("grpc-timeout", "soon")]] {
        call(&front, request(asked, message())).await;
    }
    let seen = seen.lock().unwrap().clone();
    let given: Vec<u64> = seen
        .iter()
        .map(|headers| headers["grpc-timeout"].to_str().unwrap().strip_suffix('u').unwrap().parse().unwrap())
        .collect();
    for (given, most) in given.into_iter().zip([2_000_000, 2_000_000, 495_000, 2_000_000]) {
        assert!(given <= most && given > most / 2, "{given} of {most}");
    }
}

#[tokio::test]
async fn what_is_not_a_server_of_reeve_is_not_passed_on() {
    let page = raw(|_| {
        let response = Response::builder().status(502).header("content-type", "text/html");
        Box::pin(std::future::ready(response.body(Body::empty()).unwrap()))
    })
    .await;
    let proxy = raw(|_| Box::pin(std::future::ready(Status::unavailable("no healthy upstream").into_http()))).await;
    for address in [page, proxy] {
        let front = front(&[&address]).await;
        let response = call(&front, request(&[], message())).await;
        let status = Status::from_header_map(response.headers()).unwrap();
        assert_eq!((status.code(), reason(&status).as_str()), (Code::Unavailable, "OWNER_UNAVAILABLE"), "{status:?}");
        assert!(!status.message().contains("upstream"));
    }
}

#[tokio::test]
async fn a_message_that_never_comes_to_its_end_is_no_call() {
    let (seen, address) = noting().await;
    let front = front(&[&address]).await;
    let (say, body) = said();
    say.send(Ok(Frame::data(Bytes::from_static(MESSAGE)))).unwrap();
    say.send(Err(Status::cancelled("the caller is gone"))).unwrap();
    let answered = tokio::time::timeout(Duration::from_secs(5), front.channel.clone().oneshot(request(&[], body)));
    // Whether the caller reads an answer or a reset is the transport's: the owner saw one call at most.
    drop(answered.await.unwrap());
    assert!(seen.lock().unwrap().len() <= 1);
}

/// A call to the method open to anyone, whose message has begun and never ends; and what keeps it open.
fn slow_public() -> (mpsc::UnboundedSender<Result<Frame<Bytes>, Status>>, Request<Body>) {
    let (say, body) = said();
    say.send(Ok(Frame::data(Bytes::from_static(MESSAGE)))).unwrap();
    let mut slow = request(&[("authorization", "Bearer made-up")], body);
    *slow.uri_mut() = http::Uri::from_static(INFO.method);
    (say, slow)
}

#[tokio::test]
async fn calls_that_need_no_token_do_not_hold_every_place_of_an_owner() {
    let (come, mut came) = mpsc::unbounded_channel();
    // An owner that answers what needs no token once its message is complete, which is never; and all else at once.
    let address = raw(move |request| {
        let (come, is_public) = (come.clone(), request.uri().path() == INFO.method);
        Box::pin(async move {
            if is_public {
                come.send(()).unwrap();
                all(request.into_body()).await;
            }
            Status::with_details(Code::NotFound, "nothing", Bytes::from_static(b"x")).into_http()
        })
    })
    .await;
    // To one owner go four calls at a time, and one of those that need no token.
    let forward = Forward::as_service(Owner::Policy, peers(Owner::Identity, &[&address])).knowing(&[ROWS]);
    let front = front_with(forward, ServerConfig { concurrency_limit: 16, ..Default::default() }).await;
    let (_open, slow) = slow_public();
    let held = tokio::spawn(front.channel.clone().oneshot(slow));
    came.recv().await.unwrap();
    for _ in 0..8 {
        let (_open, slow) = slow_public();
        let response = call(&front, slow).await;
        let status = Status::from_header_map(response.headers()).unwrap();
        assert_eq!((status.code(), reason(&status).as_str()), (Code::ResourceExhausted, "TOO_BUSY"));
    }
    let response = call(&front, request(&[("authorization", "Bearer alice")], message())).await;
    assert_eq!(Status::from_header_map(response.headers()).unwrap().code(), Code::NotFound);
    held.abort();
}
