//! Signing in with a username and a password.

use prost::Message as _;
use reeve_chassis::{Anyone, Failure, Unauthenticated};
use reeve_credentials::{MAX_PASSWORD_BYTES, SecretString, SessionKey, Verified};
use reeve_model::{ConsistencyToken, SessionId, Username};
use reeve_owner::Attempt;
use reeve_store::{Txn, Versioned};
use reeve_world::User;

use crate::accounts::{self, Found};
use crate::keys;
use crate::service::Shared;
use crate::sessions::{self, IssuedTokens, MAX_SESSIONS_PER_USER, Session};
use crate::stored::{Credential, SCHEMA, corrupt, open, read, seal};

/// Who wants in.
pub(crate) struct Login {
    pub(crate) username: String,
    pub(crate) password: SecretString,
    /// What the session is listed as.
    pub(crate) client: String,
}

/// Who is in.
pub(crate) struct LoggedIn {
    pub(crate) user: User,
    pub(crate) tokens: IssuedTokens,
    pub(crate) proof: ConsistencyToken,
}

/// Begins a session. An unknown, an inactive and a wrong one cost the same and are answered alike.
///
/// # Errors
/// `INVALID_CREDENTIALS`; `TOO_BUSY`; [`Failure::Unavailable`].
pub(crate) async fn login(_: &Anyone, shared: &Shared, login: Login) -> Result<LoggedIn, Failure> {
    let Login { username, password, client } = login;
    if password.expose().len() > MAX_PASSWORD_BYTES {
        return Err(Unauthenticated::InvalidCredentials.into());
    }
    let (found, stored) = look_up(shared, &username).await?;
    let found = found.filter(|found| found.value.active);
    let phc = match (&found, &stored) {
        (Some(_), Some(stored)) => Some(opened(shared, stored)?),
        _ => None,
    };
    let verified = shared.hashing.verify(password.clone(), phc).await?;
    let (Some(found), Some(stored), Verified::Match { needs_rehash }) = (found, stored, verified) else {
        return Err(Unauthenticated::InvalidCredentials.into());
    };
    shared.signing.check(shared.clock.now())?;
    let ((user, session), proof) =
        shared.writer.transact(async || begin(shared, &found.value, client.clone()).await).await?;
    if needs_rehash {
        rehash(shared, &stored, password).await;
    }
    let tokens = shared.issue(&user, &session, shared.clock.now())?;
    Ok(LoggedIn { user, tokens, proof })
}

/// The account and its password hash. Whether there is one cannot be told from what this costs.
async fn look_up(shared: &Shared, username: &str) -> Result<(Option<Found<User>>, Option<Versioned>), Failure> {
    // A name that can be nobody's is looked up as one that nobody has.
    let name = Username::parse(username).map_or_else(|_| String::new(), |name| name.to_string());
    let found = accounts::user_named(&shared.writer, &name).await?;
    let uid = found.as_ref().map_or(reeve_model::UserId::from_uuid(uuid::Uuid::nil()), |found| found.value.uid);
    let stored = shared.writer.get(&keys::credential(uid)).await?;
    Ok((found, stored))
}

fn opened(shared: &Shared, stored: &Versioned) -> Result<SecretString, Failure> {
    let credential: Credential = read(stored)?;
    let phc = open(&shared.sealer, &stored.key, &credential.sealed_phc)?;
    let text = std::str::from_utf8(phc.expose()).map_err(|_| corrupt(&stored.key, "the hash is no text"))?;
    Ok(SecretString::from(text))
}

/// The transaction of a new session, guarded by what it stands on: whatever ends a user's credentials changes their record.
async fn begin(shared: &Shared, verified: &User, client: String) -> Result<Attempt<(User, Session)>, Failure> {
    let writer = &shared.writer;
    let now = shared.clock.now();
    let user = accounts::user(writer, verified.uid).await?;
    let Some(user) = user.filter(|user| user.value.active && user.value.epoch == verified.epoch) else {
        return Err(Unauthenticated::InvalidCredentials.into());
    };
    let access = accounts::access(writer).await?;
    let session = Session {
        sid: SessionId::new(now, shared.entropy()),
        user: user.value.uid,
        user_epoch: user.value.epoch,
        access_epoch: access.value,
        key: SessionKey::generate(shared.entropy()),
        generation: 0,
        rotated_at: now,
        create_time: now,
        expire_time: now.plus(shared.config.session_life.get()),
        client,
    };
    let sealed = session.write(&shared.sealer, shared.entropy())?;
    let txn = Txn::new()
        .expect(&user.read.key, Some(&user.read))
        .expect(&access.read.key, Some(&access.read))
        .create(keys::session(session.sid), sealed)
        .create(keys::user_session(session.user, session.sid), Vec::new());
    let txn = make_room(shared, txn, &session).await?;
    Ok(Attempt { txn, answer: (user.value, session) })
}

/// The transaction that also ends the user's oldest session, if they have as many as there may be.
async fn make_room(shared: &Shared, txn: Txn, session: &Session) -> Result<Txn, Failure> {
    let prefix = keys::user_sessions(session.user);
    let page = shared.writer.list(&prefix, None, MAX_SESSIONS_PER_USER).await?;
    let Some(oldest) = page.items.first().filter(|_| page.items.len() >= MAX_SESSIONS_PER_USER) else {
        return Ok(txn);
    };
    let sid = oldest.key.as_str().strip_prefix(&prefix).and_then(|sid| SessionId::parse(sid).ok());
    let Some(sid) = sid else { return Err(corrupt(&oldest.key, "it names no session")) };
    Ok(match shared.writer.get(&keys::session(sid)).await? {
        Some(read) => sessions::end(txn, &read, session.user, sid, session.create_time),
        None => txn.remove(oldest),
    })
}

/// Keeps the password as the policy of today wants it. The sign-in has succeeded whether or not this does.
async fn rehash(shared: &Shared, stored: &Versioned, password: SecretString) {
    let replaced = async {
        let phc = SecretString::from(shared.hashing.hash(password, shared.entropy().bytes()).await?);
        let sealed = seal(&shared.sealer, &stored.key, phc.expose().as_bytes(), shared.entropy());
        let credential = Credential { schema: SCHEMA, sealed_phc: sealed.map_err(Failure::internal)? };
        let txn = Txn::new().replace(stored, credential.encode_to_vec());
        shared.writer.store().commit(txn).await.map_err(Failure::internal)
    };
    if let Err(failure) = replaced.await {
        tracing::debug!(?failure, "a password was not hashed anew");
    }
}
