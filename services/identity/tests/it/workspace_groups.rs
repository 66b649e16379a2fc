//! The groups of workspaces: made and removed with them, whatever crashes in between, and never adopted.

use reeve_identity::Deps;
use reeve_model::{GroupId, Subject, WorkspaceId};
use reeve_owner::{Reconciler, WorkspacesConfig};
use reeve_rbac::BuiltinRole;
use reeve_store::Store as _;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::calls::reason;
use crate::stand::{Ground, Identity, config};

/// The group that a workspace has.
async fn group_of(identity: &Identity, workspace: WorkspaceId) -> Option<String> {
    let world = identity.newest().await;
    world.group_by_id(&GroupId::of_workspace(&workspace)).map(|group| group.name.to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workspace_gets_its_group_once_however_many_look() {
    let (ground, identity) = Ground::started().await;
    let other = ground.identity(config()).await;
    let (vision, speech) = (ground.workspace("Vision").await, ground.workspace("speech").await);
    let before = ground.store.list_revision().await;
    tokio::join!(identity.reconcile(&ground), other.reconcile(&ground), identity.reconcile(&ground));
    assert_eq!(group_of(&identity, vision).await.as_deref(), Some("Vision"));
    assert_eq!(group_of(&identity, speech).await.as_deref(), Some("speech"));
    assert_eq!(ground.store.list_revision().await, before.next().next());
    let root = ground.root_token.as_str();
    let shown = identity.show_group(root, "vision").await.unwrap();
    assert_eq!((shown.workspace.as_str(), shown.built_in), ("workspaces/Vision", false));
    assert_eq!(reason(identity.group(root, "VISION").await), "ALREADY_EXISTS");
    for name in ["vision", "speech"] {
        assert_eq!(reason(identity.delete_group(root, name).await), "WORKSPACE_GROUP");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_group_goes_with_its_workspace_and_its_members_with_it() {
    let (ground, identity) = Ground::started().await;
    let admin = identity.admin().await;
    let vision = ground.workspace("vision").await;
    identity.reconcile(&ground).await;
    identity.add(&admin, "vision", &["user:reeve"]).await.unwrap();
    ground.no_workspace(vision).await;
    let other = ground.identity(config()).await;
    tokio::join!(identity.reconcile(&ground), other.reconcile(&ground));
    assert_eq!(group_of(&identity, vision).await, None);
    assert_eq!(ground.count("world/membership/").await, 1);
    assert_eq!(ground.count("private/identity/group-name/").await, 0);
    assert_eq!(reason(identity.show_group(&admin, "vision").await), "NOT_FOUND");
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_crashes_between_two_writes_is_made_up_for() {
    let (ground, identity) = Ground::started().await;
    let admin = identity.admin().await;
    let mut gone = Vec::new();
    for number in 0..3 {
        gone.push(ground.workspace(&format!("old-{number}")).await);
    }
    identity.reconcile(&ground).await;
    for (number, uid) in gone.iter().enumerate() {
        identity.add(&admin, &format!("old-{number}"), &["user:reeve"]).await.unwrap();
        ground.no_workspace(*uid).await;
    }
    let come = ground.workspace("OLD-1").await;
    let fresh = ground.workspace("new").await;
    // as many writes as it takes, each in a process that dies after it
    let mut turns = 0;
    loop {
        let before = ground.store.list_revision().await;
        let next = ground.identity(config()).await;
        ground.store.cut_after(1);
        next.newest().await;
        let reconciler = Reconciler::new(next.service.reconcile(), next.replica.clone(), ground.entropy.clone());
        let done = reconciler.everything().await;
        ground.store.cut(false);
        turns += 1;
        if done.is_ok() && ground.store.list_revision().await == before {
            break;
        }
        assert!(turns < 20, "{done:?}");
    }
    // three groups went, two came, and one sweep of the members
    assert_eq!(turns, 3 + 2 + 1 + 1);
    identity.newest().await;
    assert_eq!(group_of(&identity, come).await.as_deref(), Some("OLD-1"));
    assert_eq!(group_of(&identity, fresh).await.as_deref(), Some("new"));
    for uid in gone {
        assert_eq!(group_of(&identity, uid).await, None);
    }
    assert_eq!(identity.members(&admin, "old-1").await.unwrap(), [""; 0]);
    assert_eq!(ground.count("world/membership/").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_of_that_name_is_never_adopted_and_when_it_goes_the_workspace_gets_its_own() {
    let (ground, identity) = Ground::started().await;
    let admin = identity.admin().await;
    let old = identity.group(&admin, "Vision").await.unwrap();
    identity.add(&admin, "vision", &["user:reeve"]).await.unwrap();
    let (vision, admins) = (ground.workspace("vision").await, ground.workspace("admins").await);
    let revision = ground.store.list_revision().await;
    identity.reconcile(&ground).await;
    assert_eq!(ground.store.list_revision().await, revision, "there is nothing to do, and nothing is done");
    assert_eq!((group_of(&identity, vision).await, group_of(&identity, admins).await), (None, None));
    let shown = identity.show_group(&admin, "vision").await.unwrap();
    assert_eq!((Subject::Group(GroupId::parse(&shown.uid).unwrap()), shown.workspace.as_str()), (old, ""));
    identity.delete_group(&admin, "vision").await.unwrap();
    assert_eq!(group_of(&identity, vision).await.as_deref(), Some("vision"));
    assert_eq!(identity.members(&admin, "vision").await.unwrap(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_bind_roles_in_the_workspace_manages_its_group_and_no_other() {
    let (ground, identity) = Ground::started().await;
    let admin = identity.admin().await;
    for name in ["vision", "speech"] {
        ground.workspace(name).await;
    }
    identity.reconcile(&ground).await;
    identity.group(&admin, "team").await.unwrap();
    let lead = identity.user(&admin, "lead").await;
    let editor = identity.user(&admin, "editor").await;
    ground.bind(&identity, lead, BuiltinRole::WorkspaceAdmin, "workspaces/vision").await;
    ground.bind(&identity, editor, BuiltinRole::Editor, "workspaces/vision").await;
    let group = identity.newest().await.group_by_name("vision").unwrap().uid;
    ground.bind(&identity, Subject::Group(group), BuiltinRole::Editor, "workspaces/vision").await;
    let lead = identity.login("lead").await.access_token;
    let editor = identity.login("editor").await.access_token;
    identity.add(&lead, "vision", &["user:reeve"]).await.unwrap();
    assert_eq!(identity.members(&lead, "vision").await.unwrap(), ["user:reeve"]);
    identity.take_out(&lead, "vision", &["user:reeve"]).await.unwrap();
    for name in ["speech", "team", "admins"] {
        assert_eq!(reason(identity.add(&lead, name, &["user:lead"]).await), "PERMISSION_DENIED", "{name}");
    }
    assert_eq!(reason(identity.add(&editor, "vision", &["user:reeve"]).await), "PERMISSION_DENIED");
    // the group may hold more than its workspace gives: that is not theirs to give
    ground.bind(&identity, Subject::Group(group), BuiltinRole::Viewer, "workspaces/speech").await;
    assert_eq!(reason(identity.add(&lead, "vision", &["user:reeve"]).await), "ESCALATION");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_groups_none_is_made_and_those_that_are_there_go_as_ever() {
    let (ground, identity) = Ground::started().await;
    let before = ground.workspace("before").await;
    identity.reconcile(&ground).await;
    let shutdown = CancellationToken::new();
    let _end = shutdown.clone().drop_guard();
    let workspaces = WorkspacesConfig { groups: false, ..Default::default() };
    let deps = Deps { workspaces, ..ground.deps(config(), &shutdown).await };
    let replica = deps.writer.replica().clone();
    let off = reeve_identity::IdentityService::start(deps, &TaskTracker::new(), shutdown.clone()).await.unwrap();
    let after = ground.workspace("after").await;
    let reconcile = async || {
        replica.reach(ground.store.barrier().await.unwrap(), std::time::Duration::from_secs(5)).await.unwrap();
        Reconciler::new(off.reconcile(), replica.clone(), ground.entropy.clone()).everything().await.unwrap();
    };
    reconcile().await;
    assert_eq!(group_of(&identity, before).await.as_deref(), Some("before"));
    assert_eq!(group_of(&identity, after).await, None);
    ground.no_workspace(before).await;
    reconcile().await;
    assert_eq!(group_of(&identity, before).await, None);
}
