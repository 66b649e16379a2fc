//! A set of permissions, as bits.

use std::fmt;

use crate::{LowestScope, Permission};

/// A set of built-in permissions.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct PermissionSet(u128);

const _: () = assert!(Permission::ALL.len() <= 128, "a set has one bit for each permission");

impl PermissionSet {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// Every built-in permission.
    pub const ALL: Self = Self::of(Permission::ALL);
    /// Every permission that may be held on a workspace and below.
    pub const WORKSPACE_AND_BELOW: Self = {
        let (mut set, mut rest) = (Self::NONE, Permission::ALL);
        while let [first, others @ ..] = rest {
            if matches!(first.lowest_scope(), LowestScope::Workspace) {
                set = set.with(*first);
            }
            rest = others;
        }
        set
    };

    /// The set of these permissions.
    pub const fn of(permissions: &[Permission]) -> Self {
        let (mut set, mut rest) = (Self::NONE, permissions);
        while let [first, others @ ..] = rest {
            set = set.with(*first);
            rest = others;
        }
        set
    }

    /// This set and `permission`.
    pub const fn with(self, permission: Permission) -> Self {
        Self(self.0 | 1 << permission.index())
    }

    /// Whether `permission` is in it.
    pub const fn contains(self, permission: Permission) -> bool {
        self.0 & 1 << permission.index() != 0
    }

    /// What is in either.
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What is in both.
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// What is in this one and not in `other`.
    pub const fn difference(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether all of it is in `other`.
    pub const fn is_subset(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }

    /// Whether nothing is in it.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// How many are in it.
    pub const fn len(self) -> u32 {
        self.0.count_ones()
    }

    /// What is in it, in the order of [`Permission::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Permission> {
        Permission::ALL.iter().copied().filter(move |permission| self.contains(*permission))
    }
}

impl FromIterator<Permission> for PermissionSet {
    fn from_iter<I: IntoIterator<Item = Permission>>(permissions: I) -> Self {
        permissions.into_iter().fold(Self::NONE, Self::with)
    }
}

impl fmt::Debug for PermissionSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl fmt::Display for PermissionSet {
    /// The names, with commas: `` `role.view`, `task.end` ``.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, permission) in self.iter().enumerate() {
            write!(f, "{}`{permission}`", if at == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}
