//! What a new link shares with other users' links that it should not.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::{AgentId, AgentUser, UnixName};

/// Most conflicts that are told; a link that has one is refused anyway.
pub const MAX_CONFLICTS: usize = 20;

/// Something that two users' links share and that only `allow_shared` permits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The other user.
    pub with: String,
    /// What is shared.
    pub kind: ConflictKind,
}

/// What two links share. Each compares the new link with the other's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConflictKind {
    /// Two users on one uid, under one name.
    SharedUid {
        /// The uid.
        uid: AgentId,
    },
    /// Two users on one uid, under two names.
    UidUnderTwoNames {
        /// The uid.
        uid: AgentId,
        /// The other's name for it.
        other: UnixName,
    },
    /// One user name on two uids.
    NameOnTwoUids {
        /// The name.
        user: UnixName,
        /// The other's uid.
        other: AgentId,
    },
    /// One gid under two group names, primary or supplementary. A gid shared under one name is no conflict.
    GidUnderTwoNames {
        /// The gid.
        gid: AgentId,
        /// The other's name for it.
        other: UnixName,
    },
}

/// What `new` shares with the links of `others`, which leave out the user that it is for; at most [`MAX_CONFLICTS`].
///
/// Every link whose ids are taken counts, root's included; workspace overrides do not.
pub fn conflicts<'a>(new: &AgentUser, others: impl IntoIterator<Item = (&'a str, &'a AgentUser)>) -> Vec<Conflict> {
    let mut names: BTreeMap<AgentId, BTreeSet<&UnixName>> = BTreeMap::new();
    for (gid, name) in named_groups(new) {
        names.entry(gid).or_default().insert(name);
    }
    let of_one = |(with, other): (&'a str, &'a AgentUser)| {
        let groups = differing_groups(&names, other);
        of_user(new, other).into_iter().chain(groups).map(move |kind| Conflict { with: with.to_owned(), kind })
    };
    others.into_iter().flat_map(of_one).take(MAX_CONFLICTS).collect()
}

fn of_user(new: &AgentUser, other: &AgentUser) -> Option<ConflictKind> {
    match (new.uid == other.uid, new.user == other.user) {
        (true, true) => Some(ConflictKind::SharedUid { uid: new.uid }),
        (true, false) => Some(ConflictKind::UidUnderTwoNames { uid: new.uid, other: other.user.clone() }),
        (false, true) => Some(ConflictKind::NameOnTwoUids { user: new.user.clone(), other: other.uid }),
        (false, false) => None,
    }
}

/// The gids that `other` calls by a name that the new link does not call them by, each once.
fn differing_groups(names: &BTreeMap<AgentId, BTreeSet<&UnixName>>, other: &AgentUser) -> Vec<ConflictKind> {
    let mut told = BTreeSet::new();
    named_groups(other)
        .filter(|(gid, name)| names.get(gid).is_some_and(|ours| ours.iter().any(|our| our != name)))
        .filter(|(gid, _)| told.insert(*gid))
        .map(|(gid, name)| ConflictKind::GidUnderTwoNames { gid, other: name.clone() })
        .collect()
}

/// The groups of a link that have names: the primary one first.
fn named_groups(link: &AgentUser) -> impl Iterator<Item = (AgentId, &UnixName)> {
    let further = link.supplementary.iter().filter_map(|group| group.name.as_ref().map(|name| (group.gid, name)));
    std::iter::once((link.gid, &link.group)).chain(further)
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let with = &self.with;
        match &self.kind {
            ConflictKind::SharedUid { uid } => write!(f, "uid {uid} is user `{with}`'s already"),
            ConflictKind::UidUnderTwoNames { uid, other } => {
                write!(f, "uid {uid} is user `{with}`'s already, under the name `{other}`")
            }
            ConflictKind::NameOnTwoUids { user, other } => {
                write!(f, "the name `{user}` is user `{with}`'s already, with uid {other}")
            }
            ConflictKind::GidUnderTwoNames { gid, other } => {
                write!(f, "gid {gid} is called `{other}` in the link of user `{with}`")
            }
        }
    }
}
