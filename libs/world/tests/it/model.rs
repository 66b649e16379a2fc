//! Whatever way the records came in, the World answers what its records say.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use reeve_agent_user::{IdentityDraft, Override, Settings};
use reeve_config_policy::WorkloadType;
use reeve_credentials::TokenHash;
use reeve_model::{Epoch, Fold, GroupId, PrincipalId, Resource, Revision, Subject, Timestamp, WorkspaceId};
use reeve_rbac::{BuiltinRole, Permission, ScopeKind};
use reeve_world::{
    Access, Binding, EndedSession, Group, Parent, Record, RecordKey, SigningKey, Token, TokenPrincipal,
    WorkspaceAgentUser, World,
};

use crate::records::{
    NOW, at, binding, binding_id, group, group_id, link, member, policy, public_key, robot, robot_id, session_id, user,
    user_id, workspace, workspace_id,
};

const NAMES: [&str; 4] = ["ab", "AB", "cd", "ef"];
const RESOURCES: [&str; 6] =
    ["cluster", "workspaces/ab", "workspaces/ab/projects/p", "workspaces/AB", "workspaces/cd", "workspaces/ef"];
const PERMISSIONS: [Permission; 7] = [
    Permission::WORKLOAD_SUBMIT,
    Permission::WORKLOAD_SUBMIT_INTERACTIVE,
    Permission::WORKLOAD_LIST,
    Permission::WORKSPACE_CREATE,
    Permission::ROLE_BIND,
    Permission::USER_VIEW,
    Permission::FEED_FOLLOW,
];

/// One operation on the store.
#[derive(Clone, Debug)]
enum Op {
    Put(Record),
    Delete(Record),
}

fn principals() -> Vec<PrincipalId> {
    let users = (0..4).map(|n| PrincipalId::User(user_id(n)));
    users.chain((0..3).map(|n| PrincipalId::Robot(robot_id(n)))).chain([PrincipalId::Root]).collect()
}

fn any_subject() -> impl Strategy<Value = Subject> {
    prop_oneof![
        (0u8..4).prop_map(|n| Subject::User(user_id(n))),
        (0u8..4).prop_map(|n| Subject::Group(group_id(n))),
        (0u8..3).prop_map(|n| Subject::Robot(robot_id(n))),
        Just(Subject::AllUsers),
    ]
}

fn any_end() -> impl Strategy<Value = Option<Timestamp>> {
    prop::sample::select(vec![None, Some(at(-1)), Some(NOW), Some(at(1))])
}

/// Any binding, one of a workspace that is gone or never was included.
fn any_binding() -> impl Strategy<Value = Binding> {
    let role = prop::sample::select(BuiltinRole::ALL);
    let place = (prop::sample::select(&RESOURCES[..]), 0u8..3);
    (0u8..16, any_subject(), role, place, any_end()).prop_map(|(n, subject, role, (resource, scope), expire_time)| {
        let scope = (resource != "cluster").then_some(scope);
        Binding { expire_time, ..binding(n, subject, role, resource, scope) }
    })
}

/// Group 2 comes and goes with workspace 0.
fn of_workspace(group: Group) -> Group {
    Group { workspace: (group.uid == group_id(2)).then(|| workspace_id(0)), ..group }
}

fn any_principal() -> impl Strategy<Value = Record> {
    let name = || prop::sample::select(&NAMES[..]);
    prop_oneof![
        (0u8..4, name(), any::<bool>(), 0u64..3).prop_map(|(n, name, active, epoch)| {
            Record::User(reeve_world::User { active, epoch: Epoch::new(epoch), ..user(n, name) })
        }),
        (0u8..4, name()).prop_map(|(n, name)| Record::Group(of_workspace(group(n, name)))),
        (0u8..3, name()).prop_map(|(n, name)| Record::Robot(robot(n, name))),
        (0u8..3, name()).prop_map(|(n, name)| Record::Workspace(workspace(n, name))),
        (0u8..4, 0usize..7).prop_map(|(n, who)| Record::Membership(member(n, principals()[who]))),
    ]
}

fn any_credential() -> impl Strategy<Value = Record> {
    prop_oneof![
        (0u8..4, 0u8..4, any_end()).prop_map(|(n, whose, expire_time)| {
            let principal = if whose == 3 { TokenPrincipal::Root } else { TokenPrincipal::Robot(robot_id(whose)) };
            Record::Token(Token { hash: TokenHash::from_bytes([n; 32]), principal, expire_time, create_time: NOW })
        }),
        (0u8..3, 0i64..9)
            .prop_map(|(n, ms)| { Record::EndedSession(EndedSession { sid: session_id(n), forget_time: at(ms) }) }),
        (0usize..3).prop_map(|n| Record::SigningKey(SigningKey { public: public_key(n) })),
        (0u64..3).prop_map(|n| Record::Access(Access { epoch: Epoch::new(n) })),
    ]
}

fn any_rule() -> impl Strategy<Value = Record> {
    let scope = || prop::option::of(0u8..3);
    let workload = || prop::sample::select(&WorkloadType::ALL[..]);
    let document = prop::sample::select(vec!["defaults: {name: a}", "constraints: {priority_limit: 3}", "nonsense: ["]);
    prop_oneof![
        (scope(), workload(), document, 1u64..5).prop_map(|(scope, workload, document, version)| Record::ConfigPolicy(
            policy(scope, workload, document, version)
        )),
        (0u8..4, 0u32..9).prop_map(|(n, uid)| Record::UserLink(link(n, uid, "someone"))),
        (0u8..3, prop::option::of(0u32..9)).prop_map(|(n, uid)| {
            let draft = IdentityDraft { uid, ..IdentityDraft::default() };
            let overrides = Override::parse(&draft, "").unwrap();
            Record::WorkspaceAgentUser(WorkspaceAgentUser { workspace: workspace_id(n), overrides })
        }),
    ]
}

fn any_op() -> impl Strategy<Value = Op> {
    let record = prop_oneof![4 => any_principal(), 4 => any_binding().prop_map(Record::Binding), 1 => any_credential(), 1 => any_rule()];
    (record, 0u8..4).prop_map(|(record, dice)| if dice == 0 { Op::Delete(record) } else { Op::Put(record) })
}

type Stored = BTreeMap<String, Record>;

/// The name that a record claims for itself: unique among the records of its kind, as their owners see to.
fn claim(record: &Record) -> Option<(&'static str, String)> {
    match record {
        Record::User(user) => Some(("user", user.username.fold().to_string())),
        Record::Group(group) => Some(("group", group.name.fold().to_string())),
        Record::Robot(robot) => Some(("robot", robot.name.fold().to_string())),
        Record::Workspace(workspace) => Some(("workspace", workspace.name.fold().to_string())),
        _ => None,
    }
}

/// What one revision changes: each key once, in key order, as a watch tells it.
#[derive(Default)]
struct Batch(BTreeMap<String, Op>);

impl Batch {
    fn take(&mut self, stored: &mut Stored, op: Op) {
        let (Op::Put(record) | Op::Delete(record)) = &op;
        let key = record.key().to_string();
        if let Op::Put(record) = &op {
            let other_has = |(other, held): (&String, &Record)| *other != key && claim(held) == claim(record);
            if claim(record).is_some() && stored.iter().any(other_has) {
                return;
            }
            stored.insert(key.clone(), record.clone());
        } else {
            stored.remove(&key);
        }
        self.0.insert(key, op);
    }

    fn take_all(&mut self, stored: &mut Stored, ops: Vec<Op>) {
        for op in ops {
            self.take(stored, op);
        }
    }

    fn apply(self, world: World) -> World {
        let (mut upserts, mut deletes) = (Vec::new(), Vec::new());
        for op in self.0.into_values() {
            match op {
                Op::Put(record) => upserts.push(record),
                Op::Delete(record) => deletes.push(record.key()),
            }
        }
        let revision = world.revision().next();
        world.next(revision, upserts, deletes)
    }
}

/// Everything that a World can be asked, as text.
fn answers(world: &World) -> Vec<String> {
    let mut told = Vec::new();
    for principal in principals() {
        for resource in RESOURCES {
            let resource = Resource::parse(resource).unwrap();
            for permission in PERMISSIONS {
                let answer = world.check(&principal, permission, &resource, NOW);
                let holds = world.holds(&principal, permission, &resource, NOW);
                assert_eq!(holds, answer.as_ref().is_ok_and(|answer| answer.allowed), "{answer:?}");
                let all = world.permissions_at(&principal, &resource, NOW);
                assert!(!holds || all.contains(permission), "{principal} {permission} {resource}");
                told.push(format!("{principal} {permission:?} {resource}: {answer:?}"));
            }
            for until in [None, Some(NOW), Some(at(1))] {
                told.push(format!("{:?}", world.conveyable_at(&principal, &resource, NOW, until)));
            }
        }
        told.push(format!("{principal}: {:?}", world.groups_of(&principal).collect::<Vec<_>>()));
        told.push(world.principal_name(&principal));
        for n in 0..3 {
            let place = world.workspace_by_id(&workspace_id(n));
            let resolved = place.map(|place| world.resolve_agent_user(&principal, place, &Settings::default()));
            told.push(format!("{resolved:?}"));
        }
    }
    for name in NAMES {
        told.push(format!("{:?} {:?}", world.user_by_name(name), world.group_by_name(name)));
        told.push(format!("{:?} {:?}", world.robot_by_name(name), world.workspace_by_name(name)));
    }
    for n in 0..4 {
        told.push(format!("{:?} {:?}", world.user_by_id(&user_id(n)), world.user_link(&user_id(n))));
        told.push(format!("{:?}", world.members_of(&group_id(n)).collect::<Vec<_>>()));
    }
    for n in 0..3 {
        told.push(format!("{:?}", world.workspace_agent_user(&workspace_id(n))));
        let after: Vec<_> = world.bindings_after(Some(&binding_id(4 * n))).map(|binding| binding.uid).collect();
        told.push(format!("{after:?}"));
    }
    for workload in WorkloadType::ALL {
        for n in 0..3 {
            let applicable = world.workspace_by_id(&workspace_id(n)).map(|place| world.applicable(place, workload));
            told.push(format!("{applicable:?}"));
        }
        let own: Vec<_> =
            world.workspace_policies(workload).map(|(place, policy)| (place.uid, &policy.record)).collect();
        told.push(format!("{own:?}"));
    }
    told.push(format!("{:?}", world.bindings_after(None).collect::<Vec<_>>()));
    told.push(format!("{:?} {:?}", world.users_after(None).collect::<Vec<_>>(), world.access()));
    told.push(format!(
        "{:?}",
        world.robots_after(None).chain(world.robots_after(Some(&robot_id(1)))).collect::<Vec<_>>()
    ));
    told.push(format!("{:?}", world.workspaces_after(None).collect::<Vec<_>>()));
    told.push(format!("{:?} {:?}", world.tokens().collect::<Vec<_>>(), world.signing_keys().collect::<Vec<_>>()));
    told.push(format!("{:?} {:?}", world.ended_sessions().collect::<Vec<_>>(), world.user_links().collect::<Vec<_>>()));
    told.push(format!("{}", world.has_lasting_admin()));
    told
}

/// The records, searched one after the other.
struct Naive<'a>(&'a Stored);

impl Naive<'_> {
    fn active(&self, principal: &PrincipalId) -> bool {
        self.0.values().any(|record| match (record, principal) {
            (Record::User(user), PrincipalId::User(uid)) => user.uid == *uid && user.active,
            (Record::Robot(robot), PrincipalId::Robot(uid)) => robot.uid == *uid,
            _ => false,
        })
    }

    fn has_group(&self, uid: GroupId) -> bool {
        let Some(Record::Group(group)) = self.0.get(&RecordKey::Group(uid).to_string()) else { return false };
        group.workspace.is_none_or(|uid| self.0.contains_key(&RecordKey::Workspace(uid).to_string()))
    }

    fn subjects(&self, principal: &PrincipalId) -> BTreeSet<Subject> {
        if !self.active(principal) {
            return BTreeSet::new();
        }
        let mut subjects = BTreeSet::from([Subject::AllUsers]);
        subjects.insert(match principal {
            PrincipalId::User(uid) => Subject::User(*uid),
            PrincipalId::Robot(uid) => Subject::Robot(*uid),
            PrincipalId::Root => return BTreeSet::new(),
        });
        for record in self.0.values() {
            if let Record::Membership(own) = record
                && own.member == *principal
                && own.group != GroupId::EVERYONE
                && self.has_group(own.group)
            {
                subjects.insert(Subject::Group(own.group));
            }
        }
        if matches!(principal, PrincipalId::User(_)) && self.has_group(GroupId::EVERYONE) {
            subjects.insert(Subject::Group(GroupId::EVERYONE));
        }
        subjects
    }

    fn workspace(&self, name: &str) -> Option<WorkspaceId> {
        self.0.values().find_map(|record| match record {
            Record::Workspace(workspace) if workspace.name.as_str() == name => Some(workspace.uid),
            _ => None,
        })
    }

    fn allows(&self, principal: &PrincipalId, permission: Permission, resource: &Resource) -> bool {
        let asked = ScopeKind::of(resource);
        let known = resource.workspace_name().is_none_or(|name| self.workspace(name).is_some());
        if !known || !BuiltinRole::ClusterAdmin.reach(ScopeKind::Cluster, asked).contains(permission) {
            return false;
        }
        let subjects = self.subjects(principal);
        let is_admin = *principal == PrincipalId::Root || subjects.contains(&Subject::Group(GroupId::ADMINS));
        is_admin
            || self.0.values().any(|record| {
                let Record::Binding(binding) = record else { return false };
                let place = binding.resource.workspace_name().map(|name| self.workspace(name));
                subjects.contains(&binding.subject)
                    && binding.expire_time.is_none_or(|end| NOW < end)
                    && place.is_none_or(|place| place.is_some() && place == binding.workspace)
                    && binding.resource.reaches(resource)
                    && binding.role.reach(ScopeKind::of(&binding.resource), asked).contains(permission)
            })
    }
}

fn assert_naive(world: &World, stored: &Stored) -> Result<(), TestCaseError> {
    let naive = Naive(stored);
    for principal in principals() {
        for resource in RESOURCES.map(|resource| Resource::parse(resource).unwrap()) {
            for permission in PERMISSIONS {
                let (holds, expected) = (
                    world.holds(&principal, permission, &resource, NOW),
                    naive.allows(&principal, permission, &resource),
                );
                prop_assert_eq!(holds, expected, "{} {} {}", principal, permission, resource);
            }
        }
    }
    for record in stored.values() {
        let found = match record {
            Record::User(user) => {
                world.user_by_name(&user.username.fold().to_string()).map(|found| found.uid) == Some(user.uid)
            }
            Record::Group(group) => {
                let expected = naive.has_group(group.uid).then_some(group.uid);
                world.group_by_name(group.name.as_str()).map(|found| found.uid) == expected
            }
            Record::Robot(robot) => world.robot_by_name(robot.name.as_str()).map(|found| found.uid) == Some(robot.uid),
            Record::Workspace(own) => {
                world.workspace_by_name(own.name.as_str()).map(|found| found.uid) == Some(own.uid)
            }
            _ => true,
        };
        prop_assert!(found, "{:?} is not found by its name", record);
    }
    for name in NAMES {
        let claimed = |kind| stored.values().any(|record| claim(record) == Some((kind, Fold::of(name).to_string())));
        prop_assert_eq!(world.user_by_name(name).is_some(), claimed("user"), "{}", name);
        prop_assert_eq!(world.robot_by_name(name).is_some(), claimed("robot"), "{}", name);
        prop_assert!(world.group_by_name(name).is_none() || claimed("group"), "{}", name);
    }
    Ok(())
}

/// Everything that records can hang on.
fn parents() -> impl Iterator<Item = Parent> {
    let users = (0..4).map(|n| Parent::User(user_id(n)));
    let groups = (0..4).map(|n| Parent::Group(group_id(n)));
    let robots = (0..3).map(|n| Parent::Robot(robot_id(n)));
    users.chain(groups).chain(robots).chain((0..3).map(|n| Parent::Workspace(workspace_id(n))))
}

fn strays(world: &World, parent: Option<Parent>) -> BTreeSet<String> {
    let found = world.stray_bindings(parent).chain(world.stray_config_policies(parent));
    let found = found.chain(world.stray_user_links(parent)).chain(world.stray_workspace_agent_users(parent));
    found.map(|key| key.to_string()).collect()
}

/// Whether what a record hangs on is not there, and will not come.
fn hangs_on_nothing(record: &Record, stored: &Stored) -> bool {
    let has = |key: RecordKey| stored.contains_key(&key.to_string());
    let place = |uid: Option<WorkspaceId>| uid.is_none_or(|uid| has(RecordKey::Workspace(uid)));
    let comes = |uid: GroupId| uid == group_id(2) && has(RecordKey::Workspace(workspace_id(0)));
    !match record {
        Record::Binding(binding) => {
            place(binding.workspace)
                && match binding.subject {
                    Subject::User(uid) => has(RecordKey::User(uid)),
                    Subject::Group(uid) => Naive(stored).has_group(uid) || comes(uid),
                    Subject::Robot(uid) => has(RecordKey::Robot(uid)),
                    Subject::AllUsers => true,
                }
        }
        Record::ConfigPolicy(policy) => place(policy.workspace),
        Record::UserLink(link) => has(RecordKey::User(link.user)),
        Record::WorkspaceAgentUser(own) => place(Some(own.workspace)),
        _ => true,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn any_way_to_the_same_records_gives_the_same_answers(
        ops in prop::collection::vec((any_op(), 0u8..3), 0..150),
        order in any::<prop::sample::Index>(),
        cut in any::<prop::sample::Index>(),
    ) {
        let (mut world, mut stored, mut batch) = (World::default(), Stored::new(), Batch::default());
        let mut copies = Vec::new();
        for (step, (op, ends)) in ops.into_iter().enumerate() {
            batch.take(&mut stored, op);
            if ends == 0 {
                world = std::mem::take(&mut batch).apply(world);
                if step % 16 == 0 {
                    copies.push((answers(&world), world.clone()));
                }
            }
        }
        world = batch.apply(world);

        assert_naive(&world, &stored)?;
        let mut records: Vec<Record> = stored.into_values().collect();
        if !records.is_empty() {
            let turn = order.index(records.len());
            records.rotate_left(turn);
            records.reverse();
        }
        let rest = records.split_off(cut.index(records.len() + 1));
        let built = World::default().next(Revision::new(1), records, []).next(world.revision(), rest, []);
        prop_assert_eq!(answers(&world), answers(&built));
        for (then, copy) in copies {
            prop_assert_eq!(then, answers(&copy), "a copy changed after it was taken");
        }
    }

    #[test]
    fn sweeping_what_is_stray_changes_no_answer_and_leaves_nothing_stray(
        ops in prop::collection::vec(any_op(), 0..120),
    ) {
        let (mut stored, mut batch) = (Stored::new(), Batch::default());
        batch.take_all(&mut stored, ops);
        let world = batch.apply(World::default());
        let found = strays(&world, None);
        let one_by_one: BTreeSet<String> = parents().flat_map(|parent| strays(&world, Some(parent))).collect();
        prop_assert_eq!(&found, &one_by_one, "looking at each parent finds what looking at everything does");
        for record in stored.values() {
            let key = record.key().to_string();
            prop_assert_eq!(found.contains(&key), hangs_on_nothing(record, &stored), "{:?}", record);
        }

        let keys = found.iter().map(|key| RecordKey::parse(key).unwrap());
        let swept = world.clone().next(world.revision().next(), [], keys);
        prop_assert_eq!(answers(&world), answers(&swept));
        prop_assert_eq!(strays(&swept, None), BTreeSet::new());
        // and none of what the group of a workspace will bring was swept before it came
        if world.workspace_by_id(&workspace_id(0)).is_some() && world.group_by_id(&group_id(2)).is_none() {
            let comes = |world: &World| world.clone().next(world.revision().next(), [Record::Group(of_workspace(group(2, "zz")))], []);
            prop_assert_eq!(answers(&comes(&world)), answers(&comes(&swept)));
        }
    }

    #[test]
    fn what_came_or_went_or_is_missing_is_looked_at_and_nothing_else(
        before in prop::collection::vec(any_op(), 0..60),
        after in prop::collection::vec(any_op(), 0..20),
    ) {
        let (mut stored, mut batch) = (Stored::new(), Batch::default());
        batch.take_all(&mut stored, before);
        let earlier = batch.apply(World::default());
        let (known, was, mut batch) = (strays(&earlier, None), stored.clone(), Batch::default());
        batch.take_all(&mut stored, after);
        let now = batch.apply(earlier.clone());
        let found: BTreeSet<Parent> = now.concerned_since(&earlier).collect();
        let unsaid = |parent: &Parent| *parent == Parent::Group(group_id(2));
        let changed = |parent: &Parent| now.has(parent) != earlier.has(parent);
        for parent in parents().filter(|parent| !unsaid(parent)) {
            prop_assert!(!changed(&parent) || found.contains(&parent), "{}", parent);
            prop_assert!(!found.contains(&parent) || changed(&parent) || !now.has(&parent), "{}", parent);
        }
        // whatever became stray is found by looking at these alone; what a record hangs on, it hangs on as long as it is
        let looked_at: BTreeSet<String> = found.iter().flat_map(|parent| strays(&now, Some(*parent))).collect();
        let same = |key: &String| was.get(key).is_none_or(|old| stored.get(key) == Some(old));
        let became: BTreeSet<String> = strays(&now, None).difference(&known).filter(|key| same(key)).cloned().collect();
        prop_assert!(became.is_subset(&looked_at), "{:?} {:?}", became, looked_at);
    }

    #[test]
    fn a_key_reads_back_from_its_text_and_from_no_other(op in any_op(), noise in ".{0,60}") {
        let (Op::Put(record) | Op::Delete(record)) = op;
        let key = record.key();
        let text = key.to_string();
        prop_assert_eq!(RecordKey::parse(&text), Ok(key));
        for other in [text.to_uppercase(), format!("{text}/"), format!("{text} "), text.replace('-', ""), noise] {
            if let Ok(read) = RecordKey::parse(&other) {
                prop_assert_eq!(read.to_string(), other, "one record has one key");
            }
        }
    }
}
