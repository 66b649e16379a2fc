//! What identity does, one file per use case. Each takes what only the gate makes.

pub(crate) mod add_members;
pub(crate) mod create_group;
pub(crate) mod create_robot;
pub(crate) mod create_token;
pub(crate) mod create_user;
pub(crate) mod delete_group;
pub(crate) mod delete_robot;
pub(crate) mod delete_user;
pub(crate) mod login;
pub(crate) mod logout;
pub(crate) mod refresh;
pub(crate) mod remove_members;
pub(crate) mod set_active;
pub(crate) mod who_am_i;
