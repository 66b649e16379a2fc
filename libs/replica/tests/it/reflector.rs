//! The reflector against a source that lies, repeats itself, goes back and goes away.

use std::time::Duration;

use reeve_api::world as wire;
use reeve_model::{ConsistencyToken, Revision, StoreId};
use reeve_replica::{ReadError, SourceError, SourceEvent, StoredRecord};
use tokio::time::Instant;

use crate::records::{stored, user, user_id};
use crate::script::{STORE, Stage, digest, token};

const BOUND: Duration = Duration::from_secs(30);

fn changes(revision: u64, upserts: Vec<StoredRecord>, deletes: &[&str]) -> SourceEvent {
    let deletes = deletes.iter().map(|key| (*key).to_owned()).collect();
    SourceEvent::Changes { revision: Revision::new(revision), upserts, deletes }
}

/// The epochs of users 1 to 3 as the replica shows them.
fn shown(stage: &Stage) -> Vec<Option<u64>> {
    let view = stage.replica.view(BOUND).unwrap();
    (1..4).map(|n| view.world().user_by_id(&user_id(n)).map(|user| user.epoch.get())).collect()
}

#[tokio::test(start_paused = true)]
async fn nothing_is_answered_before_the_first_snapshot_is_complete_and_confirmed() {
    let mut stage = Stage::new();
    assert!(matches!(stage.replica.view(BOUND), Err(ReadError::NotSynced)));
    let line = stage.opened().await;
    assert_eq!(line.after, None);
    line.tell(SourceEvent::Begin);
    line.tell(SourceEvent::Records(vec![stored(&user(1, 1))]));
    drop(line);
    let line = stage.opened().await;
    assert_eq!(line.after, None, "half a snapshot is nothing to continue from");
    assert!(stage.replica.latest().is_none(), "nor to show");
    line.snapshot(5, &[user(1, 1)]);
    stage.reached(5).await;
    assert!(matches!(stage.replica.view(Duration::MAX), Err(ReadError::NotSynced)), "nobody said that it is current");
    line.confirm(5, Duration::ZERO);
    stage.replica.ready().await;
    assert_eq!(shown(&stage), [Some(1), None, None]);
}

#[tokio::test(start_paused = true)]
async fn changes_are_applied_and_confirmations_move_on() {
    let (stage, line) = Stage::showing(5, &[user(1, 1), user(2, 1)]).await;
    line.change(7, &[user(3, 1), user(1, 2)], &[user(2, 1)]);
    stage.reached(7).await;
    assert_eq!(shown(&stage), [Some(2), None, Some(1)]);
    line.confirm(9, Duration::ZERO);
    stage.reached(9).await;
    assert_eq!(stage.replica.latest().unwrap().token(), token(9));
    assert_eq!(stage.replica.latest().unwrap().digest().to_bytes(), digest(&[user(1, 2), user(3, 1)]));
}

/// Each of these, told after a good snapshot at revision 5 and a confirmation of revision 6, is refused.
fn lies() -> Vec<(&'static str, Vec<SourceEvent>)> {
    let good = || stored(&user(2, 1));
    let mut cut = good();
    cut.value.truncate(cut.value.len() - 1);
    let crossed = StoredRecord { key: stored(&user(3, 1)).key, ..good() };
    let confirmed = |digest| SourceEvent::Confirmed { token: token(6), age: Duration::ZERO, digest };
    let wrong = confirmed(Some(digest(&[user(1, 2)])));
    vec![
        ("a revision that was confirmed", vec![changes(6, vec![good()], &[])]),
        ("a revision before the snapshot", vec![changes(4, vec![good()], &[])]),
        ("a revision twice", vec![changes(7, vec![], &[]), changes(7, vec![good()], &[])]),
        ("a revision that goes back", vec![changes(9, vec![], &[]), changes(8, vec![good()], &[])]),
        ("a record outside a snapshot", vec![SourceEvent::Records(vec![good()])]),
        ("an end without a beginning", vec![SourceEvent::Complete(token(9))]),
        ("a past without a snapshot", vec![SourceEvent::Past(Revision::ZERO)]),
        ("a change inside a snapshot", vec![SourceEvent::Begin, changes(7, vec![good()], &[])]),
        ("a confirmation inside a snapshot", vec![SourceEvent::Begin, confirmed(None)]),
        ("a record that is cut short", vec![changes(7, vec![good(), cut], &[])]),
        ("a record at another's key", vec![changes(7, vec![good(), crossed], &[])]),
        ("a key that is none", vec![changes(7, vec![good()], &["world/nothing"])]),
        ("a key in another spelling", vec![changes(7, vec![], &[&stored(&user(1, 1)).key.to_uppercase()])]),
        ("a digest of other records", vec![wrong]),
        ("a digest of no length", vec![confirmed(Some(Vec::new()))]),
        (
            "bad records in a snapshot",
            vec![SourceEvent::Begin, SourceEvent::Records(vec![StoredRecord { key: "x".to_owned(), ..good() }])],
        ),
    ]
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_applied_is_not_applied_and_everything_is_read_anew() {
    for (lie, events) in lies() {
        let (mut stage, line) = Stage::showing(5, &[user(1, 1)]).await;
        line.confirm(6, Duration::ZERO);
        for event in events {
            line.tell(event);
        }
        let again = stage.opened().await;
        assert_eq!(again.after, None, "{lie}: from a snapshot");
        if lie.starts_with("a digest") {
            assert!(
                matches!(stage.replica.view(BOUND), Err(ReadError::Damaged)),
                "{lie}: nothing here is known to be good"
            );
        } else {
            assert_eq!(shown(&stage), [Some(1), None, None], "{lie}: what was good is served meanwhile");
            stage.clock.advance(BOUND + Duration::from_millis(1));
            assert!(matches!(stage.replica.view(BOUND), Err(ReadError::Stale { .. })), "{lie}: and ages");
        }
        again.snapshot(20, &[user(3, 3)]);
        again.confirm(20, Duration::ZERO);
        stage.reached(20).await;
        assert_eq!(shown(&stage), [None, None, Some(3)], "{lie}: a snapshot replaces everything");
    }
}

#[tokio::test(start_paused = true)]
async fn a_right_digest_is_accepted_also_after_a_removal() {
    let (stage, line) = Stage::showing(5, &[user(1, 1), user(2, 1)]).await;
    line.change(6, &[user(1, 2), user(3, 1)], &[user(2, 1)]);
    let digest = Some(digest(&[user(3, 1), user(1, 2)]));
    line.tell(SourceEvent::Confirmed { token: token(8), age: Duration::ZERO, digest });
    stage.reached(8).await;
}

#[tokio::test(start_paused = true)]
async fn a_source_that_goes_away_is_continued_from_where_it_was() {
    let (mut stage, line) = Stage::showing(5, &[user(1, 1)]).await;
    line.change(7, &[user(2, 1)], &[]);
    drop(line);
    let again = stage.opened().await;
    assert_eq!(again.after, Some(token(7)));
    again.fail(SourceError::Lost("the network".to_owned()));
    let again = stage.opened().await;
    assert_eq!(again.after, Some(token(7)));
    again.change(8, &[user(3, 1)], &[]);
    stage.reached(8).await;
    assert_eq!(shown(&stage), [Some(1), Some(1), Some(1)]);
    again.fail(SourceError::Compacted);
    assert_eq!(stage.opened().await.after, None, "what is no longer kept cannot be continued from");
}

#[tokio::test(start_paused = true)]
async fn a_replica_never_goes_back_and_says_so_until_the_source_has_caught_up() {
    let (mut stage, line) = Stage::showing(5, &[user(1, 5)]).await;
    line.fail(SourceError::Lost("restarted".to_owned()));
    let older = stage.opened().await;
    older.snapshot(4, &[user(1, 4)]);
    older.confirm(4, Duration::ZERO);
    let mut line = stage.opened().await;
    assert_eq!(line.after, None);
    assert!(matches!(stage.replica.view(BOUND), Err(ReadError::Regressed)));
    assert_eq!(stage.replica.latest().unwrap().token(), token(5));
    for behind in
        [SourceEvent::Confirmed { token: token(4), age: Duration::ZERO, digest: None }, SourceEvent::Complete(token(4))]
    {
        line.tell(SourceEvent::Begin);
        line.tell(behind);
        line = stage.opened().await;
        assert!(matches!(stage.replica.view(BOUND), Err(ReadError::Regressed)));
    }
    line.fail(SourceError::Lost("the network".to_owned()));
    line = stage.opened().await;
    assert!(matches!(stage.replica.view(BOUND), Err(ReadError::Regressed)), "being lost is not having caught up");
    line.snapshot(6, &[user(1, 6)]);
    line.confirm(6, Duration::ZERO);
    stage.reached(6).await;
    assert_eq!(shown(&stage), [Some(6), None, None]);
}

#[tokio::test(start_paused = true)]
async fn a_confirmation_of_an_older_revision_is_a_regression() {
    let (mut stage, line) = Stage::showing(5, &[user(1, 5)]).await;
    line.confirm(4, Duration::ZERO);
    assert_eq!(stage.opened().await.after, None);
    assert!(matches!(stage.replica.view(BOUND), Err(ReadError::Regressed)));
}

#[tokio::test(start_paused = true)]
async fn a_source_that_says_that_it_is_behind_is_a_regression() {
    let (mut stage, line) = Stage::showing(5, &[user(1, 5)]).await;
    line.fail(SourceError::Regressed("at 3".to_owned()));
    let line = stage.opened().await;
    assert_eq!(line.after, None, "its revisions may be others by now: it is read anew");
    assert!(matches!(stage.replica.view(BOUND), Err(ReadError::Regressed)));
    line.snapshot(5, &[user(1, 6)]);
    stage.reached(5).await;
    line.confirm(7, Duration::ZERO);
    stage.reached(7).await;
    assert_eq!(shown(&stage), [Some(6), None, None]);
}

#[tokio::test(start_paused = true)]
async fn another_store_is_never_taken_for_this_one() {
    for store in [StoreId { epoch: 2, ..STORE }, StoreId { uuid: uuid::Uuid::from_u128(0xbb), ..STORE }] {
        let foreign = ConsistencyToken { store, revision: Revision::new(100) };
        let (mut stage, line) = Stage::showing(5, &[user(1, 5)]).await;
        line.tell(SourceEvent::Confirmed { token: foreign, age: Duration::ZERO, digest: None });
        let line = stage.opened().await;
        assert!(matches!(stage.replica.view(BOUND), Err(ReadError::Replaced)));
        line.tell(SourceEvent::Begin);
        line.tell(SourceEvent::Complete(foreign));
        stage.opened().await;
        assert!(matches!(stage.replica.view(BOUND), Err(ReadError::Replaced)));
        assert_eq!(stage.replica.latest().unwrap().token(), token(5));
    }
}

#[tokio::test(start_paused = true)]
async fn a_replica_that_is_read_anew_is_as_old_as_it_was_until_it_is_confirmed() {
    let (mut stage, line) = Stage::showing(5, &[user(1, 1)]).await;
    stage.clock.advance(Duration::from_secs(20));
    line.fail(SourceError::Compacted);
    let line = stage.opened().await;
    line.snapshot(6, &[user(1, 2)]);
    stage.reached(6).await;
    assert_eq!(stage.replica.view(BOUND).unwrap().age(), Duration::from_secs(20));
    line.confirm(6, Duration::from_secs(2));
    line.confirm(7, Duration::from_secs(3));
    stage.reached(7).await;
    assert_eq!(stage.replica.view(BOUND).unwrap().age(), Duration::from_secs(2), "as young as anybody proved");
}

#[tokio::test(start_paused = true)]
async fn a_source_that_says_it_is_of_another_store_stops_the_answers_until_the_own_one_is_back() {
    let (mut stage, line) = Stage::showing(5, &[user(1, 1)]).await;
    line.fail(SourceError::Foreign("FOREIGN_TOKEN".to_owned()));
    for _ in 0..3 {
        let line = stage.opened().await;
        assert_eq!(line.after, Some(token(5)), "nothing of another store is asked for");
        assert!(matches!(stage.replica.view(BOUND), Err(ReadError::Replaced)));
        assert!(stage.replica.trouble().unwrap().contains("another store"));
        line.fail(SourceError::Foreign("FOREIGN_TOKEN".to_owned()));
    }
    let line = stage.opened().await;
    line.confirm(6, Duration::ZERO);
    stage.reached(6).await;
    assert_eq!(shown(&stage), [Some(1), None, None], "it was a wrong address, and the next was right");
    assert_eq!(stage.replica.trouble(), None);
}

/// A record of user 3 that this version cannot read, each for another reason, and what is said of it.
fn unreadable() -> Vec<(StoredRecord, &'static str)> {
    let record = |change: fn(&mut wire::Record)| {
        let mut message = <wire::Record as prost::Message>::decode(stored(&user(3, 1)).value).unwrap();
        change(&mut message);
        prost::Message::encode_to_vec(&message)
    };
    let newer = record(|record| record.schema = 2);
    let broken = vec![0xff; 9];
    // field 1000, which no version knows: a varint
    let unknown = [record(|_| {}), vec![0xc0, 0x3e, 0x01]].concat();
    let with = |value: Vec<u8>| StoredRecord { value: value.into(), ..stored(&user(3, 1)) };
    vec![(with(newer), "is of schema 2"), (with(broken), "holds no record"), (with(unknown), "does not know")]
}

#[tokio::test(start_paused = true)]
async fn a_record_that_cannot_be_read_is_named_whenever_it_comes() {
    for (record, why) in unreadable() {
        let named = |stage: &Stage| {
            let trouble = stage.replica.trouble().unwrap_or_default();
            assert!(trouble.contains(&record.key) && trouble.contains(why), "{trouble}");
        };
        let mut stage = Stage::new();
        let line = stage.opened().await;
        line.tell(SourceEvent::Begin);
        line.tell(SourceEvent::Records(vec![record.clone()]));
        stage.opened().await;
        named(&stage);
        assert!(matches!(stage.replica.view(BOUND), Err(ReadError::NotSynced)));

        let (mut stage, line) = Stage::showing(5, &[user(1, 1)]).await;
        line.tell(changes(6, vec![record.clone()], &[]));
        stage.opened().await;
        named(&stage);
        assert_eq!(shown(&stage), [Some(1), None, None], "{why}: what was good is served");
        stage.clock.advance(BOUND + Duration::from_millis(1));
        assert!(matches!(stage.replica.view(BOUND), Err(ReadError::Stale { .. })), "{why}: until it is too old");
        named(&stage);
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_seen_to_be_removed_is_known_to_be_gone() {
    let (stage, line) = Stage::showing(5, &[user(1, 1), user(2, 1)]).await;
    line.change(6, &[], &[user(1, 1)]);
    stage.reached(6).await;
    assert!(stage.replica.saw_removed(&user(1, 1).key()));
    assert!(!stage.replica.saw_removed(&user(2, 1).key()), "it is there");
    assert!(!stage.replica.saw_removed(&user(3, 1).key()), "it may be to come");
}

#[tokio::test(start_paused = true)]
async fn those_who_lost_the_same_source_come_back_one_by_one_and_soon() {
    let mut pauses = Vec::new();
    for _ in 0..20 {
        let (mut stage, mut line) = Stage::showing(5, &[user(1, 1)]).await;
        let began = Instant::now();
        for _ in 0..8 {
            line.fail(SourceError::Lost("the network".to_owned()));
            line = stage.opened().await;
        }
        pauses.push(began.elapsed());
    }
    let (shortest, longest) = (pauses.iter().min().unwrap(), pauses.iter().max().unwrap());
    assert!(shortest != longest, "all at once: {shortest:?}");
    assert!(*longest < Duration::from_secs(6), "eight pauses, none longer than a second: {longest:?}");
}
