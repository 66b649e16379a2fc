//! Refresh tokens: what they carry, what proves them, how they rotate.

use std::time::Duration;

use proptest::prelude::*;
use reeve_credentials::{
    Malformed, REPEAT_WINDOW, Rotation, SessionKey, mint_robot, parse_refresh, refresh_token, rotation,
};
use reeve_model::{SessionId, Timestamp};

use crate::{NOW, at, entropy};

#[test]
fn a_refresh_token_carries_session_and_generation() {
    let entropy = entropy();
    let (session, key) = (SessionId::new(NOW, &entropy), SessionKey::generate(&entropy));
    let token = parse_refresh(refresh_token(session, u32::MAX, &key).expose()).unwrap();
    assert_eq!((token.session(), token.generation()), (session, u32::MAX));
    assert!(token.verify(&key));
}

#[test]
fn the_same_generation_is_the_same_token_and_no_other_is() {
    let entropy = entropy();
    let (session, key) = (SessionId::new(NOW, &entropy), SessionKey::generate(&entropy));
    assert_eq!(refresh_token(session, 3, &key), refresh_token(session, 3, &SessionKey::from_bytes(*key.expose())));
    assert_ne!(refresh_token(session, 3, &key), refresh_token(session, 4, &key));
    assert_ne!(refresh_token(session, 3, &key), refresh_token(SessionId::new(NOW, &entropy), 3, &key));
    assert_ne!(refresh_token(session, 3, &key), refresh_token(session, 3, &SessionKey::generate(&entropy)));
}

#[test]
fn a_token_made_with_another_sessions_key_proves_nothing() {
    let entropy = entropy();
    let (victim, key) = (SessionId::new(NOW, &entropy), SessionKey::generate(&entropy));
    let forged = refresh_token(victim, 9, &SessionKey::generate(&entropy));
    assert!(!parse_refresh(forged.expose()).unwrap().verify(&key));
}

#[test]
fn another_kind_of_token_is_no_refresh_token() {
    assert_eq!(parse_refresh(mint_robot(&entropy()).expose()), Err(Malformed));
}

#[test]
fn the_mac_is_not_printed() {
    let entropy = entropy();
    let key = SessionKey::generate(&entropy);
    let token = parse_refresh(refresh_token(SessionId::new(NOW, &entropy), 1, &key).expose()).unwrap();
    assert!(format!("{token:?}").contains("mac: secret"));
    assert_eq!(format!("{key:?}"), "SessionKey(secret)");
}

#[test]
fn parallel_refreshes_make_one_rotation() {
    assert_eq!(rotation(4, 4, at(-100_000), NOW), Rotation::Rotate { next: 5 });
    for late_ms in [0, 1, 59_999, 60_000] {
        assert_eq!(rotation(4, 5, NOW, at(late_ms)), Rotation::Repeat { current: 5 });
    }
}

#[test]
fn a_repeat_after_the_window_ends_the_session() {
    assert_eq!(rotation(4, 5, NOW, at(60_001)), Rotation::Reused);
}

#[test]
fn a_repeat_after_the_successor_was_used_ends_the_session() {
    assert_eq!(rotation(4, 6, NOW, at(1)), Rotation::Reused);
}

#[test]
fn a_replica_whose_clock_is_behind_repeats() {
    assert_eq!(rotation(4, 5, NOW, at(-5_000)), Rotation::Repeat { current: 5 });
}

#[test]
fn a_generation_that_was_never_made_changes_nothing() {
    assert_eq!(rotation(6, 5, NOW, NOW), Rotation::Unknown);
    assert_eq!(rotation(u32::MAX, u32::MAX, NOW, NOW), Rotation::Unknown);
}

/// A session as the store keeps it, under the rule.
struct Session {
    current: u32,
    rotated_at: Timestamp,
    ended: bool,
}

impl Session {
    fn present(&mut self, generation: u32, now: Timestamp) -> Option<u32> {
        if self.ended {
            return None;
        }
        match rotation(generation, self.current, self.rotated_at, now) {
            Rotation::Rotate { next } => {
                (self.current, self.rotated_at) = (next, now);
                Some(next)
            }
            Rotation::Repeat { current } => Some(current),
            Rotation::Reused => {
                self.ended = true;
                None
            }
            Rotation::Unknown => None,
        }
    }
}

proptest! {
    #[test]
    fn a_client_that_loses_answers_and_asks_again_in_time_stays_signed_in(
        steps in prop::collection::vec((0_u64..3_000_000, 0_u64..=3, 0_u64..=20_000), 1..60),
    ) {
        let mut session = Session { current: 0, rotated_at: NOW, ended: false };
        let (mut held, mut now) = (0, NOW);
        for (idle_ms, lost_answers, retry_ms) in steps {
            now = now.plus(Duration::from_millis(idle_ms));
            for _ in 0..lost_answers {
                prop_assert!(session.present(held, now).is_some());
                now = now.plus(Duration::from_millis(retry_ms));
            }
            let answer = session.present(held, now);
            prop_assert_eq!(answer, Some(held + 1), "one rotation, however many answers were lost");
            held += 1;
        }
    }

    #[test]
    fn a_token_that_a_thief_uses_after_its_owner_moved_on_ends_the_session(
        moves in 1_u32..5, pause_ms in 0_u64..200_000, wait_ms in 0_u64..200_000,
    ) {
        let mut session = Session { current: 3, rotated_at: NOW, ended: false };
        let (mut owner, mut now) = (3, NOW);
        for _ in 0..moves {
            now = now.plus(Duration::from_millis(pause_ms));
            owner = session.present(owner, now).unwrap();
        }
        now = now.plus(Duration::from_millis(wait_ms));
        let stolen = session.present(3, now);
        let as_if_an_answer_was_lost = moves == 1 && wait_ms <= 60_000;
        prop_assert_eq!(stolen.is_some(), as_if_an_answer_was_lost);
        prop_assert_eq!(session.ended, !as_if_an_answer_was_lost);
        prop_assert!(as_if_an_answer_was_lost || session.present(owner, now).is_none(), "for both of them");
    }

    #[test]
    fn only_the_current_token_and_its_predecessor_in_time_are_answered(
        presented: u32, current: u32, age_ms in 0_i64..200_000,
    ) {
        let outcome = rotation(presented, current, NOW, at(age_ms));
        match outcome {
            Rotation::Rotate { next } => prop_assert!(presented == current && next == current + 1),
            Rotation::Repeat { current: answer } => prop_assert!(
                answer == current && presented + 1 == current
                    && at(age_ms).since(NOW) <= REPEAT_WINDOW
            ),
            Rotation::Reused => prop_assert!(presented < current),
            Rotation::Unknown => prop_assert!(presented > current || current == u32::MAX),
        }
    }

    #[test]
    fn whatever_is_presented_is_answered(text in "(reeve_ses_)?[0-9A-Za-z]{0,80}") {
        prop_assert!(parse_refresh(&text).is_err());
    }
}
