//! That the servers do what the tests that use them take for granted.

use std::io::{BufRead, BufReader, ErrorKind, Read, stdin};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::Duration;

use reeve_test_etcd::{EtcdBuilder, EtcdCluster};

#[tokio::test]
async fn one_node_takes_a_write_and_forgets_what_was_compacted() {
    let etcd = EtcdCluster::start(1).await;
    assert_eq!(etcd.leader().await, 0);
    etcd.etcdctl(&["put", "k", "old"]).await;
    let old = etcd.revision().await;
    etcd.etcdctl(&["put", "k", "new"]).await;
    let at_old = ["get", "k", "--print-value-only", &format!("--rev={old}")];
    assert_eq!(etcd.etcdctl(&at_old).await.trim(), "old");
    etcd.compact(etcd.revision().await).await;
    let error = etcd.try_etcdctl(&at_old).await.unwrap_err();
    assert!(error.contains("compacted"), "{error}");
}

#[tokio::test]
async fn three_nodes_outlive_their_leader_and_take_it_back() {
    let etcd = EtcdCluster::start(3).await;
    etcd.etcdctl(&["put", "k", "before"]).await;
    let first = etcd.leader().await;
    etcd.kill(first);
    let second = etcd.leader().await;
    assert_ne!(first, second);
    etcd.etcdctl(&["put", "k", "meanwhile"]).await;
    etcd.restart(first).await;
    etcd.healthy().await;
    let mine = format!("--endpoints={}", etcd.endpoints()[first]);
    assert_eq!(etcd.etcdctl(&[&mine, "get", "k", "--print-value-only"]).await.trim(), "meanwhile");
}

#[tokio::test]
async fn a_paused_leader_is_replaced_and_goes_on_as_a_follower() {
    let etcd = EtcdCluster::start(3).await;
    let first = etcd.leader().await;
    etcd.pause(first);
    let second = etcd.leader().await;
    assert_ne!(first, second);
    etcd.resume(first);
    etcd.healthy().await;
    assert_ne!(etcd.leader().await, first);
}

#[tokio::test]
async fn a_node_without_a_majority_is_not_waited_for() {
    let etcd = EtcdCluster::start(3).await;
    (0..3).for_each(|node| etcd.kill(node));
    etcd.restart(0).await;
    etcd.restart(1).await;
    etcd.healthy().await;
}

#[tokio::test]
async fn a_dropped_cluster_leaves_no_server() {
    let etcd = EtcdCluster::start(1).await;
    etcd.pause(0);
    let address = etcd.endpoints()[0].trim_start_matches("http://").to_owned();
    assert!(TcpStream::connect(&address).is_ok());
    drop(etcd);
    assert!(TcpStream::connect(&address).is_err());
}

/// Runs itself once more as the test that is killed: `HELD` is set there.
#[tokio::test]
async fn a_killed_test_leaves_no_server() {
    const HELD: &str = "REEVE_TEST_ETCD_HELD";
    if std::env::var_os(HELD).is_some() {
        let etcd = EtcdCluster::start(1).await;
        println!("\nheld {}", etcd.endpoints()[0]);
        // until killed
        stdin().read_line(&mut String::new()).unwrap();
        return;
    }
    let mut held = Command::new(std::env::current_exe().unwrap());
    held.args(["--exact", "a_killed_test_leaves_no_server", "--nocapture"]).env(HELD, "1");
    let mut held = held.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(held.stdout.take().unwrap()).lines().map(Result::unwrap);
    let address = lines.find_map(|line| line.strip_prefix("held http://").map(str::to_owned)).unwrap();
    held.kill().unwrap();
    held.wait().unwrap();
    // whoever is still let in is cut off in a moment
    while let Ok(mut server) = TcpStream::connect(&address) {
        server.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let ended = server.read_to_end(&mut Vec::new());
        assert!(!ended.is_err_and(|error| error.kind() == ErrorKind::WouldBlock), "the server goes on");
    }
}

#[test]
fn a_cluster_outlives_the_runtime_that_started_it() {
    let run = || tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let first = run();
    let etcd = first.block_on(async { tokio::spawn(EtcdCluster::start(1)).await.unwrap() });
    drop(first);
    run().block_on(etcd.etcdctl(&["put", "k", "v"]));
}

#[tokio::test]
async fn accounts_bound_what_reeve_may_write() {
    let etcd = EtcdBuilder::new(1).auth(Duration::from_secs(1)).start().await;
    let who = etcd.credentials().unwrap();
    let user = format!("--user={}:{}", who.username, who.password);
    etcd.etcdctl(&[&user, "put", "/reeve/k", "v"]).await;
    let error = etcd.try_etcdctl(&[&user, "put", "/other/k", "v"]).await.unwrap_err();
    assert!(error.contains("permission denied"), "{error}");
}

#[tokio::test]
async fn a_full_store_takes_no_write() {
    let etcd = EtcdBuilder::new(1).quota_bytes(1 << 20).start().await;
    let value = "v".repeat(100_000);
    let mut answers = Vec::new();
    for at in 0..20 {
        answers.push(etcd.try_etcdctl(&["put", &format!("k{at}"), &value]).await);
    }
    assert!(answers.iter().any(|answer| answer.as_ref().is_err_and(|error| error.contains("space exceeded"))));
}

#[tokio::test]
async fn tls_lets_in_whom_its_authority_knows() {
    let etcd = EtcdBuilder::new(1).tls().start().await;
    assert!(etcd.endpoints()[0].starts_with("https://"));
    etcd.etcdctl(&["put", "k", "v"]).await;
    let files = etcd.tls().unwrap();
    let (cert, key) = (&files.other_client.cert_file, &files.other_client.key_file);
    let stranger = [format!("--cert={}", cert.display()), format!("--key={}", key.display())];
    let arguments = [&stranger[0], &stranger[1], "--command-timeout=1s", "get", "k"];
    etcd.try_etcdctl(&arguments).await.unwrap_err();
}

#[tokio::test]
async fn a_backup_brings_back_what_was_and_forgets_what_came_after() {
    let etcd = EtcdCluster::start(3).await;
    etcd.etcdctl(&["put", "k", "before"]).await;
    let backup = etcd.backup().await;
    etcd.etcdctl(&["put", "k", "after"]).await;
    etcd.restore(&backup).await;
    assert_eq!(etcd.etcdctl(&["get", "k", "--print-value-only"]).await.trim(), "before");
    etcd.wipe().await;
    assert_eq!(etcd.etcdctl(&["get", "k", "--print-value-only"]).await.trim(), "");
}
