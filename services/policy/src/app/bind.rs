//! `Bind`: grants become bindings, all or none.

use std::collections::BTreeMap;

use futures_util::future::try_join_all;
use reeve_answers::Moment;
use reeve_chassis::Failure;
use reeve_model::{ConsistencyToken, Timestamp};
use reeve_owner::{Attempt, PublishedTxn};
use reeve_store::{MAX_GUARDS, Txn, Versioned};
use reeve_world::{Binding, Record, RecordKey};

use super::grant::{Placed, all_assignable};
use super::power::within_power_of;
use super::{Allowed, App, Grant};

impl App {
    /// Makes bindings.
    pub(crate) async fn bind(
        &self,
        moment: &Moment,
        asked: Vec<Allowed<Grant>>,
    ) -> Result<(Vec<Binding>, ConsistencyToken), Failure> {
        for Allowed { granted, what } in &asked {
            within_power_of(granted.caller(), moment, what)?;
        }
        let placed = asked.into_iter().map(|asked| Placed::of(asked.what, moment.world()));
        let placed = placed.collect::<Result<Vec<_>, _>>()?;
        all_assignable(&placed)?;
        self.writer
            .transact(async || {
                let now = self.clock.now();
                let parents = self.parents(&placed).await?;
                let mut txn = Txn::new();
                let mut made = Vec::with_capacity(placed.len());
                for (placed, found) in placed.iter().zip(self.bindings(&placed).await?) {
                    let binding = binding(placed, now);
                    let record = Record::Binding(binding.clone());
                    txn = match found {
                        _ if placed.is_implied() => return Err(Failure::already_exists(&placed.grant)),
                        Some((old, _)) if old.live_at(now) => return Err(Failure::already_exists(&placed.grant)),
                        Some((_, ended)) => txn.publish_over(&ended, &record),
                        None => txn.publish_new(&record),
                    };
                    made.push(binding);
                }
                // A binding that outlives what it hangs on grants nothing and is swept: of a hundred grants that hang on more
                // than a transaction can guard, the guards that fit are enough.
                let room = MAX_GUARDS.saturating_sub(txn.guards.len());
                let txn = parents.values().take(room).fold(txn, |txn, read| txn.expect(&read.key, Some(read)));
                Ok(Attempt { txn, answer: made })
            })
            .await
    }

    /// The workspaces and principals that grants hang on, as they stand in the store.
    async fn parents(&self, placed: &[Placed]) -> Result<BTreeMap<String, Versioned>, Failure> {
        let keys = placed.iter().flat_map(Placed::parents).map(|(key, name)| (key.to_string(), (key, name)));
        let keys: BTreeMap<_, _> = keys.collect();
        let reads = keys.into_iter().map(async |(text, (key, name))| {
            let (_, read) = self.writer.record(&key).await?.ok_or_else(|| Failure::not_found(name))?;
            Ok::<_, Failure>((text, read))
        });
        Ok(try_join_all(reads).await?.into_iter().collect())
    }

    /// What stands in the store for each grant.
    pub(super) async fn bindings(&self, placed: &[Placed]) -> Result<Vec<Option<(Stored, Versioned)>>, Failure> {
        let reads =
            placed.iter().map(async |placed| match self.writer.record(&RecordKey::Binding(placed.uid)).await? {
                None => Ok(None),
                Some((Record::Binding(binding), read)) => Ok(Some((Stored(binding), read))),
                Some(_) => Err(Failure::internal("another record stands at the key of a binding")),
            });
        try_join_all(reads).await
    }
}

/// A binding as it stands in the store.
pub(super) struct Stored(Binding);

impl Stored {
    /// Whether it has not ended; one that has does not exist.
    pub(super) fn live_at(&self, now: Timestamp) -> bool {
        self.0.expire_time.is_none_or(|end| now < end)
    }
}

fn binding(placed: &Placed, now: Timestamp) -> Binding {
    Binding {
        uid: placed.uid,
        subject: placed.subject,
        role: placed.role,
        resource: placed.grant.resource.clone(),
        workspace: placed.workspace,
        expire_time: placed.grant.expire_time,
        note: placed.grant.note.clone(),
        create_time: now,
    }
}
