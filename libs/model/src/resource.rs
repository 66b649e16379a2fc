//! Resource names: `cluster`, `workspaces/vision`, `workspaces/vision/projects/p1`.

use std::fmt;

use crate::{Fold, WorkspaceName};

/// Most `collection/id` pairs of a resource name, the workspace's included.
pub const MAX_PAIRS: usize = 8;
/// Most bytes of a resource name.
pub const MAX_RESOURCE_BYTES: usize = 512;
const MAX_COLLECTION_BYTES: usize = 32;
const MAX_ID_BYTES: usize = 128;

/// A place where permissions are held: the cluster, a workspace, or something below a workspace.
///
/// A binding on a resource reaches everything below it, by whole segments: `workspaces/a` is not above `workspaces/ab`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Resource {
    /// `cluster`, or the path itself.
    path: String,
}

/// A text that names no resource.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{given}` is not a resource: {problem}")]
pub struct ResourceError {
    given: String,
    problem: &'static str,
}

impl Resource {
    /// The cluster, above every workspace.
    pub fn cluster() -> Self {
        Self { path: "cluster".to_owned() }
    }

    /// `workspaces/{name}`.
    pub fn workspace(name: &WorkspaceName) -> Self {
        Self { path: format!("workspaces/{name}") }
    }

    /// Reads `cluster`, `workspaces/{id}`, or a path of `collection/id` pairs below a workspace.
    ///
    /// # Errors
    /// Any other text, or one past [`MAX_PAIRS`] or [`MAX_RESOURCE_BYTES`].
    pub fn parse(text: &str) -> Result<Self, ResourceError> {
        match problem_of(text) {
            None => Ok(Self { path: text.to_owned() }),
            Some(problem) => {
                Err(ResourceError { given: text.chars().take(160).flat_map(char::escape_default).collect(), problem })
            }
        }
    }

    /// The written form.
    pub fn as_str(&self) -> &str {
        &self.path
    }

    /// Whether this is the cluster itself.
    pub fn is_cluster(&self) -> bool {
        self.path == "cluster"
    }

    /// Whether this is a workspace itself, not something below one.
    pub fn is_workspace(&self) -> bool {
        self.path.bytes().filter(|byte| *byte == b'/').count() == 1
    }

    /// The id of the workspace that this is, or lies below; none for the cluster.
    pub fn workspace_name(&self) -> Option<&str> {
        self.path.strip_prefix("workspaces/").map(|rest| rest.split('/').next().unwrap_or(rest))
    }

    /// The paths of this resource and of everything above it, this one first, the cluster last. Allocates nothing.
    pub fn ancestry(&self) -> impl Iterator<Item = &str> {
        let own = (!self.is_cluster()).then_some(self.path.as_str());
        std::iter::successors(own, |path| pair_above(path)).chain(std::iter::once("cluster"))
    }

    /// Whether `other` is this resource or lies below it.
    pub fn reaches(&self, other: &Self) -> bool {
        self.is_cluster()
            || other.path.strip_prefix(&self.path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// The form under which workspace names are unique.
    pub fn fold(&self) -> Fold {
        Fold::of(&self.path)
    }
}

/// The path without its last `collection/id` pair; none for a workspace.
fn pair_above(path: &str) -> Option<&str> {
    let (collection_path, _id) = path.rsplit_once('/')?;
    collection_path.rsplit_once('/').map(|(above, _collection)| above)
}

fn problem_of(text: &str) -> Option<&'static str> {
    if text == "cluster" {
        return None;
    }
    if text.len() > MAX_RESOURCE_BYTES {
        return Some("it is longer than 512 bytes");
    }
    let segments: Vec<&str> = text.split('/').collect();
    if segments.first() != Some(&"workspaces") || !segments.len().is_multiple_of(2) {
        return Some("write `cluster`, `workspaces/ID`, or `collection/id` pairs below a workspace");
    }
    if segments.len() / 2 > MAX_PAIRS {
        return Some("it has more than 8 `collection/id` pairs");
    }
    for (at, pair) in segments.chunks_exact(2).enumerate() {
        let [collection, id] = pair else { return Some("it has a collection without an id") };
        if at == 0 && WorkspaceName::parse(id).is_err() {
            return Some("a workspace id has 1 to 63 letters, digits, `_` and `-`, and starts with a letter or digit");
        }
        if !is_collection(collection) {
            return Some("a collection is a lower-case letter, then up to 31 lower-case letters, digits and `-`");
        }
        if !is_id(id) {
            return Some("an id has 1 to 128 letters, digits and `._~-`, and is not `.` or `..`");
        }
    }
    None
}

fn is_collection(text: &str) -> bool {
    text.len() <= MAX_COLLECTION_BYTES
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

fn is_id(text: &str) -> bool {
    (1..=MAX_ID_BYTES).contains(&text.len())
        && text != "."
        && text != ".."
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "._~-".contains(c))
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.path.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resource(text: &str) -> Resource {
        Resource::parse(text).unwrap()
    }

    #[test]
    fn ancestry_goes_up_to_the_cluster() {
        let deep = resource("workspaces/vision/projects/p1/repos/images");
        assert_eq!(
            deep.ancestry().collect::<Vec<_>>(),
            [
                "workspaces/vision/projects/p1/repos/images",
                "workspaces/vision/projects/p1",
                "workspaces/vision",
                "cluster"
            ]
        );
        assert_eq!(Resource::cluster().ancestry().collect::<Vec<_>>(), ["cluster"]);
        assert_eq!(deep.workspace_name(), Some("vision"));
        assert_eq!(Resource::cluster().workspace_name(), None);
        assert!(resource("workspaces/vision").is_workspace() && !deep.is_workspace());
    }

    #[test]
    fn a_resource_reaches_by_whole_segments() {
        assert!(resource("workspaces/a").reaches(&resource("workspaces/a/projects/p")));
        assert!(!resource("workspaces/a").reaches(&resource("workspaces/ab")));
        assert!(!resource("workspaces/a").reaches(&Resource::cluster()));
        assert!(Resource::cluster().reaches(&resource("workspaces/ab")));
    }

    #[test]
    fn bad_names_are_refused() {
        let long = format!("workspaces/a/{}", "c/i/".repeat(200));
        for bad in [
            "",
            "clusters",
            "workspaces",
            "workspaces/",
            "workspaces/a/",
            "workspaces/a/projects",
            "workspaces//a/b",
            "workspaces/a.b",
            "workspaces/a/Projects/p",
            "workspaces/a/projects/..",
            "workspaces/a/projects/p q",
            "/workspaces/a",
            "workspaces/a/b/c/b/c/b/c/b/c/b/c/b/c/b/c/b/c",
            &long,
        ] {
            assert!(Resource::parse(bad).is_err(), "{bad}");
        }
        resource("workspaces/a/b/c/b/c/b/c/b/c/b/c/b/c/b/c");
    }
}
