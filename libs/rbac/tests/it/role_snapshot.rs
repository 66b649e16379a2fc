//! Every role × place × permission, so that a change of policy is a readable diff.

use std::fmt::Write as _;
use std::path::Path;

use reeve_rbac::{BuiltinRole, LowestScope, Permission, ScopeKind};

/// Where a role is bound, and where a permission is asked.
const REACHES: [(ScopeKind, ScopeKind); 6] = [
    (ScopeKind::Cluster, ScopeKind::Cluster),
    (ScopeKind::Cluster, ScopeKind::Workspace),
    (ScopeKind::Cluster, ScopeKind::Below),
    (ScopeKind::Workspace, ScopeKind::Workspace),
    (ScopeKind::Workspace, ScopeKind::Below),
    (ScopeKind::Below, ScopeKind::Below),
];

fn snapshot() -> String {
    let mut text = String::from(
        "# What each role gives where. Written by the test role_snapshot; REEVE_WRITE_SNAPSHOTS=1 rewrites it.\n\
         # Columns: bound at > asked at, of (c)luster, (w)orkspace, (b)elow. A permission that no column gives is left out.\n",
    );
    text.push_str("\n[permissions]\n");
    for permission in Permission::ALL {
        let scope = match permission.lowest_scope() {
            LowestScope::Cluster => "cluster-only",
            LowestScope::Workspace => "workspace and below",
        };
        writeln!(text, "{:<28}{scope}", permission.as_str()).unwrap();
    }
    for role in BuiltinRole::ALL {
        let at: Vec<String> = role.assignable_at().iter().map(ToString::to_string).collect();
        writeln!(text, "\n[{role}] assignable at {}", at.join(", ")).unwrap();
        writeln!(text, "{:<28}c>c  c>w  c>b  w>w  w>b  b>b", "").unwrap();
        for permission in Permission::ALL {
            let marks =
                REACHES.map(|(bound, asked)| if role.reach(bound, asked).contains(*permission) { "yes" } else { "-" });
            if marks.contains(&"yes") {
                let cells: String = marks.iter().fold(String::new(), |line, mark| format!("{line}{mark:<5}"));
                writeln!(text, "{:<28}{}", permission.as_str(), cells.trim_end()).unwrap();
            }
        }
    }
    text
}

#[test]
fn every_role_gives_what_the_snapshot_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots/roles.txt");
    let actual = snapshot();
    if std::env::var_os("REEVE_WRITE_SNAPSHOTS").is_some() {
        std::fs::write(&path, &actual).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap();
    for (number, (actual, expected)) in actual.lines().zip(expected.lines()).enumerate() {
        assert_eq!(actual, expected, "line {} of {}", number + 1, path.display());
    }
    assert_eq!(actual.lines().count(), expected.lines().count());
}
