//! What a node says of itself over plain HTTP, on the listener that etcd has for metrics and health.

use std::net::Ipv4Addr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// How long an answer may take: a node without quorum holds `/health` back until its own request times out.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Whether the node answers a read that a majority has agreed to. Out of space, it says no.
pub(crate) async fn is_healthy(port: u16) -> bool {
    get(port, "/health").await.is_some_and(|body| body.contains(r#""health":"true""#))
}

/// Whether the node takes itself for the leader. One that was paused may be wrong for a moment.
pub(crate) async fn is_leader(port: u16) -> bool {
    metric(port, "etcd_server_is_leader").await.as_deref() == Some("1")
}

/// Whether the node knows of a leader.
pub(crate) async fn has_leader(port: u16) -> bool {
    metric(port, "etcd_server_has_leader").await.as_deref() == Some("1")
}

async fn metric(port: u16, name: &str) -> Option<String> {
    let body = get(port, "/metrics").await?;
    body.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ').map(str::to_owned))
}

async fn get(port: u16, path: &str) -> Option<String> {
    let exchange = async {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.ok()?;
        stream.write_all(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes()).await.ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.ok()?;
        answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned())
    };
    tokio::time::timeout(TIMEOUT, exchange).await.ok().flatten()
}
