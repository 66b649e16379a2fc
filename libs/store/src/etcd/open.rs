//! How a store on etcd is opened or made, and put under a new epoch.

use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, RwLock};

use etcd_client::proto::PbKeyValue;
use etcd_client::{Compare, CompareOp, GetOptions, Txn, TxnOp};
use futures_util::future::join_all;
use prost::Message;
use reeve_model::{Clock, Entropy, StoreId, new_uuid};

use super::core::{Core, first_range, unexpected};
use super::failure::{Failure, failure};
use super::keys::Space;
use super::options::EtcdOptions;
use super::pool::{Effect, Pool};
use super::read::CHUNK;
use super::record::{RecordProblem, SCHEMA, StoreRecord};
use super::version::{Judgement, judge, sound_versions};
use crate::StoreError;

/// What is said, now this and now that, when a member ends a connection.
const ENDED: &[&str] = &["received fatal alert", "connection closed", "broken pipe", "connection reset"];

/// Why a store on etcd did not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenEtcdError {
    /// The options cannot be meant.
    #[error("{}", .0.join("; "))]
    Options(Vec<String>),
    /// No member answered as it should.
    #[error("etcd at {endpoints} cannot be used: {detail}")]
    Unreachable {
        /// The members.
        endpoints: String,
        /// What they said, or did not.
        detail: String,
    },
    /// A member does not let this process in.
    #[error("etcd at {endpoints} does not let Reeve in: {detail}")]
    Denied {
        /// The members.
        endpoints: String,
        /// What they said, and what to check.
        detail: String,
    },
    /// A member is of a version that is too old.
    #[error("etcd at {endpoint} has version {version}: at least 3.4 is needed, at best one of {}", sound_versions())]
    TooOld {
        /// The member.
        endpoint: String,
        /// Its version.
        version: String,
    },
    /// There is nothing under the prefix, and nothing was to be made.
    #[error("there is no store under `{prefix}` in etcd yet: identity makes it when it starts, or an import does")]
    NoStore {
        /// The prefix.
        prefix: String,
    },
    /// There are keys under the prefix, and no record that they are a store's.
    #[error("under `{prefix}` in etcd there are keys that are no store's, as `{example}`: give a prefix of its own")]
    ForeignKeys {
        /// The prefix.
        prefix: String,
        /// One of them.
        example: String,
    },
    /// A store was to be made for an import, and there is one.
    #[error("under `{prefix}` in etcd there is store {} already: import under another prefix, or remove its keys first", store.uuid)]
    StoreExists {
        /// The prefix.
        prefix: String,
        /// What is there.
        store: StoreId,
    },
    /// An import was begun and is not finished.
    #[error(
        "an import into `{prefix}` in etcd is not finished: wait for it, or, if it was broken off, remove every key under \
         `{prefix}/` and import again"
    )]
    Unfinished {
        /// The prefix.
        prefix: String,
    },
    /// A newer Reeve made the store.
    #[error(
        "the store under `{prefix}` in etcd has schema {found}, this version reads up to {SCHEMA}: run the newer version"
    )]
    NewerSchema {
        /// The prefix.
        prefix: String,
        /// What the store has.
        found: u32,
    },
    /// The record that says which store it is cannot be read.
    #[error("the record `{prefix}/store` in etcd is corrupt, or another program's: {detail}")]
    Corrupt {
        /// The prefix.
        prefix: String,
        /// What is wrong with it.
        detail: String,
    },
}

impl OpenEtcdError {
    /// Whether it may pass by itself: who waits may try again.
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::NoStore { .. } | Self::Unfinished { .. })
    }
}

/// A cluster in which a store is looked for or made.
pub(super) struct Site<'a> {
    options: &'a EtcdOptions,
    space: Space,
    pool: Pool,
}

/// What is found there.
enum Found {
    Store { id: StoreId, record: Vec<u8>, unfinished: bool },
    Keys { example: String },
    Nothing,
}

impl<'a> Site<'a> {
    /// The cluster that the options name; what is to be warned of about it.
    pub(super) async fn reach(
        options: &'a EtcdOptions,
        entropy: &dyn Entropy,
    ) -> Result<(Self, Option<String>), OpenEtcdError> {
        let problems = options.problems();
        if !problems.is_empty() {
            return Err(OpenEtcdError::Options(problems));
        }
        // Processes that are alike do not all begin with the same member.
        let start = usize::from(u16::from_le_bytes(entropy.bytes::<2>())) % options.endpoints.len().max(1);
        let site = Self { options, space: Space::new(&options.prefix), pool: Pool::new(options, start) };
        let warning = site.check_versions().await?;
        Ok((site, warning))
    }

    /// Asks every member for its version; at least one must answer. One that does not want to tell is taken as it is.
    async fn check_versions(&self) -> Result<Option<String>, OpenEtcdError> {
        let status = |mut client: etcd_client::Client| async move {
            client.status().await.map(|status| status.version().to_owned()).map_err(failure)
        };
        let members = self
            .pool
            .endpoints()
            .enumerate()
            .map(async |(member, endpoint)| (endpoint, self.pool.ask(member, Effect::Repeatable, &status).await));
        let (mut faulty, mut reached, mut failed) = (Vec::new(), false, Vec::new());
        for (endpoint, answer) in join_all(members).await {
            match answer.map(|version| (judge(&version), version)) {
                Ok((Judgement::TooOld, version)) => {
                    return Err(OpenEtcdError::TooOld { endpoint: endpoint.to_owned(), version });
                }
                Ok((Judgement::Faulty | Judgement::NotKnown, version)) => {
                    reached = true;
                    faulty.push(format!("{endpoint} has {version}"));
                }
                // Some versions tell theirs to administrators alone: whether the account may use the store is found out by using it.
                Ok((Judgement::Sound, _)) | Err(Failure::Denied(_) | Failure::SignedOut(_)) => reached = true,
                Err(failure) => failed.push(StoreError::from(failure).to_string()),
            }
        }
        if !reached {
            return Err(self.unreachable(failed.join("; ")));
        }
        Ok((!faulty.is_empty()).then(|| {
            format!(
                "{}: versions before {} have faults that can delay or lose a revocation; Reeve works around those that it can, \
                 update etcd",
                faulty.join(", "),
                sound_versions()
            )
        }))
    }

    /// The store there; a new one, if there is none and one is to be made.
    pub(super) async fn open(self, clock: &dyn Clock, entropy: &dyn Entropy) -> Result<Core, OpenEtcdError> {
        match self.find().await? {
            Found::Store { unfinished: true, .. } => Err(OpenEtcdError::Unfinished { prefix: self.prefix() }),
            Found::Store { id, record, .. } => Ok(self.core(id, record)),
            Found::Keys { example } => Err(OpenEtcdError::ForeignKeys { prefix: self.prefix(), example }),
            Found::Nothing if self.options.create => {
                let record = StoreRecord::new(Self::new_id(clock, entropy), false);
                match self.place(record.encode_to_vec()).await? {
                    Found::Store { id, record, unfinished: false } => Ok(self.core(id, record)),
                    Found::Store { .. } => Err(OpenEtcdError::Unfinished { prefix: self.prefix() }),
                    Found::Keys { example } => Err(OpenEtcdError::ForeignKeys { prefix: self.prefix(), example }),
                    Found::Nothing => Err(self.vanished()),
                }
            }
            Found::Nothing => Err(OpenEtcdError::NoStore { prefix: self.prefix() }),
        }
    }

    /// A new store that nobody opens before it is finished, where nothing is.
    pub(super) async fn create(self, clock: &dyn Clock, entropy: &dyn Entropy) -> Result<Core, OpenEtcdError> {
        let made = StoreRecord::new(Self::new_id(clock, entropy), true).encode_to_vec();
        match self.place(made.clone()).await? {
            Found::Store { id, record, .. } if record == made => Ok(self.core(id, record)),
            Found::Store { unfinished: true, .. } => Err(OpenEtcdError::Unfinished { prefix: self.prefix() }),
            Found::Store { id, .. } => Err(OpenEtcdError::StoreExists { prefix: self.prefix(), store: id }),
            Found::Keys { example } => Err(OpenEtcdError::ForeignKeys { prefix: self.prefix(), example }),
            Found::Nothing => Err(self.vanished()),
        }
    }

    /// Puts the store there under the next epoch.
    pub(super) async fn new_epoch(self) -> Result<StoreId, OpenEtcdError> {
        let (old, record) = match self.find().await? {
            Found::Store { unfinished: true, .. } => return Err(OpenEtcdError::Unfinished { prefix: self.prefix() }),
            Found::Store { id, record, .. } => (id, record),
            Found::Keys { example } => return Err(OpenEtcdError::ForeignKeys { prefix: self.prefix(), example }),
            Found::Nothing => return Err(OpenEtcdError::NoStore { prefix: self.prefix() }),
        };
        let epoch = old.epoch.checked_add(1).ok_or_else(|| self.corrupt("there is no epoch after its last"))?;
        let new = StoreId { epoch, ..old };
        let key = self.space.record();
        let txn = Txn::new().when([Compare::value(key.clone(), CompareOp::Equal, record)]).and_then([TxnOp::put(
            key,
            StoreRecord::new(new, false).encode_to_vec(),
            None,
        )]);
        let answer = self.pool.txn(Effect::Once, txn).await.map_err(|failure| self.failed(failure))?;
        if answer.succeeded() { Ok(new) } else { Err(self.vanished()) }
    }

    fn new_id(clock: &dyn Clock, entropy: &dyn Entropy) -> StoreId {
        StoreId { uuid: new_uuid(clock.now(), entropy), epoch: 0 }
    }

    /// Writes a record if nothing at all is under the prefix; what is there then, whoever made it.
    async fn place(&self, record: Vec<u8>) -> Result<Found, OpenEtcdError> {
        let nothing = Compare::create_revision(self.space.physical(""), CompareOp::Equal, 0).with_prefix();
        let txn = Txn::new().when([nothing]).and_then([TxnOp::put(self.space.record(), record, None)]);
        // Sent twice, the second finds what the first has written.
        self.pool.txn(Effect::Repeatable, txn).await.map_err(|failure| self.failed(failure))?;
        self.find().await
    }

    async fn find(&self) -> Result<Found, OpenEtcdError> {
        let (start, end) = self.space.range("");
        let any = GetOptions::new().with_range(end).with_limit(1).with_keys_only();
        let reads = [TxnOp::get(self.space.record(), None), TxnOp::get(start, Some(any))];
        let answer = self.pool.txn(Effect::Repeatable, Txn::new().and_then(reads)).await;
        let mut answer = answer.map_err(|failure| self.failed(failure))?;
        let second = (answer.0.responses.len() == 2).then(|| answer.0.responses.split_off(1));
        let mut other = answer.clone();
        other.0.responses = second.unwrap_or_default();
        let wrong = || self.failed(Failure::Final(unexpected()));
        let first = |answer| first_range(answer).map(|(items, _)| items.into_iter().next());
        let (record, any) = (first(answer).ok_or_else(wrong)?, first(other).ok_or_else(wrong)?);
        match (record, any) {
            (Some(record), _) => self.read_record(record),
            (None, Some(any)) => Ok(Found::Keys { example: String::from_utf8_lossy(&any.key).into_owned() }),
            (None, None) => Ok(Found::Nothing),
        }
    }

    fn read_record(&self, item: PbKeyValue) -> Result<Found, OpenEtcdError> {
        match StoreRecord::read(&item.value) {
            Ok((record, id)) => Ok(Found::Store { id, record: item.value, unfinished: record.unfinished }),
            Err(RecordProblem::Newer(found)) => Err(OpenEtcdError::NewerSchema { prefix: self.prefix(), found }),
            Err(RecordProblem::Unreadable(detail)) => Err(self.corrupt(&detail)),
        }
    }

    fn core(self, id: StoreId, record: Vec<u8>) -> Core {
        let chunk = AtomicUsize::new(CHUNK);
        Core { id, space: self.space, pool: self.pool, record: RwLock::new(record), chunk, witness: Mutex::default() }
    }

    fn prefix(&self) -> String {
        self.options.prefix.clone()
    }

    fn corrupt(&self, detail: &str) -> OpenEtcdError {
        OpenEtcdError::Corrupt { prefix: self.prefix(), detail: detail.to_owned() }
    }

    fn failed(&self, failure: Failure) -> OpenEtcdError {
        let is_denied = matches!(failure, Failure::Denied(_) | Failure::SignedOut(_));
        match StoreError::from(failure) {
            StoreError::Unavailable(detail) if is_denied => {
                OpenEtcdError::Denied { endpoints: self.options.endpoints.join(", "), detail }
            }
            StoreError::Unavailable(why) => self.unreachable(why),
            other => self.unreachable(other.to_string()),
        }
    }

    fn unreachable(&self, mut detail: String) -> OpenEtcdError {
        // A member looks at a client's certificate when the client takes the connection for made already (TLS 1.3): it can
        // then do no more than end it, and the reason is often lost on the way.
        if let Some(tls) = self.options.tls.as_ref().filter(|_| ENDED.iter().any(|word| detail.contains(word))) {
            detail += match &tls.client {
                Some(_) => "; does it know the authority of the client certificate?",
                None => "; does it ask for a client certificate? None is given",
            };
        }
        OpenEtcdError::Unreachable { endpoints: self.options.endpoints.join(", "), detail }
    }

    /// Somebody removed or changed the record in between.
    fn vanished(&self) -> OpenEtcdError {
        self.unreachable(format!("`{}/store` was changed by somebody else meanwhile: try again", self.prefix()))
    }
}

/// Reaches the cluster and opens the store there.
pub(super) async fn open(
    options: &EtcdOptions,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
) -> Result<(Arc<Core>, Option<String>), OpenEtcdError> {
    let (site, warning) = Site::reach(options, entropy).await?;
    Ok((Arc::new(site.open(clock, entropy).await?), warning))
}
