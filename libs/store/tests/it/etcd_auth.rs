//! Accounts of etcd: signing in, what a role lets, and sign-ins that end.

use std::time::Duration;

use futures_util::future::join_all;
use reeve_store::{CommitError, EtcdCredentials, EtcdOptions, Key, OpenEtcdError, Store, StoreError, Txn};
use reeve_test_etcd::{EtcdBuilder, EtcdCluster};

use crate::etcd_subject::{open, options};

/// How long a sign-in lives that nobody uses.
const TOKEN_TTL: Duration = Duration::from_secs(1);

async fn cluster() -> EtcdCluster {
    EtcdBuilder::new(1).auth(TOKEN_TTL).start().await
}

/// Options with the account that may do what a store needs, and nothing else.
fn signed_in(cluster: &EtcdCluster) -> EtcdOptions {
    let account = cluster.credentials().unwrap();
    let credentials = EtcdCredentials { username: account.username, password: account.password };
    EtcdOptions { credentials: Some(credentials), ..options(cluster) }
}

/// Opens with options that must not do, and says why they do not.
async fn refused(options: EtcdOptions) -> String {
    match open(options, 1).await {
        Err(error @ OpenEtcdError::Denied { .. }) => {
            assert!(!error.may_pass(), "waiting makes no password right");
            error.to_string()
        }
        other => panic!("{other:?}"),
    }
}

fn key(name: impl std::fmt::Display) -> Key {
    Key::new(format!("world/{name}"))
}

#[tokio::test]
async fn a_role_for_the_prefix_is_all_that_a_store_needs() {
    let cluster = cluster().await;
    let store = open(signed_in(&cluster), 1).await.unwrap();
    let revision = store.commit(Txn::new().create(key("x"), "1")).await.unwrap().revision;
    assert!(store.barrier().await.unwrap() >= revision);
    let _watch = store.watch("world/", revision).await.unwrap();
    let lease = store.grant_lease(Duration::from_secs(10)).await.unwrap();
    store.keep_lease_alive(lease.id).await.unwrap();
    store.revoke_lease(lease.id).await.unwrap();
}

#[tokio::test]
async fn a_wrong_password_is_said_to_be_wrong() {
    let cluster = cluster().await;
    let mut options = signed_in(&cluster);
    options.credentials.as_mut().unwrap().password = "wrong-horse".to_owned();
    let why = refused(options).await;
    assert!(why.contains("check the user name and the password"), "{why}");
    assert!(!why.contains("wrong-horse"), "{why}");
}

#[tokio::test]
async fn nobody_is_told_to_sign_in() {
    let cluster = cluster().await;
    let why = refused(options(&cluster)).await;
    assert!(why.contains("check the user name and the password"), "{why}");
}

#[tokio::test]
async fn signing_in_where_there_are_no_accounts_is_said() {
    let cluster = EtcdCluster::start(1).await;
    let credentials = EtcdCredentials { username: "reeve".to_owned(), password: "x".to_owned() };
    let why = refused(EtcdOptions { credentials: Some(credentials), ..options(&cluster) }).await;
    assert!(why.contains("authentication is not enabled"), "{why}");
}

#[tokio::test]
async fn a_prefix_that_the_role_does_not_cover_is_said() {
    let cluster = cluster().await;
    let why = refused(EtcdOptions { prefix: "/other".to_owned(), ..signed_in(&cluster) }).await;
    assert!(why.contains("may read and write the whole prefix"), "{why}");
}

#[tokio::test]
async fn a_sign_in_that_ended_is_made_anew_for_whoever_asks() {
    let cluster = cluster().await;
    let store = open(signed_in(&cluster), 1).await.unwrap();
    for round in 0..2 {
        // nobody asks for so long that etcd forgets who this is: only its own clock says when
        tokio::time::sleep(TOKEN_TTL * 3).await;
        let create = |at| store.commit(Txn::new().create(key(format!("{round}-{at}")), "1"));
        let answers = join_all((0..20).map(create)).await;
        assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    }
    assert_eq!(store.list("world/", None, 100, None).await.unwrap().items.len(), 40);
}

#[tokio::test]
async fn a_restart_of_etcd_forgets_sign_ins_and_nobody_notices() {
    let cluster = cluster().await;
    let store = open(signed_in(&cluster), 1).await.unwrap();
    cluster.kill(0);
    cluster.restart(0).await;
    store.get(&key("x")).await.unwrap();
    let revision = store.commit(Txn::new().create(key("x"), "1")).await.unwrap().revision;
    let _watch = store.watch("world/", revision).await.unwrap();
}

#[tokio::test]
async fn a_change_of_accounts_elsewhere_ends_no_commit() {
    let cluster = cluster().await;
    let store = open(signed_in(&cluster), 1).await.unwrap();
    for at in 0..5 {
        cluster.etcdctl(&["user", "add", &format!("somebody-{at}:x")]).await;
        store.commit(Txn::new().create(key(at), "1")).await.unwrap();
    }
}

#[tokio::test]
async fn a_password_that_was_changed_stops_writes_until_it_is_known_again() {
    let cluster = cluster().await;
    let store = open(signed_in(&cluster), 1).await.unwrap();
    let account = cluster.credentials().unwrap();
    cluster.change_password("another").await;
    match store.commit(Txn::new().create(key("x"), "1")).await {
        Err(CommitError::Store(StoreError::Unavailable(why))) => {
            assert!(why.contains("check the user name and the password"), "{why}");
        }
        other => panic!("{other:?}"),
    }
    cluster.change_password(&account.password).await;
    assert!(store.get(&key("x")).await.unwrap().is_none());
    store.commit(Txn::new().create(key("x"), "1")).await.unwrap();
}
