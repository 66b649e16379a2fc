//! What policy sweeps, and what it leaves alone whoever asks.

use reeve_config_policy::{LimitPrecedence, WorkloadType};
use reeve_model::{GroupId, PrincipalId, Resource, RobotId, Subject, WorkspaceId};
use reeve_owner::{MAX_SWEPT, Parent, Reconciled};
use reeve_rbac::BuiltinRole;
use reeve_world::{Binding, ConfigPolicy, Record, RecordKey};
use uuid::Uuid;

use crate::stand::{START, Stand, grant, group_id, txn, user_id};

const VISION: &str = "workspaces/vision";
const NOTHING: Reconciled = Reconciled { written: None, more: false };

fn binding(number: u128, subject: Subject, workspace: Option<(WorkspaceId, &str)>) -> Record {
    let resource = workspace.map_or_else(|| "cluster".to_owned(), |(_, name)| format!("workspaces/{name}"));
    Record::Binding(Binding {
        uid: reeve_model::BindingId::from_uuid(Uuid::from_u128(0x5000 + number)),
        subject,
        role: BuiltinRole::Viewer,
        resource: Resource::parse(&resource).unwrap(),
        workspace: workspace.map(|(uid, _)| uid),
        expire_time: None,
        note: String::new(),
        create_time: START,
    })
}

fn policy_of(workspace: WorkspaceId) -> Record {
    Record::ConfigPolicy(ConfigPolicy {
        workspace: Some(workspace),
        workload: WorkloadType::Task,
        document: "defaults: {debug: true}".to_owned(),
        limit_precedence: LimitPrecedence::default(),
        version: 1,
        author: PrincipalId::Root,
        update_time: START,
    })
}

#[tokio::test]
async fn the_bindings_of_each_who_is_gone_are_swept_and_no_others() {
    let stand = Stand::with_workspaces(&["vision"]).await;
    let robot = stand.ground.world().robot_by_name("ci").unwrap().uid;
    let all = ["user:alice", "user:bob", "group:vision-team", "robot:ci", "allUsers"];
    stand.bind("root", &all.map(|who| grant(who, "viewer", VISION))).await.unwrap();
    let before = stand.stored("binding").await;
    for (gone, parent) in [
        (RecordKey::User(user_id(2)), Parent::User(user_id(2))),
        (RecordKey::Group(group_id(1)), Parent::Group(group_id(1))),
        (RecordKey::Robot(robot), Parent::Robot(robot)),
    ] {
        // asked about somebody who is there, it does nothing
        assert_eq!(stand.reconcile(Some(parent)).await, NOTHING);
        let left = stand.stored("binding").await;
        stand.ground.write([], [gone]).await;
        // and about somebody else, nothing to these
        assert_eq!(stand.reconcile(Some(Parent::User(user_id(3)))).await, NOTHING);
        assert!(stand.reconcile(Some(parent)).await.written.is_some());
        assert_eq!(stand.stored("binding").await, left - 1);
        assert_eq!(stand.reconcile(Some(parent)).await, NOTHING, "twice is once");
    }
    assert_eq!(stand.stored("binding").await, before - 3);
    let bound = stand.bound("root", VISION).await.unwrap();
    assert_eq!(bound, ["allUsers viewer workspaces/vision", "user:bob viewer workspaces/vision"]);
}

#[tokio::test]
async fn what_hangs_on_a_workspace_that_is_gone_is_swept_with_the_bindings_of_its_group_elsewhere() {
    let stand = Stand::start().await;
    let gone = WorkspaceId::from_uuid(Uuid::from_u128(0x7777));
    let group = Subject::Group(GroupId::of_workspace(&gone));
    let records = [binding(1, Subject::AllUsers, Some((gone, "gone"))), binding(2, group, None), policy_of(gone)];
    stand.ground.write(records, []).await;
    let before = stand.stored("binding").await;
    assert!(stand.reconcile(Some(Parent::Workspace(gone))).await.written.is_some());
    assert_eq!((stand.stored("binding").await, stand.stored("config-policy").await), (before - 2, 0));
}

#[tokio::test]
async fn a_group_that_is_still_to_come_keeps_its_bindings_wherever_they_are() {
    let stand = Stand::with_workspaces(&["vision"]).await;
    let uid = stand.ground.world().workspace_by_name("vision").unwrap().uid;
    let group = GroupId::of_workspace(&uid);
    stand.ground.write([binding(1, Subject::Group(group), None)], []).await;
    for what in [None, Some(Parent::Group(group)), Some(Parent::Workspace(uid))] {
        assert_eq!(stand.reconcile(what).await, NOTHING, "{what:?}");
    }
}

#[tokio::test]
async fn a_state_that_is_older_than_a_record_says_nothing_of_it() {
    let stand = Stand::with_workspaces(&["vision"]).await;
    let robot = RobotId::from_uuid(Uuid::from_u128(0x7777));
    stand.ground.write([binding(1, Subject::Robot(robot), None)], []).await;
    let snapshot = stand.ground.replica.latest().unwrap();
    // written again, as its owner may: what it hangs on may have been written with it
    stand.ground.write([binding(1, Subject::Robot(robot), None)], []).await;
    let done = stand.service.reconcile().reconcile(&snapshot, None).await.unwrap();
    assert_eq!(done, NOTHING);
    assert!(stand.reconcile(None).await.written.is_some(), "by a newer state it is swept");
}

#[tokio::test]
async fn one_that_changes_meanwhile_is_left_to_the_next_turn() {
    let stand = Stand::start().await;
    let gone = Subject::User(user_id(99));
    stand.ground.write([binding(1, gone, None), binding(2, gone, None)], []).await;
    let before = stand.stored("binding").await;
    stand.ground.store.before_next_commit(txn([binding(1, gone, None)], []));
    assert_eq!(stand.reconcile(None).await, Reconciled { written: None, more: true });
    assert!(stand.ground.store.has_meddled());
    while stand.reconcile(None).await != NOTHING {}
    assert_eq!(stand.stored("binding").await, before - 2);
}

#[tokio::test]
async fn a_turn_is_bounded_and_the_next_goes_on() {
    let stand = Stand::start().await;
    let gone = Subject::User(user_id(99));
    let before = stand.stored("binding").await;
    let numbers: Vec<u128> = (0..MAX_SWEPT as u128 + 10).collect();
    for some in numbers.chunks(100) {
        stand.ground.write(some.iter().map(|number| binding(*number, gone, None)), []).await;
    }
    let first = stand.reconcile(None).await;
    assert!(first.more && first.written.is_some());
    assert_eq!(stand.stored("binding").await, before + 10);
    assert!(!stand.reconcile(None).await.more);
    assert_eq!(stand.stored("binding").await, before);
}
