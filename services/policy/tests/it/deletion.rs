//! `DeleteWorkspace`: at once, with all that hangs on it, and never the wrong one.

use reeve_model::{GroupId, PrincipalId, Resource};
use reeve_owner::Parent;
use reeve_rbac::Permission;
use reeve_store::{Key, MAX_OPERATIONS};
use reeve_world::{Group, Membership, Record, RecordKey, Workspace};
use tonic::Code;

use crate::stand::{START, Stand, grant, group, metadata, policy, reason, txn, user, user_id, why, wrong_fields};

const VISION: &str = "workspaces/vision";

/// Writes so many bindings on `vision`, each for a user of their own.
async fn bind_many(stand: &Stand, count: u128) {
    for from in (0..count).step_by(100) {
        let numbers = from..count.min(from + 100);
        let users = numbers.clone().map(|number| Record::User(user(1000 + number, &format!("member-{number}"))));
        stand.ground.write(users, []).await;
        let grants: Vec<_> = numbers.map(|number| grant(&format!("user:member-{number}"), "viewer", VISION)).collect();
        stand.bind("root", &grants).await.unwrap();
    }
}

fn may_view(stand: &Stand, number: u128) -> bool {
    let resource = Resource::parse(VISION).unwrap();
    let who = PrincipalId::User(user_id(1000 + number));
    stand.ground.world().holds(&who, Permission::WORKSPACE_VIEW, &resource, START)
}

#[tokio::test]
async fn it_is_gone_at_once_and_whoever_takes_the_name_inherits_nothing() {
    let stand = Stand::with_workspaces(&["vision"]).await;
    let before = stand.get("root", "vision").await.unwrap();
    stand.bind("root", &[grant("user:bob", "editor", VISION), grant("user:bob", "viewer", "cluster")]).await.unwrap();
    stand.set_policy("root", policy(VISION, "defaults: {max_restarts: 1}")).await.unwrap();
    assert!(stand.delete("root", "vision", "").await.unwrap().starts_with("rt1."));
    assert_eq!(why(stand.get("root", "vision").await), reason(Code::NotFound, "NOT_FOUND"));
    assert_eq!(why(stand.delete("root", "vision", "").await), reason(Code::NotFound, "NOT_FOUND"));
    // in the same write: nothing is left to be swept
    assert_eq!((stand.stored("binding").await, stand.stored("config-policy").await), (3, 0));
    assert_eq!(stand.reconcile(None).await.written, None);

    let after = stand.create("VISION", "root").await.unwrap();
    assert_ne!(after.uid, before.uid);
    assert_eq!(stand.bound("root", "workspaces/VISION").await.unwrap(), Vec::<String>::new());
    assert_eq!(why(stand.get_policy("root", "workspaces/VISION").await).0, Code::NotFound);
}

#[tokio::test]
async fn what_does_not_fit_into_the_write_counts_for_nothing_and_is_swept() {
    let stand = Stand::with_workspaces(&["vision"]).await;
    let count = MAX_OPERATIONS as u128 + 100;
    bind_many(&stand, count).await;
    let uid = stand.ground.world().workspace_by_name("vision").unwrap().uid;
    assert!((0..count).all(|number| may_view(&stand, number)));
    stand.delete("root", "vision", "").await.unwrap();
    let left = stand.stored("binding").await;
    assert!(left > 100, "{left} are left of more than one write can hold");

    // before they are swept, by the same name again
    stand.create("vision", "root").await.unwrap();
    assert!((0..count).all(|number| !may_view(&stand, number)));
    assert_eq!(stand.bound("root", VISION).await.unwrap(), Vec::<String>::new());
    let done = stand.reconcile(Some(Parent::Workspace(uid))).await;
    assert!(done.written.is_some() && !done.more);
    assert_eq!(stand.stored("binding").await, 3);
    assert!((0..count).all(|number| !may_view(&stand, number)));
}

#[tokio::test]
async fn only_the_one_that_was_seen_is_deleted() {
    let stand = Stand::with_workspaces(&["vision"]).await;
    let seen = stand.get("root", "vision").await.unwrap();
    assert_eq!(why(stand.delete("root", "vision", "other").await), reason(Code::Aborted, "ETAG_MISMATCH"));
    // it changes between the look and the write
    let found = stand.ground.world().workspace_by_name("vision").unwrap().as_ref().clone();
    let changed = Record::Workspace(Workspace { description: "Eyes.".to_owned(), ..found });
    stand.ground.store.before_next_commit(txn([changed], []));
    assert_eq!(why(stand.delete("root", "vision", &seen.etag).await), reason(Code::Aborted, "ETAG_MISMATCH"));
    assert!(stand.ground.store.has_meddled());
    let seen = stand.get("root", "vision").await.unwrap();
    assert_eq!(seen.description, "Eyes.");
    stand.delete("root", "vision", &seen.etag).await.unwrap();
}

#[tokio::test]
async fn one_that_is_deleted_and_made_again_meanwhile_stays() {
    let stand = Stand::with_workspaces(&["vision"]).await;
    let old = stand.ground.world().workspace_by_name("vision").unwrap().as_ref().clone();
    let new = Workspace { uid: stand.ground.world().workspace_by_name("default").unwrap().uid, ..old.clone() };
    let index = Key::new("private/policy/workspace-name/vision");
    let others = txn([Record::Workspace(new.clone())], [RecordKey::Workspace(old.uid)]).put(index, new.uid.to_string());
    stand.ground.store.before_next_commit(others);
    assert_eq!(why(stand.delete("root", "vision", "").await), reason(Code::NotFound, "NOT_FOUND"));
    assert!(stand.ground.store.has_meddled());
    assert_eq!(stand.get("root", "vision").await.unwrap().uid, new.uid.to_string());
}

#[tokio::test]
async fn of_many_who_delete_it_one_does() {
    let stand = Stand::with_workspaces(&["vision"]).await;
    let all = futures_util::future::join_all((0..6).map(|_| stand.delete("root", "vision", ""))).await;
    assert_eq!(all.iter().filter(|answer| answer.is_ok()).count(), 1);
    for refused in all.into_iter().filter(Result::is_err) {
        assert_eq!(why(refused), reason(Code::NotFound, "NOT_FOUND"));
    }
}

#[tokio::test]
async fn a_binding_that_is_made_meanwhile_does_not_survive() {
    let stand = Stand::with_workspaces(&["vision"]).await;
    let uid = stand.ground.world().workspace_by_name("vision").unwrap().uid;
    // deleted by another replica between the look and the write of this one
    let index = Key::new("private/policy/workspace-name/vision");
    stand.ground.store.before_next_commit(txn([], [RecordKey::Workspace(uid)]).delete(index));
    let refused = stand.bind("root", &[grant("user:bob", "editor", VISION)]).await;
    assert_eq!(metadata(refused, "resource"), VISION);
}

#[tokio::test]
async fn the_first_workspace_is_deleted_like_any_other_and_not_made_again() {
    let stand = Stand::start().await;
    let uid = stand.ground.world().workspace_by_name("default").unwrap().uid;
    stand.ground.write([group(GroupId::of_workspace(&uid), "default")], []).await;
    stand.delete("user:admin", "default", "").await.unwrap();
    let again = Stand::on(stand.ground).await;
    assert!(again.ground.world().workspace_by_name("default").is_none());
    assert_eq!(again.stored("binding").await, 0);
}

#[tokio::test]
async fn a_workspace_whose_group_has_the_last_administrator_stays() {
    let stand = Stand::with_workspaces(&["vision"]).await;
    let uid = stand.ground.world().workspace_by_name("vision").unwrap().uid;
    let theirs = GroupId::of_workspace(&uid);
    let Record::Group(made) = group(theirs, "vision") else { panic!("not a group") };
    let records = [
        Record::Group(Group { workspace: Some(uid), ..made }),
        Record::Membership(Membership { group: theirs, member: PrincipalId::User(user_id(2)) }),
    ];
    let admins = RecordKey::Membership(GroupId::ADMINS, PrincipalId::User(user_id(1)));
    stand.ground.write(records, []).await;
    stand.bind("root", &[grant("group:vision", "clusterAdmin", "cluster")]).await.unwrap();
    stand.ground.write([], [admins]).await;
    let refused = stand.delete("user:alice", "vision", "").await;
    assert_eq!(why(refused), reason(Code::FailedPrecondition, "LAST_ADMIN"));
    stand.bind("root", &[grant("user:bob", "clusterAdmin", "cluster")]).await.unwrap();
    stand.delete("user:alice", "vision", "").await.unwrap();
    // and with it, at once, what she held by its group
    assert_eq!(why(stand.create("other", "user:alice").await), reason(Code::PermissionDenied, "PERMISSION_DENIED"));
}

#[tokio::test]
async fn a_name_that_is_none_is_told() {
    let stand = Stand::start().await;
    for name in ["", "a/b", "-a"] {
        assert_eq!(wrong_fields(stand.delete("user:alice", name, "").await), ["name"], "{name}");
    }
}
