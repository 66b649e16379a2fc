//! Reads the house: every file of the checkout, and what cargo says of the workspace.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use cargo_metadata::{Metadata, MetadataCommand, Package};

/// A file of the house.
pub(crate) struct File {
    /// From the root, with `/`.
    pub(crate) path: String,
    /// Its text.
    pub(crate) text: String,
}

impl File {
    /// Whether it lies in the folder, at any depth.
    pub(crate) fn is_in(&self, folder: &str) -> bool {
        self.path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
    }

    /// Whether it is Rust.
    pub(crate) fn is_rust(&self) -> bool {
        self.ends_with("rs")
    }

    /// Whether its name ends so.
    pub(crate) fn ends_with(&self, extension: &str) -> bool {
        Path::new(&self.path).extension().is_some_and(|found| found == extension)
    }

    /// Whether all of it is test code.
    pub(crate) fn is_test(&self) -> bool {
        let folders: Vec<&str> = self.path.split('/').collect();
        folders.contains(&"tests") || folders.last() == Some(&"tests.rs")
    }

    /// The lines with their numbers.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(at, line)| (at + 1, line))
    }

    /// The lines that are code which ships, with their numbers: no comment lines, and no `#[cfg(test)]` modules.
    pub(crate) fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let mut test_module = TestModule::Outside;
        self.lines().filter(move |(_, line)| !test_module.covers(line) && !line.trim_start().starts_with("//"))
    }

    /// A place in it.
    pub(crate) fn at(&self, line: usize, what: &str) -> String {
        format!("{}:{line}: {what}", self.path)
    }
}

/// Where a walk over the lines stands, as test modules go; rustfmt's indentation says where one ends.
enum TestModule {
    Outside,
    Attribute(usize),
    Inside(usize),
}

impl TestModule {
    fn covers(&mut self, line: &str) -> bool {
        let indent = line.len() - line.trim_start().len();
        let text = line.trim();
        match *self {
            Self::Outside if text == "#[cfg(test)]" => *self = Self::Attribute(indent),
            Self::Outside => return false,
            Self::Attribute(_) if text.starts_with("#[") => {}
            Self::Attribute(outer) if text.ends_with('{') => *self = Self::Inside(outer),
            Self::Attribute(_) => *self = Self::Outside,
            Self::Inside(outer) if indent == outer && text == "}" => *self = Self::Outside,
            Self::Inside(_) => {}
        }
        true
    }
}

/// Whether a line of code names `name`: not as a part of a longer word, and in braces (`std::{fs, net}`) too.
pub(crate) fn names(line: &str, name: &str) -> bool {
    has_whole(line, name) || braced(line).iter().any(|path| has_whole(path, name))
}

fn has_whole(text: &str, name: &str) -> bool {
    let in_word = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(name).any(|(at, _)| {
        let before = text.get(..at).and_then(|rest| rest.chars().next_back());
        let after = text.get(at + name.len()..).and_then(|rest| rest.chars().next());
        !(before.is_some_and(in_word) || (name.ends_with(in_word) && after.is_some_and(in_word)))
    })
}

/// `std::{fs, time::Instant}` as `std::fs` and `std::time::Instant`.
fn braced(line: &str) -> Vec<String> {
    let Some((prefix, rest)) = line.split_once("::{") else { return Vec::new() };
    let prefix = prefix.rsplit(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')).next().unwrap_or_default();
    let items = rest.split('}').next().unwrap_or_default();
    items.split(',').map(|item| format!("{prefix}::{}", item.trim())).collect()
}

/// The root of the checkout.
pub(crate) fn root() -> &'static Path {
    static ROOT: OnceLock<PathBuf> = OnceLock::new();
    ROOT.get_or_init(|| {
        let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        here.canonicalize().expect("the root of the checkout")
    })
}

/// Every text file of the house, by path. What `.gitignore` names at the root is not of the house.
pub(crate) fn files() -> &'static [File] {
    static FILES: OnceLock<Vec<File>> = OnceLock::new();
    FILES.get_or_init(|| {
        let ignored = fs::read_to_string(root().join(".gitignore")).expect("`.gitignore`");
        let mut skipped: BTreeSet<&str> = ignored.lines().filter_map(|line| line.strip_prefix('/')).collect();
        skipped.insert(".git");
        let mut found = Vec::new();
        let mut folders = vec![root().to_path_buf()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).expect("a folder of the house") {
                let path = entry.expect("an entry of a folder").path();
                let name = path.strip_prefix(root()).expect("below the root").to_string_lossy().into_owned();
                if skipped.contains(name.as_str()) || path.is_symlink() {
                    continue;
                }
                if path.is_dir() {
                    folders.push(path);
                } else if let Ok(text) = fs::read_to_string(&path) {
                    found.push(File { path: name, text });
                }
            }
        }
        found.sort_by(|a, b| a.path.cmp(&b.path));
        assert!(found.len() > 50, "only {} files below {}", found.len(), root().display());
        found
    })
}

/// What cargo knows, for this host: nothing is fetched, nothing is written.
pub(crate) fn metadata() -> &'static Metadata {
    static METADATA: OnceLock<Metadata> = OnceLock::new();
    METADATA.get_or_init(|| {
        let options = ["--offline", "--locked", "--filter-platform", "host-tuple"].map(str::to_owned);
        let command = MetadataCommand::new().current_dir(root()).other_options(options.to_vec()).exec();
        command.unwrap_or_else(|error| panic!("cargo metadata: {error}"))
    })
}

/// The workspace's members, with their folders from the root.
pub(crate) fn members() -> Vec<(String, &'static Package)> {
    let folder = |package: &Package| {
        let folder = package.manifest_path.parent().expect("a manifest lies in a folder");
        let folder = folder.as_std_path().strip_prefix(root()).expect("a member lies below the root");
        folder.to_string_lossy().into_owned()
    };
    metadata().workspace_packages().into_iter().map(|package| (folder(package), package)).collect()
}

/// A file that every checkout has.
pub(crate) fn file(path: &str) -> &'static File {
    files().iter().find(|file| file.path == path).unwrap_or_else(|| panic!("there is no `{path}`"))
}

#[test]
fn a_name_is_found_whole_and_in_braces() {
    assert!(names("use std::fs;", "std::fs"));
    assert!(names("use std::{fs, time::Instant};", "std::fs"));
    assert!(names("use std::{fs, time::Instant};", "std::time::Instant"));
    assert!(names("use aws_lc_rs::rand::SystemRandom;", "rand::"));
    assert!(!names("operand::new()", "rand::"));
    assert!(!names("use std::fsync;", "std::fs"));
}

#[test]
fn test_modules_and_comments_are_not_code() {
    let text = "//! Head.\nfn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() {}\n}\n// why\nfn c() {}\n";
    let file = File { path: "libs/x/src/y.rs".to_owned(), text: text.to_owned() };
    assert_eq!(file.code().map(|(at, _)| at).collect::<Vec<_>>(), [2, 8]);
}
