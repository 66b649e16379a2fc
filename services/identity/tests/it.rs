//! Identity, attacked over a real server: bootstrap, sign-in, sessions, users, groups, robots, keys.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

#[path = "it/bootstrap.rs"]
mod bootstrap;
#[path = "it/calls.rs"]
mod calls;
#[path = "it/delete_user.rs"]
mod delete_user;
#[path = "it/groups.rs"]
mod groups;
#[path = "it/keys.rs"]
mod keys;
#[path = "it/members.rs"]
mod members;
#[path = "it/methods.rs"]
mod methods;
#[path = "it/robots.rs"]
mod robots;
#[path = "it/sessions.rs"]
mod sessions;
#[path = "it/stand.rs"]
mod stand;
#[path = "it/users.rs"]
mod users;
#[path = "it/workspace_groups.rs"]
mod workspace_groups;
