//! A configuration that is wrong: exit 64, every key named, nothing made.

use std::fs;
use std::path::Path;

use crate::process::{Ended, ended, reeved, up};

/// sysexits.h: a configuration that is wrong.
const EX_CONFIG: i32 = 64;

fn refused(ended: &Ended, data: &Path, named: &[&str]) {
    assert_eq!(ended.status.code(), Some(EX_CONFIG), "{ended:?}");
    for part in named {
        assert!(ended.err.contains(part), "no `{part}` in {}", ended.err);
    }
    assert!(!ended.out.contains("ready") && !data.exists(), "{ended:?}");
}

#[test]
fn every_wrong_key_of_a_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let (data, file) = (folder.path().join("data"), folder.path().join("reeve.toml"));
    fs::write(
        &file,
        "colour = 1\n[server]\nlistn = \"127.0.0.1:1\"\nconcurrency_limit = \"many\"\nrequest_timeout = \"ten\"\n\
         [staleness]\ndecisions = \"1s\"\n[identity]\naccess_token_life = \"2h\"\n[security.default_task]\nuid = 7\n",
    )
    .unwrap();
    let mut command = up(&data);
    command.arg("--config").arg(&file);
    let keys = [
        "colour",
        "server.listn",
        "server.concurrency_limit",
        "server.request_timeout",
        "staleness.decisions",
        "identity.access_token_life",
        "security.default_task.user",
        "reeve.toml",
    ];
    refused(&ended(command), &data, &keys);
    let mut check = reeved(["config", "check", "--config"]);
    check.arg(&file);
    refused(&ended(check), &data, &keys);
}

#[test]
fn a_wrong_variable_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut command = up(&data);
    command.env("REEVE_SERVER__DRAIN_TIMEOUT", "soon").env("REEVE_SERVER__COLOUR", "red");
    refused(&ended(command), &data, &["server.drain_timeout", "REEVE_SERVER__DRAIN_TIMEOUT", "server.colour"]);
}

#[test]
fn a_missing_or_broken_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (data, file) = (folder.path().join("data"), folder.path().join("reeve.toml"));
    let mut command = up(&data);
    command.arg("--config").arg(&file);
    refused(&ended(command), &data, &["reeve.toml"]);
    fs::write(&file, "server = [\n").unwrap();
    let mut command = up(&data);
    command.arg("--config").arg(&file);
    refused(&ended(command), &data, &["reeve.toml"]);
}

#[test]
fn plaintext_beyond_this_host_must_be_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:7300"] {
        let mut command = reeved(["up", "--listen", address, "--data"]);
        command.arg(&data);
        refused(&ended(command), &data, &["server.listen", "allow_plaintext"]);
    }
}

#[test]
fn a_sidecar_is_told_everything_that_it_lacks() {
    let ended = ended(reeved(["sidecar"]));
    assert!(!ended.status.success(), "{ended:?}");
    for key in ["sidecar.upstreams", "sidecar.token_file", "sidecar.socket"] {
        assert!(ended.err.contains(key), "no `{key}` in {}", ended.err);
    }
}

#[test]
fn what_is_printed_is_a_configuration_that_holds() {
    let folder = tempfile::tempdir().unwrap();
    let printed = ended(reeved(["config", "print"]));
    assert!(printed.status.success(), "{printed:?}");
    let file = folder.path().join("reeve.toml");
    fs::write(&file, &printed.out).unwrap();
    let mut check = reeved(["config", "check", "--config"]);
    check.arg(&file);
    let checked = ended(check);
    assert!(checked.status.success(), "{checked:?}");
    let mut again = reeved(["config", "print", "--config"]);
    again.arg(&file);
    assert_eq!(ended(again).out, printed.out);
}
