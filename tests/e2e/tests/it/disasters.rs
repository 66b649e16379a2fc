//! The store changes under a running cluster in ways that Reeve did not: nobody answers from what is not the cluster's state, and
//! nothing is written into what is not its store.
//!
//! Apart alone: nobody can put back the files of the embedded store while its process holds them.

use std::time::Duration;

use reeve_api::identity::LogoutRequest;
use reeve_api::policy::CheckRequest;
use tokio::time::{Instant, interval};
use tonic::{Code, Status};

use crate::apart::{Apart, Kind, PREFIX, Shape};
use crate::asked::{Asked, is_away};
use crate::awaiting::within;
use crate::client::Client;
use crate::refusal::assert_refused;

/// How old a state may be here.
const STALENESS: Duration = Duration::from_secs(4);
/// How long somebody may take to notice, or to be well again.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long it is looked at what is answered.
const LOOKED_AT: Duration = Duration::from_secs(8);
const LOOK: Duration = Duration::from_millis(20);

/// Two of each service; alice, who may submit to vision.
struct Stage {
    apart: Apart,
    everybody: Vec<Asked>,
    admin: Client,
    /// alice's.
    token: String,
}

async fn stage() -> Stage {
    let apart = Apart::start(Shape { replicas: 2, staleness: Some(STALENESS), ..Shape::default() }).await;
    let admin = apart.service(Kind::Identity, 0).nobody().sign_in("admin").await.unwrap();
    admin.make_user("alice").await;
    admin.make_workspace("vision").await;
    let token = admin.sign_in("alice").await.unwrap().token;
    let everybody = Asked::everybody(&apart, None);
    Stage { apart, everybody, admin, token }
}

impl Stage {
    async fn grants(&self) -> String {
        self.admin.bind("user:alice", "editor", "workspaces/vision").await.unwrap()
    }

    /// Asks everybody for a while; each answer is what it was before, or that there is none. In the end there is none.
    async fn is_answered_as_before_or_not_at_all(&self, ended: Option<&str>) {
        let (began, mut look) = (Instant::now(), interval(LOOK));
        let mut last = vec![Duration::ZERO; self.everybody.len()];
        while began.elapsed() < LOOKED_AT {
            look.tick().await;
            for (asked, last) in self.everybody.iter().zip(&mut last) {
                match asked.ask(&self.token, None).await {
                    Ok(()) => *last = began.elapsed(),
                    Err(status) => assert!(is_away(&status), "{}: {status:?}", asked.name),
                }
                if let Some(ended) = ended {
                    let status = asked.ask(ended, None).await.expect_err("an ended session was revived");
                    let refused = is_away(&status) || status.code() == Code::Unauthenticated;
                    assert!(refused, "{}: {status:?}", asked.name);
                }
            }
        }
        for (asked, last) in self.everybody.iter().zip(last) {
            println!("{}: answered for {last:?}", asked.name);
            assert!(last < STALENESS + Duration::from_secs(1), "{}: answered for {last:?}", asked.name);
        }
    }

    async fn refuses_writes(&self) {
        let write = self.admin.bind("user:alice", "viewer", "cluster").await;
        let status = write.expect_err("something was written");
        assert_eq!(status.code(), Code::Unavailable, "{status:?}");
        println!("a write is refused: {}", status.message());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_put_back_from_a_backup_goes_on_in_a_new_epoch() {
    let stage = stage().await;
    let backup = stage.apart.etcd.backup().await;
    // what the backup does not know: that alice may
    let granted = stage.grants().await;
    for asked in &stage.everybody {
        asked.ask(&stage.token, Some(&granted)).await.unwrap();
    }
    // as an operator does it: with the services stopped
    stage.apart.stop_services().await;
    stage.apart.etcd.restore(&backup).await;
    let output = stage.apart.command(&["state", "new-epoch"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    stage.apart.start_services();
    stage.apart.ready().await;
    let refused = stage.everybody[0].ask(&stage.token, Some(&granted)).await;
    assert_refused(refused, Code::FailedPrecondition, "FOREIGN_TOKEN");
    // sessions go on, and alice may not until that is granted again
    let check = CheckRequest {
        permission: "workload.submit".to_owned(),
        resource: "workspaces/vision".to_owned(),
        ..Default::default()
    };
    let alice = stage.admin.with_token(&stage.token);
    assert!(!alice.decisions().check(check).await.unwrap().into_inner().allowed);
    let granted = stage.grants().await;
    for asked in &stage.everybody {
        asked.ask(&stage.token, Some(&granted)).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_put_back_from_a_backup_under_running_services_is_refused_until_its_operator_says_so() {
    let stage = stage().await;
    let ended = stage.admin.sign_in("alice").await.unwrap();
    stage.grants().await;
    stage.admin.unbind("user:alice", "editor", "workspaces/vision").await.unwrap();
    let backup = stage.apart.etcd.backup().await;
    // what the backup does not know: that alice may, and that a session has ended
    let granted = stage.grants().await;
    ended.sessions().logout(LogoutRequest {}).await.unwrap();
    for asked in &stage.everybody {
        asked.ask(&stage.token, Some(&granted)).await.unwrap();
        asked.refuses(&ended.token, None, "SESSION_ENDED").await;
    }
    stage.apart.etcd.restore(&backup).await;
    stage.is_answered_as_before_or_not_at_all(Some(&ended.token)).await;
    stage.refuses_writes().await;

    let output = stage.apart.command(&["state", "new-epoch"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    for service in &stage.apart.services {
        service.member.kill();
    }
    stage.apart.start_services();
    stage.apart.ready().await;
    let refused = stage.everybody[0].ask(&stage.token, Some(&granted)).await;
    assert_refused(refused, Code::FailedPrecondition, "FOREIGN_TOKEN");
    // the restored state: alice may not, until that is granted again
    let granted = stage.grants().await;
    for asked in &stage.everybody {
        asked.ask(&stage.token, Some(&granted)).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_was_wiped_is_neither_answered_from_nor_written_to() {
    let stage = stage().await;
    let granted = stage.grants().await;
    for asked in &stage.everybody {
        asked.ask(&stage.token, Some(&granted)).await.unwrap();
    }
    stage.apart.etcd.wipe().await;
    stage.is_answered_as_before_or_not_at_all(None).await;
    stage.refuses_writes().await;
    let keys = stage.apart.etcd.etcdctl(&["get", "--prefix", PREFIX, "--keys-only"]).await;
    assert_eq!(keys.trim(), "", "nothing was written into the empty store");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_nobody_can_read_is_not_decided_around() {
    let stage = stage().await;
    let granted = stage.grants().await;
    for asked in &stage.everybody {
        asked.ask(&stage.token, Some(&granted)).await.unwrap();
    }
    let key = format!("{PREFIX}/world/binding/not-a-uuid");
    stage.apart.etcd.etcdctl(&["put", &key, "garbage"]).await;
    stage.is_answered_as_before_or_not_at_all(None).await;
    stage.apart.etcd.etcdctl(&["del", &key]).await;
    for asked in &stage.everybody {
        let answered = async || -> Option<()> {
            let answer: Result<(), Status> = asked.ask(&stage.token, None).await;
            answer.ok()
        };
        within(PATIENCE, &format!("{} answers again", asked.name), answered).await;
    }
}
