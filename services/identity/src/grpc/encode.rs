//! Records as the contract shows them.

use reeve_api::identity as api;
use reeve_model::{PrincipalId, Resource, Timestamp};
use reeve_replica::etag;
use reeve_world::{Group, Record, Robot, User, World};

use crate::app::set_active::Shown;
use crate::app::who_am_i::group_names;
use crate::groups::is_built_in;
use crate::sessions::IssuedTokens;

/// How much of a group is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sight {
    /// Its uid and name, as to everybody.
    Name,
    /// All of it.
    Whole,
}

/// RFC 3339 on the wire is a `google.protobuf.Timestamp` here.
pub(super) fn timestamp(time: Timestamp) -> prost_types::Timestamp {
    let millis = time.as_millis().rem_euclid(1000);
    prost_types::Timestamp { seconds: time.as_secs(), nanos: i32::try_from(millis * 1_000_000).unwrap_or(0) }
}

/// A user with the groups that they were found in.
pub(super) fn user(shown: Shown) -> api::User {
    let Shown { user, groups } = shown;
    api::User {
        uid: user.uid.to_string(),
        username: user.username.to_string(),
        display_name: user.display_name.as_ref().map(ToString::to_string).unwrap_or_default(),
        active: user.active,
        groups,
        create_time: Some(timestamp(user.create_time)),
        update_time: Some(timestamp(user.update_time)),
        etag: etag(&Record::User(user)),
    }
}

/// A user as a World has them.
pub(super) fn user_of(world: &World, found: &User) -> api::User {
    let groups = group_names(world, &PrincipalId::User(found.uid));
    user(Shown { user: found.clone(), groups })
}

/// A group as the caller may see it.
pub(super) fn group(world: &World, found: &Group, sight: Sight) -> api::Group {
    let name_only = api::Group {
        uid: found.uid.to_string(),
        name: found.name.to_string(),
        built_in: is_built_in(found.uid),
        ..api::Group::default()
    };
    if sight == Sight::Name {
        return name_only;
    }
    let workspace = found.workspace.and_then(|uid| world.workspace_by_id(&uid));
    api::Group {
        description: found.description.clone(),
        workspace: workspace.map(|found| Resource::workspace(&found.name).to_string()).unwrap_or_default(),
        etag: etag(&Record::Group(found.clone())),
        create_time: Some(timestamp(found.create_time)),
        update_time: Some(timestamp(found.update_time)),
        ..name_only
    }
}

/// One who is in a group.
pub(super) fn member(world: &World, member: &PrincipalId) -> api::Member {
    let (uid, active) = match member {
        PrincipalId::User(uid) => (uid.to_string(), world.user_by_id(uid).is_some_and(|user| user.active)),
        PrincipalId::Robot(uid) => (uid.to_string(), true),
        PrincipalId::Root => (String::new(), true),
    };
    api::Member { principal: world.principal_name(member), uid, active }
}

/// A robot.
pub(super) fn robot(robot: Robot) -> api::Robot {
    api::Robot {
        uid: robot.uid.to_string(),
        name: robot.name.to_string(),
        description: robot.description.clone(),
        create_time: Some(timestamp(robot.create_time)),
        etag: etag(&Record::Robot(robot)),
    }
}

/// What a session gives its client.
pub(super) fn session_tokens(issued: &IssuedTokens) -> api::SessionTokens {
    api::SessionTokens {
        access_token: issued.access.expose().to_owned(),
        access_token_expire_time: Some(timestamp(issued.access_expire_time)),
        refresh_token: issued.refresh.expose().to_owned(),
        session_expire_time: Some(timestamp(issued.session_expire_time)),
    }
}
