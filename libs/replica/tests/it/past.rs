//! After a restart: followers go on with changes, as far back as the store remembers.

use reeve_api::feed::watch_response::Event;
use reeve_model::ConsistencyToken;
use reeve_replica::{Feed, FeedServer};
use reeve_store::{EmbeddedOptions, Key, Store as _, Txn};
use tokio_util::sync::CancellationToken;

use crate::feed::{next, next_changes, next_snapshot};
use crate::records::user;
use crate::store::{Following, House, open, write};

async fn watch(following: &Following, after: ConsistencyToken) -> Feed {
    FeedServer::new(following.replica.clone(), CancellationToken::new()).watch(Some(after)).await.unwrap()
}

#[tokio::test]
async fn a_server_that_restarts_continues_its_followers_with_changes() {
    let house = House::new();
    let mut tokens = vec![house.write(&[user(1, 1)], &[]).await];
    let before = house.follow().await;
    for n in 3..9 {
        tokens.push(house.write(&[user(n, 1), user(1, n)], &[user(n - 1, 1)]).await);
    }
    before.replica.reach(tokens.last().unwrap().revision, crate::script::PATIENCE).await.unwrap();
    let digest = before.replica.latest().unwrap().digest();
    drop(before);
    house.store.close();

    let store = open(house.dir.path(), &house.clock, EmbeddedOptions::default());
    let after = Following::new(&store, &house.clock);
    after.replica.ready().await;
    assert_eq!(after.replica.latest().unwrap().digest(), digest, "what is past is not applied again");
    let new = write(&store, &[user(20, 1)], &[]).await;
    tokens.push(new);
    for (at, token) in tokens.iter().enumerate() {
        let mut feed = watch(&after, *token).await;
        for expected in tokens.iter().skip(at + 1) {
            let Some(Event::Changes(changes)) = next_change(&mut feed).await else { panic!("changes after {token}") };
            assert_eq!(changes.revision, expected.revision.get());
        }
    }
}

/// The next event that is no heartbeat, if the feed does not end.
async fn next_change(feed: &mut Feed) -> Option<Event> {
    loop {
        match next(feed).await? {
            Event::Heartbeat(_) => {}
            event => return Some(event),
        }
    }
}

#[tokio::test]
async fn what_the_store_has_forgotten_is_a_reset_and_the_rest_goes_on() {
    let house = House::with(EmbeddedOptions { history_entries: 20, ..EmbeddedOptions::default() });
    let mut tokens = Vec::new();
    for epoch in 0..100 {
        tokens.push(house.write(&[user(1, epoch)], &[]).await);
    }
    let following = house.follow().await;
    let mut feed = watch(&following, tokens[3]).await;
    let (reset, _, end) = next_snapshot(&mut feed).await;
    assert_eq!((reset, end), (true, tokens[99].to_string()));
    let mut feed = watch(&following, tokens[90]).await;
    for token in &tokens[91..] {
        assert_eq!(next_changes(&mut feed).await.revision, token.revision.get());
    }
}

#[tokio::test]
async fn a_replica_starts_beside_a_store_that_forgets_while_it_is_read() {
    let house = House::with(EmbeddedOptions { history_entries: 5, ..EmbeddedOptions::default() });
    house.write(&[user(0, 0)], &[]).await;
    let store = house.store.clone();
    let writing = tokio::spawn(async move {
        let mut last = None;
        for epoch in 1..200 {
            last = Some(write(&store, &[user(epoch % 7, epoch)], &[]).await);
        }
        last.unwrap()
    });
    for _ in 0..10 {
        house.follow().await;
    }
    let following = house.follow().await;
    let last = writing.await.unwrap();
    following.replica.reach(last.revision, crate::script::PATIENCE).await.unwrap();
    let view = following.replica.view(std::time::Duration::from_secs(1)).unwrap();
    assert_eq!(view.world().users_after(None).count(), 7);
}

#[tokio::test]
async fn what_could_not_be_read_and_is_gone_again_hinders_nobody() {
    let house = House::new();
    let before = house.write(&[user(1, 1)], &[]).await;
    let following = house.follow().await;
    let garbage = Key::new("world/user/00000000-0000-0000-0000-00000000000a");
    house.store.commit(Txn::new().put(garbage.clone(), "garbage")).await.unwrap();
    // it is read again before it is gone, and after
    let unreadable = async || {
        while following.replica.trouble().is_none() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(crate::script::PATIENCE, unreadable()).await.unwrap();
    house.store.commit(Txn::new().delete(garbage)).await.unwrap();
    let last = house.write(&[user(2, 1)], &[]).await;
    following.replica.reach(last.revision, crate::script::PATIENCE).await.unwrap();
    // who was there before it gets everything anew, and who comes after it goes on
    let (reset, _, end) = next_snapshot(&mut watch(&following, before).await).await;
    assert_eq!((reset, end), (true, last.to_string()));
    let new = house.write(&[user(3, 1)], &[]).await;
    assert_eq!(next_changes(&mut watch(&following, last).await).await.revision, new.revision.get());
}
