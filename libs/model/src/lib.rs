//! The names everything speaks: ids, principals, resources, revisions, time.
//!
//! Pure: values in, values out. Time and randomness are passed in through [`Clock`] and [`Entropy`].

mod clock;
mod entropy;
mod id;
mod name;
mod principal;
mod resource;
mod revision;
mod violation;

pub use clock::{Clock, ManualClock, Timestamp};
pub use entropy::{Entropy, SeededEntropy};
pub use id::{BindingId, GroupId, RobotId, SessionId, UserId, WorkspaceId, derived_uuid, new_uuid};
pub use name::{
    DisplayName, Fold, GroupName, MAX_NAME_CHARS, MAX_WORKSPACE_CHARS, NameError, RobotName, Username, WorkspaceName,
};
pub use principal::{PrincipalId, PrincipalName, PrincipalParseError, Subject};
pub use resource::{MAX_PAIRS, MAX_RESOURCE_BYTES, Resource, ResourceError};
pub use revision::{Consistency, ConsistencyToken, Epoch, Revision, StoreId, TokenParseError};
pub use violation::{FieldViolation, Violations};
