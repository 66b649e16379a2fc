//! `reeved health`, as a probe asks it.

use std::net::TcpListener;
use std::time::Instant;

use crate::process::{Ended, PATIENCE, Running, ended, reeved, up};

fn health(address: &str) -> Ended {
    ended(reeved(["health", address]))
}

#[tokio::test]
async fn a_ready_server_is_healthy_on_every_listener() {
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start(up(&folder.path().join("data"))).await;
    for address in [format!("http://{}", running.address()), format!("unix:{}", running.socket().display())] {
        let asked = health(&address);
        assert_eq!((asked.status.code(), asked.out), (Some(0), format!("{address} is ready\n")), "{}", asked.err);
    }
}

#[test]
fn a_server_that_is_not_there_is_not_healthy() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for address in [format!("http://{free}"), "unix:/nonexistent/reeve.sock".to_owned(), "no address".to_owned()] {
        let asked = health(&address);
        assert_eq!(asked.status.code(), Some(1), "{asked:?}");
        assert!(asked.err.contains(&format!("{address} cannot be reached: ")), "{asked:?}");
    }
}

#[test]
fn a_sidecar_that_follows_nobody_is_not_healthy() {
    let folder = tempfile::tempdir().unwrap();
    let (socket, token) = (folder.path().join("s"), folder.path().join("token"));
    std::fs::write(&token, "reeve_rob_none").unwrap();
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut command = reeved(["sidecar"]);
    command.env("REEVE_SIDECAR__UPSTREAMS", format!("[\"http://{nobody}\"]"));
    command.env("REEVE_SIDECAR__SOCKET", &socket).env("REEVE_SIDECAR__TOKEN_FILE", &token);
    let mut sidecar = crate::process::Killed(command.spawn().unwrap());
    let (began, address) = (Instant::now(), format!("unix:{}", socket.display()));
    let mut asked = health(&address);
    while asked.err.contains("cannot be reached") && began.elapsed() < PATIENCE {
        assert!(sidecar.0.try_wait().unwrap().is_none(), "the sidecar ended");
        asked = health(&address);
    }
    assert_eq!(asked.status.code(), Some(1), "{asked:?}");
    assert!(asked.err.contains("is not ready"), "{asked:?}");
}
