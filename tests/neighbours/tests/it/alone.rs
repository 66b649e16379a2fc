//! Owners that nobody tells anything, as after a crash between the steps: each makes it true by itself.

use reeve_chassis::Owner;
use reeve_model::GroupId;
use reeve_world::{Parent, World};

use crate::cluster::{Cluster, Reconciling, Telling};
use crate::told::strays;

fn has_its_group(world: &World, name: &str) -> bool {
    world.workspace_by_name(name).is_some_and(|found| {
        world.group_by_name(name).is_some_and(|group| group.uid == GroupId::of_workspace(&found.uid))
    })
}

#[tokio::test]
async fn what_came_or_went_is_found_by_whom_it_concerns() {
    let cluster = Cluster::start(Telling::Never, Reconciling::On).await;
    cluster.until("the first workspace has its group", |world| has_its_group(world, "default")).await;
    cluster.create_user("alice").await.unwrap();
    cluster.create_workspace("vision").await.unwrap();
    cluster.until("a new workspace has its group", |world| has_its_group(world, "vision")).await;
    cluster.join("vision", "user:alice").await.unwrap();
    cluster.bind("user:alice", "editor", "workspaces/default").await.unwrap();
    cluster.bind("group:vision", "viewer", "workspaces/default").await.unwrap();
    cluster.link("alice", 1000).await.unwrap();
    cluster.set_gid("vision").await.unwrap();
    cluster.set_policy("vision").await.unwrap();

    cluster.delete_user("alice").await.unwrap();
    cluster.until("nothing hangs on a user who is gone", |world| strays(world) == 0).await;
    cluster.delete_workspace("vision").await.unwrap();
    cluster.until("nothing hangs on a workspace that is gone", |world| strays(world) == 0).await;
    assert!(cluster.world().await.group_by_name("vision").is_none());
}

#[tokio::test]
async fn who_was_away_when_it_happened_finds_it_at_the_start() {
    let cluster = Cluster::start(Telling::Never, Reconciling::Off).await;
    cluster.create_user("alice").await.unwrap();
    cluster.create_workspace("vision").await.unwrap();
    cluster.link("alice", 1000).await.unwrap();
    cluster.bind("user:alice", "editor", "workspaces/vision").await.unwrap();
    cluster.delete_user("alice").await.unwrap();
    let world = cluster.world().await;
    assert!(strays(&world) > 0 && !has_its_group(&world, "vision"));
    cluster.reconcile_all().await;
    let world = cluster.world().await;
    assert!(strays(&world) == 0 && has_its_group(&world, "vision") && has_its_group(&world, "default"));
}

#[tokio::test]
async fn a_name_that_is_taken_again_before_anybody_looked_has_a_group_of_its_own() {
    let cluster = Cluster::start(Telling::Never, Reconciling::Off).await;
    cluster.create_user("alice").await.unwrap();
    cluster.create_workspace("vision").await.unwrap();
    cluster.reconcile_all().await;
    cluster.join("vision", "user:alice").await.unwrap();
    cluster.delete_workspace("vision").await.unwrap();
    cluster.create_workspace("vision").await.unwrap();
    assert!(cluster.world().await.group_by_name("vision").is_none(), "that of the old one counts no more");
    cluster.reconcile_all().await;
    let world = cluster.world().await;
    assert!(has_its_group(&world, "vision"));
    let group = world.group_by_name("vision").unwrap().uid;
    assert_eq!(world.members_of(&group).count(), 0, "who was in the old one is not in this");
}

#[tokio::test]
async fn two_who_do_the_same_at_once_do_it_once() {
    let cluster = Cluster::start(Telling::Never, Reconciling::Off).await;
    for name in ["alice", "bob"] {
        cluster.create_user(name).await.unwrap();
        cluster.link(name, 1000).await.unwrap();
        cluster.bind(&format!("user:{name}"), "editor", "cluster").await.unwrap();
        cluster.delete_user(name).await.unwrap();
    }
    cluster.create_workspace("vision").await.unwrap();
    tokio::join!(cluster.reconcile_all(), cluster.reconcile_all(), cluster.reconcile_all());
    cluster.reconcile_all().await;
    let world = cluster.world().await;
    assert!(strays(&world) == 0 && has_its_group(&world, "vision"));
}

#[tokio::test]
async fn what_is_there_is_left_alone_by_everybody_whatever_they_are_asked_about() {
    let cluster = Cluster::start(Telling::Over, Reconciling::Off).await;
    cluster.create_user("alice").await.unwrap();
    cluster.create_workspace("vision").await.unwrap();
    cluster.join("vision", "user:alice").await.unwrap();
    cluster.bind("user:alice", "editor", "workspaces/vision").await.unwrap();
    cluster.link("alice", 1000).await.unwrap();
    cluster.set_gid("vision").await.unwrap();
    cluster.reconcile_all().await;
    let world = cluster.world().await;
    let parents = [
        Parent::User(world.user_by_name("alice").unwrap().uid),
        Parent::Group(world.group_by_name("vision").unwrap().uid),
        Parent::Workspace(world.workspace_by_name("vision").unwrap().uid),
    ];
    let before = cluster.everything().await;
    for owner in Owner::ALL {
        for parent in parents {
            let instance = &cluster.owners[&owner];
            let snapshot = instance.replica.latest().unwrap();
            let done = instance.reconcile.reconcile(&snapshot, Some(parent)).await.unwrap();
            assert_eq!(done.written, None, "{owner} {parent}");
        }
    }
    assert_eq!(cluster.everything().await, before);
}
