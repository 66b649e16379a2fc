//! Agent users: which Unix user a task runs as, each field with its source, and the passwd, shadow and group lines.
//!
//! Pure: records in, values out. [`resolve`] takes only values that were parsed here, so no line it writes can be broken open.

mod conflict;
mod id;
mod identity;
mod link;
mod name;
mod nss;
mod overrides;
mod refusal;
mod resolve;
mod settings;
mod source;
mod text;
mod warning;

pub use conflict::{Conflict, ConflictKind, MAX_CONFLICTS, conflicts};
pub use id::{AgentId, AgentIdError};
pub use identity::IdentityDraft;
pub use link::{AgentUser, AgentUserDraft, MAX_SUPPLEMENTARY_GROUPS, SupplementaryGroup, SupplementaryGroupDraft};
pub use name::{MAX_UNIX_NAME_BYTES, UnixName, UnixNameError};
pub use nss::{DEFAULT_HOME, DEFAULT_SHELL, Nss};
pub use overrides::{MASK_FIELD, Override};
pub use refusal::{Refusal, RefusalRule, RootCause, RootField};
pub use resolve::{Resolved, ResolvedGroup, SecurityContext, resolve};
pub use settings::{DefaultTask, RootTasks, Settings};
pub use source::{Source, Sourced};
pub use text::{AbsolutePath, Gecos, MAX_TEXT_BYTES, TextError};
pub use warning::Warning;
