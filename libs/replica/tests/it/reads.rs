//! Readers: how old an answer may be, and how new it must be.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use reeve_model::{Consistency, ConsistencyToken, ManualClock, Revision, StoreId, Timestamp};
use reeve_replica::{Barrier, ReadError, SourceError, View};
use tokio::time::Instant;

use crate::records::{NOW, user};
use crate::script::{Line, STORE, Stage, token};

const BOUND: Duration = Duration::from_secs(30);
const WAIT: Duration = Duration::from_secs(2);

#[tokio::test(start_paused = true)]
async fn an_answer_is_as_old_as_its_confirmation_and_the_time_since() {
    let (stage, line) = Stage::showing(5, &[user(1, 1)]).await;
    line.confirm(6, Duration::from_secs(10));
    stage.reached(6).await;
    let age = || stage.replica.view(BOUND).map(|view| view.age());
    assert_eq!(age().unwrap(), Duration::ZERO, "it was confirmed more recently before");
    stage.clock.advance(Duration::from_secs(25));
    line.confirm(7, Duration::from_secs(3));
    stage.reached(7).await;
    assert_eq!(age().unwrap(), Duration::from_secs(3));
    stage.clock.advance(Duration::from_secs(27));
    assert_eq!(age().unwrap(), BOUND, "the bound itself is allowed");
    stage.clock.advance(Duration::from_millis(1));
    assert!(matches!(age(), Err(ReadError::Stale { .. })));
    assert_eq!(stage.replica.view(Duration::from_mins(5)).unwrap().revision(), Revision::new(7), "to who allows more");
    line.confirm(7, Duration::from_millis(1));
    let mut progress = age();
    while progress.is_err() {
        tokio::task::yield_now().await;
        progress = age();
    }
    assert_eq!(progress.unwrap(), Duration::from_millis(1));
}

#[tokio::test(start_paused = true)]
async fn a_wall_clock_that_jumps_makes_nothing_younger_or_older() {
    let (stage, _line) = Stage::showing(5, &[user(1, 1)]).await;
    stage.clock.advance(Duration::from_secs(10));
    for wall in [0, i64::MAX, i64::MIN, 1_000_000_000_000] {
        stage.clock.set_wall(Timestamp::from_millis(wall));
        assert_eq!(stage.replica.view(BOUND).unwrap().age(), Duration::from_secs(10));
    }
    stage.clock.advance(Duration::from_secs(21));
    stage.clock.set_wall(Timestamp::from_millis(0));
    assert!(matches!(stage.replica.view(BOUND), Err(ReadError::Stale { .. })));
}

#[tokio::test(start_paused = true)]
async fn a_confirmation_from_before_this_machine_started_is_as_old_as_the_machine() {
    let mut stage = Stage::new();
    let line = stage.opened().await;
    line.snapshot(5, &[user(1, 1)]);
    line.confirm(5, Duration::MAX);
    stage.replica.ready().await;
    assert!(matches!(stage.replica.view(BOUND), Err(ReadError::Stale { .. })));
}

#[tokio::test(start_paused = true)]
async fn a_reader_waits_for_the_write_that_it_names() {
    let (stage, line) = Stage::showing(5, &[user(1, 1)]).await;
    let (replica, asked) = (stage.replica.clone(), Consistency::AtLeastAsFresh(token(9)));
    let reader = tokio::spawn(async move { replica.view_at(asked, BOUND, WAIT).await });
    for revision in [7, 8, 9] {
        tokio::task::yield_now().await;
        assert!(!reader.is_finished(), "not before {revision}");
        line.change(revision, &[user(1, revision)], &[]);
        stage.reached(revision).await;
    }
    let view = reader.await.unwrap().unwrap();
    assert!(view.revision() >= Revision::new(9));
}

#[tokio::test(start_paused = true)]
async fn a_progress_without_changes_is_enough_for_a_reader_that_waits() {
    let (stage, line) = Stage::showing(5, &[user(1, 1)]).await;
    line.confirm(9, Duration::ZERO);
    let view = stage.replica.view_at(Consistency::AtLeastAsFresh(token(9)), BOUND, WAIT).await.unwrap();
    assert_eq!(view.revision(), Revision::new(9));
}

#[tokio::test(start_paused = true)]
async fn a_reader_does_not_wait_for_ever() {
    let (stage, _line) = Stage::showing(5, &[user(1, 1)]).await;
    let began = Instant::now();
    let error = stage.replica.view_at(Consistency::AtLeastAsFresh(token(6)), BOUND, WAIT).await.unwrap_err();
    assert!(matches!(error, ReadError::NotSynced));
    assert_eq!(began.elapsed(), WAIT);
}

#[tokio::test(start_paused = true)]
async fn a_state_that_is_new_enough_and_too_old_is_too_old() {
    let (stage, _line) = Stage::showing(5, &[user(1, 1)]).await;
    stage.clock.advance(BOUND * 2);
    let error = stage.replica.view_at(Consistency::AtLeastAsFresh(token(5)), BOUND, WAIT).await.unwrap_err();
    assert!(matches!(error, ReadError::Stale { .. }));
}

#[tokio::test(start_paused = true)]
async fn a_token_of_another_store_is_refused_at_once_whatever_its_revision() {
    let (stage, _line) = Stage::showing(5, &[user(1, 1)]).await;
    for store in [StoreId { epoch: 0, ..STORE }, StoreId { uuid: uuid::Uuid::from_u128(1), ..STORE }] {
        for revision in [0, 5, 1_000_000] {
            let token = ConsistencyToken { store, revision: Revision::new(revision) };
            let began = Instant::now();
            let error = stage.replica.view_at(Consistency::AtLeastAsFresh(token), BOUND, WAIT).await.unwrap_err();
            assert!(matches!(error, ReadError::ForeignToken), "{error}");
            assert_eq!(began.elapsed(), Duration::ZERO);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_of_another_store_is_refused_also_by_who_waited_for_the_first_snapshot() {
    let mut stage = Stage::new();
    let foreign = ConsistencyToken { store: StoreId { epoch: 7, ..STORE }, revision: Revision::new(1) };
    let replica = stage.replica.clone();
    let reader = tokio::spawn(async move { replica.view_at(Consistency::AtLeastAsFresh(foreign), BOUND, WAIT).await });
    let line = stage.opened().await;
    line.snapshot(5, &[]);
    line.confirm(5, Duration::ZERO);
    assert!(matches!(reader.await.unwrap(), Err(ReadError::ForeignToken)));
}

/// What the store answers when it is asked what is current.
enum Asked {
    At(u64),
    Never,
    Failed,
    Replaced,
}

#[async_trait]
impl Barrier for Asked {
    async fn barrier(&self) -> Result<Revision, SourceError> {
        match self {
            Self::At(revision) => Ok(Revision::new(*revision)),
            Self::Never => std::future::pending().await,
            Self::Failed => Err(SourceError::Lost("the store is away".to_owned())),
            Self::Replaced => Err(SourceError::Foreign("it is another one".to_owned())),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn who_asks_for_the_present_gets_it_or_nothing() {
    let cases: [(Option<Asked>, &str); 6] = [
        (Some(Asked::At(5)), "revision 5"),
        (Some(Asked::At(6)), "the replica has not reached the state asked for"),
        (Some(Asked::Never), "the replica has not reached the state asked for"),
        (Some(Asked::Failed), "the store did not answer: the store is away"),
        (Some(Asked::Replaced), "what this replica follows is of another store"),
        (None, "this replica follows a feed and cannot ask the store"),
    ];
    for (asked, expected) in cases {
        let mut stage = Stage::with(asked.map(|asked| Arc::new(asked) as Arc<dyn Barrier>));
        let line = stage.opened().await;
        line.snapshot(5, &[]);
        line.confirm(5, Duration::ZERO);
        stage.replica.ready().await;
        let told = match stage.replica.view_at(Consistency::FullyConsistent, BOUND, WAIT).await {
            Ok(view) => format!("revision {}", view.revision()),
            Err(error) => error.to_string(),
        };
        assert!(told.starts_with(expected), "{told}");
    }
}

/// A store that tells who follows it where it is whenever it is asked, as ticks do, and counts that.
#[derive(Default)]
struct Telling {
    line: Mutex<Option<Line>>,
    at: u64,
    asked: AtomicU64,
}

#[async_trait]
impl Barrier for Telling {
    async fn barrier(&self) -> Result<Revision, SourceError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.line.lock().unwrap().as_ref().unwrap().confirm(self.at, Duration::ZERO);
        Ok(Revision::new(self.at))
    }
}

/// A reader of a replica at five who names a write at nine, which the store tells of if it is asked.
async fn named_nine(tell_first: bool) -> (View, u64, Duration) {
    let store = Arc::new(Telling { at: 9, ..Telling::default() });
    let mut stage = Stage::with(Some(store.clone()));
    let line = stage.opened().await;
    line.snapshot(5, &[user(1, 1)]);
    line.confirm(5, Duration::ZERO);
    stage.replica.ready().await;
    if tell_first {
        line.change(9, &[user(1, 9)], &[]);
    }
    *store.line.lock().unwrap() = Some(line);
    let began = Instant::now();
    let view = stage.replica.view_at(Consistency::AtLeastAsFresh(token(9)), BOUND, WAIT).await.unwrap();
    (view, store.asked.load(Ordering::SeqCst), began.elapsed())
}

#[tokio::test(start_paused = true)]
async fn a_write_of_nothing_that_is_published_is_reached_by_asking_where_the_store_is() {
    let (view, asked, after) = named_nine(false).await;
    assert_eq!((view.revision(), asked), (Revision::new(9), 1));
    assert!(after < WAIT / 10, "{after:?}");
}

#[tokio::test(start_paused = true)]
async fn a_write_that_comes_by_itself_asks_nobody() {
    let (view, asked, _) = named_nine(true).await;
    assert_eq!((view.revision(), asked), (Revision::new(9), 0));
}

/// A store that says where it is, and when it was asked.
struct Present {
    at: AtomicU64,
    clock: Arc<ManualClock>,
    takes: Duration,
}

#[async_trait]
impl Barrier for Present {
    async fn barrier(&self) -> Result<Revision, SourceError> {
        let at = Revision::new(self.at.load(Ordering::SeqCst));
        self.clock.advance(self.takes);
        Ok(at)
    }
}

/// A replica of a store that was last heard of an hour ago at revision 5, and is asked at `at`, which takes a second.
async fn asked_after_an_hour(at: u64) -> (Stage, Line) {
    let clock = Arc::new(ManualClock::at(NOW));
    let takes = Duration::from_secs(1);
    let present = Arc::new(Present { at: AtomicU64::new(at), clock: clock.clone(), takes });
    let mut stage = Stage::by(clock, Some(present));
    let line = stage.opened().await;
    line.snapshot(5, &[user(1, 1)]);
    line.confirm(5, Duration::ZERO);
    stage.replica.ready().await;
    stage.clock.advance(Duration::from_hours(1));
    (stage, line)
}

#[tokio::test(start_paused = true)]
async fn who_has_asked_the_store_has_an_answer_as_old_as_the_question() {
    let (stage, line) = asked_after_an_hour(5).await;
    assert!(matches!(stage.replica.view(BOUND), Err(ReadError::Stale { .. })));
    let view = stage.replica.view_at(Consistency::FullyConsistent, BOUND, WAIT).await.unwrap();
    assert_eq!(view.age(), Duration::from_secs(1), "not younger than when the store was asked");
    assert_eq!(stage.replica.view(BOUND).unwrap().age(), view.age(), "and so it is for everybody");
    line.change(6, &[user(1, 2)], &[]);
    stage.reached(6).await;
    stage.clock.advance(Duration::from_secs(2));
    assert_eq!(stage.replica.view(BOUND).unwrap().age(), Duration::from_secs(3), "what follows it has it too");
}

#[tokio::test(start_paused = true)]
async fn a_question_whose_answer_was_not_reached_confirms_nothing() {
    let (stage, _line) = asked_after_an_hour(6).await;
    let told = stage.replica.view_at(Consistency::FullyConsistent, BOUND, WAIT).await;
    assert!(matches!(told, Err(ReadError::NotSynced)), "{told:?}");
    assert!(matches!(stage.replica.view(BOUND), Err(ReadError::Stale { .. })));
}

#[tokio::test(start_paused = true)]
async fn a_store_that_says_it_is_behind_what_was_served_stops_the_answers() {
    let (stage, line) = asked_after_an_hour(4).await;
    let told = stage.replica.view_at(Consistency::FullyConsistent, Duration::MAX, WAIT).await;
    assert!(matches!(told, Err(ReadError::Regressed)), "{told:?}");
    assert!(matches!(stage.replica.view(Duration::MAX), Err(ReadError::Regressed)));
    assert!(stage.replica.trouble().unwrap().contains("behind"), "{:?}", stage.replica.trouble());
    line.confirm(7, Duration::ZERO);
    stage.reached(7).await;
    assert!(stage.replica.view(BOUND).is_ok());
    assert_eq!(stage.replica.trouble(), None);
}
