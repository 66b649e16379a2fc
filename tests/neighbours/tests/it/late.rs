//! A write that could not be made soon after it was decided is not made.

use std::sync::Arc;
use std::time::Duration;

use reeve_model::{ManualClock, SeededEntropy};
use reeve_owner::{Attempt, DECISION_LIFE, Writer};
use reeve_replica::Replica;
use reeve_store::{Embedded, EmbeddedOptions, Key, Store, Txn};
use tonic::{Code, Status};

#[tokio::test(start_paused = true)]
async fn a_write_that_took_too_long_to_decide_is_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let (clock, entropy) = (Arc::new(ManualClock::default()), Arc::new(SeededEntropy::new(1)));
    let store = Embedded::open(folder.path(), clock.clone(), entropy.clone(), EmbeddedOptions::default()).unwrap();
    let store: Arc<dyn Store> = Arc::new(store);
    let writer = Writer::new(store.clone(), Replica::new(clock, None), entropy);
    let key = Key::new("private/test");
    for (took, done) in [(DECISION_LIFE + Duration::from_millis(1), false), (DECISION_LIFE, true)] {
        let write = async || {
            tokio::time::advance(took).await;
            Ok(Attempt { txn: Txn::new().create(key.clone(), "x"), answer: () })
        };
        let refused = writer.transact(write).await.err().map(|failure| Status::from(failure).code());
        assert_eq!(refused, (!done).then_some(Code::Unavailable), "{took:?}");
        assert_eq!(store.get(&key).await.unwrap().is_some(), done, "{took:?}");
    }
}
