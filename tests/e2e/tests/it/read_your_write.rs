//! A write at one replica is seen at another by whoever passes its token: at once, every time, under load.
//!
//! `REEVE_WRITES` says how many.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use reeve_api::policy::CheckRequest;
use reeve_model::ConsistencyToken;

use crate::apart::{Apart, Kind, Shape};
use crate::client::{Client, after};

/// How many writes, unless `REEVE_WRITES` says otherwise.
const WRITES: usize = 10_000;
/// Who write and read at the same time.
const WRITERS: usize = 16;
/// Who only read, without a token.
const READERS: usize = 4;

async fn allowed(client: &Client, user: &str, token: Option<&str>) -> (bool, u64) {
    let request = CheckRequest {
        principal: format!("user:{user}"),
        permission: "workload.submit".to_owned(),
        resource: "workspaces/vision".to_owned(),
        consistency: token.and_then(after),
    };
    let answer = client.decisions().check(request).await.unwrap().into_inner();
    (answer.allowed, answer.revision)
}

/// Writes at one replica and reads at the other, in turns, until there are enough; how long each read took.
async fn write_and_read(replicas: [Client; 2], user: String, left: Arc<AtomicUsize>) -> Vec<Duration> {
    let principal = format!("user:{user}");
    let mut took = Vec::new();
    while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok() {
        let at = took.len();
        let (here, there) = (&replicas[at / 2 % 2], &replicas[(at / 2 + 1) % 2]);
        let granting = at % 2 == 0;
        let written = if granting {
            here.bind(&principal, "editor", "workspaces/vision").await.unwrap()
        } else {
            here.unbind(&principal, "editor", "workspaces/vision").await.unwrap()
        };
        let began = Instant::now();
        let (answer, revision) = allowed(there, &user, Some(&written)).await;
        took.push(began.elapsed());
        assert_eq!(answer, granting, "{user}, write {at}: not seen at {revision} with {written}");
        assert!(revision >= ConsistencyToken::parse(&written).unwrap().revision.get());
    }
    took
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_at_one_replica_is_seen_at_another_with_its_token_every_time() {
    let writes = std::env::var("REEVE_WRITES").map_or(WRITES, |text| text.parse().expect("REEVE_WRITES is a number"));
    let apart = Apart::start(Shape { replicas: 2, ..Shape::default() }).await;
    let replicas = [apart.service(Kind::Policy, 0), apart.service(Kind::Policy, 1)];
    let admin = replicas[0].nobody().sign_in("admin").await.unwrap();
    admin.make_workspace("vision").await;
    for at in 0..WRITERS {
        admin.make_user(&format!("user-{at}")).await;
    }
    let token = admin.make_robot("writer", Some("clusterAdmin")).await;

    let began = Instant::now();
    let (left, over) = (Arc::new(AtomicUsize::new(writes)), Arc::new(AtomicBool::new(false)));
    let mut writers = Vec::new();
    for at in 0..WRITERS {
        let clients = [replicas[0].nobody().with_token(&token), replicas[1].nobody().with_token(&token)];
        writers.push(tokio::spawn(write_and_read(clients, format!("user-{at}"), left.clone())));
    }
    let readers: Vec<_> = (0..READERS)
        .map(|at| {
            let (client, over) = (replicas[at % 2].nobody(), over.clone());
            let token = token.clone();
            async move {
                let client = client.with_token(&token);
                let mut reads = 0;
                while !over.load(Ordering::Relaxed) {
                    allowed(&client, &format!("user-{}", reads % WRITERS), None).await;
                    reads += 1;
                }
                reads
            }
        })
        .collect();
    let written = async {
        let took = join_all(writers).await.into_iter().flat_map(Result::unwrap).collect::<Vec<_>>();
        over.store(true, Ordering::Relaxed);
        took
    };
    let (mut took, reads) = tokio::join!(written, join_all(readers));
    assert_eq!(took.len(), writes);
    took.sort();
    println!(
        "{writes} of {writes} writes seen at the other replica in {:?}; the read took {:?} (median), {:?} (slowest); {} other reads",
        began.elapsed(),
        took[took.len() / 2],
        took[took.len() - 1],
        reads.iter().sum::<usize>(),
    );
}
