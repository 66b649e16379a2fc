//! What the end-to-end tests judge by, apart from the servers: a recorded history, and whether one order of writes explains it.

pub mod history;
