//! How a store on etcd is opened, made, imported, and refused.

use std::sync::Arc;
use std::time::Duration;

use reeve_model::SeededEntropy;
use reeve_store::{Etcd, EtcdImport, EtcdOptions, Key, OpenEtcdError, Store, Txn};
use reeve_test_etcd::EtcdCluster;
use tokio::time::{Instant, timeout};

use crate::etcd_subject::{EtcdSubject, PREFIX, TestClock, open, options};

async fn import(cluster: &EtcdCluster, seed: u64) -> Result<EtcdImport, OpenEtcdError> {
    Etcd::import(options(cluster), TestClock::at(0), Arc::new(SeededEntropy::new(seed))).await
}

fn only_existing(cluster: &EtcdCluster) -> EtcdOptions {
    EtcdOptions { create: false, ..options(cluster) }
}

#[tokio::test]
async fn a_store_is_made_only_where_it_may_be_and_nothing_is() {
    let cluster = EtcdCluster::start(1).await;
    let error = open(only_existing(&cluster), 1).await.unwrap_err();
    assert!(matches!(&error, OpenEtcdError::NoStore { prefix } if prefix == PREFIX), "{error}");
    assert!(error.may_pass());
    let made = open(options(&cluster), 1).await.unwrap();
    assert_eq!(made.id().epoch, 0);
    let again = open(only_existing(&cluster), 2).await.unwrap();
    assert_eq!(again.id(), made.id());
    let beside = EtcdOptions { prefix: "/reeve2".to_owned(), ..options(&cluster) };
    assert_ne!(open(beside, 3).await.unwrap().id().uuid, made.id().uuid);
    let below = EtcdOptions { prefix: "/ree".to_owned(), ..only_existing(&cluster) };
    assert!(matches!(open(below, 3).await, Err(OpenEtcdError::NoStore { .. })));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn those_who_make_a_store_at_once_open_one() {
    let cluster = EtcdCluster::start(1).await;
    let opening: Vec<_> = (0..8).map(|seed| tokio::spawn(open(options(&cluster), seed))).collect();
    let mut ids = Vec::new();
    for opened in opening {
        ids.push(opened.await.unwrap().unwrap().id());
    }
    ids.dedup();
    assert_eq!(ids.len(), 1);
}

#[tokio::test]
async fn a_prefix_with_other_keys_is_refused_by_one_of_them() {
    let cluster = EtcdCluster::start(1).await;
    cluster.etcdctl(&["put", "/reeve/theirs", "x"]).await;
    for outcome in [open(options(&cluster), 1).await.map(drop), import(&cluster, 30).await.map(drop)] {
        let error = outcome.unwrap_err();
        let OpenEtcdError::ForeignKeys { example, .. } = &error else { panic!("foreign keys, not {error}") };
        assert_eq!(example, "/reeve/theirs");
        assert!(!error.may_pass());
    }
    assert_eq!(cluster.etcdctl(&["get", "--prefix", "/", "--keys-only"]).await.trim(), "/reeve/theirs");
}

#[tokio::test]
async fn a_record_that_is_newer_or_no_record_is_refused() {
    let cluster = EtcdCluster::start(1).await;
    // schema 2, as prost writes it
    cluster.etcdctl(&["put", "/reeve/store", "\u{8}\u{2}"]).await;
    let error = open(options(&cluster), 1).await.unwrap_err();
    assert!(matches!(error, OpenEtcdError::NewerSchema { found: 2, .. }), "{error}");
    cluster.etcdctl(&["put", "/reeve/store", "hello"]).await;
    let error = open(options(&cluster), 1).await.unwrap_err();
    assert!(matches!(error, OpenEtcdError::Corrupt { .. }), "{error}");
}

#[tokio::test]
async fn an_import_is_opened_by_nobody_before_it_is_finished() {
    let cluster = EtcdCluster::start(1).await;
    let importing = import(&cluster, 31).await.unwrap();
    importing.store().commit(Txn::new().create(Key::new("a"), "1")).await.unwrap();
    for outcome in [open(options(&cluster), 1).await.map(drop), import(&cluster, 32).await.map(drop)] {
        let error = outcome.unwrap_err();
        assert!(matches!(error, OpenEtcdError::Unfinished { .. }) && error.may_pass(), "{error}");
    }
    let imported = importing.finish().await.unwrap();
    imported.commit(Txn::new().create(Key::new("b"), "1")).await.unwrap();
    let opened = open(only_existing(&cluster), 1).await.unwrap();
    assert_eq!(opened.id(), imported.id());
    assert_eq!(opened.list("", None, 10, None).await.unwrap().items.len(), 2);
    let error = import(&cluster, 33).await.unwrap_err();
    assert!(matches!(&error, OpenEtcdError::StoreExists { store, .. } if *store == imported.id()), "{error}");
}

#[tokio::test]
async fn where_nobody_answers_opening_fails_soon_and_says_where() {
    let cluster = EtcdCluster::start(1).await;
    let endpoint = cluster.endpoints().remove(0);
    for down in [false, true] {
        if down {
            cluster.kill(0);
        } else {
            cluster.pause(0);
        }
        let begun = Instant::now();
        let error = timeout(Duration::from_secs(20), open(options(&cluster), 1)).await.unwrap().unwrap_err();
        assert!(begun.elapsed() < Duration::from_secs(12), "{:?}", begun.elapsed());
        assert!(matches!(error, OpenEtcdError::Unreachable { .. }) && error.may_pass(), "{error}");
        assert!(error.to_string().contains(&endpoint), "{error}");
        if !down {
            cluster.resume(0);
        }
    }
}

#[tokio::test]
async fn one_member_is_enough_to_open_and_its_version_is_judged() {
    let cluster = EtcdCluster::start(3).await;
    cluster.kill(0);
    cluster.leader().await;
    let store = open(options(&cluster), 1).await.unwrap();
    let version = cluster.etcdctl(&["version"]).await;
    let version = version.lines().next().and_then(|line| line.rsplit(' ').next()).unwrap().to_owned();
    // Debian's etcd; a sound one would be silent.
    if version.starts_with("3.4.") || version.starts_with("3.5.1") {
        assert!(store.version_warning().is_some_and(|warning| warning.contains(&version)), "{version}");
    }
}

#[tokio::test]
async fn wrong_options_are_refused_before_anybody_is_asked() {
    let error = open(EtcdOptions::new(vec!["here".to_owned()], "reeve/"), 1).await.unwrap_err();
    assert!(matches!(&error, OpenEtcdError::Options(problems) if problems.len() == 2), "{error}");
    assert!(!error.may_pass());
}

#[tokio::test]
async fn the_keys_lie_under_the_prefix() {
    let subject = EtcdSubject::new(1).await;
    subject.etcd().commit(Txn::new().create(Key::new("world/a"), "1")).await.unwrap();
    let keys = subject.cluster.etcdctl(&["get", "--prefix", "", "--keys-only"]).await;
    let keys: Vec<&str> = keys.split_whitespace().collect();
    assert_eq!(keys, ["/reeve/store", "/reeve/world/a"]);
}
