//! Who calls, once that is proven.

use reeve_model::{PrincipalId, SessionId, Timestamp};

/// An authenticated caller. The authentication layer puts it into the request's extensions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Who.
    pub principal: PrincipalId,
    /// The written form: `user:alice`, `robot:ci`, `root`.
    pub name: String,
    /// The session of an access token; none for personal, robot and root tokens.
    pub session: Option<SessionId>,
    /// When the token ends, if ever.
    pub token_expire_time: Option<Timestamp>,
    /// The way that the call came. The layer sets it; what an [`Authenticate`](crate::Authenticate) says is replaced.
    pub via: Via,
}

/// The way a call came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Via {
    /// A network listener.
    #[default]
    Network,
    /// A Unix socket of this host.
    Socket {
        /// The peer's Unix user, as the kernel says.
        uid: u32,
    },
}
