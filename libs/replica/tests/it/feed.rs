//! The feed server, message by message, on a paused clock.

use std::time::Duration;

use futures_util::StreamExt;
use reeve_api::feed::watch_response::Event;
use reeve_api::feed::{Changes, Heartbeat};
use reeve_model::{ConsistencyToken, RobotName, StoreId};
use reeve_replica::{Feed, FeedError, FeedServer, HEARTBEAT_INTERVAL, SourceEvent};
use reeve_world::{Record, Robot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::records::{NOW, user};
use crate::script::{Line, PATIENCE, STORE, Stage, digest, token};

fn server(stage: &Stage) -> FeedServer {
    FeedServer::new(stage.replica.clone(), CancellationToken::new())
}

pub(crate) async fn next(feed: &mut Feed) -> Option<Event> {
    let message = tokio::time::timeout(PATIENCE, feed.next()).await.unwrap()?;
    message.unwrap().event
}

/// What is left of a feed that ends.
async fn rest(feed: &mut Feed) -> Vec<Event> {
    let mut events = Vec::new();
    while let Some(event) = next(feed).await {
        events.push(event);
        assert!(events.len() < 1000, "it does not end");
    }
    events
}

/// The next event that is no heartbeat.
pub(crate) async fn next_news(feed: &mut Feed) -> Event {
    loop {
        match next(feed).await.unwrap() {
            Event::Heartbeat(_) => {}
            event => return event,
        }
    }
}

pub(crate) async fn next_changes(feed: &mut Feed) -> Changes {
    match next_news(feed).await {
        Event::Changes(changes) => changes,
        event => panic!("changes, not {event:?}"),
    }
}

async fn next_heartbeat(feed: &mut Feed) -> Heartbeat {
    match next(feed).await.unwrap() {
        Event::Heartbeat(heartbeat) => heartbeat,
        event => panic!("a heartbeat, not {event:?}"),
    }
}

/// Reads a snapshot: whether it is a reset, how many records each message has, and the token at its end.
pub(crate) async fn next_snapshot(feed: &mut Feed) -> (bool, Vec<usize>, String) {
    let Event::SnapshotBegin(begin) = next_news(feed).await else { panic!("a snapshot") };
    let mut sizes = Vec::new();
    loop {
        match next(feed).await.unwrap() {
            Event::Records(records) => sizes.push(records.records.len()),
            Event::SnapshotEnd(end) => return (begin.reset, sizes, end.consistency_token),
            event => panic!("inside a snapshot: {event:?}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_feed_is_a_snapshot_then_every_change_then_heartbeats() {
    let users: Vec<Record> = (0..1200).map(|n| user(n, 1)).collect();
    let (stage, line) = Stage::showing(5, &users).await;
    let mut feed = server(&stage).watch(None).await.unwrap();
    let (reset, sizes, end) = next_snapshot(&mut feed).await;
    assert_eq!((reset, sizes.iter().sum(), end), (false, 1200, token(5).to_string()));
    assert!(sizes.iter().all(|size| *size <= 1000), "{sizes:?}");
    let heartbeat = next_heartbeat(&mut feed).await;
    assert_eq!((heartbeat.consistency_token, heartbeat.confirmed_age_ms), (token(5).to_string(), 0));
    assert_eq!(heartbeat.digest, digest(&users));
    line.change(7, &[user(1, 2)], &[user(2, 1)]);
    line.change(8, &[user(3, 2)], &[]);
    let changes = next_changes(&mut feed).await;
    let upserts: Vec<_> = changes.upserts.iter().map(|record| record.key.clone()).collect();
    assert_eq!((changes.revision, upserts), (7, vec![user(1, 2).key().to_string()]));
    assert_eq!(changes.deletes, [user(2, 1).key().to_string()]);
    assert_eq!(next_changes(&mut feed).await.revision, 8);
}

#[tokio::test(start_paused = true)]
async fn large_records_do_not_make_a_message_that_no_follower_takes() {
    let robot = |n: u128| {
        Record::Robot(Robot {
            uid: reeve_model::RobotId::from_uuid(uuid::Uuid::from_u128(n)),
            name: RobotName::parse(&format!("robot{n}")).unwrap(),
            description: "x".repeat(1_400_000),
            create_time: NOW,
        })
    };
    let robots: Vec<Record> = (0..20).map(robot).collect();
    let (stage, _line) = Stage::showing(5, &robots).await;
    let mut feed = server(&stage).watch(None).await.unwrap();
    let (_, sizes, _) = next_snapshot(&mut feed).await;
    assert!(sizes.iter().all(|size| *size <= 2), "messages stay far below 4 MiB: {sizes:?}");
}

#[tokio::test(start_paused = true)]
async fn a_follower_continues_with_changes_from_every_revision_that_is_kept() {
    let (stage, line) = Stage::showing(5, &[user(1, 1)]).await;
    for revision in [7, 8, 12] {
        line.change(revision, &[user(1, revision)], &[]);
    }
    line.confirm(15, Duration::ZERO);
    stage.reached(15).await;
    for (after, expected) in
        [(5, vec![7, 8, 12]), (6, vec![7, 8, 12]), (7, vec![8, 12]), (11, vec![12]), (12, vec![]), (15, vec![])]
    {
        let mut feed = server(&stage).watch(Some(token(after))).await.unwrap();
        for revision in expected {
            let Some(Event::Changes(changes)) = next(&mut feed).await else { panic!("changes after {after}") };
            assert_eq!(changes.revision, revision, "after {after}");
        }
        assert_eq!(next_heartbeat(&mut feed).await.consistency_token, token(15).to_string(), "after {after}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_follower_from_before_the_history_gets_a_snapshot_flagged_reset() {
    let (mut stage, line) = Stage::showing(5, &[user(1, 1)]).await;
    let mut feed = server(&stage).watch(Some(token(4))).await.unwrap();
    assert_eq!(next_snapshot(&mut feed).await, (true, vec![1], token(5).to_string()));
    line.change(6, &[user(1, 2)], &[]);
    assert_eq!(next_changes(&mut feed).await.revision, 6);
    line.fail(reeve_replica::SourceError::Compacted);
    let line = stage.opened().await;
    line.snapshot(9, &[user(1, 9)]);
    stage.reached(9).await;
    rest(&mut feed).await;
    let mut feed = server(&stage).watch(Some(token(6))).await.unwrap();
    assert_eq!(next_snapshot(&mut feed).await.2, token(9).to_string(), "what came in a snapshot has no changes");
}

#[tokio::test(start_paused = true)]
async fn a_change_is_forgotten_after_ten_minutes() {
    let (stage, line) = Stage::showing(5, &[user(1, 1)]).await;
    line.change(6, &[user(1, 2)], &[]);
    stage.reached(6).await;
    stage.clock.advance(Duration::from_mins(10));
    line.change(7, &[user(1, 3)], &[]);
    stage.reached(7).await;
    let mut feed = server(&stage).watch(Some(token(5))).await.unwrap();
    assert_eq!(next_changes(&mut feed).await.revision, 6, "ten minutes old");
    stage.clock.advance(Duration::from_millis(1));
    line.change(8, &[user(1, 4)], &[]);
    stage.reached(8).await;
    let mut feed = server(&stage).watch(Some(token(5))).await.unwrap();
    assert!(next_snapshot(&mut feed).await.0, "older");
}

#[tokio::test(start_paused = true)]
async fn a_heartbeat_never_makes_the_state_younger_than_it_is() {
    let (stage, line) = Stage::showing(5, &[]).await;
    // so that this confirmation is the newest
    stage.clock.advance(Duration::from_secs(1));
    line.confirm(6, Duration::from_micros(500));
    stage.reached(6).await;
    let mut feed = server(&stage).watch(Some(token(6))).await.unwrap();
    assert_eq!(next_heartbeat(&mut feed).await.confirmed_age_ms, 1);
}

#[tokio::test(start_paused = true)]
async fn a_heartbeat_says_how_long_ago_the_state_was_the_stores() {
    let (stage, _line) = Stage::showing(5, &[]).await;
    let mut feed = server(&stage).watch(Some(token(5))).await.unwrap();
    assert_eq!(next_heartbeat(&mut feed).await.confirmed_age_ms, 0);
    stage.clock.advance(Duration::from_secs(70));
    next_heartbeat(&mut feed).await;
    assert_eq!(
        next_heartbeat(&mut feed).await.confirmed_age_ms,
        70_000,
        "a sender that hears nothing does not make it young"
    );
}

/// Follows for ten seconds: the times of the heartbeats. Each confirms exactly the changes that came before it.
async fn heartbeats(feed: &mut Feed) -> Vec<Instant> {
    let (began, mut times, mut last) = (Instant::now(), Vec::new(), 5);
    while began.elapsed() < Duration::from_secs(10) {
        match next(feed).await.unwrap() {
            Event::Heartbeat(heartbeat) => {
                assert_eq!(heartbeat.consistency_token, token(last).to_string());
                times.push(Instant::now());
            }
            Event::Changes(changes) => last = changes.revision,
            event => panic!("{event:?}"),
        }
    }
    times
}

fn assert_steady(times: &[Instant]) {
    assert!(times.len() >= 10);
    for pair in times.windows(2) {
        let [earlier, later] = pair else { panic!("a pair") };
        let gap = later.duration_since(*earlier);
        assert!(gap <= Duration::from_secs(1), "{gap:?} without a heartbeat");
        assert!(gap >= Duration::from_millis(20), "{gap:?} between two");
    }
}

async fn every(period: Duration, line: Line, tell: impl Fn(&Line, u64)) {
    let mut ticks = tokio::time::interval(period);
    for revision in 6.. {
        ticks.tick().await;
        tell(&line, revision);
    }
}

#[tokio::test(start_paused = true)]
async fn heartbeats_are_steady_when_nothing_happens() {
    let (stage, _line) = Stage::showing(5, &[]).await;
    let times = heartbeats(&mut server(&stage).watch(Some(token(5))).await.unwrap()).await;
    assert_steady(&times);
    assert!(times.len() <= 10_000 / usize::try_from(HEARTBEAT_INTERVAL.as_millis()).unwrap() + 2, "{}", times.len());
}

#[tokio::test(start_paused = true)]
async fn heartbeats_are_steady_while_changes_never_pause() {
    for period_us in [300, 2_000, 50_000] {
        let (stage, line) = Stage::showing(5, &[user(1, 1)]).await;
        let mut feed = server(&stage).watch(Some(token(5))).await.unwrap();
        let writing = tokio::spawn(every(Duration::from_micros(period_us), line, |line, revision| {
            line.change(revision, &[user(1, revision)], &[]);
        }));
        assert_steady(&heartbeats(&mut feed).await);
        writing.abort();
    }
}

#[tokio::test(start_paused = true)]
async fn heartbeats_are_not_multiplied_by_confirmations() {
    let (stage, line) = Stage::showing(5, &[]).await;
    let mut feed = server(&stage).watch(Some(token(5))).await.unwrap();
    let confirming = tokio::spawn(every(Duration::from_millis(1), line, |line, _| line.confirm(5, Duration::ZERO)));
    let times = heartbeats(&mut feed).await;
    assert_steady(&times);
    assert!(times.len() < 60, "{} in ten seconds", times.len());
    confirming.abort();
}

#[tokio::test(start_paused = true)]
async fn a_new_revision_without_changes_is_told_soon() {
    let (stage, line) = Stage::showing(5, &[]).await;
    let mut feed = server(&stage).watch(Some(token(5))).await.unwrap();
    next_heartbeat(&mut feed).await;
    let began = Instant::now();
    line.confirm(9, Duration::ZERO);
    assert_eq!(next_heartbeat(&mut feed).await.consistency_token, token(9).to_string());
    assert!(began.elapsed() <= Duration::from_millis(20), "a reader elsewhere may be waiting for it");
}

#[tokio::test(start_paused = true)]
async fn a_slow_follower_costs_little_is_dropped_and_resumes() {
    let (stage, line) = Stage::showing(5, &[user(1, 1)]).await;
    let mut slow = server(&stage).watch(Some(token(5))).await.unwrap();
    let mut quick = server(&stage).watch(Some(token(5))).await.unwrap();
    for revision in 6..206 {
        line.change(revision, &[user(1, revision)], &[]);
    }
    for revision in 6..206 {
        assert_eq!(next_changes(&mut quick).await.revision, revision, "others do not wait for it");
    }
    tokio::time::advance(Duration::from_secs(31)).await;
    for _ in 0..100 {
        // so that its sender, too, sees what time it is before there is room again
        tokio::task::yield_now().await;
    }
    let held = rest(&mut slow).await;
    assert!(held.len() <= 4, "{} messages were kept for it", held.len());
    let mut last = 5;
    for event in held {
        if let Event::Changes(changes) = event {
            assert_eq!(changes.revision, last + 1, "in order, without a gap");
            last = changes.revision;
        }
    }
    let mut again = server(&stage).watch(Some(token(last))).await.unwrap();
    for revision in last + 1..206 {
        assert_eq!(next_changes(&mut again).await.revision, revision);
    }
}

#[tokio::test(start_paused = true)]
async fn draining_ends_feeds_and_takes_no_new_ones() {
    let (stage, _line) = Stage::showing(5, &[]).await;
    let drain = CancellationToken::new();
    let server = FeedServer::new(stage.replica.clone(), drain.clone());
    let mut feeds = vec![server.watch(None).await.unwrap(), server.watch(Some(token(5))).await.unwrap()];
    next_snapshot(&mut feeds[0]).await;
    next_heartbeat(&mut feeds[1]).await;
    drain.cancel();
    feeds.push(server.watch(None).await.unwrap());
    let began = Instant::now();
    for mut feed in feeds {
        rest(&mut feed).await;
    }
    assert_eq!(began.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_follower_that_is_ahead_is_waited_for_and_never_taken_back() {
    let (stage, line) = Stage::showing(5, &[user(1, 1)]).await;
    let ahead = server(&stage);
    let waiting = tokio::spawn(async move { ahead.watch(Some(token(8))).await.map(|feed| (feed, Instant::now())) });
    tokio::task::yield_now().await;
    line.change(8, &[user(1, 8)], &[]);
    line.change(9, &[user(1, 9)], &[]);
    let (mut feed, _) = waiting.await.unwrap().unwrap();
    assert_eq!(next_changes(&mut feed).await.revision, 9);
    let began = Instant::now();
    assert!(matches!(server(&stage).watch(Some(token(10))).await, Err(FeedError::NotSynced)));
    assert!((Duration::from_secs(1)..Duration::from_secs(5)).contains(&began.elapsed()), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_follower_of_another_store_is_refused_at_once() {
    let (stage, _line) = Stage::showing(5, &[]).await;
    for revision in [3, 5, 500] {
        let store = StoreId { epoch: 9, ..STORE };
        let foreign = ConsistencyToken { store, revision: reeve_model::Revision::new(revision) };
        let began = Instant::now();
        assert!(matches!(server(&stage).watch(Some(foreign)).await, Err(FeedError::ForeignToken)));
        assert_eq!(began.elapsed(), Duration::ZERO);
    }
}

#[tokio::test(start_paused = true)]
async fn a_replica_that_is_not_confirmed_serves_nobody() {
    let mut stage = Stage::new();
    assert!(matches!(server(&stage).watch(None).await, Err(FeedError::NotSynced)));
    let line = stage.opened().await;
    line.snapshot(5, &[]);
    stage.reached(5).await;
    assert!(matches!(server(&stage).watch(None).await, Err(FeedError::NotSynced)));
    line.tell(SourceEvent::Confirmed { token: token(5), age: Duration::ZERO, digest: None });
    stage.replica.ready().await;
    assert!(server(&stage).watch(None).await.is_ok());
}
