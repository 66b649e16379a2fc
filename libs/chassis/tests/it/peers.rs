//! Servers that stand still, fall and come back, under calls.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use reeve_api::identity as api;
use reeve_api::identity::robot_service_client::RobotServiceClient;
use reeve_api::identity::robot_service_server::{RobotService, RobotServiceServer};
use reeve_chassis::config::ServerConfig;
use reeve_chassis::{Listener, Owner, Row, Services, Setup};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Request, Response, Status};

use crate::forward::{front, peers};
use crate::stand::{CREATE, DELETE, LIST, Running, bearing, reason, robot, setup, stand};

#[tokio::test]
async fn a_server_that_stands_still_is_found_out_and_passed_over() {
    // The kernel takes its connections; it reads nothing, as a process that is stopped.
    let still = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", still.local_addr().unwrap());
    let owner = Running::start().await;
    let front = front(&[&address, &owner.address]).await;
    let started = Instant::now();
    let status = front.robots().create_robot(bearing("admin", robot("ci"))).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::Unavailable, "OWNER_UNAVAILABLE"), "{status:?}");
    assert!(started.elapsed() < Duration::from_secs(8), "{:?}", started.elapsed());
    let started = Instant::now();
    for _ in 0..10 {
        front.robots().create_robot(bearing("admin", robot("ci"))).await.unwrap();
    }
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    drop(still);
}

#[tokio::test]
async fn a_server_that_is_back_is_called_again_without_a_call_being_risked() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let one = Running::start().await;
    let servers = peers(Owner::Identity, &[&address, &one.address]);
    let mut robots = RobotServiceClient::new(servers.to(Owner::Identity));
    robots.create_robot(bearing("admin", robot("ci"))).await.unwrap();
    let stand = stand();
    let setup = setup(&stand, ServerConfig::default());
    let listener = TcpListener::bind(address.trim_start_matches("http://")).await.unwrap();
    let back = Running::over(stand, setup, Listener::Tcp(listener), address).await;
    // Calls that hang show where they are: the probe brings the server back, and every call is answered meanwhile.
    let mut reached = back.stand.hanging.subscribe();
    let mut calls = tokio::task::JoinSet::new();
    let came = tokio::time::timeout(Duration::from_secs(10), async {
        loop {
            let mut robots = robots.clone();
            calls.spawn(async move { robots.create_robot(bearing("admin", robot("hang"))).await });
            let next = tokio::time::timeout(Duration::from_millis(50), reached.wait_for(|count| *count > 0));
            if next.await.is_ok() {
                return;
            }
        }
    });
    came.await.unwrap();
    for server in [&one, &back] {
        server.stand.release.add_permits(calls.len());
    }
    while let Some(call) = calls.join_next().await {
        call.unwrap().unwrap();
    }
}

/// Counts what it is asked to create, by name.
#[derive(Clone, Default)]
struct Counting(Arc<Mutex<HashMap<String, usize>>>);

#[tonic::async_trait]
impl RobotService for Counting {
    async fn create_robot(
        &self,
        request: Request<api::CreateRobotRequest>,
    ) -> Result<Response<api::CreateRobotResponse>, Status> {
        *self.0.lock().unwrap().entry(request.into_inner().name).or_default() += 1;
        // Long enough that a cut finds calls in the middle.
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
        Ok(Response::new(api::CreateRobotResponse::default()))
    }

    async fn list_robots(
        &self,
        _: Request<api::ListRobotsRequest>,
    ) -> Result<Response<api::ListRobotsResponse>, Status> {
        Ok(Response::new(api::ListRobotsResponse::default()))
    }

    async fn delete_robot(
        &self,
        _: Request<api::DeleteRobotRequest>,
    ) -> Result<Response<api::DeleteRobotResponse>, Status> {
        Ok(Response::new(api::DeleteRobotResponse::default()))
    }
}

impl Counting {
    /// A server that counts here, on a port of its own or again on that of one that was cut.
    async fn serve(&self, address: &str) -> Running {
        static ROWS: &[Row] = &[CREATE, LIST, DELETE];
        let stand = stand();
        let services = Services::new().mount(RobotServiceServer::new(self.clone()));
        let setup = Setup::new(ServerConfig::default(), services, vec![ROWS], Arc::new(stand.clone()));
        let listener = TcpListener::bind(address).await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        Running::over(stand, setup, Listener::Tcp(listener), address).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_through_cuts_are_done_once_or_said_to_have_failed() {
    const CUTS: usize = 20;
    const CALLERS: usize = 8;
    let counting = Counting::default();
    let stays = counting.serve("127.0.0.1:0").await;
    let mut falls = counting.serve("127.0.0.1:0").await;
    let front = front(&[&falls.address, &stays.address]).await;
    let stop = CancellationToken::new();
    let mut callers = tokio::task::JoinSet::new();
    for caller in 0..CALLERS {
        let (mut robots, stop) = (front.robots(), stop.clone());
        callers.spawn(async move {
            let mut done = Vec::new();
            for call in 0.. {
                if stop.is_cancelled() {
                    break;
                }
                let name = format!("{caller}-{call}");
                let answer = robots.create_robot(bearing("admin", robot(&name))).await;
                if let Err(status) = &answer {
                    assert_eq!(reason(status), "OWNER_UNAVAILABLE", "{status:?}");
                }
                done.push((name, answer.is_ok()));
            }
            done
        });
    }
    for cut in 1..=CUTS {
        // Not before something more was done, on this server or the other.
        while counting.0.lock().unwrap().len() < cut * 50 {
            tokio::task::yield_now().await;
        }
        falls.served.abort();
        assert!((&mut falls.served).await.unwrap_err().is_cancelled());
        falls = counting.serve(falls.address.trim_start_matches("http://")).await;
    }
    stop.cancel();
    let mut calls = Vec::new();
    while let Some(done) = callers.join_next().await {
        calls.extend(done.unwrap());
    }
    let counted = counting.0.lock().unwrap().clone();
    for (name, done) in &calls {
        let count = counted.get(name).copied().unwrap_or_default();
        assert!(count == 1 || (count == 0 && !done), "`{name}` was done {count} times, and answered: {done}");
    }
    let failed = calls.iter().filter(|(_, done)| !done).count();
    assert!(failed <= CUTS * CALLERS, "{failed} of {} failed by {CUTS} cuts", calls.len());
}
