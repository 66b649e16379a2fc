//! What watches promise.

use std::collections::BTreeMap;

use bytes::Bytes;
use futures_util::StreamExt;
use reeve_model::Revision;

use super::{Observer, Subject, delete, key, list_all, put};
use crate::{Key, StoreError, Txn, WatchError, WatchEvent};

/// From each revision, the rest of the history: no more, no less.
pub async fn a_watch_resumes_from_every_revision(subject: Box<dyn Subject>) {
    let store = subject.store();
    let (_, start) = list_all(&*store, "", 1, None).await;
    for step in 0..20_u32 {
        let txn = Txn::new().put(key(format!("k/{}", step % 3)), step.to_string()).put(key("k/both"), "x");
        store.commit(if step % 4 == 3 { txn.delete(key("k/3")) } else { txn.put(key("k/3"), "x") }).await.unwrap();
        put(&*store, "other", "x").await;
    }
    let newest = delete(&*store, "k/both").await;
    let mut whole = Observer::new(&*store, "k/", start).await;
    whole.reach(newest).await;
    assert!(whole.changes.len() > 10);
    for number in start.get()..=newest.get() {
        let after = Revision::new(number);
        let mut resumed = Observer::new(&*store, "k/", after).await;
        resumed.reach(newest).await;
        let rest: Vec<_> = whole.changes.iter().filter(|(revision, _)| *revision > after).cloned().collect();
        assert_eq!(resumed.changes, rest, "after {after}");
    }
}

/// A list, then a watch from its revision, opened while others write, ends at what a later list shows.
pub async fn a_watch_goes_from_history_to_the_present_without_a_seam(subject: Box<dyn Subject>) {
    const WRITES: usize = 200;
    const OBSERVERS: usize = 4;
    let store = subject.store();
    for number in 0..50 {
        put(&*store, &format!("k/{}", number % 10), number.to_string()).await;
    }
    let (items, revision) = list_all(&*store, "k/", 100, None).await;
    let start: BTreeMap<Key, Bytes> = items.into_iter().map(|item| (item.key, item.value)).collect();
    let writing = store.clone();
    let writer = tokio::spawn(async move {
        for number in 0..WRITES {
            let name = format!("k/{}", number * 7 % 13);
            let txn = Txn::new().put(key("k/last"), number.to_string());
            let txn = if number % 3 == 0 { txn.delete(key(name)) } else { txn.put(key(name), number.to_string()) };
            writing.commit(txn).await.unwrap();
        }
    });
    let mut observers = Vec::new();
    for _ in 0..OBSERVERS {
        observers.push(Observer::new(&*store, "k/", revision).await);
        put(&*store, "k/opened", "x").await;
    }
    writer.await.unwrap();
    let (items, newest) = list_all(&*store, "k/", 100, None).await;
    let end: BTreeMap<Key, Bytes> = items.into_iter().map(|item| (item.key, item.value)).collect();
    for mut observer in observers {
        observer.reach(newest).await;
        assert_eq!(observer.replayed(start.clone()), end);
        assert_eq!(observer.changes.len(), WRITES + OBSERVERS, "each revision once");
    }
}

/// However an implementation cuts a long history, it does not cut a revision, nor skip a part of it.
pub async fn a_long_history_comes_in_whole_revisions(subject: Box<dyn Subject>) {
    const KEYS: usize = 97;
    const REVISIONS: usize = 40;
    let store = subject.store();
    let start = put(&*store, "start", "x").await;
    let mut newest = start;
    for number in 0..REVISIONS {
        let names = (0..KEYS).map(|name| key(format!("k/{name:02}")));
        let txn = names.fold(Txn::new(), |txn, name| txn.put(name, vec![b'x'; number * 20]));
        newest = store.commit(txn).await.unwrap().revision;
    }
    let mut observer = Observer::new(&*store, "k/", start).await;
    observer.reach(newest).await;
    let sizes: Vec<usize> = observer.changes.iter().map(|(_, changes)| changes.len()).collect();
    assert_eq!(sizes, vec![KEYS; REVISIONS]);
}

/// Of a transaction that writes under several prefixes a watch sees its own part.
pub async fn a_watch_sees_its_prefix_alone(subject: Box<dyn Subject>) {
    let store = subject.store();
    let (_, start) = list_all(&*store, "", 1, None).await;
    let txn = Txn::new().put(key("a/1"), "x").put(key("a"), "x").put(key("ab/1"), "x").put(key("b/1"), "x");
    let newest = store.commit(txn).await.unwrap().revision;
    for (prefix, count) in [("a/", 1), ("a", 3), ("", 4), ("b/1", 1), ("c", 0)] {
        let mut observer = Observer::new(&*store, prefix, start).await;
        observer.reach(newest).await;
        assert_eq!(observer.changes.iter().map(|(_, changes)| changes.len()).sum::<usize>(), count, "`{prefix}`");
    }
}

/// Without anything happening, and without a barrier.
pub async fn a_new_watch_says_when_it_has_caught_up(subject: Box<dyn Subject>) {
    let store = subject.store();
    let newest = put(&*store, "a", "x").await;
    let mut observer = Observer::new(&*store, "b/", newest).await;
    assert!(observer.next_progress().await >= newest);
    let mut behind = Observer::new(&*store, "a", Revision::new(newest.get() - 1)).await;
    assert!(behind.next_progress().await >= newest);
    assert_eq!(behind.changes.len(), 1, "the changes come before the progress");
}

/// Every open watch reports reaching a barrier, whatever its prefix.
pub async fn a_barrier_is_followed_by_progress(subject: Box<dyn Subject>) {
    let store = subject.store();
    let start = put(&*store, "a/1", "x").await;
    let mut observers = [
        Observer::new(&*store, "a/", start).await,
        Observer::new(&*store, "b/", start).await,
        Observer::new(&*store, "", start).await,
    ];
    for round in 0..10 {
        let written = put(&*store, "a/1", round.to_string()).await;
        let barrier = store.barrier().await.unwrap();
        assert!(barrier >= written, "a barrier is not behind what was acknowledged");
        for observer in &mut observers {
            observer.reach(barrier).await;
        }
    }
    assert_eq!(observers.map(|observer| observer.changes.len()), [10, 0, 10]);
}

/// Time and again, when nothing happens at all.
pub async fn an_idle_watch_reports_progress(subject: Box<dyn Subject>) {
    let store = subject.store();
    let newest = put(&*store, "a", "x").await;
    let mut observer = Observer::new(&*store, "a", newest).await;
    for _ in 0..3 {
        assert!(observer.next_progress().await >= newest);
    }
    assert!(observer.changes.is_empty());
}

/// Without a barrier.
pub async fn changes_elsewhere_show_as_progress(subject: Box<dyn Subject>) {
    let store = subject.store();
    let start = put(&*store, "a/1", "x").await;
    let mut observer = Observer::new(&*store, "a/", start).await;
    let elsewhere = put(&*store, "b/1", "x").await;
    observer.reach(elsewhere).await;
    assert!(observer.changes.is_empty());
}

/// Many write and many ask for progress at once; the observer checks each event against those before it. What was
/// acknowledged before a barrier has been yielded when the barrier is reached.
pub async fn progress_is_never_ahead_of_its_changes(subject: Box<dyn Subject>) {
    let store = subject.store();
    let start = put(&*store, "start", "x").await;
    let mut tasks = Vec::new();
    for writer in 0..4 {
        let store = store.clone();
        tasks.push(tokio::spawn(async move {
            for number in 0..50_u32 {
                let prefix = if number % 5 == 4 { "other" } else { "k" };
                put(&*store, &format!("{prefix}/{writer}/{number}"), "x").await;
            }
        }));
    }
    for reader in 0..4 {
        let store = store.clone();
        tasks.push(tokio::spawn(async move {
            let mut observer = Observer::new(&*store, "k/", start).await;
            for number in 0..30 {
                put(&*store, &format!("k/r{reader}/{number}"), "x").await;
                let barrier = store.barrier().await.unwrap();
                observer.reach(barrier).await;
                let at_barrier = store.list("k/", None, 10_000, Some(observer.reported)).await.unwrap();
                assert_eq!(observer.replayed(BTreeMap::new()).len(), at_barrier.items.len());
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
}

/// It is read only after thousands of changes: it yields them all, or says that it is lost and can be resumed.
pub async fn a_slow_watch_loses_nothing_silently(subject: Box<dyn Subject>) {
    const CHANGES: u64 = 3000;
    let store = subject.store();
    let start = put(&*store, "start", "x").await;
    let mut observer = Observer::new(&*store, "k/", start).await;
    let mut writers = Vec::new();
    for writer in 0..30 {
        let store = store.clone();
        writers.push(tokio::spawn(async move {
            for number in 0..CHANGES / 30 {
                put(&*store, &format!("k/{writer}/{number}"), vec![b'x'; 512]).await;
            }
        }));
    }
    for writer in writers {
        writer.await.unwrap();
    }
    let newest = store.barrier().await.unwrap();
    let mut seen = 0;
    while observer.reported < newest {
        match observer.next().await {
            Ok(_) => {}
            Err(WatchError::Lost(_)) => {
                seen += observer.changes.len();
                observer = Observer::new(&*store, "k/", observer.reported).await;
            }
            Err(error @ WatchError::Compacted { .. }) => panic!("{error}"),
        }
    }
    assert_eq!((seen + observer.changes.len()) as u64, CHANGES);
}

/// One that follows another store, or one from before a restore, is told.
pub async fn a_watch_from_the_future_is_refused(subject: Box<dyn Subject>) {
    let store = subject.store();
    let newest = put(&*store, "a", "x").await;
    let outcome = store.watch("", newest.next()).await.map(|_| ());
    assert!(matches!(outcome, Err(StoreError::Future { .. })), "in the future, not {outcome:?}");
}

/// It must list again; it is never moved on past what it has not seen.
pub async fn a_watch_from_forgotten_history_is_compacted(subject: Box<dyn Subject>) {
    let store = subject.store();
    let old = put(&*store, "a", "1").await;
    put(&*store, "a", "2").await;
    subject.forget_history().await;
    let oldest = match store.watch("", old).await {
        Err(StoreError::Compacted { oldest, .. }) => oldest,
        Err(error) => panic!("compacted, not {error}"),
        Ok(mut watch) => match watch.next().await {
            Some(Err(WatchError::Compacted { oldest })) => oldest,
            other => panic!("compacted, not {other:?}"),
        },
    };
    assert!(oldest > old);
    let mut resumed = store.watch("", oldest).await.unwrap();
    let first = resumed.next().await;
    assert!(matches!(first, Some(Ok(WatchEvent::Changes { .. } | WatchEvent::Progress { .. }))), "{first:?}");
}
