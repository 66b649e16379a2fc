//! Who the caller is.

use reeve_answers::Moment;
use reeve_chassis::Granted;
use reeve_model::{PrincipalId, Resource, Timestamp};
use reeve_rbac::BuiltinRole;
use reeve_world::World;

/// What is said to a caller of themselves.
pub(crate) struct Oneself {
    pub(crate) principal: String,
    /// Empty for root.
    pub(crate) uid: String,
    pub(crate) display_name: String,
    pub(crate) groups: Vec<String>,
    pub(crate) cluster_admin: bool,
    pub(crate) token_expire_time: Option<Timestamp>,
}

/// Says who the caller is.
pub(crate) fn who_am_i(granted: &Granted, moment: &Moment) -> Oneself {
    let (caller, world) = (granted.caller(), moment.world());
    let user = match &caller.principal {
        PrincipalId::User(uid) => world.user_by_id(uid),
        PrincipalId::Robot(_) | PrincipalId::Root => None,
    };
    let held = world.permissions_at(&caller.principal, &Resource::cluster(), moment.now());
    Oneself {
        principal: world.principal_name(&caller.principal),
        uid: match &caller.principal {
            PrincipalId::User(uid) => uid.to_string(),
            PrincipalId::Robot(uid) => uid.to_string(),
            PrincipalId::Root => String::new(),
        },
        display_name: user.and_then(|user| user.display_name.as_ref()).map(ToString::to_string).unwrap_or_default(),
        groups: group_names(world, &caller.principal),
        cluster_admin: BuiltinRole::ClusterAdmin.permissions().is_subset(held),
        token_expire_time: caller.token_expire_time,
    }
}

/// The names of a principal's groups, in the order of the groups' ids.
pub(crate) fn group_names(world: &World, principal: &PrincipalId) -> Vec<String> {
    let groups = world.groups_of(principal).filter_map(|uid| world.group_by_id(&uid));
    groups.map(|group| group.name.to_string()).collect()
}
