//! Properties of decisions over many small worlds.

use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::sample::{select, subsequence};
use proptest::{prop_assert, prop_assert_eq, proptest};
use reeve_model::{GroupId, PrincipalId, Resource, Subject, Timestamp, UserId, derived_uuid};
use reeve_rbac::{
    BuiltinRole, LowestScope, Permission, PermissionSet, ScopeKind, check_scope, decide, lacking, nearest_grants,
    permissions_of, permissions_through,
};

use crate::bindings::Bindings;

const NOW: Timestamp = Timestamp::from_millis(50);
const PLACES: [&str; 7] = [
    "cluster",
    "workspaces/a",
    "workspaces/ab",
    "workspaces/a/b",
    "workspaces/a/b/c",
    "workspaces/a/b/c/d/e",
    "workspaces/ab/b/c",
];

#[derive(Clone, Debug)]
struct Binding {
    subject: Subject,
    role: BuiltinRole,
    on: Resource,
    expire_time: Option<Timestamp>,
}

fn subjects() -> Vec<Subject> {
    let user = |name| Subject::User(UserId::from_uuid(derived_uuid(name)));
    let group = |name| Subject::Group(GroupId::from_uuid(derived_uuid(name)));
    vec![
        user("alice"),
        user("bob"),
        group("vision"),
        group("speech"),
        Subject::Group(GroupId::ADMINS),
        Subject::AllUsers,
    ]
}

fn alice() -> PrincipalId {
    PrincipalId::User(UserId::from_uuid(derived_uuid("alice")))
}

fn place() -> impl Strategy<Value = Resource> {
    select(PLACES.iter().filter_map(|path| Resource::parse(path).ok()).collect::<Vec<_>>())
}

fn binding() -> impl Strategy<Value = Binding> {
    let end = prop_oneof![Just(None), (0_i64..100).prop_map(|at| Some(Timestamp::from_millis(at)))];
    (select(subjects()), select(BuiltinRole::ALL), place(), end).prop_map(|(subject, role, on, expire_time)| Binding {
        subject,
        role,
        on,
        expire_time,
    })
}

/// Who alice acts as: herself, some groups (rarely the administrators), all users.
fn acting_as() -> impl Strategy<Value = Vec<Subject>> {
    (subsequence(subjects()[2..4].to_vec(), 0..=2), proptest::bool::weighted(0.1)).prop_map(|(groups, is_admin)| {
        let admins = is_admin.then_some(Subject::Group(GroupId::ADMINS));
        std::iter::once(subjects()[0]).chain(groups).chain(admins).chain([Subject::AllUsers]).collect()
    })
}

fn index(bindings: &[Binding]) -> Bindings {
    let mut index = Bindings::default();
    for binding in bindings {
        index.bind(binding.subject, binding.role, binding.on.as_str(), binding.expire_time);
    }
    index
}

/// The rules, told again without an index, sets of bits or an order.
fn naive(bindings: &[Binding], acting_as: &[Subject], permission: Permission, asked: &Resource) -> bool {
    let is_cluster_only = permission.lowest_scope() == LowestScope::Cluster;
    if is_cluster_only && !asked.is_cluster() {
        return false;
    }
    acting_as.contains(&Subject::Group(GroupId::ADMINS))
        || bindings.iter().any(|binding| {
            let workspace_role = binding.role.assignable_at().contains(&ScopeKind::Workspace);
            acting_as.contains(&binding.subject)
                && binding.expire_time.is_none_or(|end| end > NOW)
                && binding.role.permissions().iter().any(|held| held == permission)
                && binding.role.allows(&binding.on)
                && binding.on.reaches(asked)
                && !(asked.is_cluster() && workspace_role)
        })
}

proptest! {
    #[test]
    fn a_decision_agrees_with_the_rules_told_plainly(
        bindings in vec(binding(), 0..12),
        acting_as in acting_as(),
        permission in select(Permission::ALL),
        asked in place(),
    ) {
        let holding = decide(&index(&bindings), &alice(), &acting_as, permission, &asked, NOW);
        prop_assert_eq!(holding.is_some(), naive(&bindings, &acting_as, permission, &asked));
    }

    #[test]
    fn the_set_held_is_what_is_decided_one_by_one(
        bindings in vec(binding(), 0..12),
        acting_as in acting_as(),
        asked in place(),
    ) {
        let index = index(&bindings);
        let one_by_one: PermissionSet = Permission::ALL
            .iter()
            .copied()
            .filter(|permission| decide(&index, &alice(), &acting_as, *permission, &asked, NOW).is_some())
            .collect();
        prop_assert_eq!(permissions_of(&index, &alice(), &acting_as, &asked, NOW), one_by_one);
    }

    #[test]
    fn adding_a_binding_never_removes_a_permission(
        mut bindings in vec(binding(), 0..8),
        added in binding(),
        acting_as in acting_as(),
        asked in place(),
    ) {
        let before = permissions_of(&index(&bindings), &alice(), &acting_as, &asked, NOW);
        bindings.push(added);
        prop_assert!(before.is_subset(permissions_of(&index(&bindings), &alice(), &acting_as, &asked, NOW)));
    }

    #[test]
    fn an_ended_grant_is_as_if_it_were_not_there(
        bindings in vec(binding(), 0..12),
        acting_as in acting_as(),
        asked in place(),
    ) {
        let live: Vec<Binding> =
            bindings.iter().filter(|binding| binding.expire_time.is_none_or(|end| NOW < end)).cloned().collect();
        prop_assert_eq!(
            permissions_of(&index(&bindings), &alice(), &acting_as, &asked, NOW),
            permissions_of(&index(&live), &alice(), &acting_as, &asked, NOW)
        );
    }

    #[test]
    fn what_is_held_through_an_instant_is_what_is_still_held_just_before_it(
        bindings in vec(binding(), 0..12),
        acting_as in acting_as(),
        asked in place(),
        until in 51_i64..120,
    ) {
        let index = index(&bindings);
        let just_before = Timestamp::from_millis(until - 1);
        let until = Some(Timestamp::from_millis(until));
        prop_assert_eq!(
            permissions_through(&index, &alice(), &acting_as, &asked, NOW, until),
            permissions_of(&index, &alice(), &acting_as, &asked, just_before)
        );
        let for_ever = permissions_through(&index, &alice(), &acting_as, &asked, NOW, None);
        let end_of_time = Timestamp::from_millis(i64::MAX);
        prop_assert_eq!(for_ever, permissions_of(&index, &alice(), &acting_as, &asked, end_of_time));
    }

    #[test]
    fn a_binding_gives_nothing_on_what_does_not_lie_below_it(binding in binding(), asked in place()) {
        let own = [binding.subject];
        let held = permissions_of(&index(std::slice::from_ref(&binding)), &alice(), &own, &asked, NOW);
        let implied = binding.subject == Subject::Group(GroupId::ADMINS);
        prop_assert!(implied || binding.on.reaches(&asked) || held == PermissionSet::NONE);
    }

    #[test]
    fn what_a_denial_advises_would_allow(permission in select(Permission::ALL), asked in place()) {
        let advice = nearest_grants(permission, &asked);
        prop_assert_eq!(advice.is_some(), check_scope(permission, &asked).is_ok());
        for role in advice.iter().flat_map(|advice| &advice.roles) {
            let mut index = Bindings::default();
            index.bind(subjects()[0], *role, advice.as_ref().map_or("", |advice| advice.on), None);
            prop_assert!(decide(&index, &alice(), &subjects()[..1], permission, &asked, NOW).is_some());
        }
    }

    #[test]
    fn a_workspace_admin_conveys_workspace_roles_there_and_nothing_elsewhere(
        role in select(BuiltinRole::ALL),
        place in place(),
    ) {
        let mut index = Bindings::default();
        index.bind(subjects()[0], BuiltinRole::WorkspaceAdmin, "workspaces/a", None);
        let held = permissions_of(&index, &alice(), &subjects()[..1], &place, NOW);
        let within = Resource::parse("workspaces/a").is_ok_and(|own| own.reaches(&place));
        let may_convey = lacking(held, role.permissions()).is_empty();
        prop_assert_eq!(may_convey, within && !role.is_cluster_role());
    }

    #[test]
    fn any_text_is_a_known_name_or_a_refusal(text in any::<String>()) {
        if let Ok(permission) = Permission::parse(&text) {
            prop_assert_eq!(permission.as_str(), text.as_str());
        }
        if let Ok(role) = BuiltinRole::parse(&text) {
            prop_assert_eq!(role.as_str(), text.as_str());
        }
    }
}
