//! Signing keys: sealed records that are never changed, the newest of which signs; written by whichever replica is first.

use std::sync::Arc;

use arc_swap::ArcSwap;
use reeve_chassis::{Failure, UnavailableReason};
use reeve_credentials::{
    AccessClaims, KeySchedule, KeyWindow, SealError, Sealer, SecretString, SigningKey, sign_access, signer,
};
use reeve_model::{Entropy, Timestamp};
use reeve_owner::{Attempt, PublishedTxn, Writer};
use reeve_store::{Txn, Versioned};
use reeve_world::{Record, RecordKey, SigningKey as PublishedKey};

use crate::keys;
use crate::stored::{SCHEMA, SigningHead, StoredSigningKey, corrupt, open, read, seal};

/// Most signing keys that are read; a rotation a month leaves four.
const MAX_KEYS: usize = 100;
/// Most expired keys that one rotation removes: a transaction is bounded.
const MAX_REMOVED: usize = 20;

/// The signing keys that this replica knows.
#[derive(Default)]
pub(crate) struct Signing {
    keys: ArcSwap<Vec<SigningKey>>,
    schedule: KeySchedule,
}

impl Signing {
    /// Signs an access token with the key whose turn it is.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] when no key may sign now: the store could not be written for a month.
    pub(crate) fn sign(&self, claims: &AccessClaims, now: Timestamp) -> Result<SecretString, Failure> {
        match signer(self.keys.load().iter(), now) {
            Some(key) => sign_access(key, claims).map_err(Failure::internal),
            None => Err(no_signer()),
        }
    }

    /// Checks that a token can be signed, before anything is written that only a token makes known to its holder.
    ///
    /// # Errors
    /// As [`Signing::sign`].
    pub(crate) fn check(&self, now: Timestamp) -> Result<(), Failure> {
        signer(self.keys.load().iter(), now).map(|_| ()).ok_or_else(no_signer)
    }

    /// Reads the keys of the store, and writes the next one when it is due; whichever replica writes first, the others read it.
    ///
    /// # Errors
    /// [`Failure::Unavailable`]; [`Failure::Internal`] for a key that cannot be opened or made.
    pub(crate) async fn keep(&self, writer: &Writer, sealer: &Sealer, now: Timestamp) -> Result<(), Failure> {
        if let Some(keys) = self.load(writer, sealer, now).await? {
            self.keys.store(Arc::new(keys));
            return Ok(());
        }
        let (written, _) = writer
            .transact(async || {
                let head = writer.get(&keys::signing_head()).await?;
                let stored = list(writer).await?;
                let Some(window) = self.schedule.due(windows(&stored)?, now) else {
                    return Ok(Attempt { txn: Txn::new(), answer: None });
                };
                let key = SigningKey::generate(window).map_err(Failure::internal)?;
                let mut txn = Txn::new().expect(&keys::signing_head(), head.as_ref());
                for (old, kid) in expired(&stored, now)?.into_iter().take(MAX_REMOVED) {
                    let public = RecordKey::SigningKey(kid);
                    txn = txn.remove(&old).delete(reeve_store::Key::new(public.to_string()));
                }
                let txn = with_key(txn, &key, sealer, writer.entropy()).map_err(Failure::internal)?;
                Ok(Attempt { txn, answer: Some(key) })
            })
            .await?;
        if let Some(key) = written {
            let sign_from = key.window().sign_from;
            tracing::info!(kid = %key.public().id(), %sign_from, "a signing key was written");
        }
        let keys = open_all(&list(writer).await?, sealer)?;
        self.keys.store(Arc::new(keys));
        Ok(())
    }

    /// The keys of the store; none if the next one is due.
    async fn load(&self, writer: &Writer, sealer: &Sealer, now: Timestamp) -> Result<Option<Vec<SigningKey>>, Failure> {
        let stored = list(writer).await?;
        let due = self.schedule.due(windows(&stored)?, now).is_some();
        if due { Ok(None) } else { open_all(&stored, sealer).map(Some) }
    }
}

fn no_signer() -> Failure {
    tracing::error!("no signing key may sign now: was the clock set back?");
    Failure::Unavailable {
        reason: UnavailableReason::NotSynced,
        message: "no token can be signed now: try again".to_owned(),
        retry_after: None,
    }
}

/// The transaction that also writes a signing key and its public half, as the newest. The head's guard is the caller's.
///
/// # Errors
/// The cipher refused.
pub(crate) fn with_key(txn: Txn, key: &SigningKey, sealer: &Sealer, entropy: &dyn Entropy) -> Result<Txn, SealError> {
    use prost::Message as _;
    let kid = key.public().id().to_string();
    let at = keys::signing_key(&kid);
    let window = key.window();
    let stored = StoredSigningKey {
        schema: SCHEMA,
        sealed_pkcs8: seal(sealer, &at, key.pkcs8().expose(), entropy)?,
        sign_from_ms: window.sign_from.as_millis(),
        sign_until_ms: window.sign_until.as_millis(),
        verify_until_ms: window.verify_until.as_millis(),
    };
    let head = SigningHead { schema: SCHEMA, kid };
    let public = Record::SigningKey(PublishedKey { public: key.public().clone() });
    Ok(txn.create(at, stored.encode_to_vec()).put(keys::signing_head(), head.encode_to_vec()).publish_new(&public))
}

async fn list(writer: &Writer) -> Result<Vec<Versioned>, Failure> {
    let page = writer.list(keys::SIGNING_KEYS, None, MAX_KEYS).await?;
    if page.more {
        return Err(Failure::internal("there are more signing keys than can be read"));
    }
    Ok(page.items)
}

fn window(stored: &StoredSigningKey) -> KeyWindow {
    KeyWindow {
        sign_from: Timestamp::from_millis(stored.sign_from_ms),
        sign_until: Timestamp::from_millis(stored.sign_until_ms),
        verify_until: Timestamp::from_millis(stored.verify_until_ms),
    }
}

fn windows(stored: &[Versioned]) -> Result<Vec<KeyWindow>, Failure> {
    stored.iter().map(|found| Ok(window(&read::<StoredSigningKey>(found)?))).collect()
}

/// The keys whose signatures nobody believes any more, with their ids.
fn expired(stored: &[Versioned], now: Timestamp) -> Result<Vec<(Versioned, String)>, Failure> {
    let mut expired = Vec::new();
    for found in stored {
        if window(&read::<StoredSigningKey>(found)?).verify_until <= now
            && let Some(kid) = found.key.as_str().strip_prefix(keys::SIGNING_KEYS)
        {
            expired.push((found.clone(), kid.to_owned()));
        }
    }
    Ok(expired)
}

fn open_all(stored: &[Versioned], sealer: &Sealer) -> Result<Vec<SigningKey>, Failure> {
    let open = |found: &Versioned| {
        let stored: StoredSigningKey = read(found)?;
        let pkcs8 = open(sealer, &found.key, &stored.sealed_pkcs8)?;
        SigningKey::from_pkcs8(pkcs8, window(&stored)).map_err(|error| corrupt(&found.key, &error.to_string()))
    };
    stored.iter().map(open).collect()
}
