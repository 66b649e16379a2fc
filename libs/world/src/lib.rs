//! The published records at one revision: authenticate, check, resolve, admit.
//!
//! A [`World`] is one immutable snapshot. Everything that a request is decided on is read from one of them, so an answer is
//! never a mix of two moments. Applying the changes of a revision makes the next one and shares what did not change.

mod admit;
mod agent_user;
mod authenticate;
mod check;
mod chunk_map;
mod config;
mod grants;
mod group;
mod key;
mod parent;
mod principal;
mod record;
mod stray;
mod world;

pub use admit::{Admission, AdmissionRequest, Denial, Verdict};
pub use agent_user::AgentUserError;
pub use authenticate::{AuthenticateError, Authenticated, Outlook, TokenRules};
pub use check::{Answer, CheckError, Reason};
pub use chunk_map::ChunkMap;
pub use config::{CompiledPolicy, ConfigError, PolicyDefect};
pub use key::{KeyError, PREFIX, RecordKey};
pub use parent::{Parent, ParentParseError};
pub use principal::{LookupError, ResolvedPrincipal};
pub use record::{
    Access, Binding, ConfigPolicy, EndedSession, Group, Membership, Record, Robot, SigningKey, Token, TokenPrincipal,
    User, UserLink, Workspace, WorkspaceAgentUser,
};
pub use world::World;
