//! What may stand in a source file, and where.

use std::collections::BTreeSet;

use crate::house::{File, files, names};
use crate::{PURE, hold};

/// Most lines of a source file.
const MAX_LINES: usize = 500;

/// What reaches for the machine.
const REACHES: &[&str] = &[
    "std::fs",
    "std::net",
    "std::env",
    "std::process",
    "std::thread",
    "std::os",
    "SystemTime",
    "Instant",
    "getrandom",
    "rand::",
    "thread_rng",
];

/// Where a pure crate reaches for the machine all the same.
const REACHES_EXCEPTIONS: &[(&str, &str, &str)] = &[(
    "libs/credentials/src/signing_key.rs",
    "rand::",
    "aws-lc makes keys and signs with its own generator alone; the crate's head says so",
)];

/// The services that divide `grpc/` from `app/`.
const DIVIDED: &[&str] = &["services/identity", "services/policy", "services/agentmap"];

/// What is not finished. Spelt in halves, for this file is held to the law as well.
const UNFINISHED: &[&str] = &[
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("X", "XX"),
    concat!("unimple", "mented!"),
    concat!("to", "do!"),
];

fn rust() -> impl Iterator<Item = &'static File> {
    files().iter().filter(|file| file.is_rust())
}

#[test]
fn pure_crates_reach_for_no_machine() {
    let mut broken = Vec::new();
    let mut excused = BTreeSet::new();
    let pure = |file: &File| PURE.iter().any(|folder| file.is_in(&format!("{folder}/src")));
    for file in rust().filter(|file| pure(file) && !file.is_test()) {
        for (at, line) in file.code() {
            for reach in REACHES.iter().filter(|reach| names(line, reach)) {
                if REACHES_EXCEPTIONS.iter().any(|(path, what, _)| *path == file.path && what == reach) {
                    excused.insert((file.path.as_str(), *reach));
                } else {
                    broken.push(file.at(at, &format!("`{reach}`")));
                }
            }
        }
    }
    let unneeded = REACHES_EXCEPTIONS.iter().filter(|(path, what, _)| !excused.contains(&(*path, *what)));
    broken.extend(unneeded.map(|(path, what, _)| format!("{path}: the exception for `{what}` is no longer needed")));
    hold(
        "the pure crates use no files, no network, no clock and no randomness but those passed in",
        "a decision depends on its arguments alone, so the same question has the same answer",
        broken,
    );
}

#[test]
fn only_reeved_chooses_adapters() {
    let adapter = concat!("Embedded::", "open");
    let may = |file: &File| file.is_in("libs/store") || file.is_in("services/reeved") || file.is_test();
    let mut broken = Vec::new();
    for file in rust().filter(|file| !may(file)) {
        let chosen = file.code().filter(|(_, line)| names(line, adapter));
        broken.extend(chosen.map(|(at, _)| file.at(at, &format!("`{adapter}`"))));
    }
    hold(
        "only `reeved` and tests choose adapters",
        "a library that opens its own store cannot be run over another",
        broken,
    );
}

#[test]
fn wire_types_stop_in_grpc() {
    let may = |rest: &str| rest.starts_with("grpc/") || ["grpc.rs", "lib.rs", "rows.rs"].contains(&rest);
    let mut broken = Vec::new();
    for service in DIVIDED {
        let source = format!("{service}/src/");
        let divided = rust().filter(|file| file.path.strip_prefix(&source).is_some_and(|rest| !may(rest)));
        for file in divided.filter(|file| !file.is_test()) {
            let wire = file.code().filter(|(_, line)| names(line, "reeve_api"));
            broken.extend(wire.map(|(at, line)| file.at(at, line.trim())));
        }
    }
    hold(
        "wire types stop in `grpc/`; only it, `lib.rs` and `rows.rs` name `reeve_api`",
        "what the code decides on is parsed already, and a new version of the contract changes one folder",
        broken,
    );
}

#[test]
fn every_source_file_says_what_it_is() {
    let silent = rust().filter(|file| !file.text.starts_with("//! "));
    hold(
        "every source file begins with a `//!` sentence",
        "who opens it should know in one line whether it is the one",
        silent.map(|file| file.at(1, "no `//!`")).collect(),
    );
}

#[test]
fn no_source_file_is_long() {
    let long = rust().map(|file| (file, file.lines().count())).filter(|(_, lines)| *lines > MAX_LINES);
    hold(
        "no source file is longer than 500 lines",
        "a file that long is two: name them",
        long.map(|(file, lines)| file.at(lines, &format!("{lines} lines"))).collect(),
    );
}

#[test]
fn nothing_is_left_unfinished() {
    let held = |file: &File| {
        let by_name = ["Makefile", ".ci/run"].contains(&file.path.as_str());
        by_name || ["rs", "proto", "toml", "sh", "yaml", "yml"].iter().any(|extension| file.ends_with(extension))
    };
    let mut broken = Vec::new();
    for file in files().iter().filter(|file| held(file)) {
        for (at, line) in file.lines() {
            let left = UNFINISHED.iter().filter(|mark| names(line, mark));
            broken.extend(left.map(|mark| file.at(at, mark)));
        }
    }
    hold("nothing is left for later", "what is not built is not exposed, and what is exposed works", broken);
}
