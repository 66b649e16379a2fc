//! Agent users: links to uid and gid with sources, and the passwd, group and shadow lines.
