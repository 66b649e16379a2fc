//! A replica that shows what a test lets it see, a store that says where it is, and people with tokens.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::stream::{self, BoxStream, StreamExt};
use reeve_answers::{Reader, Staleness};
use reeve_chassis::Failure;
use reeve_credentials::{AccessClaims, KeyWindow, SigningKey, TokenHash, mint_robot, sign_access};
use reeve_model::{
    ConsistencyToken, Epoch, GroupId, ManualClock, PrincipalId, Revision, RobotId, RobotName, SeededEntropy, SessionId,
    StoreId, Timestamp, UserId, Username,
};
use reeve_replica::{Barrier, Replica, Source, SourceError, SourceEvent, StoredRecord, encode, follow};
use reeve_world::{Group, Membership, Record, RecordKey, Robot, Token, TokenPrincipal, TokenRules, User};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::Status;
use tonic::metadata::MetadataMap;
use uuid::Uuid;

pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_795_219_200_000);
pub(crate) const STORE: StoreId = StoreId { uuid: Uuid::from_u128(0xaa), epoch: 1 };
const DAY: Duration = Duration::from_hours(24);

type Told = Result<SourceEvent, SourceError>;

pub(crate) fn token(revision: u64) -> ConsistencyToken {
    ConsistencyToken { store: STORE, revision: Revision::new(revision) }
}

/// What the store says when it is asked where it is, and how often it was.
pub(crate) struct Present {
    pub(crate) at: AtomicU64,
    pub(crate) asked: AtomicUsize,
}

#[async_trait]
impl Barrier for Present {
    async fn barrier(&self) -> Result<Revision, SourceError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        match self.at.load(Ordering::SeqCst) {
            0 => Err(SourceError::Lost("the store is away".to_owned())),
            at => Ok(Revision::new(at)),
        }
    }
}

struct Script(Option<UnboundedReceiver<Told>>);

#[async_trait]
impl Source for Script {
    async fn open(&mut self, _: Option<ConsistencyToken>) -> Result<BoxStream<'static, Told>, SourceError> {
        let told = self.0.take().ok_or_else(|| SourceError::Lost("the script is over".to_owned()))?;
        Ok(stream::unfold(told, async |mut told| told.recv().await.map(|event| (event, told))).boxed())
    }

    fn name(&self) -> String {
        "script".to_owned()
    }
}

/// A reader, and the strings that its replica hangs on.
pub(crate) struct Stage {
    pub(crate) reader: Reader,
    pub(crate) replica: Replica,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) store: Arc<Present>,
    events: UnboundedSender<Told>,
    key: SigningKey,
    _end: DropGuard,
}

impl Stage {
    /// Alice, an administrator, in a World at revision 5 that was confirmed just now; by a store that can be asked.
    pub(crate) async fn over_a_store() -> Self {
        Self::with(true).await
    }

    /// The same, by a feed.
    pub(crate) async fn beside_a_feed() -> Self {
        Self::with(false).await
    }

    async fn with(asks: bool) -> Self {
        let stage = Self::empty(asks);
        stage.tell(SourceEvent::Begin);
        let admins = Group::new(GroupId::ADMINS, reeve_model::GroupName::parse("admins").unwrap(), NOW);
        let member = Membership { group: GroupId::ADMINS, member: PrincipalId::User(user_id(1)) };
        let records = [user(1, 0), Record::Group(admins), Record::Membership(member), stage.signing_key()];
        stage.tell(SourceEvent::Records(records.iter().map(stored).collect()));
        stage.tell(SourceEvent::Complete(token(5)));
        stage.confirm(5);
        stage.replica.ready().await;
        stage
    }

    /// Nothing is loaded yet.
    pub(crate) fn empty(asks: bool) -> Self {
        let clock = Arc::new(ManualClock::at(NOW));
        clock.advance(Duration::from_hours(1));
        let store = Arc::new(Present { at: AtomicU64::new(5), asked: AtomicUsize::new(0) });
        let barrier = asks.then(|| store.clone() as Arc<dyn Barrier>);
        let replica = Replica::new(clock.clone(), barrier);
        let (events, told) = unbounded_channel();
        let end = CancellationToken::new();
        tokio::spawn(follow(replica.clone(), Script(Some(told)), end.clone()));
        let until = clock_now(&clock).plus(DAY);
        let key = SigningKey::generate(KeyWindow { sign_from: NOW, sign_until: until, verify_until: until }).unwrap();
        let reader = Reader::new(replica.clone(), rules(), Staleness::default());
        Self { reader, replica, clock, store, events, key, _end: end.drop_guard() }
    }

    pub(crate) fn tell(&self, event: SourceEvent) {
        self.events.send(Ok(event)).unwrap();
    }

    pub(crate) fn fail(&self, error: SourceError) {
        self.events.send(Err(error)).unwrap();
    }

    /// The replica sees a write.
    pub(crate) fn change(&self, revision: u64, upserts: &[Record], deletes: &[RecordKey]) {
        let deletes = deletes.iter().map(ToString::to_string).collect();
        let upserts = upserts.iter().map(stored).collect();
        self.tell(SourceEvent::Changes { revision: Revision::new(revision), upserts, deletes });
    }

    /// The replica hears that the store is there now.
    pub(crate) fn confirm(&self, revision: u64) {
        self.tell(SourceEvent::Confirmed { token: token(revision), age: Duration::ZERO, digest: None });
    }

    pub(crate) async fn reached(&self, revision: u64) {
        self.replica.reach(Revision::new(revision), Duration::from_mins(1)).await.unwrap();
    }

    fn signing_key(&self) -> Record {
        Record::SigningKey(reeve_world::SigningKey { public: self.key.public().clone() })
    }

    /// An access token of a user, made under an epoch of theirs.
    pub(crate) fn signed_in(&self, number: u128, epoch: u64) -> String {
        let now = clock_now(&self.clock);
        let claims = AccessClaims {
            issuer: rules().issuer,
            subject: user_id(number),
            audience: rules().audience,
            expires_at: now.plus(DAY),
            issued_at: now,
            not_before: now,
            token_id: Uuid::from_u128(number),
            session: session_id(number),
            username: format!("user{number}"),
            user_epoch: Epoch::new(epoch),
            access_epoch: Epoch::default(),
        };
        sign_access(&self.key, &claims).unwrap().expose().to_owned()
    }
}

fn clock_now(clock: &ManualClock) -> Timestamp {
    reeve_model::Clock::now(clock)
}

fn rules() -> TokenRules {
    TokenRules { issuer: "https://reeve".to_owned(), audience: "reeve".to_owned() }
}

fn stored(record: &Record) -> StoredRecord {
    StoredRecord { key: record.key().to_string(), value: encode(record) }
}

pub(crate) fn user_id(number: u128) -> UserId {
    UserId::from_uuid(Uuid::from_u128(0x7000_8000_0000_0000_0000 + number))
}

pub(crate) fn session_id(number: u128) -> SessionId {
    SessionId::from_uuid(Uuid::from_u128(0x7000_8000_0000_0000_4000 + number))
}

pub(crate) fn user(number: u128, epoch: u64) -> Record {
    Record::User(User {
        uid: user_id(number),
        username: Username::parse(&format!("user{number}")).unwrap(),
        display_name: None,
        active: true,
        epoch: Epoch::new(epoch),
        create_time: NOW,
        update_time: NOW,
    })
}

/// A robot's token, its records, and the key of the token's.
pub(crate) fn robot(seed: u64) -> (String, [Record; 2], RecordKey) {
    let text = mint_robot(&SeededEntropy::new(seed)).expose().to_owned();
    let uid = RobotId::from_uuid(Uuid::from_u128(0x7000_8000_0000_0000_2000 + u128::from(seed)));
    let robot = Robot {
        uid,
        name: RobotName::parse(&format!("robot{seed}")).unwrap(),
        description: String::new(),
        create_time: NOW,
    };
    let hash = TokenHash::of(&text);
    let token = Token { hash, principal: TokenPrincipal::Robot(uid), expire_time: None, create_time: NOW };
    (text, [Record::Robot(robot), Record::Token(token)], RecordKey::Token(hash))
}

/// What a call with this token brings.
pub(crate) fn bearing(token: &str) -> MetadataMap {
    let mut metadata = MetadataMap::new();
    metadata.insert("authorization", format!("Bearer {token}").parse().unwrap());
    metadata
}

/// The reason of a failure.
pub(crate) fn why<T>(result: Result<T, Failure>) -> String {
    let Err(failure) = result else { panic!("it was let in") };
    tonic_types::StatusExt::get_details_error_info(&Status::from(failure)).unwrap().reason
}
