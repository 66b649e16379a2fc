//! A moment is for whoever is somebody in it, however they were known before.

use std::sync::atomic::Ordering;
use std::time::Duration;

use http::Extensions;
use reeve_answers::Purpose;
use reeve_api::api::{Consistency, consistency::Requirement};
use reeve_chassis::{Access, Authenticate, Failure, On, Row, need};
use reeve_model::{GroupId, PrincipalId, Resource};
use reeve_rbac::Permission;
use reeve_world::{EndedSession, Record, RecordKey};

use crate::stage::{NOW, Stage, bearing, session_id, token, user, user_id, why};

static CREATE_USER: Row = Row {
    method: "/reeve.identity.v1.UserService/CreateUser",
    access: Access::Need(Permission::USER_ADMINISTER, On::Cluster),
};

fn ended(number: u128) -> Record {
    Record::EndedSession(EndedSession { sid: session_id(number), forget_time: NOW })
}

#[tokio::test(start_paused = true)]
async fn a_read_that_comes_after_the_end_of_its_session_is_refused_also_when_it_was_let_in_before() {
    let stage = Stage::over_a_store().await;
    let alice = stage.signed_in(1, 0);
    stage.reader.authenticate(&alice).await.unwrap();
    stage.change(6, &[ended(1)], &[]);
    stage.reached(6).await;
    for consistency in [None, Some(Requirement::AtLeastAsFresh(token(6).to_string()))] {
        let consistency = consistency.map(|requirement| Consistency { requirement: Some(requirement) });
        let read = stage.reader.at(&bearing(&alice), consistency.as_ref(), Purpose::Decision).await;
        assert_eq!(why(read), "SESSION_ENDED");
    }
}

#[tokio::test(start_paused = true)]
async fn a_write_that_was_let_in_by_an_older_state_is_refused_by_the_one_that_decides() {
    let cases: [(Record, &str); 2] = [(ended(1), "SESSION_ENDED"), (user(1, 1), "TOKEN_REVOKED")];
    for (end, reason) in cases {
        let stage = Stage::over_a_store().await;
        let alice = stage.signed_in(1, 0);
        // another replica has ended it; this one has not seen that yet
        stage.store.at.store(6, Ordering::SeqCst);
        stage.reader.authenticate(&alice).await.unwrap();
        let reader = stage.reader.clone();
        let write =
            tokio::spawn(async move { reader.newest(&bearing(&alice), Purpose::Administration).await.map(drop) });
        tokio::task::yield_now().await;
        stage.change(6, &[end], &[]);
        assert_eq!(why(write.await.unwrap()), reason);
    }
}

#[tokio::test(start_paused = true)]
async fn a_write_whose_state_does_not_come_is_not_made_by_an_older_one() {
    let stage = Stage::over_a_store().await;
    stage.store.at.store(6, Ordering::SeqCst);
    let alice = bearing(&stage.signed_in(1, 0));
    assert_eq!(why(stage.reader.newest(&alice, Purpose::Administration).await), "NOT_SYNCED");
    stage.store.at.store(0, Ordering::SeqCst);
    assert_eq!(why(stage.reader.newest(&alice, Purpose::Administration).await), "STORE_UNAVAILABLE");
}

#[tokio::test(start_paused = true)]
async fn there_is_no_moment_without_a_bearer() {
    let (stage, nobody) = (Stage::over_a_store().await, tonic::metadata::MetadataMap::new());
    assert_eq!(why(stage.reader.at(&nobody, None, Purpose::Decision).await), "TOKEN_MISSING");
    assert_eq!(why(stage.reader.newest(&nobody, Purpose::Administration).await), "TOKEN_MISSING");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_takes_its_time_is_allowed_again() {
    let alone = RecordKey::Membership(GroupId::ADMINS, PrincipalId::User(user_id(1)));
    let cases: [(&[Record], &[RecordKey], &str); 3] =
        [(&[], &[alone], "PERMISSION_DENIED"), (&[ended(1)], &[], "SESSION_ENDED"), (&[user(2, 0)], &[], "")];
    for (upserts, deletes, reason) in cases {
        let stage = Stage::over_a_store().await;
        let alice = stage.signed_in(1, 0);
        let moment = stage.reader.newest(&bearing(&alice), Purpose::Administration).await.unwrap();
        let mut extensions = Extensions::new();
        extensions.insert(stage.reader.authenticate(&alice).await.unwrap());
        let granted = need(&extensions, &CREATE_USER, &moment, &Resource::cluster()).unwrap();
        stage.clock.advance(Duration::from_secs(1));
        stage.store.at.store(6, Ordering::SeqCst);
        stage.change(6, upserts, deletes);
        let again = stage.reader.again(&moment, &granted).await;
        match reason {
            "" => assert_eq!(again.map(|moment| moment.revision().get()).map_err(text), Ok(6)),
            reason => assert_eq!(why(again), reason),
        }
    }
}

fn text(failure: Failure) -> String {
    format!("{failure:?}")
}

#[tokio::test(start_paused = true)]
async fn who_follows_a_feed_says_that_it_cannot_ask_the_store() {
    let stage = Stage::beside_a_feed().await;
    let consistency = Consistency { requirement: Some(Requirement::FullyConsistent(true)) };
    let read = stage.reader.at(&bearing(&stage.signed_in(1, 0)), Some(&consistency), Purpose::Decision).await;
    assert_eq!(why(read), "NO_STORE");
}
