//! What is allowed and unusual.

use std::fmt;

use crate::AgentId;

/// Something allowed about an agent user that is worth a second look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Warning {
    /// The uid is 65534: files of unmapped users look like this user's.
    OverflowUid,
    /// A gid is 65534: files of unmapped groups look like this group's.
    OverflowGid,
    /// A gid is 0: tasks are in root's group.
    RootGroup,
}

impl Warning {
    /// The warnings for these ids, each once.
    pub(crate) fn of_ids(uid: Option<AgentId>, gids: impl Iterator<Item = AgentId>) -> Vec<Self> {
        let mut warnings = Vec::new();
        if uid == Some(AgentId::OVERFLOW) {
            warnings.push(Self::OverflowUid);
        }
        for gid in gids {
            let warning = match gid {
                AgentId::OVERFLOW => Self::OverflowGid,
                AgentId::ROOT => Self::RootGroup,
                _ => continue,
            };
            if !warnings.contains(&warning) {
                warnings.push(warning);
            }
        }
        warnings
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OverflowUid => "uid 65534 is the kernel's overflow id: files of unmapped users look like this user's",
            Self::OverflowGid => {
                "gid 65534 is the kernel's overflow id: files of unmapped groups look like this group's"
            }
            Self::RootGroup => "gid 0 is root's group: tasks can use whatever that group can",
        })
    }
}
