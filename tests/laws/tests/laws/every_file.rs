//! What holds for every file: nothing of one machine stands in it.

use crate::hold;
use crate::house::{File, file, files, root};

/// Folders at the root of a file system in which somebody's checkout may lie.
const MACHINE_FOLDERS: &[&str] = &["work", "root", "Users"];

/// People whose home folders stand in examples.
const EXAMPLE_PEOPLE: &[&str] = &["alice", "bob", "carol", "dave", "erin", "frank"];

/// Hosts that serve packages, in halves, for this file is held to the law as well.
const REGISTRY_HOSTS: &[&str] = &[
    concat!("registry.", "npmjs.org"),
    concat!("registry.", "yarnpkg.com"),
    concat!("index.", "crates.io"),
    concat!("static.", "crates.io"),
    concat!("py", "pi.org"),
    concat!("files.python", "hosted.org"),
    concat!("proxy.", "golang.org"),
    concat!("arti", "factory"),
];

/// How cargo itself names the public registry in its lock file.
const PUBLIC_CRATES: &str = concat!("registry+https://github.com/rust-lang/", "crates.io-index");

/// The absolute paths of a line, without their leading slash.
fn absolute_paths(line: &str) -> impl Iterator<Item = &str> {
    let in_path = |c: char| c.is_alphanumeric() || "._-/~}{)*:".contains(c);
    line.match_indices('/').filter_map(move |(at, _)| {
        let (before, rest) = line.split_at_checked(at)?;
        (!before.ends_with(in_path)).then(|| rest.get(1..)).flatten()
    })
}

/// Whether a path is of one machine.
fn is_of_one_machine(path: &str) -> bool {
    let Some((first, rest)) = path.split_once('/') else { return false };
    let second = rest.split(|c: char| !(c.is_alphanumeric() || "._-".contains(c))).next().unwrap_or_default();
    match first {
        "home" => !second.is_empty() && !EXAMPLE_PEOPLE.contains(&second),
        "tmp" => second.starts_with("bash_jobs"),
        _ => MACHINE_FOLDERS.contains(&first) && !second.is_empty(),
    }
}

fn found(mut is: impl FnMut(&File, &str) -> bool) -> Vec<String> {
    let mut broken = Vec::new();
    for file in files() {
        let lines = file.lines().filter(|(_, line)| is(file, line)).map(|(at, line)| (at, line.trim()));
        broken.extend(lines.map(|(at, line)| file.at(at, &line.chars().take(120).collect::<String>())));
    }
    broken
}

#[test]
fn no_file_names_a_path_of_one_machine() {
    hold(
        "no file names an absolute path of somebody's machine",
        "a checkout works wherever it lies",
        found(|_, line| absolute_paths(line).any(is_of_one_machine)),
    );
}

#[test]
fn no_file_names_a_registry() {
    hold(
        "no file names the host of a package registry",
        "which mirror packages come through is the machine's to say",
        found(|_, line| REGISTRY_HOSTS.iter().any(|host| line.contains(host))),
    );
}

#[test]
fn lock_files_name_packages_and_digests_alone() {
    let mut broken = Vec::new();
    for (at, line) in file("Cargo.lock").lines().filter(|(_, line)| line.starts_with("source = ")) {
        if line != format!("source = \"{PUBLIC_CRATES}\"") {
            broken.push(file("Cargo.lock").at(at, line));
        }
    }
    let resolved = file("package-lock.json").lines().filter(|(_, line)| line.contains("://"));
    broken.extend(resolved.map(|(at, line)| file("package-lock.json").at(at, line.trim())));
    hold(
        "lock files name packages and digests, and no host but cargo's name for the public registry",
        "they are read on machines that reach packages in different ways",
        broken,
    );
}

#[test]
fn documents_name_files_that_are_there() {
    let folders = ["libs/", "services/", "proto/", "tests/", "deploy/", "docs/", "scripts/"];
    let mut broken = Vec::new();
    for file in files().iter().filter(|file| file.ends_with("md")) {
        for (at, line) in file.lines() {
            // between the first backtick and the second, the third and the fourth, …
            let quoted = line.split('`').skip(1).step_by(2);
            let paths = quoted.filter(|text| folders.iter().any(|folder| text.starts_with(folder)));
            let plain = paths.filter(|path| path.chars().all(|c| c.is_ascii_alphanumeric() || "_-./".contains(c)));
            let gone = plain.filter(|path| !root().join(path).exists());
            broken.extend(gone.map(|path| file.at(at, path)));
        }
    }
    hold("documents name files that are there", "who follows a signpost should arrive", broken);
}

#[test]
fn a_path_of_one_machine_is_told_from_others() {
    let of_one_machine = |line: &str| absolute_paths(line).any(is_of_one_machine);
    assert!(of_one_machine(concat!("cd /wo", "rk/main")));
    assert!(of_one_machine(concat!("`/ro", "ot/.cargo`")));
    assert!(of_one_machine(concat!("HOME=/ho", "me/kim/reeve")));
    assert!(!of_one_machine("/home/alice/.config, /etc/reeve, libs/work/x, https://example.org/work/x, ${X}/work/x"));
}
