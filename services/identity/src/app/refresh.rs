//! Exchanging a refresh token.

use reeve_chassis::{Anyone, Failure, Unauthenticated};
use reeve_credentials::{RefreshToken, Rotation, rotation};
use reeve_owner::Attempt;
use reeve_store::Txn;
use reeve_world::User;

use crate::service::Shared;
use crate::sessions::{self, IssuedTokens, Session};
use crate::{accounts, keys};

/// Rotates the session's refresh token and makes an access token. However many present it at once, it is rotated once.
///
/// # Errors
/// `SESSION_ENDED`, of a session that never was too: nothing is said to who holds no genuine token; `USER_INACTIVE` and
/// `TOKEN_REVOKED` to who does; [`Failure::Unavailable`].
pub(crate) async fn refresh(_: &Anyone, shared: &Shared, token: RefreshToken) -> Result<IssuedTokens, Failure> {
    shared.signing.check(shared.clock.now())?;
    let (going_on, _) = shared.writer.transact(async || attempt(shared, &token).await).await?;
    let Some((user, session)) = going_on else {
        tracing::warn!(session = %token.session(), "a refresh token was used twice: its session was ended");
        return Err(Unauthenticated::SessionEnded.into());
    };
    shared.issue(&user, &session, shared.clock.now())
}

/// The session as it goes on; none if presenting the token ends it: two parties hold its tokens.
async fn attempt(shared: &Shared, token: &RefreshToken) -> Result<Attempt<Option<(User, Session)>>, Failure> {
    let (writer, sealer) = (&shared.writer, &shared.sealer);
    let now = shared.clock.now();
    let key = keys::session(token.session());
    let Some(found) = writer.get(&key).await? else { return Err(Unauthenticated::SessionEnded.into()) };
    let session = Session::read(token.session(), &found, sealer)?;
    if !token.verify(&session.key) {
        return Err(Unauthenticated::SessionEnded.into());
    }
    let idle_from = session.rotated_at.plus(shared.config.session_idle.get());
    if now >= session.expire_time || now >= idle_from {
        return Err(Unauthenticated::SessionEnded.into());
    }
    let user = accounts::user(writer, session.user).await?.ok_or(Unauthenticated::TokenRevoked)?;
    let access = accounts::access(writer).await?;
    if !user.value.active {
        return Err(Unauthenticated::UserInactive.into());
    }
    if user.value.epoch != session.user_epoch || access.value != session.access_epoch {
        return Err(Unauthenticated::TokenRevoked.into());
    }
    match rotation(token.generation(), session.generation, session.rotated_at, now) {
        Rotation::Rotate { next } => {
            let session = Session { generation: next, rotated_at: now, ..session };
            let txn = Txn::new()
                .replace(&found, session.write(sealer, shared.entropy())?)
                .expect(&user.read.key, Some(&user.read))
                .expect(&access.read.key, Some(&access.read));
            Ok(Attempt { txn, answer: Some((user.value, session)) })
        }
        Rotation::Repeat { .. } => Ok(Attempt { txn: Txn::new(), answer: Some((user.value, session)) }),
        Rotation::Reused => {
            let txn = sessions::end(Txn::new(), &found, session.user, session.sid, now);
            Ok(Attempt { txn, answer: None })
        }
        Rotation::Unknown => Err(Unauthenticated::SessionEnded.into()),
    }
}
