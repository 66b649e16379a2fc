//! Decisions as a table: who is bound to what, what is asked, and the answer in words.

use reeve_model::{GroupId, PrincipalId, Resource, RobotId, Subject, Timestamp, UserId, derived_uuid};
use reeve_rbac::{BuiltinRole, Permission, check_scope, decide, nearest_grants, why};

use crate::bindings::Bindings;

const CASES: &str = include_str!("../cases/decisions.txt");
/// The instant at which every case is asked.
const NOW: Timestamp = Timestamp::from_millis(1_000);
const GROUPS: [&str; 5] = ["everyone", "admins", "vision", "speech", "nobody"];

fn group(name: &str) -> Subject {
    Subject::Group(match name {
        "everyone" => GroupId::EVERYONE,
        "admins" => GroupId::ADMINS,
        other => GroupId::from_uuid(derived_uuid(other)),
    })
}

fn subject(text: &str) -> Subject {
    match text.split_once(':') {
        Some(("user", name)) => Subject::User(UserId::from_uuid(derived_uuid(name))),
        Some(("robot", name)) => Subject::Robot(RobotId::from_uuid(derived_uuid(name))),
        Some(("group", name)) => group(name),
        _ => Subject::AllUsers,
    }
}

fn name_of(wanted: &Subject) -> String {
    let groups = GROUPS.iter().map(|name| format!("group:{name}"));
    let known = groups.chain(["user:alice", "user:bob", "robot:ci", "allUsers"].map(str::to_owned));
    known.into_iter().find(|name| subject(name) == *wanted).expect("a case names only known subjects")
}

/// `user:alice editor workspaces/vision`, optionally `until=MILLIS`; several with commas.
fn bindings(text: &str) -> Bindings {
    let mut bindings = Bindings::default();
    for binding in text.split(',').map(str::trim).filter(|binding| !binding.is_empty()) {
        let words: Vec<&str> = binding.split_whitespace().collect();
        let until = words.get(3).map(|word| word.strip_prefix("until=").expect("until=MILLIS").parse().unwrap());
        let role = BuiltinRole::parse(words[1]).unwrap();
        bindings.bind(subject(words[0]), role, words[2], until.map(Timestamp::from_millis));
    }
    bindings
}

/// `user:alice in vision speech`: the principal, and the subjects it acts as.
fn who(text: &str) -> (PrincipalId, Vec<Subject>) {
    let mut words = text.split_whitespace();
    let name = words.next().unwrap();
    let own = subject(name);
    let principal = match own {
        Subject::User(id) => PrincipalId::User(id),
        Subject::Robot(id) => PrincipalId::Robot(id),
        _ => return (PrincipalId::Root, Vec::new()),
    };
    let groups = words.filter(|word| *word != "in").map(group);
    (principal, std::iter::once(own).chain(groups).chain([Subject::AllUsers]).collect())
}

fn answer(bound: &str, asking: &str, permission: &str, resource: &str) -> String {
    let permission = Permission::parse(permission).unwrap();
    let resource = Resource::parse(resource).unwrap();
    if let Err(error) = check_scope(permission, &resource) {
        return format!("error: {error}");
    }
    let (principal, subjects) = who(asking);
    match decide(&bindings(bound), &principal, &subjects, permission, &resource, NOW) {
        Some(holding) => format!("allow: {}", why(&holding, name_of)),
        None => format!("deny: {}", nearest_grants(permission, &resource).unwrap()),
    }
}

#[test]
fn decisions_are_as_the_table_says() {
    let mut asked = 0;
    for (number, line) in CASES.lines().enumerate() {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [bound, asking, permission, resource, expected] = cells[..] else {
            panic!("line {}: five cells, not {}", number + 1, cells.len())
        };
        assert_eq!(answer(bound, asking, permission, resource), expected, "line {}: {line}", number + 1);
        asked += 1;
    }
    assert!(asked >= 40, "the table has {asked} cases");
}
