//! Archives that are not what was written, stores that are not empty, imports that were broken off.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use reeve_chassis::{OsEntropy, SystemClock};
use reeve_store::{Embedded, EmbeddedOptions};

use crate::apart::{Ground, a_key};
use crate::process::{Running, ended, up};
use crate::state::{done, on_folder};

/// Runs a command that is refused: exit 1, and these named.
fn refused(command: Command, named: &[&str]) {
    let ended = ended(command);
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    for part in named {
        assert!(ended.err.contains(part), "no `{part}` in {}", ended.err);
    }
}

/// A folder with a cluster, its key and an archive of it.
async fn exported(folder: &Path) -> (std::path::PathBuf, std::path::PathBuf) {
    let (data, archive) = (folder.join("data"), folder.join("archive"));
    let running = Running::start(up(&data)).await;
    running.terminate();
    assert!(running.end().await.status.success());
    let mut export = on_folder("export", &data);
    export.arg("--out").arg(&archive);
    done(export);
    (data, archive)
}

#[tokio::test]
async fn an_archive_that_is_not_what_was_written_is_refused_and_nothing_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let (data, archive) = exported(folder.path()).await;
    let (bytes, key) = (fs::read(&archive).unwrap(), fs::read_to_string(data.join("cluster-key")).unwrap());
    let (into, changed) = (folder.path().join("into"), folder.path().join("changed"));
    let import = |key: &str| {
        let mut import = on_folder("import", &into);
        import.env("REEVE_CLUSTER_KEY", key.trim()).arg("--in").arg(&changed);
        import
    };
    let flipped = |at: usize| {
        let mut bytes = bytes.clone();
        bytes[at] ^= 0x10;
        bytes
    };
    for (content, said) in [
        (bytes[..bytes.len() - 1].to_vec(), "cut off"),
        (bytes[..20].to_vec(), "cut off"),
        (flipped(bytes.len() / 2), "damaged"),
        (flipped(bytes.len() - 1), "damaged"),
        (flipped(0), "no archive"),
        (flipped(11), "format 17"),
        ([bytes.as_slice(), b"more"].concat(), "follows its end"),
        (Vec::new(), "no archive"),
    ] {
        fs::write(&changed, content).unwrap();
        refused(import(&key), &["changed", said]);
        assert!(!into.exists(), "something was made for an archive that is {said}");
    }
    fs::write(&changed, &bytes).unwrap();
    refused(import(&a_key()), &["cluster key", "cluster_key_file"]);
    assert!(!into.exists());
    done(import(&key));
    // there is a store now
    refused(import(&key), &["there is a store in"]);
    // and the key is needed there
    refused(up(&into), &["cluster-key is missing"]);
}

#[tokio::test]
async fn an_export_overwrites_nothing_and_needs_a_cluster_that_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let (data, archive) = exported(folder.path()).await;
    let again = || {
        let mut export = on_folder("export", &data);
        export.arg("--out").arg(&archive);
        export
    };
    refused(again(), &["exists"]);
    fs::remove_file(&archive).unwrap();
    let running = Running::start(up(&data)).await;
    refused(again(), &["already open"]);
    running.kill();
    let nothing = folder.path().join("nothing");
    let mut export = on_folder("export", &nothing);
    export.env("REEVE_CLUSTER_KEY", a_key()).arg("--out").arg(&archive);
    refused(export, &["there is no store in"]);
    assert!(!nothing.exists() && !archive.exists());
    let mut export = again();
    export.env("REEVE_CLUSTER_KEY", a_key());
    refused(export, &["cluster key"]);
    assert!(!archive.exists());
}

#[tokio::test]
async fn an_import_that_was_broken_off_is_served_by_nobody_and_can_be_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let (data, archive) = exported(folder.path()).await;
    let into = folder.path().join("into");
    fs::create_dir(&into).unwrap();
    fs::copy(data.join("cluster-key"), into.join("cluster-key")).unwrap();
    let (clock, entropy) = (Arc::new(SystemClock::new()), Arc::new(OsEntropy));
    drop(Embedded::import(&into, clock, entropy, EmbeddedOptions::default()).unwrap());
    refused(up(&into), &["broken off"]);
    let mut import = on_folder("import", &into);
    import.arg("--in").arg(&archive);
    done(import);
    Running::start(up(&into)).await;

    // the same in etcd, cut off by a crash
    let mut ground = Ground::new(1).await;
    ground.key = fs::read_to_string(data.join("cluster-key")).unwrap().trim().to_owned();
    let arguments = ["import", "--in", archive.to_str().unwrap()];
    // the record of an unfinished store: schema 1, a uuid, unfinished
    let record = format!("\u{8}\u{1}\u{12}\u{10}{}\u{20}\u{1}", "u".repeat(16));
    ground.etcd.etcdctl(&["put", "/reeve/store", &record]).await;
    refused(ground.state(&arguments), &["not finished", "remove every key under `/reeve/`"]);
    let mut identity = Running::spawn(ground.service("identity"));
    identity.logged("not finished").await;
    ground.etcd.etcdctl(&["del", "/reeve/", "--prefix"]).await;
    identity.kill();
    done(ground.state(&arguments));
    refused(ground.state(&arguments), &["already"]);
    ground.start("identity").await;
}

#[tokio::test]
async fn an_export_follows_no_link_that_lies_in_its_way() {
    let folder = tempfile::tempdir().unwrap();
    let (data, _) = exported(folder.path()).await;
    let (out, precious) = (folder.path().join("again"), folder.path().join("precious"));
    fs::write(&precious, "mine").unwrap();
    std::os::unix::fs::symlink(&precious, folder.path().join("again.unfinished")).unwrap();
    let mut export = on_folder("export", &data);
    export.arg("--out").arg(&out);
    done(export);
    assert_eq!(fs::read_to_string(&precious).unwrap(), "mine");
    assert!(fs::symlink_metadata(&out).unwrap().is_file(), "an archive, and no link");
}
