//! Whatever people do in whatever order: after reconciliation nothing hangs on what is gone, every workspace has its group,
//! and no decision was changed by the sweeping itself.

use proptest::prelude::*;
use reeve_chassis::Owner;
use reeve_model::{GroupId, PrincipalId, Resource};
use reeve_rbac::Permission;
use reeve_world::World;
use tonic::{Code, Status};

use crate::cluster::{Cluster, Reconciling, START, Telling};
use crate::told::strays;

const USERS: [&str; 3] = ["alice", "bob", "carol"];
const WORKSPACES: [&str; 3] = ["vision", "speech", "audio"];
/// One is that of a workspace, in another case.
const GROUPS: [&str; 3] = ["team", "Vision", "speech"];
const ROLES: [&str; 2] = ["editor", "workspaceAdmin"];

/// One thing that somebody does; each number picks a name.
#[derive(Clone, Copy, Debug)]
enum Step {
    CreateUser(usize),
    DeleteUser(usize),
    CreateGroup(usize),
    DeleteGroup(usize),
    Join(usize, usize),
    CreateWorkspace(usize),
    DeleteWorkspace(usize),
    BindUser(usize, usize, usize),
    BindGroup(usize, usize, usize),
    Link(usize),
    Override(usize),
    SetPolicy(usize),
    Reconcile(usize),
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0..3usize).prop_map(Step::CreateUser),
        2 => (0..3usize).prop_map(Step::DeleteUser),
        1 => (0..3usize).prop_map(Step::CreateGroup),
        2 => (0..3usize).prop_map(Step::DeleteGroup),
        3 => (0..3usize, 0..3usize).prop_map(|(group, user)| Step::Join(group, user)),
        3 => (0..3usize).prop_map(Step::CreateWorkspace),
        2 => (0..3usize).prop_map(Step::DeleteWorkspace),
        3 => (0..3usize, 0..2usize, 0..3usize).prop_map(|(user, role, place)| Step::BindUser(user, role, place)),
        3 => (0..3usize, 0..2usize, 0..3usize).prop_map(|(group, role, place)| Step::BindGroup(group, role, place)),
        2 => (0..3usize).prop_map(Step::Link),
        1 => (0..3usize).prop_map(Step::Override),
        1 => (0..3usize).prop_map(Step::SetPolicy),
        3 => (0..3usize).prop_map(Step::Reconcile),
    ]
}

async fn take(cluster: &Cluster, step: Step) -> Result<(), Status> {
    let place = |at: usize| format!("workspaces/{}", WORKSPACES[at]);
    match step {
        Step::CreateUser(user) => cluster.create_user(USERS[user]).await,
        Step::DeleteUser(user) => cluster.delete_user(USERS[user]).await,
        Step::CreateGroup(group) => cluster.create_group(GROUPS[group]).await,
        Step::DeleteGroup(group) => cluster.delete_group(GROUPS[group]).await,
        Step::Join(group, user) => cluster.join(GROUPS[group], &format!("user:{}", USERS[user])).await,
        Step::CreateWorkspace(at) => cluster.create_workspace(WORKSPACES[at]).await.map(drop),
        Step::DeleteWorkspace(at) => cluster.delete_workspace(WORKSPACES[at]).await.map(drop),
        Step::BindUser(user, role, at) => cluster.bind(&format!("user:{}", USERS[user]), ROLES[role], &place(at)).await,
        Step::BindGroup(group, role, at) => {
            cluster.bind(&format!("group:{}", GROUPS[group]), ROLES[role], &place(at)).await
        }
        Step::Link(user) => cluster.link(USERS[user], 1000).await,
        Step::Override(at) => cluster.set_gid(WORKSPACES[at]).await,
        Step::SetPolicy(at) => cluster.set_policy(WORKSPACES[at]).await,
        Step::Reconcile(owner) => {
            let before = decisions(&cluster.world().await);
            cluster.reconcile(Owner::ALL[owner]).await;
            assert_eq!(decisions(&cluster.world().await), before, "sweeping changed a decision");
            Ok(())
        }
    }
}

/// Whether each user may do each thing in each place, and who their tasks run as there.
fn decisions(world: &World) -> Vec<String> {
    let mut told = Vec::new();
    for name in USERS {
        let Some(user) = world.user_by_name(name) else { continue };
        for place in WORKSPACES {
            let resource = Resource::parse(&format!("workspaces/{place}")).unwrap();
            let who = PrincipalId::User(user.uid);
            for permission in [Permission::WORKLOAD_SUBMIT, Permission::ROLE_BIND] {
                told.push(format!("{name} {place}: {}", world.holds(&who, permission, &resource, START)));
            }
            let workspace = world.workspace_by_name(place);
            let overrides = workspace.map(|workspace| world.workspace_agent_user(&workspace.uid));
            told.push(format!("{:?} {overrides:?}", world.user_link(&user.uid)));
        }
    }
    told
}

/// Every workspace has its group, unless another has the name.
fn without_a_group(world: &World) -> Vec<String> {
    let missing = world.workspaces_after(None).filter(|workspace| {
        let taken = world.group_by_name(workspace.name.as_str());
        world.group_by_id(&GroupId::of_workspace(&workspace.uid)).is_none() && taken.is_none()
    });
    missing.map(|workspace| workspace.name.to_string()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn everything_fits_in_the_end(steps in prop::collection::vec(any_step(), 0..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let cluster = Cluster::start(Telling::Never, Reconciling::Off).await;
            for step in steps {
                let taken = take(&cluster, step).await;
                // what is not there, is there already, or must not be done so is no surprise
                let expected = [Code::NotFound, Code::AlreadyExists, Code::FailedPrecondition];
                assert!(taken.as_ref().err().is_none_or(|status| expected.contains(&status.code())), "{step:?} {taken:?}");
            }
            let before = decisions(&cluster.world().await);
            cluster.reconcile_all().await;
            let world = cluster.world().await;
            assert_eq!(decisions(&world), before, "sweeping changed a decision");
            assert_eq!(strays(&world), 0);
            assert_eq!(without_a_group(&world), Vec::<String>::new());
        });
    }
}
