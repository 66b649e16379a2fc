//! Owners that tell each other: what a write brings about elsewhere is there when it answers.

use std::time::Duration;

use reeve_api::policy::CreateWorkspaceRequest;
use reeve_api::policy::workspace_service_client::WorkspaceServiceClient;
use reeve_chassis::Owner;
use reeve_model::{ConsistencyToken, GroupId};
use reeve_owner::TELL_WAIT;
use reeve_world::World;
use tokio::time::Instant;

use crate::cluster::{Cluster, Reconciling, Telling};

async fn cluster() -> Cluster {
    Cluster::start(Telling::Over, Reconciling::Off).await
}

/// How many records hang on what is gone.
pub(crate) fn strays(world: &World) -> usize {
    world.stray_bindings(None).count()
        + world.stray_config_policies(None).count()
        + world.stray_user_links(None).count()
        + world.stray_workspace_agent_users(None).count()
        + world.stray_groups(None).count()
        + world.stray_memberships(None).len()
}

#[tokio::test]
async fn a_new_workspace_has_its_group_when_it_answers() {
    let cluster = cluster().await;
    let made = cluster.create_workspace("vision").await.unwrap();
    let workspace = made.workspace.unwrap();
    assert_eq!(workspace.group, "vision");
    // and whoever brings the token sees it, wherever they ask
    let token = ConsistencyToken::parse(&made.consistency_token).unwrap();
    let replica = &cluster.owners[&Owner::Agentmap].replica;
    replica.reach(token.revision, Duration::from_secs(10)).await.unwrap();
    let world = replica.latest().unwrap().world().clone();
    let uid = world.workspace_by_name("vision").unwrap().uid;
    assert!(world.group_by_id(&GroupId::of_workspace(&uid)).is_some());
}

#[tokio::test]
async fn nothing_is_left_of_a_workspace_when_its_deletion_answers() {
    let cluster = cluster().await;
    cluster.create_user("alice").await.unwrap();
    cluster.create_workspace("vision").await.unwrap();
    cluster.create_workspace("speech").await.unwrap();
    cluster.join("vision", "user:alice").await.unwrap();
    cluster.bind("group:vision", "viewer", "workspaces/speech").await.unwrap();
    cluster.set_policy("vision").await.unwrap();
    cluster.set_gid("vision").await.unwrap();
    let token = cluster.delete_workspace("vision").await.unwrap();
    let token = ConsistencyToken::parse(&token).unwrap();
    let world = cluster.world().await;
    assert!(world.revision() >= token.revision);
    assert!(world.group_by_name("vision").is_none());
    assert_eq!(world.stray_groups(None).count() + world.stray_memberships(None).len(), 0);
    assert_eq!(world.stray_workspace_agent_users(None).count(), 0);
    // the name is free, with a group of its own
    assert_eq!(cluster.create_workspace("vision").await.unwrap().workspace.unwrap().group, "vision");
    let alices = cluster.world().await.groups_of(&alice(&cluster).await).count();
    assert_eq!(alices, 1, "everyone alone");
}

async fn alice(cluster: &Cluster) -> reeve_model::PrincipalId {
    reeve_model::PrincipalId::User(cluster.world().await.user_by_name("alice").unwrap().uid)
}

#[tokio::test]
async fn nothing_is_left_of_a_user_when_their_deletion_answers() {
    let cluster = cluster().await;
    cluster.create_user("alice").await.unwrap();
    cluster.create_workspace("vision").await.unwrap();
    cluster.join("vision", "user:alice").await.unwrap();
    cluster.bind("user:alice", "editor", "workspaces/vision").await.unwrap();
    cluster.link("alice", 1000).await.unwrap();
    cluster.delete_user("alice").await.unwrap();
    assert_eq!(strays(&cluster.world().await), 0);
}

#[tokio::test]
async fn a_name_that_another_group_has_stays_the_others() {
    let cluster = cluster().await;
    cluster.create_user("alice").await.unwrap();
    cluster.create_group("Vision").await.unwrap();
    cluster.join("Vision", "user:alice").await.unwrap();
    let made = cluster.create_workspace("vision").await.unwrap().workspace.unwrap();
    assert_eq!(made.group, "");
    assert_eq!(made.group_problem().as_str_name(), "GROUP_PROBLEM_GROUP_NAME_TAKEN");
    // when it is gone, the workspace's comes, with nobody of the other in it
    cluster.delete_group("Vision").await.unwrap();
    cluster.reconcile_all().await;
    let world = cluster.world().await;
    let uid = world.workspace_by_name("vision").unwrap().uid;
    assert_eq!(world.group_by_name("vision").unwrap().uid, GroupId::of_workspace(&uid));
    assert_eq!(world.groups_of(&alice(&cluster).await).count(), 1);
}

#[tokio::test]
async fn a_neighbour_that_does_not_answer_holds_a_write_up_no_longer_than_it_may() {
    let cluster = Cluster::with_silent(Telling::Over, Reconciling::Off, Some(Owner::Identity)).await;
    let begun = Instant::now();
    let made = cluster.create_workspace("vision").await.unwrap().workspace.unwrap();
    assert!(begun.elapsed() < TELL_WAIT + Duration::from_secs(3), "{:?}", begun.elapsed());
    assert_eq!(made.group_problem().as_str_name(), "GROUP_PROBLEM_GROUP_PENDING");
}

#[tokio::test]
async fn a_neighbour_that_does_not_answer_does_not_cost_a_write_its_answer() {
    let cluster = Cluster::with_silent(Telling::Over, Reconciling::Off, Some(Owner::Identity)).await;
    let mut request = cluster.asked(CreateWorkspaceRequest { name: "vision".to_owned(), ..Default::default() });
    request.set_timeout(Duration::from_secs(1));
    let mut client = WorkspaceServiceClient::new(cluster.channel(Owner::Policy));
    client.create_workspace(request).await.unwrap();
    assert!(cluster.world().await.workspace_by_name("vision").is_some());
}
