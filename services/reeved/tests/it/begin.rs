//! How a cluster of processes comes about: in any order, at once, cut off in the middle, without etcd.

use std::time::Duration;

use reeve_api::identity::{CreateUserRequest, ListUsersRequest, WhoAmIRequest};
use reeve_test_etcd::EtcdBuilder;
use tokio::time::timeout;
use tonic::Code;
use tonic::transport::Endpoint;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::apart::{Ground, OWNERS, reason};
use crate::client::{Client, PASSWORD};
use crate::process::Running;

/// How often an identity is killed while it makes a cluster.
const KILLS: u64 = 12;

async fn usernames(client: &Client) -> Vec<String> {
    let users = client.users().list_users(client.bearing(ListUsersRequest::default())).await.unwrap().into_inner();
    users.users.into_iter().map(|user| user.username).collect()
}

#[tokio::test]
async fn services_started_in_any_order_become_ready() {
    let mut ground = Ground::new(1).await;
    for (at, order) in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]].into_iter().enumerate() {
        ground.prefix = format!("/order-{at}");
        let mut services = Vec::new();
        for owner in order.map(|at| OWNERS[at]) {
            let identity_runs = services.iter().any(|(name, _)| *name == "identity");
            let mut running = Running::spawn(ground.service(owner));
            if owner != "identity" && !identity_runs {
                let line = running.logged("waiting").await;
                assert!(line.contains(&ground.prefix) && line.contains("etcd.prefix"), "{line}");
            }
            services.push((owner, running));
        }
        for (_, running) in &mut services {
            running.ready().await;
        }
    }
}

#[tokio::test]
async fn services_started_before_etcd_become_ready_when_it_comes() {
    let ground = Ground::new(1).await;
    ground.etcd.kill(0);
    let mut services = OWNERS.map(|owner| Running::spawn(ground.service(owner)));
    for running in &mut services {
        let line = running.logged("waiting").await;
        assert!(line.contains(&ground.etcd.endpoints()[0]), "{line}");
    }
    ground.etcd.restart(0).await;
    for running in &mut services {
        running.ready().await;
    }
}

#[tokio::test]
async fn an_etcd_without_a_majority_is_waited_for() {
    let ground = Ground::new(3).await;
    ground.etcd.kill(0);
    ground.etcd.kill(1);
    let mut identity = Running::spawn(ground.service("identity"));
    identity.logged("waiting").await;
    ground.etcd.restart(0).await;
    identity.ready().await;
}

#[tokio::test]
async fn identities_that_start_at_once_make_one_cluster() {
    let ground = Ground::new(1).await;
    let mut identities = [(); 3].map(|()| Running::spawn(ground.service("identity")));
    for identity in &mut identities {
        identity.ready().await;
    }
    for identity in &identities {
        let admin = Client::sign_in(identity.address(), "admin", PASSWORD).await.unwrap();
        assert_eq!(usernames(&admin).await.len(), 2);
    }
    let records = ground.etcd.etcdctl(&["get", "/reeve/world/signing-key/", "--prefix", "--keys-only"]).await;
    assert_eq!(records.split_whitespace().count(), 1, "{records}");
}

#[tokio::test]
async fn an_identity_killed_while_it_makes_the_cluster_leaves_none_or_all_of_it() {
    let mut ground = Ground::new(1).await;
    for at in 0..KILLS {
        ground.prefix = format!("/kill-{at}");
        let mut killed = Running::spawn(ground.service("identity"));
        killed.logged("listening on").await;
        // the moment passes, unless it is ready before
        let _ = timeout(Duration::from_millis(at * 12), killed.ready()).await;
        killed.kill();
        let again = ground.start("identity").await;
        let admin = Client::sign_in(again.address(), "admin", PASSWORD).await.unwrap();
        let mut users = usernames(&admin).await;
        users.sort();
        assert_eq!(users, ["admin", "reeve"]);
    }
}

#[tokio::test]
async fn a_service_that_waits_says_so_to_probes_and_callers_and_hears_a_stop() {
    let ground = Ground::new(1).await;
    for owner in OWNERS {
        let mut waiting = Running::spawn(if owner == "identity" {
            ground.etcd.pause(0);
            ground.service(owner)
        } else {
            ground.service(owner)
        });
        let address = waiting.listening().await;
        let channel = Endpoint::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap();
        let asked = |service: &str| HealthCheckRequest { service: service.to_owned() };
        let mut health = HealthClient::new(channel);
        for (name, expected) in [("", ServingStatus::NotServing), ("live", ServingStatus::Serving)] {
            let answer = health.check(asked(name)).await.unwrap().into_inner();
            assert_eq!(answer.status(), expected, "{owner} {name}");
        }
        if owner == "identity" {
            let refused = Client::sign_in(address, "admin", PASSWORD).await.map(drop).unwrap_err();
            assert_eq!((refused.code(), reason(&refused).as_str()), (Code::Unavailable, "NOT_SYNCED"));
        }
        let nobody = Client::with_token(address, &ground.root_token).await;
        let refused = match owner {
            "identity" => nobody.sessions().who_am_i(nobody.bearing(WhoAmIRequest::default())).await.map(drop),
            "policy" => nobody.make_workspace("w").await,
            _ => Err(tonic::Status::unavailable("")),
        };
        assert_eq!(refused.unwrap_err().code(), Code::Unavailable);
        waiting.terminate();
        let ended = waiting.end().await;
        assert!(ended.status.success() && !ended.out.contains("ready"), "{owner}: {ended:?}");
        if owner == "identity" {
            ground.etcd.resume(0);
        }
    }
}

#[tokio::test]
async fn without_a_majority_reads_go_on_writes_do_not_and_all_heals() {
    let ground = Ground::new(3).await;
    let identity = ground.start("identity").await;
    let admin = Client::sign_in(identity.address(), "admin", PASSWORD).await.unwrap();
    let leader = ground.etcd.leader().await;
    let other = (leader + 1) % 3;
    ground.etcd.kill(leader);
    ground.etcd.kill(other);
    let request =
        CreateUserRequest { username: "late".to_owned(), password: PASSWORD.to_owned(), ..Default::default() };
    let refused = admin.users().create_user(admin.bearing(request)).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable, "{refused:?}");
    let known = admin.sessions().who_am_i(admin.bearing(WhoAmIRequest::default())).await.unwrap().into_inner();
    assert_eq!(known.principal, "user:admin");
    ground.etcd.restart(leader).await;
    ground.etcd.restart(other).await;
    ground.etcd.healthy().await;
    let healed = async {
        // what was not acknowledged may have been done
        while let Err(status) = admin.make_user("later").await {
            assert_eq!(status.code(), Code::Unavailable, "{status:?}");
        }
    };
    timeout(Duration::from_secs(30), healed).await.unwrap();
    assert!(usernames(&admin).await.contains(&"later".to_owned()));
}

#[tokio::test]
async fn etcd_may_ask_for_certificates() {
    let ground = Ground::over(EtcdBuilder::new(1).tls().start().await);
    let files = ground.etcd.tls().unwrap();
    let mut identity = ground.service("identity");
    let named = [("CA", &files.ca_file), ("CERT", &files.client.cert_file), ("KEY", &files.client.key_file)];
    for (name, file) in named {
        identity.env(format!("REEVE_ETCD__TLS__{name}_FILE"), file);
    }
    let running = Running::start(identity).await;
    Client::sign_in(running.address(), "admin", PASSWORD).await.unwrap();
    let mut without = ground.service("identity");
    without.env("REEVE_ETCD__TLS__CA_FILE", files.ca_file.with_file_name("none.pem"));
    let ended = Running::spawn(without).end().await;
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    assert!(ended.err.contains("none.pem"), "{ended:?}");
}
