//! The first start: one guarded transaction that makes the cluster, before any replica is loaded.

use std::io;

use prost::Message as _;
use reeve_chassis::Failure;
use reeve_credentials::{
    HashParamsError, Hasher, KeySchedule, Opaque, OpaqueKind, OpenError, PasswordFault, SealError, Sealer,
    SecretString, SigningKey, SigningKeyError, TokenHash,
};
use reeve_model::{Clock, Entropy, Epoch, GroupId, GroupName, NameError, PrincipalId, Timestamp, UserId, Username};
use reeve_owner::PublishedTxn;
use reeve_store::{CommitError, Key, Store, StoreError, Txn};
use reeve_world::{Access, Group, Membership, Record, Token, TokenPrincipal, User};

use crate::config::{ADMIN_NAME, IdentityConfig};
use crate::groups::BUILT_IN;
use crate::hashing::HashPool;
use crate::keys;
use crate::signing::with_key;
use crate::stored::{Canary, Credential, NameClaim, SCHEMA, seal};

/// What the canary says when it is opened.
const CANARY: &[u8] = b"reeve";
/// The epoch that a cluster and its users begin with. A replica that has not loaded is at zero, and believes nobody.
pub(crate) const FIRST_EPOCH: Epoch = Epoch::new(1);

/// What the first start is given.
pub struct Bootstrap {
    /// The password of `admin` and of the single-user account.
    pub initial_password: SecretString,
    /// `reeve_root_…`.
    pub root_token: SecretString,
}

impl Bootstrap {
    /// Whether a cluster can be made with it: what a first start refuses, before anything is written.
    ///
    /// # Errors
    /// [`BootstrapError`].
    pub fn check(&self, config: &IdentityConfig) -> Result<(), BootstrapError> {
        let policy = config.passwords.policy();
        let mut faults = Vec::new();
        for fault in names(config)?.iter().flat_map(|name| policy.check(name.as_str(), &self.initial_password)) {
            if !faults.contains(&fault) {
                faults.push(fault);
            }
        }
        if !faults.is_empty() {
            return Err(BootstrapError::PasswordRefused(faults));
        }
        if !Opaque::parse(self.root_token.expose()).is_ok_and(|token| token.kind == OpaqueKind::Root) {
            return Err(BootstrapError::RootTokenMalformed);
        }
        Ok(())
    }
}

/// The first accounts.
fn names(config: &IdentityConfig) -> Result<[Username; 2], NameError> {
    Ok([Username::parse(ADMIN_NAME)?, Username::parse(&config.single_user)?])
}

/// What a bootstrap works with.
#[derive(Clone, Copy)]
pub struct Bootstrapping<'a> {
    /// The store itself.
    pub store: &'a dyn Store,
    /// Seals with the cluster key.
    pub sealer: &'a Sealer,
    /// Time.
    pub clock: &'a dyn Clock,
    /// Randomness.
    pub entropy: &'a dyn Entropy,
    /// The configuration, which has been validated.
    pub config: &'a IdentityConfig,
}

/// What a bootstrap found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BootstrapOutcome {
    /// No cluster; it made one.
    Created,
    /// A cluster that the cluster key opens. What was given for a first start was ignored.
    AlreadyThere,
}

/// Why there is no cluster to serve.
#[derive(Debug, thiserror::Error)]
pub enum BootstrapError {
    /// The cluster key is not the one that the cluster was made with. Nothing was written.
    #[error("the cluster key is not this cluster's: {0}")]
    WrongClusterKey(#[source] OpenError),
    /// A first start without a password.
    #[error(
        "this is the first start, and `{ADMIN_NAME}` has no password: set `REEVE_INITIAL_PASSWORD`, or \
         `bootstrap.initial_password_file`"
    )]
    PasswordMissing,
    /// A password that may not be chosen: every rule that it breaks.
    #[error("the initial password {}: set another one", list(.0))]
    PasswordRefused(Vec<PasswordFault>),
    /// A root token that is none.
    #[error("what was given as root token is none: make one with `reeved keys root-token`, and give it unchanged")]
    RootTokenMalformed,
    /// Nobody has bootstrapped the store yet.
    #[error("the store holds no cluster yet")]
    NotBootstrapped,
    /// What the store holds is not what identity wrote.
    #[error("`{key}` cannot be read: {problem}")]
    Corrupt {
        /// The key.
        key: Key,
        /// What is wrong with it.
        problem: String,
    },
    /// The store cannot be read or written. After a write, the cluster may or may not have been made: start again.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A configured name that is none.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The cost of password hashes is out of bounds.
    #[error(transparent)]
    HashParams(#[from] HashParamsError),
    /// The passwords could not be hashed.
    #[error("the initial password could not be hashed: {0:?}")]
    Hash(Failure),
    /// No thread could be started.
    #[error("the hashing threads could not be started")]
    Threads(#[from] io::Error),
    /// A secret could not be sealed.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// No signing key could be made.
    #[error(transparent)]
    SigningKey(#[from] SigningKeyError),
}

fn list(faults: &[PasswordFault]) -> String {
    faults.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// Whether the store holds a cluster.
///
/// # Errors
/// The store cannot be read.
pub async fn is_bootstrapped(store: &dyn Store) -> Result<bool, StoreError> {
    Ok(store.get(&keys::canary()).await?.is_some())
}

/// Makes the cluster, if there is none; of two at once, one does. What a later start is given is ignored.
///
/// # Errors
/// [`BootstrapError`]. A wrong cluster key is found before anything is written.
pub async fn bootstrap(of: Bootstrapping<'_>, first: Option<Bootstrap>) -> Result<BootstrapOutcome, BootstrapError> {
    match check_cluster_key(of.store, of.sealer).await {
        Ok(()) => return Ok(BootstrapOutcome::AlreadyThere),
        Err(BootstrapError::NotBootstrapped) => {}
        Err(error) => return Err(error),
    }
    let txn = of.txn(first.ok_or(BootstrapError::PasswordMissing)?).await?;
    match of.store.commit(txn).await {
        Ok(_) => Ok(BootstrapOutcome::Created),
        // somebody else was first, perhaps with another cluster key
        Err(CommitError::Conflict) => {
            check_cluster_key(of.store, of.sealer).await.map(|()| BootstrapOutcome::AlreadyThere)
        }
        Err(CommitError::Store(error)) => Err(error.into()),
    }
}

/// Whether the cluster key is the one that the cluster was made with.
///
/// # Errors
/// [`BootstrapError::NotBootstrapped`], [`BootstrapError::WrongClusterKey`], or the store cannot be read.
pub async fn check_cluster_key(store: &dyn Store, sealer: &Sealer) -> Result<(), BootstrapError> {
    let key = keys::canary();
    let found = store.get(&key).await?.ok_or(BootstrapError::NotBootstrapped)?;
    open_canary(sealer, &found.value)
}

/// Whether the cluster key opens this canary.
///
/// # Errors
/// [`BootstrapError::WrongClusterKey`], or it is none.
pub fn open_canary(sealer: &Sealer, value: &[u8]) -> Result<(), BootstrapError> {
    let key = keys::canary();
    let corrupt = |problem: String| BootstrapError::Corrupt { key: key.clone(), problem };
    let canary = Canary::decode(value).map_err(|error| corrupt(error.to_string()))?;
    if canary.schema != SCHEMA {
        return Err(corrupt(format!("it is of schema {}, and this version reads {SCHEMA}", canary.schema)));
    }
    let opened = sealer.open(key.as_str(), &canary.sealed).map_err(BootstrapError::WrongClusterKey)?;
    if opened.expose() == CANARY { Ok(()) } else { Err(corrupt("it says something else".to_owned())) }
}

impl Bootstrapping<'_> {
    /// Everything that a new cluster has, guarded by its not being there.
    async fn txn(&self, first: Bootstrap) -> Result<Txn, BootstrapError> {
        first.check(self.config)?;
        let names = names(self.config)?;
        let root = TokenHash::of(first.root_token.expose());
        let hashing = HashPool::start(Hasher::new(self.config.passwords.hash.params())?)?;
        let now = self.clock.now();
        let canary = keys::canary();
        let sealed = seal(self.sealer, &canary, CANARY, self.entropy)?;
        let mut txn = Txn::new().create(canary, Canary { schema: SCHEMA, sealed }.encode_to_vec());
        let mut uids = Vec::new();
        for name in names {
            let hashed = hashing.hash(first.initial_password.clone(), self.entropy.bytes()).await;
            let phc = SecretString::from(hashed.map_err(BootstrapError::Hash)?);
            let user = new_user(name, now, self.entropy);
            uids.push(user.uid);
            txn = with_user(txn, &user, &phc, self.sealer, self.entropy)?;
        }
        for (uid, name) in BUILT_IN {
            let name = GroupName::parse(name)?;
            txn = txn.publish_new(&Record::Group(Group::new(uid, name, now)));
        }
        if let Some(admin) = uids.first() {
            txn = txn.publish_new(&administrator(*admin));
        }
        txn = txn.publish_new(&Record::Access(Access { epoch: FIRST_EPOCH })).publish_new(&Record::Token(Token {
            hash: root,
            principal: TokenPrincipal::Root,
            expire_time: None,
            create_time: now,
        }));
        if let Some(window) = KeySchedule::default().due(None, now) {
            let head = keys::signing_head();
            txn = with_key(txn.expect(&head, None), &SigningKey::generate(window)?, self.sealer, self.entropy)?;
        }
        Ok(txn)
    }
}

/// A user as they begin.
pub(crate) fn new_user(username: Username, now: Timestamp, entropy: &dyn Entropy) -> User {
    User {
        uid: UserId::new(now, entropy),
        username,
        display_name: None,
        active: true,
        epoch: FIRST_EPOCH,
        create_time: now,
        update_time: now,
    }
}

/// The transaction that also creates a user, their password, and their claim to their names.
///
/// # Errors
/// The cipher refused.
pub(crate) fn with_user(
    txn: Txn,
    user: &User,
    phc: &SecretString,
    sealer: &Sealer,
    entropy: &dyn Entropy,
) -> Result<Txn, SealError> {
    let at = keys::credential(user.uid);
    let sealed_phc = seal(sealer, &at, phc.expose().as_bytes(), entropy)?;
    let claim = NameClaim { schema: SCHEMA, uid: user.uid.to_string() }.encode_to_vec();
    let mut txn = txn
        .publish_new(&Record::User(user.clone()))
        .create(at, Credential { schema: SCHEMA, sealed_phc }.encode_to_vec())
        .create(keys::name(&user.username.fold()), claim.clone());
    let display_name = user.display_name.as_ref().map(reeve_model::DisplayName::fold);
    if let Some(fold) = display_name.filter(|fold| *fold != user.username.fold()) {
        txn = txn.create(keys::name(&fold), claim);
    }
    Ok(txn)
}

/// That a user is an administrator.
pub(crate) fn administrator(user: UserId) -> Record {
    Record::Membership(Membership { group: GroupId::ADMINS, member: PrincipalId::User(user) })
}
