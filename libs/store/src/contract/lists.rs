//! What lists promise.

use super::{Subject, delete, expected, key, list_all, put, shown};
use crate::{StoreError, Txn};

/// Neither locale nor length orders keys.
pub async fn keys_come_in_the_order_of_their_bytes(subject: Box<dyn Subject>) {
    let store = subject.store();
    let ordered = ["k", "k ", "k!", "k/", "k/1", "k/10", "k/2", "k0", "kA", "kZ", "ka", "k~", "ké", "k漢", "k😀"];
    for name in ordered.iter().rev() {
        put(&*store, name, "x").await;
    }
    let names: Vec<String> = list_all(&*store, "k", 4, None).await.0.iter().map(|item| item.key.to_string()).collect();
    assert_eq!(names, ordered);
}

/// A prefix is a prefix of bytes; with its slash it names one folder.
pub async fn a_prefix_does_not_match_its_siblings(subject: Box<dyn Subject>) {
    let store = subject.store();
    for name in ["w/a", "w/a/1", "w/a/2", "w/a0", "w/ab/1", "v/a/1", "x"] {
        put(&*store, name, "x").await;
    }
    let under = shown(&list_all(&*store, "w/a/", 10, None).await.0);
    assert_eq!(under, expected(&[("w/a/1", "x"), ("w/a/2", "x")]));
    assert_eq!(list_all(&*store, "", 2, None).await.0.len(), 7);
    assert!(list_all(&*store, "w/a/1/", 10, None).await.0.is_empty());
    assert!(list_all(&*store, "y", 10, None).await.0.is_empty());
}

/// `more` is exact, and `after` need not exist, nor lie under the prefix.
pub async fn a_page_says_whether_more_follow(subject: Box<dyn Subject>) {
    let store = subject.store();
    for name in ["p/1", "p/2", "p/3", "q/1"] {
        put(&*store, name, "x").await;
    }
    for (after, limit, first, count, more) in [
        (None, 3, Some("p/1"), 3, false),
        (None, 2, Some("p/1"), 2, true),
        (Some("p/1"), 2, Some("p/2"), 2, false),
        (Some("p/1"), 1, Some("p/2"), 1, true),
        (Some("p/15"), 9, Some("p/2"), 2, false),
        (Some("a"), 9, Some("p/1"), 3, false),
        (Some("p/3"), 9, None, 0, false),
        (Some("z"), 9, None, 0, false),
        (None, 0, None, 0, true),
    ] {
        let page = store.list("p/", after.map(key).as_ref(), limit, None).await.unwrap();
        let names: Vec<&str> = page.items.iter().map(|item| item.key.as_str()).collect();
        assert_eq!((names.first().copied(), names.len(), page.more), (first, count, more), "after {after:?}, {limit}");
    }
}

/// Values of a mebibyte each, asked for all at once.
pub async fn a_long_page_is_cut_and_goes_on(subject: Box<dyn Subject>) {
    let store = subject.store();
    for name in ["big/1", "big/2", "big/3", "big/4"] {
        put(&*store, name, vec![7; 1024 * 1024]).await;
    }
    let (items, _) = list_all(&*store, "big/", usize::MAX, None).await;
    assert_eq!(items.iter().map(|item| item.value.len()).collect::<Vec<_>>(), vec![1024 * 1024; 4]);
}

/// Between two pages keys are added, changed and removed on both sides of the place where the first one ended.
pub async fn pages_at_a_revision_show_one_moment(subject: Box<dyn Subject>) {
    let store = subject.store();
    for name in ["k/1", "k/3", "k/5", "k/7"] {
        put(&*store, name, "old").await;
    }
    let first = store.list("k/", None, 2, None).await.unwrap();
    let changes = Txn::new().put(key("k/3"), "new").put(key("k/5"), "new").delete(key("k/7"));
    store.commit(changes.put(key("k/0"), "new").put(key("k/6"), "new").put(key("k/9"), "new")).await.unwrap();
    put(&*store, "k/5", "newer").await;
    delete(&*store, "k/1").await;
    put(&*store, "k/7", "again").await;
    let rest = store.list("k/", first.items.last().map(|item| &item.key), 9, Some(first.revision)).await.unwrap();
    let seen = [shown(&first.items), shown(&rest.items)].concat();
    assert_eq!(seen, expected(&[("k/1", "old"), ("k/3", "old"), ("k/5", "old"), ("k/7", "old")]));
    assert!(first.more && !rest.more);
    assert_eq!(rest.revision, first.revision);
}

/// Every moment of a short history, read again after it has passed, with the revisions its keys had.
pub async fn an_older_revision_is_shown_as_it_was(subject: Box<dyn Subject>) {
    let store = subject.store();
    let mut moments = vec![list_all(&*store, "k/", 10, None).await];
    for step in 0..24_u32 {
        let name = format!("k/{}", step * 7 % 5);
        if step % 3 == 2 {
            delete(&*store, &name).await;
        } else {
            put(&*store, &name, step.to_string()).await;
        }
        put(&*store, "other", "x").await;
        moments.push(list_all(&*store, "k/", 10, None).await);
    }
    for (items, revision) in moments {
        assert_eq!(list_all(&*store, "k/", 2, Some(revision)).await.0, items, "at {revision}");
    }
}

/// Someone writes for as long as another lists in small pages: what exists throughout is seen once, at one sum.
pub async fn pages_of_one_moment_while_others_write(subject: Box<dyn Subject>) {
    let store = subject.store();
    let names: Vec<String> = (0..20).map(|number| format!("acct/{number:02}")).collect();
    store.commit(names.iter().fold(Txn::new(), |txn, name| txn.put(key(name), "100"))).await.unwrap();
    let (stop, mut stopped) = tokio::sync::oneshot::channel::<()>();
    let (writing, accounts) = (store.clone(), names.clone());
    let writer = tokio::spawn(async move {
        let mut turn: usize = 0;
        while stopped.try_recv().is_err() {
            let at = |offset: usize| accounts.get((turn * 7 + offset) % accounts.len()).unwrap();
            let amount = |change: i64| (100 + change).to_string();
            // The sum stays when one takes what the other gives; the next turn puts both back.
            let txn = Txn::new().put(key(at(0)), amount(-3)).put(key(at(1)), amount(3));
            writing.commit(txn.put(key(format!("acct/x{turn}")), "0")).await.unwrap();
            let txn = Txn::new().put(key(at(0)), "100").put(key(at(1)), "100");
            writing.commit(txn.delete(key(format!("acct/x{turn}")))).await.unwrap();
            turn += 1;
        }
    });
    for _ in 0..20 {
        let (items, revision) = list_all(&*store, "acct/", 3, None).await;
        let shown = shown(&items);
        let sum: i64 = shown.iter().map(|(_, value)| value.parse::<i64>().unwrap()).sum();
        assert_eq!(sum, 2000, "at {revision}: {shown:?}");
        let seen: Vec<&String> = shown.iter().map(|(name, _)| name).filter(|name| !name.contains('x')).collect();
        assert_eq!(seen, names.iter().collect::<Vec<_>>());
    }
    stop.send(()).unwrap();
    writer.await.unwrap();
}

/// A reader is told that it is ahead of this store, not shown an older state.
pub async fn a_future_revision_is_refused(subject: Box<dyn Subject>) {
    let store = subject.store();
    let newest = put(&*store, "a", "x").await;
    let outcome = store.list("", None, 10, Some(newest.next())).await;
    let Err(StoreError::Future { asked, current }) = outcome else { panic!("in the future, not {outcome:?}") };
    assert_eq!((asked, current), (newest.next(), newest));
}

/// What is no longer kept is refused by name; the newest is always there.
pub async fn a_forgotten_revision_is_compacted(subject: Box<dyn Subject>) {
    let store = subject.store();
    let old = put(&*store, "a", "1").await;
    put(&*store, "a", "2").await;
    subject.forget_history().await;
    let outcome = store.list("", None, 10, Some(old)).await;
    let Err(StoreError::Compacted { asked, oldest }) = outcome else { panic!("compacted, not {outcome:?}") };
    assert!(asked == old && oldest > old);
    let (items, newest) = list_all(&*store, "a", 10, None).await;
    assert_eq!(shown(&items), expected(&[("a", "2")]));
    assert_eq!(list_all(&*store, "a", 10, Some(newest)).await.0, items);
    assert!(store.list("a", None, 10, Some(oldest)).await.is_ok(), "the oldest kept can be read");
}
