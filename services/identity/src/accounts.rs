//! Accounts as the store has them now, whatever this replica has seen yet.

use reeve_chassis::Failure;
use reeve_model::{Epoch, Fold, GroupId, RobotId, UserId};
use reeve_owner::Writer;
use reeve_store::Versioned;
use reeve_world::{Group, Record, RecordKey, Robot, User};
use uuid::Uuid;

use crate::stored::{NameClaim, corrupt, read};
use crate::{groups, keys};

/// A record with what guards compare.
pub(crate) struct Found<T> {
    pub(crate) value: T,
    pub(crate) read: Versioned,
}

/// The user with this id.
///
/// # Errors
/// [`Failure::Unavailable`]; [`Failure::Internal`] for what cannot be read.
pub(crate) async fn user(writer: &Writer, uid: UserId) -> Result<Option<Found<User>>, Failure> {
    match writer.record(&RecordKey::User(uid)).await? {
        Some((Record::User(value), read)) => Ok(Some(Found { value, read })),
        _ => Ok(None),
    }
}

/// The user with this username. An unknown name costs the same reads as a known one.
///
/// # Errors
/// As [`user`].
pub(crate) async fn user_named(writer: &Writer, name: &str) -> Result<Option<Found<User>>, Failure> {
    let fold = Fold::of(name);
    let uid = claimed(writer, &keys::name(&fold), UserId::parse).await?;
    let found = user(writer, uid.unwrap_or(UserId::from_uuid(Uuid::nil()))).await?;
    // the name may be somebody's display name, which nobody is addressed by
    Ok(found.filter(|found| found.value.username.fold() == fold))
}

/// The robot with this name.
///
/// # Errors
/// As [`user`].
pub(crate) async fn robot_named(writer: &Writer, name: &str) -> Result<Option<Found<Robot>>, Failure> {
    let Some(uid) = claimed(writer, &keys::robot_name(&Fold::of(name)), RobotId::parse).await? else {
        return Ok(None);
    };
    match writer.record(&RecordKey::Robot(uid)).await? {
        Some((Record::Robot(value), read)) => Ok(Some(Found { value, read })),
        _ => Ok(None),
    }
}

/// The group with this name.
///
/// # Errors
/// As [`user`].
pub(crate) async fn group_named(writer: &Writer, name: &str) -> Result<Option<Found<Group>>, Failure> {
    let fold = Fold::of(name);
    let uid = match groups::built_in_named(&fold) {
        Some(uid) => Some(uid),
        None => claimed(writer, &keys::group_name(&fold), GroupId::parse).await?,
    };
    match uid {
        Some(uid) => group(writer, uid).await,
        None => Ok(None),
    }
}

/// The group with this id.
///
/// # Errors
/// As [`user`].
pub(crate) async fn group(writer: &Writer, uid: GroupId) -> Result<Option<Found<Group>>, Failure> {
    match writer.record(&RecordKey::Group(uid)).await? {
        Some((Record::Group(value), read)) => Ok(Some(Found { value, read })),
        _ => Ok(None),
    }
}

/// The epoch of the access state, with what guards compare.
///
/// # Errors
/// As [`user`]; a store without an access state is none of ours.
pub(crate) async fn access(writer: &Writer) -> Result<Found<Epoch>, Failure> {
    match writer.record(&RecordKey::Access).await? {
        Some((Record::Access(access), read)) => Ok(Found { value: access.epoch, read }),
        _ => Err(Failure::internal("the store has no access state")),
    }
}

async fn claimed<T, E>(
    writer: &Writer,
    key: &reeve_store::Key,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Result<Option<T>, Failure> {
    let Some(found) = writer.get(key).await? else { return Ok(None) };
    let claim: NameClaim = read(&found)?;
    parse(&claim.uid).map(Some).map_err(|_| corrupt(key, "`uid` is no uuid"))
}
