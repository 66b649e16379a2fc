//! A service whose clock is an hour ahead of the others'.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use reeve_api::identity::WhoAmIRequest;
use reeve_chassis::{OsEntropy, Owner, SystemClock};
use reeve_model::{Clock, Timestamp};
use reeved::{Config, Service, ServiceError, Stop};
use tokio::task::JoinHandle;
use tonic::Code;

use crate::apart::Ground;
use crate::client::{Client, PASSWORD};

/// How far ahead.
const AHEAD: Duration = Duration::from_hours(1);

/// A clock that is ahead.
struct Ahead(SystemClock);

impl Clock for Ahead {
    fn now(&self) -> Timestamp {
        self.0.now().plus(AHEAD)
    }

    fn monotonic(&self) -> Duration {
        self.0.monotonic()
    }
}

/// An identity in this process.
struct Identity {
    address: std::net::SocketAddr,
    stop: Stop,
    run: JoinHandle<Result<(), ServiceError>>,
}

impl Identity {
    async fn start(ground: &Ground, folder: &Path, clock: Arc<dyn Clock>) -> Self {
        let mut config = Config::default();
        let secrets = [("key", ground.key.as_str()), ("password", PASSWORD), ("root", &ground.root_token)];
        let [key, password, root] = secrets.map(|(name, text)| {
            fs::write(folder.join(name), text).unwrap();
            Some(folder.join(name))
        });
        (config.cluster_key_file, config.bootstrap.initial_password_file) = (key, password);
        config.bootstrap.root_token_file = root;
        config.etcd.endpoints = ground.etcd.endpoints();
        config.server.listen = ([127, 0, 0, 1], 0).into();
        config.identity.passwords.hash.memory_kib = 64;
        let stop = Stop::new();
        let service = Service::start(Owner::Identity, config, clock, Arc::new(OsEntropy), stop.clone()).unwrap();
        let (address, readiness) = (service.address(), service.readiness());
        let run = tokio::spawn(service.run());
        readiness.serving().await;
        Self { address, stop, run }
    }

    async fn stop(self) {
        self.stop.ask();
        self.run.await.unwrap().unwrap();
    }
}

async fn who(at: &Identity, token: &str) -> Result<String, Code> {
    let client = Client::with_token(at.address, token).await;
    let answer = client.sessions().who_am_i(client.bearing(WhoAmIRequest::default())).await;
    answer.map(|answer| answer.into_inner().principal).map_err(|status| status.code())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_an_hour_ahead_keeps_its_tokens_apart_and_does_no_harm() {
    let ground = Ground::new(1).await;
    let folder = tempfile::tempdir().unwrap();
    let right = Identity::start(&ground, folder.path(), Arc::new(SystemClock::new())).await;
    let ahead = Identity::start(&ground, folder.path(), Arc::new(Ahead(SystemClock::new()))).await;
    let token = |at: &Identity| {
        let address = at.address;
        async move { Client::sign_in(address, "admin", PASSWORD).await.unwrap().token().to_owned() }
    };
    let (of_right, of_ahead) = (token(&right).await, token(&ahead).await);
    assert_eq!(who(&right, &of_right).await.as_deref(), Ok("user:admin"));
    assert_eq!(who(&ahead, &of_ahead).await.as_deref(), Ok("user:admin"));
    // expired for the one, from the future for the other
    assert_eq!(who(&ahead, &of_right).await, Err(Code::Unauthenticated));
    assert_eq!(who(&right, &of_ahead).await, Err(Code::Unauthenticated));
    // what does not depend on the time is the same at both, and what one writes the other reads
    let root = Client::with_token(ahead.address, &ground.root_token).await;
    root.make_user("ada").await.unwrap();
    assert_eq!(who(&right, &ground.root_token).await.as_deref(), Ok("root"));
    // what it left behind does no harm
    ahead.stop().await;
    let again = token(&right).await;
    assert_eq!(who(&right, &again).await.as_deref(), Ok("user:admin"));
    Client::sign_in(right.address, "ada", PASSWORD).await.unwrap();
    right.stop().await;
}
