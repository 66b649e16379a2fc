//! What may link what.

use std::collections::BTreeSet;
use std::process::Command;

use crate::house::{members, root};
use crate::{PURE, hold};

/// What acts on the machine, or carries wire types: no pure crate links it, however far away.
const ACTS: &[&str] = &[
    "async-trait",
    "clap",
    "etcd-client",
    "figment",
    "futures-util",
    "getrandom",
    "h2",
    "hyper",
    "mio",
    "prost",
    "rand",
    "redb",
    "reqwest",
    "socket2",
    "tempfile",
    "tokio",
    "tonic",
    "tower",
    "tracing",
];

/// Who may link what acts all the same, below a pure crate.
const ACTS_EXCEPTIONS: &[(&str, &str, &str)] = &[(
    "uuid",
    "getrandom",
    "`v7` brings it for `Uuid::now_v7`, which clippy.toml bans: ids are made from the `Entropy` that is passed in",
)];

/// The services: each a library that only the server binary and tests put together.
const SERVICES: &[&str] = &["reeve-identity", "reeve-policy", "reeve-agentmap", "reeve-sidecar"];

/// The clients of databases.
const DATABASES: &[&str] = &["redb", "etcd-client"];

/// Cargo's tree, which says what is built; its metadata counts features that nobody turns on.
fn tree(arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO"));
    command.current_dir(root()).args(["tree", "--offline", "--locked"]).args(arguments);
    let output = command.output().expect("cargo runs");
    assert!(output.status.success(), "cargo tree: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A path of dependencies to every crate that the pure crates link, once by each way in.
fn linked_by_the_pure_crates() -> Vec<Vec<String>> {
    let mut arguments = vec!["--edges", "normal", "--prefix", "depth"];
    for (_, package) in members().into_iter().filter(|(folder, _)| PURE.contains(&folder.as_str())) {
        arguments.extend(["--package", package.name.as_str()]);
    }
    let mut path: Vec<String> = Vec::new();
    let mut paths = Vec::new();
    for line in tree(&arguments).lines().filter(|line| !line.is_empty()) {
        let (depth, rest) = line.split_at(line.find(|c: char| !c.is_ascii_digit()).expect("a name after the depth"));
        path.truncate(depth.parse().expect("a depth"));
        path.push(rest.split(' ').next().unwrap_or_default().to_owned());
        paths.push(path.clone());
    }
    paths
}

#[test]
fn pure_crates_link_nothing_that_acts() {
    let mut broken = Vec::new();
    let mut excused = BTreeSet::new();
    let members = members();
    let named = |name: &str| members.iter().find(|(_, package)| package.name == name);
    let paths = linked_by_the_pure_crates();
    assert_eq!(paths.iter().filter(|path| path.len() == 1).count(), PURE.len(), "a pure crate is gone: {paths:?}");
    for path in paths {
        let Some((last, before)) = path.split_last() else { continue };
        let by = before.last().map(String::as_str);
        let exception = ACTS_EXCEPTIONS.iter().find(|(who, what, _)| what == last && by == Some(who));
        let impure = named(last).is_some_and(|(folder, _)| !PURE.contains(&folder.as_str()));
        if let Some((who, what, _)) = exception {
            excused.insert((*who, *what));
        } else if ACTS.contains(&last.as_str()) || impure {
            broken.push(path.join(" → "));
        }
    }
    let unneeded = ACTS_EXCEPTIONS.iter().filter(|(by, what, _)| !excused.contains(&(*by, *what)));
    broken.extend(unneeded.map(|(by, what, _)| format!("the exception for {by} → {what} is no longer needed")));
    hold(
        "the pure crates link nothing that acts, and of the house only each other",
        "they are values in, values out, so that they can be tested by the million and embedded anywhere",
        broken,
    );
}

#[test]
fn only_the_store_knows_a_database() {
    let mut broken = Vec::new();
    for (folder, package) in members().into_iter().filter(|(folder, _)| folder != "libs/store") {
        let known = package.dependencies.iter().filter(|dependency| DATABASES.contains(&dependency.name.as_str()));
        broken.extend(known.map(|dependency| format!("{folder}/Cargo.toml: {}", dependency.name)));
    }
    hold(
        "only the store knows a database",
        "everything above speaks to the one seam, so that stores can be changed",
        broken,
    );
}

#[test]
fn services_never_link_each_other() {
    let mut broken = Vec::new();
    let may = |folder: &str| folder == "services/reeved" || folder.starts_with("tests/");
    for (folder, package) in members().into_iter().filter(|(folder, _)| !may(folder)) {
        let services = package.dependencies.iter().filter(|dependency| SERVICES.contains(&dependency.name.as_str()));
        broken.extend(services.map(|service| format!("{folder}/Cargo.toml: {}", service.name)));
    }
    hold(
        "services never link each other; only `reeved` and tests put them together",
        "they run on different machines: what one needs of another is a call, or a published record",
        broken,
    );
}

#[test]
fn nothing_links_a_second_provider_of_cryptography() {
    let banned = ["ring", "openssl-sys", "native-tls"];
    let tree = tree(&["--workspace", "--edges", "normal,build,dev", "--prefix", "none", "--format", "{p}"]);
    let linked: BTreeSet<&str> = tree.lines().collect();
    assert!(linked.iter().any(|line| line.starts_with("aws-lc-rs ")), "the tree names nothing of cryptography");
    let found = linked.into_iter().filter(|line| line.split(' ').next().is_some_and(|name| banned.contains(&name)));
    hold(
        "one provider of TLS and cryptography: aws-lc-rs",
        "with two, libraries pick at random or panic at first use",
        found.map(str::to_owned).collect(),
    );
}
