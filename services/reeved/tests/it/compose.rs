//! That `docker-compose.yml` and what it configures fit together, as far as that is seen without containers.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_yaml_ng::Value;

use crate::process::{Ended, ended, reeved};

/// The configuration of every container.
const CONFIG: &str = "deploy/compose/reeve.toml";

/// Where the containers find it.
const MOUNTED: &str = "/etc/reeve/reeve.toml";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The services of the compose file by name, with every merge applied.
fn services() -> BTreeMap<String, Value> {
    let text = std::fs::read_to_string(root().join("docker-compose.yml")).unwrap();
    let mut file: Value = serde_yaml_ng::from_str(&text).unwrap();
    // what was merged may itself ask for a merge
    while text_of(&file).contains("<<:") {
        file.apply_merge().unwrap();
    }
    serde_yaml_ng::from_value(file.get("services").unwrap().clone()).unwrap()
}

fn text_of(value: &Value) -> String {
    serde_yaml_ng::to_string(value).unwrap()
}

fn texts(value: &Value) -> Vec<String> {
    value.as_sequence().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// The services that run `reeved`, with their commands.
fn reeved_services() -> BTreeMap<String, (Vec<String>, Value)> {
    let image = |service: &Value| service["image"].as_str() == Some("reeve");
    let ours = services().into_iter().filter(|(_, service)| image(service));
    ours.map(|(name, service)| (name, (texts(service.get("command").unwrap()), service))).collect()
}

/// What `reeved config` says of the configuration.
fn config(command: &str) -> Ended {
    let mut command = reeved(["config", command, "--config", CONFIG]);
    command.current_dir(root());
    ended(command)
}

/// The configuration in force, as `reeved` prints it.
fn configuration() -> toml::Table {
    let printed = config("print");
    assert_eq!(printed.status.code(), Some(0), "{printed:?}");
    printed.out.parse().unwrap()
}

fn addresses(value: &toml::Value) -> Vec<String> {
    value.as_array().unwrap().iter().map(|address| address.as_str().unwrap().to_owned()).collect()
}

#[test]
fn its_configuration_is_right() {
    let checked = config("check");
    assert_eq!(checked.status.code(), Some(0), "{checked:?}");
}

#[test]
fn there_are_two_of_each_service_and_one_sidecar_and_each_is_told_the_configuration() {
    let mut roles: BTreeMap<String, usize> = BTreeMap::new();
    for (name, (command, service)) in reeved_services() {
        assert_eq!(command[1..], ["--config", MOUNTED], "{name}");
        assert!(texts(&service["volumes"]).contains(&format!("./{CONFIG}:{MOUNTED}:ro")), "{name}");
        assert!(texts(&service["healthcheck"]["test"]).contains(&"health".to_owned()), "{name}");
        *roles.entry(command[0].clone()).or_default() += 1;
    }
    let expected = [("agentmap", 2), ("identity", 2), ("policy", 2), ("sidecar", 1)];
    assert_eq!(roles, expected.map(|(role, count)| (role.to_owned(), count)).into());
}

#[test]
fn every_command_is_one_that_reeved_has() {
    for (name, (command, _)) in reeved_services() {
        let help = ended(reeved([command[0].as_str(), "--help"]));
        assert_eq!(help.status.code(), Some(0), "{name}: {help:?}");
    }
}

#[test]
fn every_address_is_that_of_a_container_of_its_kind() {
    let config = configuration();
    let reeved = reeved_services();
    let here = |role: &str| {
        let of_role = reeved.iter().filter(|(_, (command, _))| command[0] == role);
        of_role.map(|(name, _)| format!("http://{name}:7300")).collect::<Vec<_>>()
    };
    for role in ["identity", "policy", "agentmap"] {
        assert_eq!(addresses(&config["services"][role]), here(role), "{role}");
    }
    let followed = addresses(&config["sidecar"]["upstreams"]);
    let owners = ["identity", "policy", "agentmap"].map(here).concat();
    assert!(followed.iter().all(|address| owners.contains(address)), "{followed:?}");
    let etcd = services().into_keys().filter(|name| name.starts_with("etcd-"));
    let etcd: Vec<String> = etcd.map(|name| format!("http://{name}:2379")).collect();
    assert_eq!(addresses(&config["etcd"]["endpoints"]), etcd);
    assert_eq!(etcd.len(), 3);
}

#[test]
fn every_file_is_in_a_volume_of_whoever_needs_it_and_of_nobody_else() {
    let config = configuration();
    let file = |path: &[&str]| {
        let (last, before) = path.split_last().unwrap();
        let section = before.iter().fold(&config, |table, name| table[*name].as_table().unwrap());
        section[*last].as_str().unwrap().to_owned()
    };
    let needed: [(&[&str], &[&str]); 5] = [
        (&["cluster_key_file"], &["identity", "policy", "agentmap"]),
        (&["bootstrap", "initial_password_file"], &["identity"]),
        (&["bootstrap", "root_token_file"], &["identity"]),
        (&["sidecar", "token_file"], &["sidecar"]),
        (&["sidecar", "socket"], &["sidecar"]),
    ];
    for (key, roles) in needed {
        let path = file(key);
        let folder = Path::new(&path).parent().unwrap().display().to_string();
        for (name, (command, service)) in reeved_services() {
            let mounts = texts(&service["volumes"]);
            let mounted = mounts.iter().any(|mount| mount.split(':').nth(1) == Some(&folder));
            assert_eq!(mounted, roles.contains(&command[0].as_str()), "{name}: {folder}");
        }
        let setup = std::fs::read_to_string(root().join("deploy/Containerfile")).unwrap();
        assert!(setup.contains(&format!("folders{folder}")), "the image has no folder {folder}");
    }
}

#[test]
fn nothing_secret_stands_in_it_and_nothing_is_published_beyond_loopback() {
    for (name, service) in services() {
        let environment = service["environment"].as_mapping().cloned().unwrap_or_default();
        let variables = environment.keys().filter_map(Value::as_str);
        assert_eq!(variables.filter(|variable| !variable.starts_with("ETCD_")).count(), 0, "{name}");
        for port in texts(&service["ports"]) {
            assert!(port.starts_with("127.0.0.1:"), "{name}: {port}");
        }
    }
}

#[test]
fn no_container_has_more_than_it_needs() {
    for (name, service) in services() {
        assert_eq!(service["read_only"].as_bool(), Some(true), "{name}");
        assert_eq!(texts(&service["cap_drop"]), ["ALL"], "{name}");
        assert_eq!(texts(&service["security_opt"]), ["no-new-privileges:true"], "{name}");
        let networks = texts(&service["networks"]);
        let stores = service["image"].as_str() == Some("reeve") && name != "sidecar";
        assert_eq!(networks.contains(&"store".to_owned()), stores || name.starts_with("etcd-"), "{name}");
    }
}
