//! What two links may share, as a table.

use reeve_agent_user::{AgentUser, MAX_CONFLICTS, SupplementaryGroup, UnixName, conflicts};

use crate::records::link;

fn told(new: &AgentUser, other: &AgentUser) -> Vec<String> {
    conflicts(new, [("bob", other)]).iter().map(ToString::to_string).collect()
}

/// The link, and a supplementary group.
fn with(mut link: AgentUser, gid: u32, name: Option<&str>) -> AgentUser {
    let gid = reeve_agent_user::AgentId::parse(gid).unwrap();
    link.supplementary.push(SupplementaryGroup { gid, name: name.map(|name| UnixName::parse(name).unwrap()) });
    link
}

#[test]
fn links_conflict_over_uids_names_and_gids() {
    let alice = || link(1000, "alice", 500, "staff");
    let other = |uid, user, gid, group| link(uid, user, gid, group);
    let none: &[&str] = &[];
    for (new, with_bob, expected) in [
        (alice(), other(1001, "bob", 501, "bob"), none),
        (alice(), other(1001, "bob", 500, "staff"), none),
        (alice(), other(1001, "bob", 501, "staff"), none),
        (alice(), other(1000, "alice", 500, "staff"), &["uid 1000 is user `bob`'s already"]),
        (alice(), other(1000, "bob", 500, "staff"), &["uid 1000 is user `bob`'s already, under the name `bob`"]),
        (alice(), other(1001, "alice", 500, "staff"), &["the name `alice` is user `bob`'s already, with uid 1001"]),
        (alice(), other(1001, "bob", 500, "team"), &["gid 500 is called `team` in the link of user `bob`"]),
        (
            alice(),
            other(1000, "bob", 500, "team"),
            &[
                "uid 1000 is user `bob`'s already, under the name `bob`",
                "gid 500 is called `team` in the link of user `bob`",
            ],
        ),
        (
            with(alice(), 700, Some("data")),
            with(other(1001, "bob", 501, "bob"), 700, Some("lake")),
            &["gid 700 is called `lake` in the link of user `bob`"],
        ),
        (with(alice(), 700, Some("data")), with(other(1001, "bob", 501, "bob"), 700, Some("data")), none),
        (with(alice(), 700, None), with(other(1001, "bob", 501, "bob"), 700, Some("data")), none),
        (
            with(alice(), 501, Some("data")),
            other(1001, "bob", 501, "bob"),
            &["gid 501 is called `bob` in the link of user `bob`"],
        ),
        (link(0, "root", 0, "root"), link(0, "root", 0, "root"), &["uid 0 is user `bob`'s already"]),
    ] {
        assert_eq!(told(&new, &with_bob), expected);
    }
}

#[test]
fn no_more_conflicts_are_told_than_the_bound() {
    let root = link(0, "root", 0, "root");
    let others = std::iter::repeat_n(("bob", &root), 1000);
    assert_eq!(conflicts(&root, others).len(), MAX_CONFLICTS);
}
