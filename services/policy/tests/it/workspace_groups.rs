//! The group of a workspace: bound before it is there, shown when it is, and never another's.

use reeve_api::policy::GroupProblem;
use reeve_model::{GroupId, PrincipalId, Resource, WorkspaceId};
use reeve_owner::WorkspacesConfig;
use reeve_rbac::Permission;
use reeve_world::{Membership, Record, RecordKey};

use crate::stand::{Ground, START, Stand, grant, group, user_id};

const VISION: &str = "workspaces/vision";

fn group_of(stand: &Stand, name: &str) -> GroupId {
    GroupId::of_workspace(&stand.ground.world().workspace_by_name(name).unwrap().uid)
}

fn alice_may_submit(stand: &Stand) -> bool {
    let resource = Resource::parse(VISION).unwrap();
    stand.ground.world().holds(&PrincipalId::User(user_id(2)), Permission::WORKLOAD_SUBMIT, &resource, START)
}

fn alice_joins(group: GroupId) -> Record {
    Record::Membership(Membership { group, member: PrincipalId::User(user_id(2)) })
}

async fn shown(stand: &Stand, name: &str) -> (String, GroupProblem) {
    let workspace = stand.get("root", name).await.unwrap();
    (workspace.group.clone(), workspace.group_problem())
}

#[tokio::test]
async fn its_binding_is_there_from_the_start_and_counts_from_when_the_group_is() {
    let stand = Stand::with_workspaces(&["vision"]).await;
    let uid = group_of(&stand, "vision");
    assert_eq!(stand.stored("binding").await, 3, "everyone and the group on `default`, the group on `vision`");
    assert_eq!(stand.bound("root", VISION).await.unwrap(), Vec::<String>::new());
    assert_eq!(shown(&stand, "vision").await, (String::new(), GroupProblem::GroupPending));

    // whoever is said to be a member before there is a group holds nothing by it
    stand.ground.write([alice_joins(uid)], []).await;
    assert!(!alice_may_submit(&stand));
    stand.ground.write([group(uid, "vision")], []).await;
    assert!(alice_may_submit(&stand));
    assert_eq!(stand.bound("root", VISION).await.unwrap(), ["group:vision editor workspaces/vision"]);
    assert_eq!(shown(&stand, "vision").await, ("vision".to_owned(), GroupProblem::Unspecified));
    stand.ground.write([], [RecordKey::Group(uid)]).await;
    assert!(!alice_may_submit(&stand));
}

#[tokio::test]
async fn the_first_workspace_has_one_like_any_other() {
    let stand = Stand::start().await;
    assert_eq!(shown(&stand, "default").await, (String::new(), GroupProblem::GroupPending));
    stand.ground.write([group(group_of(&stand, "default"), "default")], []).await;
    let bound = stand.bound("root", "workspaces/default").await.unwrap();
    assert_eq!(bound, ["group:default editor workspaces/default", "group:everyone editor workspaces/default"]);
}

#[tokio::test]
async fn a_group_that_has_the_name_already_is_another() {
    let stand = Stand::start().await;
    // whatever its case
    stand.create("Vision-Team", "root").await.unwrap();
    assert_eq!(shown(&stand, "Vision-Team").await, (String::new(), GroupProblem::GroupNameTaken));
    assert_eq!(stand.bound("root", "workspaces/Vision-Team").await.unwrap(), Vec::<String>::new());
    // dave is in the group that has the name
    let resource = Resource::parse("workspaces/Vision-Team").unwrap();
    assert!(!stand.ground.world().holds(&PrincipalId::User(user_id(5)), Permission::WORKLOAD_SUBMIT, &resource, START));
}

#[tokio::test]
async fn the_role_is_configured_and_may_be_none() {
    let config = |groups, role: &str| WorkspacesConfig { groups, group_role: role.to_owned() };
    for (config, bound, problem) in [
        (config(true, "viewer"), vec!["group:vision viewer workspaces/vision"], GroupProblem::GroupPending),
        (config(true, ""), vec![], GroupProblem::GroupPending),
        (config(false, "editor"), vec![], GroupProblem::Unspecified),
    ] {
        let stand = Stand::with(Ground::new().await, config).await;
        stand.create("vision", "root").await.unwrap();
        assert_eq!(shown(&stand, "vision").await, (String::new(), problem));
        stand.ground.write([group(group_of(&stand, "vision"), "vision")], []).await;
        assert_eq!(stand.bound("root", VISION).await.unwrap(), bound);
        // one that is there is shown, whatever the configuration has become
        assert_eq!(shown(&stand, "vision").await, ("vision".to_owned(), GroupProblem::Unspecified));
    }
}

#[tokio::test]
async fn who_may_bind_there_may_take_the_role_from_it_and_it_stays_taken() {
    let stand = Stand::with_workspaces(&["vision"]).await;
    stand.ground.write([group(group_of(&stand, "vision"), "vision")], []).await;
    stand.unbind("root", &[grant("group:vision", "editor", VISION)]).await.unwrap();
    stand.reconcile(None).await;
    assert_eq!(stand.bound("root", VISION).await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn two_workspaces_have_two_groups() {
    let stand = Stand::with_workspaces(&["a", "b"]).await;
    assert_ne!(group_of(&stand, "a"), group_of(&stand, "b"));
    let uid = WorkspaceId::parse(&stand.get("root", "a").await.unwrap().uid).unwrap();
    assert_eq!(group_of(&stand, "a"), GroupId::of_workspace(&uid), "the same for the same workspace");
}
