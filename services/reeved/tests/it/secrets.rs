//! What is kept beside the store, and what becomes of the wrong key.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::client::{Client, PASSWORD};
use crate::process::{Running, ended, reeved, up};
use crate::state::content;

fn modes(folder: &Path) -> BTreeMap<String, u32> {
    let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
    entries
        .map(|entry| {
            let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
            (entry.file_name().to_string_lossy().into_owned(), mode)
        })
        .collect()
}

#[tokio::test]
async fn the_first_start_says_how_to_sign_in_and_keeps_its_secrets_for_its_owner_alone() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut running = Running::start(up(&data)).await;
    let first = running.line().await;
    let password = fs::read_to_string(data.join("initial-password")).unwrap();
    assert!(first.starts_with("first start: ") && first.contains(password.trim()), "{first}");
    assert!(first.contains("login admin") && first.contains(&running.address().to_string()), "{first}");
    Client::sign_in(running.address(), "admin", password.trim()).await.unwrap();
    Client::sign_in(running.address(), "reeve", password.trim()).await.unwrap();

    assert_eq!(fs::metadata(&data).unwrap().permissions().mode() & 0o777, 0o700);
    let modes = modes(&data);
    for secret in ["cluster-key", "initial-password", "root-token"] {
        assert_eq!(modes.get(secret), Some(&0o600), "{modes:?}");
    }
    let socket = running.socket().file_name().unwrap().to_string_lossy().into_owned();
    assert_eq!(modes.get(&socket), Some(&0o660), "{modes:?}");
    for (name, mode) in &modes {
        assert!(*name == socket || *mode == 0o600, "{name}: {mode:o}");
    }
    running.terminate();
    let log = running.end().await.err;
    for secret in [password.trim(), fs::read_to_string(data.join("cluster-key")).unwrap().trim()] {
        assert!(!log.contains(secret), "a secret in the log");
    }

    // a later start says nothing of it
    let running = Running::start(up(&data)).await;
    running.terminate();
    assert_eq!(running.end().await.out, "");
}

#[tokio::test]
async fn secrets_may_come_from_files_and_the_environment() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let key = ended(reeved(["keys", "generate"]));
    assert!(key.status.success(), "{key:?}");
    let start = || {
        let mut command = up(&data);
        command.env("REEVE_INITIAL_PASSWORD", PASSWORD).env("REEVE_CLUSTER_KEY", key.out.trim());
        command
    };
    let mut running = Running::start(start()).await;
    let first = running.line().await;
    assert!(!first.contains(PASSWORD), "{first}");
    Client::sign_in(running.address(), "admin", PASSWORD).await.unwrap();
    assert!(!data.join("cluster-key").exists() && !data.join("initial-password").exists());
    running.kill();
    let running = Running::start(start()).await;
    Client::sign_in(running.address(), "admin", PASSWORD).await.unwrap();
}

/// Starts, and stops well.
async fn started_once(data: &Path) {
    let running = Running::start(up(data)).await;
    running.terminate();
    assert!(running.end().await.status.success());
}

#[tokio::test]
async fn the_wrong_cluster_key_is_refused_before_anything_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    started_once(&data).await;
    let made = content(&data).await;
    let right = fs::read_to_string(data.join("cluster-key")).unwrap();
    // the database marks its file while it is open; what is in it is looked at below
    let others = || -> BTreeMap<String, Vec<u8>> {
        let names = modes(&data).into_keys().filter(|name| name != "sidecar.sock" && name != "store.redb");
        names.map(|name| (name.clone(), fs::read(data.join(name)).unwrap())).collect()
    };

    fs::write(data.join("cluster-key"), ended(reeved(["keys", "generate"])).out).unwrap();
    let before = others();
    let refused = ended(up(&data));
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    assert!(refused.err.contains("cluster key") && !refused.out.contains("ready"), "{refused:?}");
    assert_eq!(before, others());
    for broken in ["", "not a key", &right[..right.len() / 2]] {
        fs::write(data.join("cluster-key"), broken).unwrap();
        let refused = ended(up(&data));
        assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    }
    fs::write(data.join("cluster-key"), &right).unwrap();
    fs::set_permissions(data.join("cluster-key"), fs::Permissions::from_mode(0o644)).unwrap();
    let refused = ended(up(&data));
    assert!(refused.status.code() == Some(1) && refused.err.contains("chmod 600"), "{refused:?}");
    fs::set_permissions(data.join("cluster-key"), fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(content(&data).await, made);
    started_once(&data).await;
}

#[tokio::test]
async fn a_lost_cluster_key_is_named_and_no_other_is_made_in_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    started_once(&data).await;
    let key = data.join("cluster-key");
    let right = fs::read_to_string(&key).unwrap();
    fs::remove_file(&key).unwrap();
    let refused = ended(up(&data));
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    assert!(refused.err.contains("cluster-key is missing"), "{refused:?}");
    assert!(!key.exists(), "a key that opens nothing was made");
    fs::write(&key, right).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    started_once(&data).await;
}
