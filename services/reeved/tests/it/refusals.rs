//! What waiting cannot cure: exit 1, a clear message, and nothing written.

use std::process::Command;
use std::time::Duration;

use reeve_api::feed::WatchRequest;
use reeve_api::feed::feed_service_client::FeedServiceClient;
use reeve_test_etcd::EtcdBuilder;
use tokio::time::timeout;

use crate::apart::{Ground, OWNERS, a_key};
use crate::client::{Client, PASSWORD};
use crate::process::{Ended, Running, ended, reeved};

/// Runs to its end, which is a refusal that names these; the etcd is as before.
async fn refused(ground: &Ground, command: Command, named: &[&str]) -> Ended {
    let before = ground.etcd.revision().await;
    let ended = Running::spawn(command).end().await;
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    for part in named {
        assert!(ended.err.contains(part), "no `{part}` in {}", ended.err);
    }
    assert!(!ended.out.contains("ready"), "{ended:?}");
    assert_eq!(ground.etcd.revision().await, before, "something was written: {}", ended.err);
    ended
}

#[tokio::test]
async fn another_cluster_key_is_refused_by_every_service_before_anything_is_written() {
    let mut ground = Ground::new(1).await;
    ground.made().await;
    let right = std::mem::replace(&mut ground.key, a_key());
    for owner in OWNERS {
        refused(&ground, ground.service(owner), &["cluster key", "is not this cluster's"]).await;
    }
    // to roll: the new one first, the old one still known
    let folder = tempfile::tempdir().unwrap();
    let older = folder.path().join("older");
    std::fs::write(&older, right).unwrap();
    let mut command = ground.later("identity");
    command.env("REEVE_OLDER_CLUSTER_KEY_FILES", format!("[{:?}]", older.display().to_string()));
    let config = folder.path().join("reeve.toml");
    std::fs::write(&config, format!("older_cluster_key_files = [{:?}]\n", older.display().to_string())).unwrap();
    command.env_remove("REEVE_OLDER_CLUSTER_KEY_FILES").arg("--config").arg(&config);
    let running = Running::start(command).await;
    Client::sign_in(running.address(), "admin", PASSWORD).await.unwrap();
}

#[tokio::test]
async fn foreign_keys_under_the_prefix_are_refused() {
    let ground = Ground::new(1).await;
    ground.etcd.etcdctl(&["put", "/reeve/somebody/elses", "x"]).await;
    for owner in OWNERS {
        refused(&ground, ground.service(owner), &["/reeve/somebody/elses", "prefix"]).await;
    }
}

#[tokio::test]
async fn a_store_of_a_newer_version_is_refused() {
    let ground = Ground::new(1).await;
    ground.made().await;
    // the record with the schema 2
    ground.etcd.etcdctl(&["put", "/reeve/store", "\u{8}\u{2}"]).await;
    for owner in OWNERS {
        refused(&ground, ground.service(owner), &["schema 2", "newer version"]).await;
    }
}

#[tokio::test]
async fn a_first_start_says_what_it_lacks() {
    let ground = Ground::new(1).await;
    let lacks = ["first start", "REEVE_INITIAL_PASSWORD", "bootstrap.initial_password_file", "REEVE_ROOT_TOKEN"];
    refused(&ground, ground.later("identity"), &lacks).await;
    let mut weak = ground.service("identity");
    weak.env("REEVE_INITIAL_PASSWORD", "short");
    refused(&ground, weak, &["initial password"]).await;
    let mut forged = ground.service("identity");
    forged.env("REEVE_ROOT_TOKEN", "reeve_root_x");
    refused(&ground, forged, &["root token"]).await;
    // a later start needs none of it
    ground.made().await;
    Running::start(ground.later("identity")).await;
}

#[tokio::test]
async fn a_wrong_password_of_etcds_is_refused() {
    let etcd = EtcdBuilder::new(1).auth(Duration::from_mins(5)).start().await;
    let account = etcd.credentials().unwrap();
    let ground = Ground::over(etcd);
    let signing_in = |password: &str| {
        let mut command = ground.service("identity");
        command.env("REEVE_ETCD__USERNAME", &account.username).env("REEVE_ETCD_PASSWORD", password);
        command
    };
    refused(&ground, signing_in("not it"), &["user name and the password"]).await;
    refused(&ground, ground.service("identity"), &["user name and the password"]).await;
    let mut without = signing_in("");
    without.env_remove("REEVE_ETCD_PASSWORD");
    refused(&ground, without, &["REEVE_ETCD_PASSWORD"]).await;
    Running::start(signing_in(&account.password)).await;
}

#[test]
fn a_service_without_a_key_or_an_etcd_is_told_so() {
    for owner in OWNERS {
        let nothing = ended(reeved([owner]));
        assert_eq!(nothing.status.code(), Some(64), "{nothing:?}");
        assert!(nothing.err.contains("etcd.endpoints"), "{nothing:?}");
        let mut keyless = reeved([owner, "--listen", "127.0.0.1:0"]);
        keyless.env("REEVE_ETCD__ENDPOINTS", "[\"http://127.0.0.1:1\"]");
        let keyless = ended(keyless);
        assert_eq!(keyless.status.code(), Some(1), "{keyless:?}");
        assert!(keyless.err.contains("keys generate") && keyless.err.contains("cluster_key_file"), "{keyless:?}");
    }
}

#[tokio::test]
async fn a_store_that_is_replaced_under_a_service_ends_it() {
    let ground = Ground::new(1).await;
    let identity = ground.start("identity").await;
    let policy = ground.start("policy").await;
    // somebody follows it: that must not hold it up
    let follower = Client::with_token(identity.address(), &ground.root_token).await;
    let mut feed = FeedServiceClient::new(follower.channel());
    let mut feed = feed.watch(follower.bearing(WatchRequest::default())).await.unwrap().into_inner();
    assert!(feed.message().await.unwrap().is_some());
    // put under a new epoch, as after a restored backup
    let epoch = ended(ground.state(&["new-epoch"]));
    assert!(epoch.status.success() && epoch.out.contains("epoch 1"), "{epoch:?}");
    for running in [identity, policy] {
        let ended = timeout(Duration::from_secs(15), running.end()).await.unwrap();
        assert_eq!(ended.status.code(), Some(1), "{ended:?}");
        assert!(ended.err.contains("replaced") && ended.err.contains("epoch 1"), "{}", ended.err);
    }
    let identity = ground.start("identity").await;
    // wiped
    ground.etcd.etcdctl(&["del", "/reeve/", "--prefix"]).await;
    let ended = identity.end().await;
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    assert!(ended.err.contains("replaced"), "{}", ended.err);
}

#[tokio::test]
async fn a_store_that_is_replaced_before_a_service_is_ready_ends_it() {
    let ground = Ground::new(1).await;
    ground.made().await;
    // a record that nobody can read: it never becomes ready
    ground.etcd.etcdctl(&["put", "/reeve/world/user/x", "x"]).await;
    let mut policy = Running::spawn(ground.service("policy"));
    policy.logged("following again from a snapshot").await;
    let epoch = ended(ground.state(&["new-epoch"]));
    assert!(epoch.status.success(), "{epoch:?}");
    let ended = timeout(Duration::from_secs(15), policy.end()).await.unwrap();
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    assert!(ended.err.contains("replaced") && ended.err.contains("epoch 1"), "{}", ended.err);
}
