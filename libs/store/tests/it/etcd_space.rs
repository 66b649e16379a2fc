//! An etcd without space: what is refused, what goes on, and how it heals.

use std::time::Duration;

use futures_util::StreamExt as _;
use reeve_model::Revision;
use reeve_store::{CommitError, Committed, Etcd, Key, Store, StoreError, Txn, Watch, WatchEvent, WatchedChange};
use reeve_test_etcd::{EtcdBuilder, EtcdCluster};

use crate::etcd_subject::{open, options};

/// What the members may keep.
const QUOTA: u64 = 2 << 20;
/// What one write takes of it.
const SIZE: usize = 100 << 10;
/// More writes than fit.
const WRITES: usize = 100;

fn big() -> Key {
    Key::new("world/big")
}

async fn overwrite(store: &Etcd) -> Result<Committed, CommitError> {
    let read = store.get(&big()).await?;
    let value = vec![b'x'; SIZE];
    store
        .commit(match &read {
            Some(read) => Txn::new().replace(read, value),
            None => Txn::new().create(big(), value),
        })
        .await
}

/// A store that was written to until there was no more space: history is what fills it.
async fn full() -> (EtcdCluster, Etcd, Revision, String) {
    let cluster = EtcdBuilder::new(1).quota_bytes(QUOTA).start().await;
    let store = open(options(&cluster), 1).await.unwrap();
    let mut last = Revision::ZERO;
    for _ in 0..WRITES {
        match overwrite(&store).await {
            Ok(committed) => last = committed.revision,
            Err(CommitError::Store(StoreError::Unavailable(why))) => return (cluster, store, last, why),
            Err(error) => panic!("{error}"),
        }
    }
    panic!("{WRITES} writes of {SIZE} bytes fit into {QUOTA}");
}

/// What an operator does about it.
async fn make_room(cluster: &EtcdCluster) {
    cluster.compact(cluster.revision().await).await;
    cluster.etcdctl(&["defrag"]).await;
    cluster.etcdctl(&["alarm", "disarm"]).await;
}

/// Waits for a change of the key.
async fn seen(watch: &mut Watch, key: &Key) {
    loop {
        if let WatchEvent::Changes { changes, .. } = watch.next().await.unwrap().unwrap() {
            let of_key = |change: &WatchedChange| matches!(change, WatchedChange::Put(put) if put.key == *key);
            if changes.iter().any(of_key) {
                return;
            }
        }
    }
}

#[tokio::test]
async fn a_write_that_finds_no_space_says_so_and_what_to_do() {
    let (_cluster, store, last, why) = full().await;
    assert!(why.contains("etcd is out of space") && why.contains("alarm disarm"), "{why}");
    let _watch = store.watch("world/", last).await.unwrap();
    for error in [store.barrier().await.map(drop), store.grant_lease(Duration::from_secs(5)).await.map(drop)] {
        let why = error.unwrap_err().to_string();
        assert!(why.contains("etcd is out of space"), "{why}");
    }
}

#[tokio::test]
async fn what_was_acknowledged_can_be_read_and_what_was_refused_is_not_there() {
    let (_cluster, store, last, _) = full().await;
    // the first that was refused may have been stored; nothing after it
    let held = store.get(&big()).await.unwrap().unwrap();
    assert!(held.mod_revision >= last && held.value.len() == SIZE, "{:?}", held.mod_revision);
    let (a, b) = (Key::new("world/a"), Key::new("world/b"));
    let both = Txn::new().create(a.clone(), vec![b'a'; SIZE]).create(b.clone(), vec![b'b'; SIZE]);
    for _ in 0..3 {
        let error = store.commit(both.clone()).await.unwrap_err();
        assert!(matches!(error, CommitError::Store(StoreError::Unavailable(_))), "{error}");
    }
    let found = [store.get(&a).await.unwrap(), store.get(&b).await.unwrap()];
    assert!(found.iter().all(Option::is_none), "half of a transaction, or one that was refused: {found:?}");
}

#[tokio::test]
async fn with_room_made_writes_and_watches_go_on_as_if_nothing_had_been() {
    let (cluster, store, last, _) = full().await;
    let mut watch = store.watch("world/", last).await.unwrap();
    make_room(&cluster).await;
    let after = Key::new("world/after");
    let committed = store.commit(Txn::new().create(after.clone(), "1")).await.unwrap();
    assert!(committed.revision > last);
    seen(&mut watch, &after).await;
    overwrite(&store).await.unwrap();
    assert!(store.barrier().await.unwrap() > committed.revision);
}
