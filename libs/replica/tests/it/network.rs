//! Feeds over a network that cuts, swallows and moves: a follower ends up equal to the store, or says that it is old.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use futures_util::{Stream, StreamExt};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use reeve_api::feed::feed_service_server::{FeedService, FeedServiceServer};
use reeve_api::feed::{WatchRequest, WatchResponse};
use reeve_model::{ConsistencyToken, Entropy, ManualClock, Revision, SeededEntropy};
use reeve_replica::{
    Connect, FeedError, FeedServer, FeedSource, ReadError, Replica, Source, SourceError, SourceEvent, follow,
};
use reeve_store::Store;
use reeve_world::Record;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_stream::wrappers::TcpListenerStream;
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Request, Response, Status};

use crate::records::{NOW, any_record, user, user_id};
use crate::script::PATIENCE;
use crate::store::{House, write};

const BOUND: Duration = Duration::from_secs(30);

/// A feed server on a port of its own, until it is dropped.
struct Served {
    at: SocketAddr,
    _end: DropGuard,
}

struct Method(FeedServer);

#[tonic::async_trait]
impl FeedService for Method {
    type WatchStream = Pin<Box<dyn Stream<Item = Result<WatchResponse, Status>> + Send>>;

    async fn watch(&self, request: Request<WatchRequest>) -> Result<Response<Self::WatchStream>, Status> {
        let after = request.get_ref().after.as_str();
        let after = (!after.is_empty()).then(|| ConsistencyToken::parse(after).unwrap());
        let feed = self.0.watch(after).await.map_err(|error| match error {
            FeedError::NotSynced => Status::unavailable(error.to_string()),
            FeedError::ForeignToken => Status::failed_precondition(error.to_string()),
        })?;
        Ok(Response::new(feed))
    }
}

impl Served {
    async fn new(replica: &Replica) -> Self {
        let end = CancellationToken::new();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let method = FeedServiceServer::new(Method(FeedServer::new(replica.clone(), end.clone())));
        let server = Server::builder().add_service(method);
        let ended = end.clone().cancelled_owned();
        tokio::spawn(server.serve_with_incoming_shutdown(TcpListenerStream::new(listener), ended));
        Self { at, _end: end.drop_guard() }
    }
}

/// What the path lets through. Connections are numbered as they are made.
#[derive(Clone, Copy, Default)]
struct Path {
    /// Whether it swallows whatever it is given.
    muted: bool,
    /// Connections before this one are swallowed for good.
    muted_before: u32,
    /// Connections before this one are cut.
    cut_before: u32,
    /// The next connection's number.
    next: u32,
}

/// A path to wherever it points, which can be cut and can swallow what it is given.
struct Proxy {
    at: SocketAddr,
    to: Arc<Mutex<SocketAddr>>,
    path: watch::Sender<Path>,
}

impl Proxy {
    async fn new(to: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (at, to) = (listener.local_addr().unwrap(), Arc::new(Mutex::new(to)));
        let path = watch::Sender::new(Path::default());
        let (state, target) = (path.clone(), to.clone());
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let to = *target.lock().unwrap();
                let Ok(far) = TcpStream::connect(to).await else { continue };
                let number = state.borrow().next;
                state.send_modify(|path| path.next += 1);
                let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
                tokio::spawn(pump(number, near_in, far_out, state.subscribe()));
                tokio::spawn(pump(number, far_in, near_out, state.subscribe()));
            }
        });
        Self { at, to, path }
    }

    fn set(&self, change: impl FnOnce(&mut Path)) {
        self.path.send_modify(change);
    }

    fn cut(&self) {
        self.set(|path| path.cut_before = path.next);
    }

    fn point_to(&self, to: SocketAddr) {
        *self.to.lock().unwrap() = to;
    }
}

async fn pump(number: u32, mut from: OwnedReadHalf, mut to: OwnedWriteHalf, path: watch::Receiver<Path>) {
    let (mut cut, mut open) = (path.clone(), path);
    let copy = async {
        let mut buffer = vec![0; 16 * 1024];
        loop {
            let read = from.read(&mut buffer).await.unwrap_or(0);
            let passes = |path: &Path| !path.muted && number >= path.muted_before;
            if read == 0 || open.wait_for(passes).await.is_err() {
                return;
            }
            if to.write_all(buffer.get(..read).unwrap()).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        _ = cut.wait_for(|path| number < path.cut_before) => {}
        () = copy => {}
    }
}

/// Servers in turn.
struct Turns(Vec<SocketAddr>, usize);

#[async_trait]
impl Connect for Turns {
    async fn connect(&mut self) -> Result<(Channel, MetadataValue<Ascii>), String> {
        let at = self.0[self.1 % self.0.len()];
        self.1 += 1;
        To(at).connect().await
    }

    fn name(&self) -> String {
        format!("{:?}", self.0)
    }

    fn has_others(&self) -> bool {
        true
    }
}

struct To(SocketAddr);

#[async_trait]
impl Connect for To {
    async fn connect(&mut self) -> Result<(Channel, MetadataValue<Ascii>), String> {
        let endpoint = Endpoint::from_shared(format!("http://{}", self.0)).unwrap();
        let channel = endpoint.connect().await.map_err(|error| error.to_string())?;
        Ok((channel, MetadataValue::from_static("Bearer token")))
    }

    fn name(&self) -> String {
        self.0.to_string()
    }
}

/// How often a feed was opened, and how often it began with a snapshot.
#[derive(Default)]
struct Seen {
    opened: AtomicU32,
    snapshots: AtomicU32,
}

struct Watched<S>(S, Arc<Seen>);

#[async_trait]
impl<S: Source> Source for Watched<S> {
    async fn open(
        &mut self,
        after: Option<ConsistencyToken>,
    ) -> Result<BoxStream<'static, Result<SourceEvent, SourceError>>, SourceError> {
        let events = self.0.open(after).await?;
        self.1.opened.fetch_add(1, Ordering::SeqCst);
        let seen = self.1.clone();
        let count = move |event: &Result<SourceEvent, SourceError>| {
            if matches!(event, Ok(SourceEvent::Begin)) {
                seen.snapshots.fetch_add(1, Ordering::SeqCst);
            }
        };
        Ok(events.inspect(count).boxed())
    }

    fn name(&self) -> String {
        self.0.name()
    }
}

/// A replica that follows a feed.
struct Follower {
    replica: Replica,
    clock: Arc<ManualClock>,
    seen: Arc<Seen>,
    _end: DropGuard,
}

impl Follower {
    async fn new(at: SocketAddr) -> Self {
        Self::of(To(at)).await
    }

    async fn of(connect: impl Connect) -> Self {
        let (clock, seen, end) = (Arc::new(ManualClock::at(NOW)), Arc::new(Seen::default()), CancellationToken::new());
        clock.advance(Duration::from_hours(1));
        let replica = Replica::new(clock.clone(), None);
        tokio::spawn(follow(replica.clone(), Watched(FeedSource::new(connect), seen.clone()), end.clone()));
        tokio::time::timeout(PATIENCE, replica.ready()).await.unwrap();
        Self { replica, clock, seen, _end: end.drop_guard() }
    }

    async fn reached(&self, revision: Revision) {
        self.replica.reach(revision, PATIENCE).await.unwrap();
    }

    fn snapshots(&self) -> u32 {
        self.seen.snapshots.load(Ordering::SeqCst)
    }
}

/// Waits until something holds.
async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let wait = async {
        let mut ticks = tokio::time::interval(Duration::from_millis(1));
        while !holds() {
            ticks.tick().await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, wait).await.is_ok(), "never: {what}");
}

/// Records of every kind, the same each time.
fn some_records(count: usize) -> Vec<Record> {
    let mut runner = TestRunner::deterministic();
    (0..count).map(|_| any_record().new_tree(&mut runner).unwrap().current()).collect()
}

/// Writes and removes records at random, some at a time, for so many revisions; the last one.
async fn write_at_random(house: &House, revisions: usize) -> Revision {
    let records = Arc::new(some_records(300));
    let writers = (0..4u64).map(|seed| {
        let (store, records) = (house.store.clone(), records.clone());
        tokio::spawn(async move {
            let entropy: &dyn Entropy = &SeededEntropy::new(seed);
            let mut last = Revision::ZERO;
            for epoch in 0..revisions / 4 {
                let dice = entropy.bytes::<4>().map(usize::from);
                let own = user(seed, epoch as u64);
                let upserts = [records[dice[0]].clone(), own];
                let delete = records[(dice[1] + dice[0] + 1) % 299].clone();
                let clear = delete.key() != upserts[0].key() && dice[2] % 2 == 0;
                let deletes = if clear { vec![delete] } else { vec![] };
                last = write(&store, &upserts, &deletes).await.revision;
            }
            last
        })
    });
    let mut last = Revision::ZERO;
    for writer in writers.collect::<Vec<_>>() {
        last = last.max(writer.await.unwrap());
    }
    last
}

fn answers(replica: &Replica) -> String {
    let snapshot = replica.latest().unwrap();
    let world = snapshot.world();
    let everybody: Vec<_> = world.users_after(None).collect();
    let bindings: Vec<_> = world.bindings_after(None).collect();
    let places: Vec<_> = world.workspaces_after(None).collect();
    let links: Vec<_> = world.user_links().collect();
    let (tokens, keys): (Vec<_>, Vec<_>) = (world.tokens().collect(), world.signing_keys().collect());
    format!("{everybody:?} {bindings:?} {places:?} {links:?} {tokens:?} {keys:?} {:?}", world.access())
}

fn assert_equal(one: &Replica, other: &Replica) {
    let digests = [one, other].map(|replica| replica.latest().unwrap().digest());
    assert_eq!(digests[0], digests[1]);
    assert_eq!(answers(one), answers(other));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_follower_and_its_follower_equal_the_store_after_thousands_of_writes() {
    let house = House::new();
    house.write(&[user(1, 1)], &[]).await;
    let first = house.follow().await;
    let served = Served::new(&first.replica).await;
    let second = Follower::new(served.at).await;
    let chained = Served::new(&second.replica).await;
    let third = Follower::new(chained.at).await;
    let last = write_at_random(&house, 3000).await;
    for follower in [&second, &third] {
        follower.reached(last).await;
        assert_equal(&first.replica, &follower.replica);
        assert_eq!(follower.snapshots(), 1, "no digest was ever wrong");
        assert_eq!(follower.replica.latest().unwrap().token().store, first.replica.latest().unwrap().token().store);
    }
    let late = Follower::new(chained.at).await;
    late.reached(last).await;
    assert_equal(&first.replica, &late.replica);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_follower_whose_path_is_cut_again_and_again_goes_on_with_changes() {
    let house = House::new();
    house.write(&[user(1, 1)], &[]).await;
    let first = house.follow().await;
    let served = Served::new(&first.replica).await;
    let proxy = Proxy::new(served.at).await;
    let follower = Follower::new(proxy.at).await;
    for round in 1..=10 {
        let last = write_at_random(&house, 40).await;
        if round % 2 == 0 {
            follower.reached(last).await;
        }
        let opened = follower.seen.opened.load(Ordering::SeqCst);
        proxy.cut();
        until("opened again", || follower.seen.opened.load(Ordering::SeqCst) > opened).await;
    }
    let last = write_at_random(&house, 40).await;
    follower.reached(last).await;
    assert_equal(&first.replica, &follower.replica);
    assert_eq!(follower.snapshots(), 1, "never from the beginning");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_follower_goes_on_with_another_server_of_the_same_store() {
    let house = House::new();
    house.write(&[user(1, 1)], &[]).await;
    let first = house.follow().await;
    let served = Served::new(&first.replica).await;
    let proxy = Proxy::new(served.at).await;
    let follower = Follower::new(proxy.at).await;
    write_at_random(&house, 40).await;
    drop((served, first));
    let last = write_at_random(&house, 40).await;
    let second = house.follow().await;
    let served = Served::new(&second.replica).await;
    proxy.point_to(served.at);
    follower.reached(last).await;
    assert_equal(&second.replica, &follower.replica);
    assert_eq!(follower.snapshots(), 1, "a server that has just started knows what its store remembers");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_follower_whose_feed_is_swallowed_ages_until_it_is_too_old_and_recovers() {
    let house = House::new();
    house.write(&[user(1, 1)], &[]).await;
    let first = house.follow().await;
    let served = Served::new(&first.replica).await;
    let proxy = Proxy::new(served.at).await;
    let follower = Follower::new(proxy.at).await;
    proxy.set(|path| path.muted = true);
    house.write(&[user(1, 2)], &[]).await;
    // what was under way may still arrive
    until("too old", || {
        follower.clock.advance(BOUND + Duration::from_millis(1));
        matches!(follower.replica.view(BOUND), Err(ReadError::Stale { .. }))
    })
    .await;
    follower.clock.advance(Duration::from_mins(10));
    assert!(matches!(follower.replica.view(Duration::from_mins(5)), Err(ReadError::Stale { .. })));
    let last = house.write(&[user(1, 3)], &[]).await;
    proxy.set(|path| path.muted = false);
    follower.reached(last.revision).await;
    until("young again", || follower.replica.view(BOUND).is_ok()).await;
    let view = follower.replica.view(BOUND).unwrap();
    assert_eq!(view.world().user_by_id(&user_id(1)).map(|user| user.epoch.get()), Some(3));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_feed_that_falls_silent_is_given_up_and_opened_again() {
    let house = House::new();
    house.write(&[user(1, 1)], &[]).await;
    let first = house.follow().await;
    let served = Served::new(&first.replica).await;
    let proxy = Proxy::new(served.at).await;
    let follower = Follower::new(proxy.at).await;
    proxy.set(|path| path.muted_before = path.next);
    let last = house.write(&[user(1, 2)], &[]).await;
    follower.reached(last.revision).await;
    assert_equal(&first.replica, &follower.replica);
    assert_eq!((follower.seen.opened.load(Ordering::SeqCst), follower.snapshots()), (2, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_follower_moves_on_past_a_server_that_is_behind_and_one_that_is_silent() {
    let house = House::new();
    house.write(&[user(1, 1)], &[]).await;
    let (ahead, behind, silent) = (house.follow().await, house.follow().await, house.follow().await);
    let stuck = behind.replica.clone();
    let (first, second, third) =
        (Served::new(&ahead.replica).await, Served::new(&stuck).await, Served::new(&silent.replica).await);
    let (first_path, third_path) = (Proxy::new(first.at).await, Proxy::new(third.at).await);
    let follower = Follower::of(Turns(vec![first_path.at, second.at, third_path.at], 0)).await;
    drop(behind);
    third_path.set(|path| path.muted = true);
    let seen = write_at_random(&house, 40).await;
    follower.reached(seen).await;
    // the second waits and says that it is behind, the third says nothing, and the first goes on where it was
    first_path.cut();
    let last = write_at_random(&house, 40).await;
    follower.reached(last).await;
    assert_equal(&ahead.replica, &follower.replica);
    assert_eq!(follower.snapshots(), 1, "with changes alone");
    assert!(stuck.latest().unwrap().revision() < seen, "what is behind was not followed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_follower_never_mixes_two_stores_and_goes_on_with_its_own() {
    let (house, other) = (House::new(), House::new());
    house.write(&[user(1, 1)], &[]).await;
    for epoch in 0..20 {
        other.write(&[user(2, epoch)], &[]).await;
    }
    let (own, foreign) = (house.follow().await, other.follow().await);
    let (served, wrong) = (Served::new(&own.replica).await, Served::new(&foreign.replica).await);
    let proxy = Proxy::new(served.at).await;
    let follower = Follower::new(proxy.at).await;
    proxy.point_to(wrong.at);
    proxy.cut();
    until("refused by name", || matches!(follower.replica.view(BOUND), Err(ReadError::Replaced))).await;
    assert!(follower.replica.trouble().unwrap().contains("another store"));
    assert_eq!(follower.replica.latest().unwrap().token().store, house.store.id());
    proxy.point_to(served.at);
    let last = house.write(&[user(1, 2)], &[]).await;
    follower.reached(last.revision).await;
    until("answers again", || follower.replica.view(BOUND).is_ok()).await;
    assert_equal(&own.replica, &follower.replica);
    assert!(follower.replica.latest().unwrap().world().user_by_id(&user_id(2)).is_none());
}
