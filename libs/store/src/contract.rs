//! The contract suite: what every store does, as tests that take the store.
//!
//! An implementation makes a [`Subject`] of itself, and calls [`contract_suite!`](crate::contract_suite) in its own tests.
//! A case fails by panicking, as a test does.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a case is a test: it fails by panicking")]
#![expect(clippy::missing_panics_doc, reason = "a case is a test: it panics when what its name says is not so")]

pub mod commits;
pub mod crashes;
pub mod leases;
pub mod lists;
mod observer;
pub mod watches;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use reeve_model::Revision;

use crate::{CommitError, Key, Store, StoreError, Txn, Versioned};

pub use observer::Observer;

/// A new, empty store under test, and what a case may do to it beyond the seam.
#[async_trait]
pub trait Subject: Send {
    /// The store. After [`Subject::crash`] it is to be asked for again.
    fn store(&self) -> Arc<dyn Store>;

    /// Lets this much time pass for leases.
    async fn pass(&self, by: Duration);

    /// Forgets the history before the newest revision.
    async fn forget_history(&self);

    /// Ends the store in the middle of its work, and brings it back.
    async fn crash(&mut self);
}

/// Makes one test of each case. The argument is an expression that makes a future of a new `Box<dyn Subject>`.
#[macro_export]
macro_rules! contract_suite {
    ($subject:expr) => {
        $crate::contract_suite! { $subject;
            commits::a_created_key_reads_back,
            commits::a_second_create_is_a_conflict,
            commits::a_replace_of_what_has_changed_is_a_conflict,
            commits::a_key_made_again_is_not_what_was_read,
            commits::a_guard_on_another_key_decides,
            commits::one_failed_guard_leaves_every_key_alone,
            commits::all_changes_of_a_transaction_have_one_revision,
            commits::removing_what_is_not_there_makes_no_revision,
            commits::requests_up_to_the_limits_are_taken,
            commits::requests_past_the_limits_are_refused,
            commits::concurrent_increments_lose_nothing,
            lists::keys_come_in_the_order_of_their_bytes,
            lists::a_prefix_does_not_match_its_siblings,
            lists::a_page_says_whether_more_follow,
            lists::a_long_page_is_cut_and_goes_on,
            lists::pages_at_a_revision_show_one_moment,
            lists::an_older_revision_is_shown_as_it_was,
            lists::pages_of_one_moment_while_others_write,
            lists::a_future_revision_is_refused,
            lists::a_forgotten_revision_is_compacted,
            watches::a_watch_resumes_from_every_revision,
            watches::a_watch_goes_from_history_to_the_present_without_a_seam,
            watches::a_long_history_comes_in_whole_revisions,
            watches::a_watch_sees_its_prefix_alone,
            watches::a_new_watch_says_when_it_has_caught_up,
            watches::a_barrier_is_followed_by_progress,
            watches::an_idle_watch_reports_progress,
            watches::changes_elsewhere_show_as_progress,
            watches::progress_is_never_ahead_of_its_changes,
            watches::a_slow_watch_loses_nothing_silently,
            watches::a_watch_from_the_future_is_refused,
            watches::a_watch_from_forgotten_history_is_compacted,
            leases::keys_go_with_their_lease_at_one_revision,
            leases::a_lease_that_is_kept_alive_stays,
            leases::a_key_written_again_leaves_its_lease,
            leases::a_revoked_lease_takes_its_keys_along,
            leases::a_lease_may_hold_more_keys_than_a_transaction,
            leases::an_unknown_lease_is_refused,
            leases::a_lease_of_no_time_is_refused,
            crashes::what_was_acknowledged_is_there_after_a_crash,
            crashes::a_watch_resumes_after_a_crash,
            crashes::history_is_readable_after_a_crash,
            crashes::a_lease_outlives_a_crash_and_then_ends,
        }
    };
    ($subject:expr; $($module:ident::$case:ident,)+) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $case() {
            $crate::contract::$module::$case($subject.await).await;
        }
    )+};
}

/// The key with this text.
fn key(text: impl Into<String>) -> Key {
    Key::new(text)
}

/// Writes one key, whatever it holds.
async fn put(store: &dyn Store, name: &str, value: impl Into<Bytes>) -> Revision {
    store.commit(Txn::new().put(key(name), value)).await.unwrap().revision
}

/// Removes one key, whatever it holds.
async fn delete(store: &dyn Store, name: &str) -> Revision {
    store.commit(Txn::new().delete(key(name))).await.unwrap().revision
}

/// What one key holds; it exists.
async fn read(store: &dyn Store, name: &str) -> Versioned {
    store.get(&key(name)).await.unwrap().unwrap()
}

/// Everything under a prefix at a revision, read in pages of `limit`.
async fn list_all(store: &dyn Store, prefix: &str, limit: usize, at: Option<Revision>) -> (Vec<Versioned>, Revision) {
    let mut page = store.list(prefix, None, limit, at).await.unwrap();
    let revision = page.revision;
    let mut items = page.items;
    while page.more {
        let after = items.last().map(|item: &Versioned| item.key.clone());
        page = store.list(prefix, after.as_ref(), limit, Some(revision)).await.unwrap();
        assert_eq!(page.revision, revision, "a page shows the revision that was asked for");
        items.append(&mut page.items);
    }
    (items, revision)
}

/// The keys of a list and what they hold, as text.
fn shown(items: &[Versioned]) -> Vec<(String, String)> {
    let text = |value: &Bytes| String::from_utf8_lossy(value).into_owned();
    items.iter().map(|item| (item.key.to_string(), text(&item.value))).collect()
}

/// The same, written down.
fn expected(items: &[(&str, &str)]) -> Vec<(String, String)> {
    items.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// Asserts that a transaction met a guard that did not hold.
fn assert_conflict<T: std::fmt::Debug>(outcome: Result<T, CommitError>) {
    assert!(matches!(outcome, Err(CommitError::Conflict)), "a conflict, not {outcome:?}");
}

/// Asserts that a transaction broke a rule.
fn assert_refused<T: std::fmt::Debug>(outcome: Result<T, CommitError>) {
    assert!(matches!(outcome, Err(CommitError::Store(StoreError::Refused(_)))), "refused, not {outcome:?}");
}
