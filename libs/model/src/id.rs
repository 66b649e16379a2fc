//! Typed ids: immutable UUIDs, one type per kind of thing, so that one is never taken for another.

use std::fmt;

use uuid::Uuid;

use crate::{Entropy, Timestamp};

/// A new UUIDv7 (RFC 9562 §5.7) of the instant `now`.
pub fn new_uuid(now: Timestamp, entropy: &dyn Entropy) -> Uuid {
    let millis = u64::try_from(now.as_millis()).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, &entropy.bytes::<10>()).into_uuid()
}

/// The UUIDv5 (RFC 9562 §5.5) of `name` in Reeve's own namespace: the same for the same name, always and everywhere.
pub fn derived_uuid(name: &str) -> Uuid {
    /// Reeve's namespace, chosen at random once.
    const NAMESPACE: Uuid = Uuid::from_u128(0x3f0f_71a9_5d0c_4f37_9a3e_6f2c_8d1b_7e54);
    Uuid::new_v5(&NAMESPACE, name.as_bytes())
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// Wraps a UUID that is known to name such a thing.
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// A new id of the instant `now`.
            pub fn new(now: Timestamp, entropy: &dyn Entropy) -> Self {
                Self(new_uuid(now, entropy))
            }

            /// Reads the hyphenated or simple form.
            ///
            /// # Errors
            /// Any other text.
            pub fn parse(text: &str) -> Result<Self, uuid::Error> {
                Uuid::try_parse(text).map(Self)
            }

            /// The UUID itself.
            pub const fn as_uuid(&self) -> &Uuid {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }
    )+};
}

ids! {
    /// A user.
    UserId,
    /// A group.
    GroupId,
    /// A robot.
    RobotId,
    /// A workspace. Re-creating a deleted name makes a new one.
    WorkspaceId,
    /// A binding; derived from what it binds, so that the same grant has the same id.
    BindingId,
    /// A session.
    SessionId,
}

impl GroupId {
    /// The built-in group of all active users.
    pub const EVERYONE: Self = Self(Uuid::from_u128(0x0000_0000_0000_7000_8000_0000_0000_0001));
    /// The built-in group of the administrators; implied clusterAdmin.
    pub const ADMINS: Self = Self(Uuid::from_u128(0x0000_0000_0000_7000_8000_0000_0000_0002));

    /// The group of a workspace: the same for the same workspace, so that two who make it make one.
    pub fn of_workspace(workspace: &WorkspaceId) -> Self {
        Self(derived_uuid(&format!("workspace-group/{workspace}")))
    }
}
