//! Readiness says exactly whether decisions are made, and what stands against it.

use std::time::Duration;

use reeve_chassis::{Readiness, Serving};
use reeve_replica::{SourceError, SourceEvent, StoredRecord};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::stage::{Stage, token, user_id};

/// Longer than it takes to look.
const A_WHILE: Duration = Duration::from_secs(1);

async fn reported(stage: &Stage) -> (Readiness, DropGuard) {
    let (readiness, end) = (Readiness::new(), CancellationToken::new());
    tokio::spawn(stage.reader.clone().report(readiness.clone(), end.clone()));
    tokio::time::sleep(A_WHILE).await;
    (readiness, end.drop_guard())
}

/// Why it is not ready.
fn why_not(readiness: &Readiness) -> String {
    match readiness.overall() {
        Serving::No(why) => why,
        Serving::Yes => panic!("it is ready"),
    }
}

fn unreadable() -> StoredRecord {
    StoredRecord { key: format!("world/user/{}", user_id(7)), value: vec![0xff; 9].into() }
}

#[tokio::test(start_paused = true)]
async fn a_record_that_cannot_be_read_at_the_start_is_named() {
    let stage = Stage::empty(true);
    let (readiness, _end) = reported(&stage).await;
    assert!(why_not(&readiness).contains("not reached"), "{}", why_not(&readiness));
    stage.tell(SourceEvent::Begin);
    stage.tell(SourceEvent::Records(vec![unreadable()]));
    tokio::time::sleep(A_WHILE).await;
    let why = why_not(&readiness);
    assert!(why.contains(&unreadable().key), "{why}");
}

#[tokio::test(start_paused = true)]
async fn a_record_that_cannot_be_read_later_is_named_when_decisions_end() {
    let stage = Stage::over_a_store().await;
    let (readiness, _end) = reported(&stage).await;
    assert!(readiness.is_serving());
    stage.tell(SourceEvent::Changes { revision: token(6).revision, upserts: vec![unreadable()], deletes: vec![] });
    tokio::time::sleep(A_WHILE).await;
    assert!(readiness.is_serving(), "what was good is decided by, until it is too old");
    stage.clock.advance(Duration::from_mins(6));
    tokio::time::sleep(A_WHILE).await;
    let why = why_not(&readiness);
    assert!(why.contains(&unreadable().key) && why.contains("ago"), "{why}");
}

#[tokio::test(start_paused = true)]
async fn a_source_of_another_store_is_told_at_once_with_what_to_do() {
    let stage = Stage::beside_a_feed().await;
    let (readiness, _end) = reported(&stage).await;
    stage.fail(SourceError::Foreign("its token is rt1.other".to_owned()));
    tokio::time::sleep(A_WHILE).await;
    let why = why_not(&readiness);
    assert!(why.contains("restart") && why.contains("rt1.other"), "{why}");
}

#[tokio::test(start_paused = true)]
async fn it_is_ready_as_long_as_decisions_are_made_also_without_the_store() {
    let stage = Stage::over_a_store().await;
    let (readiness, _end) = reported(&stage).await;
    // longer than administration goes on
    stage.clock.advance(Duration::from_mins(4));
    tokio::time::sleep(A_WHILE).await;
    assert!(readiness.is_serving());
    stage.clock.advance(Duration::from_mins(2));
    tokio::time::sleep(A_WHILE).await;
    assert!(why_not(&readiness).contains("confirmed"));
}
