//! What the manifests say: one place for versions and lints, and a reason for every dependency.

use crate::hold;
use crate::house::{File, file, members};

/// What every member takes over from the workspace.
const INHERITED: &[&str] = &["version", "edition", "rust-version", "license", "publish"];

/// The members that are held to lints of their own; the reason stands above them in the manifest.
const OWN_LINTS: &[&str] = &["libs/api"];

/// The lines of a manifest with their numbers and the section that each stands in.
fn sections(manifest: &'static File) -> impl Iterator<Item = (usize, &'static str, &'static str)> {
    let mut section = "";
    manifest.lines().map(move |(at, line)| {
        let line = line.trim();
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name;
        }
        (at, section, line)
    })
}

/// The name and the value of an entry; none for anything else.
fn entry(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once('=')?;
    (!line.starts_with(['#', '['])).then(|| (name.trim(), value.trim()))
}

fn manifest_of(folder: &str) -> &'static File {
    file(&format!("{folder}/Cargo.toml"))
}

#[test]
fn every_member_inherits_what_the_workspace_says() {
    let mut broken = Vec::new();
    for (folder, _) in members() {
        let manifest = manifest_of(&folder);
        let says = |wanted: &str| {
            let mut lines = manifest.lines();
            lines.any(|(_, line)| line.trim() == wanted)
        };
        let missing = INHERITED.iter().map(|key| format!("{key}.workspace = true")).filter(|line| !says(line));
        broken.extend(missing.map(|line| format!("{}: no `{line}`", manifest.path)));
        let own = OWN_LINTS.contains(&folder.as_str());
        let inherits = sections(manifest).any(|(_, section, line)| section == "lints" && line == "workspace = true");
        if own == inherits {
            broken.push(format!("{}: `[lints] workspace = true` is {inherits}, and should not be", manifest.path));
        }
        if own && !manifest.text.contains("\n# ") {
            broken.push(format!("{}: lints of its own, and no comment that argues them", manifest.path));
        }
    }
    hold(
        "every member inherits versions and lints",
        "there is one place to change them, and no crate is held to less",
        broken,
    );
}

#[test]
fn every_dependency_is_inherited() {
    let mut broken = Vec::new();
    for (folder, package) in members() {
        let manifest = manifest_of(&folder);
        let own = |name: &str| name == package.name.as_str();
        for (at, section, line) in sections(manifest).filter(|(_, section, _)| section.ends_with("dependencies")) {
            let Some((name, value)) = entry(line) else { continue };
            let inherited = name.ends_with(".workspace") || value.contains("workspace = true");
            if !inherited && !own(name) {
                broken.push(manifest.at(at, &format!("`{name}` in [{section}]")));
            }
        }
    }
    hold(
        "every dependency's version stands in the root manifest",
        "two crates with two versions of one library do not fit together",
        broken,
    );
}

#[test]
fn every_dependency_of_the_house_has_its_reason() {
    let mut broken = Vec::new();
    let mut reason = None;
    for (at, section, line) in sections(file("Cargo.toml")) {
        if section != "workspace.dependencies" {
            continue;
        }
        match line.strip_prefix('#').map(|comment| comment.trim_matches(['-', ' '])) {
            Some(comment) => reason = Some(comment).filter(|comment| !comment.is_empty()),
            None if line.is_empty() => reason = None,
            None => {}
        }
        let Some((name, _)) = entry(line) else { continue };
        if reason.is_none() && !name.starts_with("reeve") {
            broken.push(file("Cargo.toml").at(at, &format!("`{name}`")));
        }
    }
    hold(
        "every dependency stands under a comment that says why it is in the house, or under the heading of its group",
        "each one is code that nobody here wrote and everybody here answers for",
        broken,
    );
}

#[test]
fn every_dependency_of_the_house_is_used() {
    let used: Vec<String> =
        members().iter().flat_map(|(_, package)| &package.dependencies).map(|needed| needed.name.clone()).collect();
    let mut broken = Vec::new();
    for (at, section, line) in sections(file("Cargo.toml")) {
        let Some((name, _)) = entry(line).filter(|_| section == "workspace.dependencies") else { continue };
        if !name.starts_with("reeve") && !used.iter().any(|needed| needed == name) {
            broken.push(file("Cargo.toml").at(at, &format!("`{name}`")));
        }
    }
    hold("every dependency of the house is used by a member", "what nobody uses nobody looks after", broken);
}
