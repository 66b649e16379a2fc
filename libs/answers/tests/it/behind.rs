//! Tokens that a replica does not know yet: awaited, within bounds, and never said to have ended.

use std::sync::atomic::Ordering;
use std::time::Duration;

use reeve_answers::Reader;
use reeve_chassis::{Authenticate, Caller, Failure};
use reeve_model::Epoch;
use reeve_world::{Access, Record, RecordKey, User};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::stage::{Stage, robot, user, user_id, why};

/// The longest that a token is waited for.
const A_SECOND: Duration = Duration::from_secs(1);

/// A call with this token, begun.
async fn calls(reader: &Reader, token: &str) -> JoinHandle<Result<Caller, Failure>> {
    let (reader, token) = (reader.clone(), token.to_owned());
    let call = tokio::spawn(async move { reader.authenticate(&token).await });
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    call
}

/// A token, and what must be written before it holds.
async fn to_come(stage: &Stage) -> Vec<(&'static str, String, Vec<Record>)> {
    let (robots, records, _) = robot(1);
    // what came before: user 3 was deactivated, with a new epoch
    let Record::User(carol) = user(3, 4) else { panic!("a user") };
    stage.change(6, &[Record::User(User { active: false, ..carol })], &[]);
    stage.confirm(6);
    stage.reached(6).await;
    stage.store.at.store(6, Ordering::SeqCst);
    vec![
        ("a robot's token", robots, records.to_vec()),
        ("a new user", stage.signed_in(2, 0), vec![user(2, 0)]),
        ("a new epoch", stage.signed_in(1, 1), vec![user(1, 1)]),
        ("a user who was let in again", stage.signed_in(3, 4), vec![user(3, 4)]),
    ]
}

#[tokio::test(start_paused = true)]
async fn a_token_that_was_made_elsewhere_just_now_holds_as_soon_as_it_is_seen() {
    for case in 0..4 {
        for asks in [true, false] {
            let stage = if asks { Stage::over_a_store().await } else { Stage::beside_a_feed().await };
            let (what, token, records) = to_come(&stage).await.swap_remove(case);
            stage.clock.advance(A_SECOND);
            stage.store.at.store(7, Ordering::SeqCst);
            let call = calls(&stage.reader, &token).await;
            assert!(!call.is_finished(), "{what}: it is waited for");
            stage.change(7, &records, &[]);
            assert!(call.await.unwrap().is_ok(), "{what}");
        }
    }
}

/// What the age that a feed tells may leave out.
const FEED_MARGIN: Duration = Duration::from_millis(500);

#[tokio::test(start_paused = true)]
async fn a_token_that_does_not_come_is_refused_by_who_is_current_and_by_nobody_else() {
    let said = ["TOKEN_MALFORMED", "TOKEN_REVOKED", "TOKEN_REVOKED", "USER_INACTIVE"];
    for (case, said) in said.into_iter().enumerate() {
        // the store says that there is nothing new
        let stage = Stage::over_a_store().await;
        let (what, token, _) = to_come(&stage).await.swap_remove(case);
        stage.clock.advance(A_SECOND);
        assert_eq!(why(stage.reader.authenticate(&token).await), said, "{what}");
        // the store is ahead, and what it has does not come; or it is away
        for store in [9, 0] {
            stage.clock.advance(A_SECOND);
            stage.store.at.store(store, Ordering::SeqCst);
            let began = Instant::now();
            assert_eq!(why(stage.reader.authenticate(&token).await), "NOT_SYNCED", "{what}");
            assert!(began.elapsed() <= A_SECOND, "{what}");
        }
        // a feed says that there was nothing new after the call came
        let stage = Stage::beside_a_feed().await;
        let (what, token, _) = to_come(&stage).await.swap_remove(case);
        stage.clock.advance(A_SECOND);
        let call = calls(&stage.reader, &token).await;
        for on_the_way in [Duration::ZERO, FEED_MARGIN] {
            stage.clock.advance(on_the_way);
            stage.confirm(6);
            for _ in 0..10 {
                tokio::task::yield_now().await;
            }
            assert!(
                !call.is_finished(),
                "{what}: a confirmation that was {on_the_way:?} on its way may be from before it"
            );
        }
        stage.clock.advance(Duration::from_millis(1));
        stage.confirm(6);
        assert_eq!(why(call.await.unwrap()), said, "{what}");
    }
}

#[tokio::test(start_paused = true)]
async fn who_follows_a_feed_that_says_nothing_knows_no_token_to_be_forged_for_long() {
    let stage = Stage::beside_a_feed().await;
    let (made_up, _, _) = robot(9);
    stage.clock.advance(Duration::from_secs(9));
    assert_eq!(why(stage.reader.authenticate(&made_up).await), "TOKEN_MALFORMED", "nearly current");
    stage.clock.advance(Duration::from_secs(9));
    assert_eq!(why(stage.reader.authenticate(&made_up).await), "NOT_SYNCED", "it may have been made since");
    let genuine = stage.signed_in(2, 0);
    assert_eq!(why(stage.reader.authenticate(&genuine).await), "NOT_SYNCED");
}

#[tokio::test(start_paused = true)]
async fn what_has_ended_is_refused_at_once() {
    let stage = Stage::over_a_store().await;
    let (text, records, key) = robot(1);
    let (old, gone) = (stage.signed_in(1, 0), stage.signed_in(2, 0));
    stage.change(6, &[records.as_slice(), &[user(2, 0)]].concat(), &[]);
    let access = Record::Access(Access { epoch: Epoch::default() });
    stage.change(7, &[user(1, 1), access], &[key, RecordKey::User(user_id(2))]);
    stage.confirm(7);
    stage.reached(7).await;
    stage.clock.advance(A_SECOND);
    // the store would say nothing
    stage.store.at.store(0, Ordering::SeqCst);
    for (token, said) in [(&text, "TOKEN_MALFORMED"), (&old, "TOKEN_REVOKED"), (&gone, "TOKEN_REVOKED")] {
        let began = Instant::now();
        assert_eq!(why(stage.reader.authenticate(token).await), said);
        assert_eq!(began.elapsed(), Duration::ZERO);
    }
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_forged_tokens_holds_few_places_and_floods_no_store() {
    let stage = Stage::over_a_store().await;
    // the store is ahead of what comes here: everybody waits
    stage.store.at.store(7, Ordering::SeqCst);
    stage.clock.advance(A_SECOND);
    let mut waiting = Vec::new();
    let mut refused = 0;
    for seed in 0..500 {
        let call = calls(&stage.reader, &robot(seed).0).await;
        if call.is_finished() {
            assert_eq!(why(call.await.unwrap()), "TOO_BUSY", "not that it is nobody's: that was not found out");
            refused += 1;
        } else {
            waiting.push(call);
        }
    }
    assert_eq!((waiting.len(), refused), (32, 468));
    // whose token is genuine waits in a place of their own, and gets in
    let genuine = calls(&stage.reader, &stage.signed_in(2, 0)).await;
    assert!(!genuine.is_finished());
    stage.change(7, &[user(2, 0)], &[]);
    assert!(genuine.await.unwrap().is_ok());
    // who is known waits for nobody
    assert!(calls(&stage.reader, &stage.signed_in(1, 0)).await.is_finished());
    let began = Instant::now();
    for call in waiting {
        assert!(["TOKEN_MALFORMED", "NOT_SYNCED"].contains(&why(call.await.unwrap()).as_str()));
    }
    assert!(began.elapsed() <= A_SECOND);
    let asked = stage.store.asked.load(Ordering::SeqCst);
    assert!(asked <= 11, "ten times a second at most, for all of them: {asked}");
}
