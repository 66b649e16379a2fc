//! Who may call identity.

use reeve_chassis::{Access, On, Row};
use reeve_rbac::Permission;

macro_rules! rows {
    ($($name:ident = $method:literal, $access:expr;)+) => {
        $(pub(crate) const $name: Row = Row { method: concat!("/reeve.identity.v1.", $method), access: $access };)+

        /// Who may call what [`IdentityService::services`](crate::IdentityService::services) mounts.
        pub const ROWS: &[Row] = &[$($name),+];
    };
}

/// Who may change who is in a group.
const MANAGED: &str = "who holds group.administer, or role.bind in the workspace whose group it is";

rows! {
    LOGIN = "SessionService/Login", Access::Public;
    REFRESH = "SessionService/Refresh", Access::Public;
    LOGOUT = "SessionService/Logout", Access::Own;
    WHO_AM_I = "SessionService/WhoAmI", Access::Own;
    CREATE_USER = "UserService/CreateUser", Access::Need(Permission::USER_ADMINISTER, On::Cluster);
    GET_USER = "UserService/GetUser", Access::Filtered("oneself, or anybody for who holds user.view");
    LIST_USERS = "UserService/ListUsers", Access::Need(Permission::USER_VIEW, On::Cluster);
    ACTIVATE_USER = "UserService/ActivateUser", Access::Need(Permission::USER_ADMINISTER, On::Cluster);
    DEACTIVATE_USER = "UserService/DeactivateUser", Access::Need(Permission::USER_ADMINISTER, On::Cluster);
    DELETE_USER = "UserService/DeleteUser", Access::Need(Permission::USER_ADMINISTER, On::Cluster);
    CREATE_GROUP = "GroupService/CreateGroup", Access::Need(Permission::GROUP_ADMINISTER, On::Cluster);
    GET_GROUP = "GroupService/GetGroup", Access::Filtered("uid and name, or all of it for who holds group.view");
    LIST_GROUPS = "GroupService/ListGroups", Access::Filtered("uids and names, or all of them for who holds group.view");
    DELETE_GROUP = "GroupService/DeleteGroup", Access::Need(Permission::GROUP_ADMINISTER, On::Cluster);
    ADD_MEMBERS = "GroupService/AddMembers", Access::Filtered(MANAGED);
    REMOVE_MEMBERS = "GroupService/RemoveMembers", Access::Filtered(MANAGED);
    LIST_MEMBERS = "GroupService/ListMembers",
        Access::Filtered("who holds group.view, or role.bind in the workspace whose group it is");
    CREATE_ROBOT = "RobotService/CreateRobot", Access::Need(Permission::ROBOT_ADMINISTER, On::Cluster);
    LIST_ROBOTS = "RobotService/ListRobots", Access::Need(Permission::ROBOT_ADMINISTER, On::Cluster);
    DELETE_ROBOT = "RobotService/DeleteRobot", Access::Need(Permission::ROBOT_ADMINISTER, On::Cluster);
    CREATE_TOKEN = "TokenService/CreateToken", Access::Need(Permission::ROBOT_ADMINISTER, On::Cluster);
    GET_SERVER_INFO = "AccessService/GetServerInfo", Access::Public;
}
