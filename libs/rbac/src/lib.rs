//! Roles, bindings and groups: decide, explain, look up.
