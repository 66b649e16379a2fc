//! Bind and Unbind: all or none, each grant once, the order of what is wrong.

use reeve_api::policy as api;
use reeve_model::GroupId;
use reeve_world::{Record, RecordKey};
use tonic::Code;

use crate::stand::{
    START, Stand, asked_by, grant, grant_for, metadata, obstacles, reason, txn, user, user_id, why, wrong_fields,
};

const VISION: &str = "workspaces/vision";

#[tokio::test]
async fn bindings_are_made_as_asked_for_in_that_order() {
    let stand = Stand::with_workspaces(&["vision"]).await;
    let mut first = grant_for("user:ALICE", "editor", VISION, 60);
    first.note = "until the deadline".to_owned();
    let grants = [
        first,
        grant("group:vision-team", "viewer", "workspaces/vision/projects/p1"),
        grant("allUsers", "lister", "cluster"),
        grant("robot:ci", "sidecar", "cluster"),
    ];
    let made = stand.bind("root", &grants).await.unwrap();
    let told: Vec<_> = made.iter().map(|b| format!("{} {} {}", b.principal, b.role, b.resource)).collect();
    assert_eq!(
        told,
        [
            "user:alice editor workspaces/vision",
            "group:vision-team viewer workspaces/vision/projects/p1",
            "allUsers lister cluster",
            "robot:ci sidecar cluster"
        ]
    );
    assert_eq!(made[0].expire_time, grants[0].expire_time);
    assert_eq!(made[0].note, "until the deadline");
    assert!(made.iter().all(|b| b.create_time.unwrap().seconds == START.as_secs()));
    let mut uids: Vec<_> = made.iter().map(|b| b.uid.clone()).collect();
    uids.dedup();
    assert_eq!(uids.len(), 4);
}

#[tokio::test]
async fn a_grant_exists_once_and_all_of_a_request_or_none_is_made() {
    let stand = Stand::with_workspaces(&["vision"]).await;
    stand.bind("root", &[grant("user:alice", "editor", VISION)]).await.unwrap();
    let again = [grant("user:bob", "editor", VISION), grant_for("user:Alice", "editor", VISION, 60)];
    let refused = stand.bind("root", &again).await;
    assert_eq!(metadata(refused.clone(), "resource"), "user:Alice as editor on workspaces/vision");
    assert_eq!(why(refused), reason(Code::AlreadyExists, "ALREADY_EXISTS"));
    assert_eq!(stand.bound("root", VISION).await.unwrap(), ["user:alice editor workspaces/vision"]);
    // another role, resource or principal is another grant
    let others = [
        grant("user:alice", "viewer", VISION),
        grant("user:alice", "editor", "workspaces/vision/projects/p"),
        grant("user:alice", "editor", "cluster"),
        grant("user:bob", "editor", VISION),
    ];
    stand.bind("root", &others).await.unwrap();
}

#[tokio::test]
async fn an_ended_grant_does_not_exist() {
    let stand = Stand::with_workspaces(&["vision"]).await;
    let short = grant_for("user:alice", "editor", VISION, 60);
    let first = stand.bind("root", std::slice::from_ref(&short)).await.unwrap();
    stand.ground.at(59_999);
    assert_eq!(why(stand.bind("root", &[grant("user:alice", "editor", VISION)]).await).0, Code::AlreadyExists);
    stand.ground.at(60_000);
    assert_eq!(stand.bound("root", VISION).await.unwrap(), Vec::<String>::new());
    assert_eq!(why(stand.unbind("root", std::slice::from_ref(&short)).await), reason(Code::NotFound, "NOT_FOUND"));
    let second = stand.bind("root", &[grant("user:alice", "editor", VISION)]).await.unwrap();
    assert_eq!(second[0].uid, first[0].uid);
    assert_eq!(second[0].expire_time, None);
    assert_eq!(stand.bound("root", VISION).await.unwrap().len(), 1);
}

#[tokio::test]
async fn every_wrong_field_of_every_grant_is_told_at_once() {
    let stand = Stand::with_workspaces(&["vision"]).await;
    let mut past = grant_for("user:alice", "editor", VISION, 0);
    past.note = "x".repeat(257);
    let grants = [
        grant("alice", "", "workspaces"),
        grant("user:bob", "editor", VISION),
        past,
        grant("root", "clusterAdmin", "cluster"),
        grant("user:BOB", "editor", VISION),
        grant("user:bob", "edi/tor", "workspaces/vision/projects"),
    ];
    // malformed comes before unauthorised
    let wrong = wrong_fields(stand.bind("user:alice", &grants).await);
    let expected = [
        "grants[0].principal",
        "grants[0].role",
        "grants[0].resource",
        "grants[2].expire_time",
        "grants[2].note",
        "grants[3].principal",
        "grants[4]",
        "grants[5].role",
        "grants[5].resource",
    ];
    assert_eq!(wrong, expected);
    assert_eq!(wrong_fields(stand.bind("root", &[]).await), ["grants"]);
    assert_eq!(wrong_fields(stand.unbind("root", &[]).await), ["grants"]);
    let many: Vec<_> = (0..101).map(|n| grant(&format!("user:u{n}"), "editor", VISION)).collect();
    assert_eq!(wrong_fields(stand.bind("root", &many).await), ["grants"]);
    let twice = [grant("user:bob", "editor", VISION), grant("user:bob", "editor", VISION)];
    assert_eq!(wrong_fields(stand.unbind("root", &twice).await), ["grants[1]"]);
    assert_eq!(stand.bound("root", VISION).await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn an_expire_time_outside_of_time_is_refused() {
    let stand = Stand::with_workspaces(&["vision"]).await;
    for (seconds, nanos) in [(i64::MAX, 0), (i64::MIN, 0), (START.as_secs() + 1, -1), (START.as_secs(), 0), (0, 0)] {
        let expire_time = Some(prost_types::Timestamp { seconds, nanos });
        let refused = stand.bind("root", &[api::Grant { expire_time, ..grant("user:bob", "editor", VISION) }]).await;
        assert_eq!(wrong_fields(refused), ["grants[0].expire_time"], "{seconds}.{nanos}");
    }
}

#[tokio::test]
async fn what_is_unknown_is_not_found_by_name() {
    let stand = Stand::with_workspaces(&["vision"]).await;
    for (unknown, named) in [
        (grant("user:nobody", "editor", VISION), "user:nobody"),
        (grant("group:nobody", "editor", VISION), "group:nobody"),
        (grant("robot:nobody", "editor", VISION), "robot:nobody"),
        (grant("user:bob", "Editor", VISION), "role:Editor"),
        (grant("user:bob", "editor", "workspaces/none"), "workspaces/none"),
        (grant("user:bob", "editor", "workspaces/Vision"), "workspaces/Vision"),
        (grant("user:bob", "editor", "workspaces/none/projects/p"), "workspaces/none/projects/p"),
    ] {
        for refused in [
            stand.bind("root", std::slice::from_ref(&unknown)).await.map(drop),
            stand.unbind("root", std::slice::from_ref(&unknown)).await.map(drop),
        ] {
            assert_eq!(metadata(refused.clone(), "resource"), named);
            assert_eq!(why(refused), reason(Code::NotFound, "NOT_FOUND"));
        }
    }
}

#[tokio::test]
async fn of_several_wrongs_the_first_in_order_is_told() {
    let stand = Stand::with_workspaces(&["vision"]).await;
    stand.bind("root", &[grant("user:alice", "workspaceAdmin", VISION)]).await.unwrap();
    stand.bind("root", &[grant("user:bob", "editor", VISION)]).await.unwrap();
    let malformed = grant("bob", "editor", VISION);
    let unauthorised = grant("user:bob", "viewer", "cluster");
    let escalating = grant("user:bob", "clusterAdmin", VISION);
    let unknown = grant("user:nobody", "editor", VISION);
    let misplaced = grant("user:bob", "clusterAdmin", VISION);
    let existing = grant("user:bob", "editor", VISION);
    let order = [existing.clone(), unknown.clone(), escalating, unauthorised, malformed];
    let told: Vec<_> = [1, 2, 3, 4, 5].into_iter().map(|count| order[..count].to_vec()).collect();
    let mut reasons = Vec::new();
    for grants in told {
        reasons.push(why(stand.bind("user:alice", &grants).await).1);
    }
    assert_eq!(reasons, ["ALREADY_EXISTS", "NOT_FOUND", "ESCALATION", "PERMISSION_DENIED", "INVALID_ARGUMENT"]);
    // as root, nothing escalates, and the wrong place is told before what exists, and after what is unknown
    assert_eq!(why(stand.bind("root", &[existing, misplaced.clone()]).await).1, "ROLE_NOT_ASSIGNABLE");
    assert_eq!(why(stand.bind("root", &[misplaced, unknown]).await).1, "NOT_FOUND");
}

#[tokio::test]
async fn a_role_is_held_where_it_belongs_and_every_other_place_is_told() {
    let stand = Stand::with_workspaces(&["vision"]).await;
    let grants = [
        grant("user:bob", "clusterAdmin", VISION),
        grant("user:bob", "editor", VISION),
        grant("user:bob", "workspaceAdmin", "workspaces/vision/projects/p"),
    ];
    let (why, told) = obstacles(stand.bind("root", &grants).await);
    assert_eq!(why, "ROLE_NOT_ASSIGNABLE");
    assert_eq!(
        told,
        [
            "user:bob as clusterAdmin on workspaces/vision: `clusterAdmin` can be held at: `cluster`",
            "user:bob as workspaceAdmin on workspaces/vision/projects/p: \
             `workspaceAdmin` can be held at: `cluster`, a workspace"
        ]
    );
}

#[tokio::test]
async fn unbinding_removes_all_or_none() {
    let stand = Stand::with_workspaces(&["vision"]).await;
    let all = [grant("user:alice", "editor", VISION), grant("user:bob", "editor", VISION)];
    stand.bind("root", &all).await.unwrap();
    let too_many = [all[0].clone(), grant("user:carol", "editor", VISION), all[1].clone()];
    let refused = stand.unbind("root", &too_many).await;
    assert_eq!(metadata(refused.clone(), "resource"), "user:carol as editor on workspaces/vision");
    assert_eq!(why(refused), reason(Code::NotFound, "NOT_FOUND"));
    assert_eq!(stand.bound("root", VISION).await.unwrap().len(), 2);
    assert!(stand.unbind("root", &all).await.unwrap().starts_with("rt1."));
    assert_eq!(stand.bound("root", VISION).await.unwrap(), Vec::<String>::new());
    assert_eq!(why(stand.unbind("root", &all).await).0, Code::NotFound);
}

#[tokio::test]
async fn what_a_grant_says_of_its_end_plays_no_part_when_it_is_removed() {
    let stand = Stand::with_workspaces(&["vision"]).await;
    stand.bind("root", &[grant("user:bob", "editor", VISION)]).await.unwrap();
    let mut named = grant_for("user:bob", "editor", VISION, -1_000_000);
    named.note = "\0".repeat(1000);
    stand.unbind("root", &[named]).await.unwrap();
}

#[tokio::test]
async fn removing_needs_only_the_right_to_bind() {
    let stand = Stand::with_workspaces(&["vision"]).await;
    let grants = [grant("user:alice", "workspaceAdmin", VISION), grant("user:bob", "workspaceAdmin", VISION)];
    stand.bind("root", &grants).await.unwrap();
    // even one's own last
    stand.unbind("user:alice", &[grant("user:bob", "workspaceAdmin", VISION)]).await.unwrap();
    stand.unbind("user:alice", &[grant("user:alice", "workspaceAdmin", VISION)]).await.unwrap();
    assert_eq!(why(stand.bound("user:alice", VISION).await).0, Code::NotFound);
}

#[tokio::test]
async fn what_administrators_hold_by_their_group_is_neither_bound_nor_removed() {
    let stand = Stand::start().await;
    let implied = grant("group:admins", "clusterAdmin", "cluster");
    assert_eq!(why(stand.bind("root", std::slice::from_ref(&implied)).await).1, "ALREADY_EXISTS");
    let (why, told) = obstacles(stand.unbind("root", std::slice::from_ref(&implied)).await);
    assert_eq!(why, "BUILT_IN");
    assert!(told[0].contains("remove them from the group"), "{told:?}");
}

#[tokio::test]
async fn the_last_administrator_stays() {
    let stand = Stand::start().await;
    let direct =
        [grant("user:alice", "clusterAdmin", "cluster"), grant("group:vision-team", "clusterAdmin", "cluster")];
    stand.bind("root", &direct).await.unwrap();
    stand.bind("root", &[grant_for("user:bob", "clusterAdmin", "cluster", 60)]).await.unwrap();
    // the group of administrators is empty from here on
    let member = reeve_model::PrincipalId::User(user_id(1));
    stand.ground.write([], [RecordKey::Membership(GroupId::ADMINS, member)]).await;
    let (why, _) = obstacles(stand.unbind("user:alice", &direct).await);
    assert_eq!(why, "LAST_ADMIN");
    stand.unbind("user:alice", &direct[1..]).await.unwrap();
    // bob's ends, and a robot is nobody who signs in
    stand.bind("root", &[grant("robot:ci", "clusterAdmin", "cluster")]).await.unwrap();
    let (why, _) = obstacles(stand.unbind("robot:ci", &direct[..1]).await);
    assert_eq!(why, "LAST_ADMIN");
    assert_eq!(stand.bound("root", "cluster").await.unwrap().len(), 4);
    stand.unbind("root", &direct[..1]).await.unwrap();
}

#[tokio::test]
async fn two_administrators_who_remove_each_other_leave_one() {
    let stand = Stand::start().await;
    let (alice, bob) = (grant("user:alice", "clusterAdmin", "cluster"), grant("user:bob", "clusterAdmin", "cluster"));
    stand.bind("root", &[alice.clone(), bob.clone()]).await.unwrap();
    let member = reeve_model::PrincipalId::User(user_id(1));
    stand.ground.write([], [RecordKey::Membership(GroupId::ADMINS, member)]).await;
    let (one, other) = (std::slice::from_ref(&bob), std::slice::from_ref(&alice));
    let (first, second) = tokio::join!(stand.unbind("user:alice", one), stand.unbind("user:bob", other));
    assert_ne!(first.is_ok(), second.is_ok(), "{first:?} {second:?}");
    assert!(stand.ground.world().has_lasting_admin());
}

#[tokio::test]
async fn a_hundred_grants_for_a_hundred_principals_fit() {
    let stand = Stand::with_workspaces(&["vision"]).await;
    stand.ground.write((100..200).map(|n| Record::User(user(n, &format!("user-{n}")))), []).await;
    let grants: Vec<_> = (100..200).map(|n| grant(&format!("user:user-{n}"), "editor", VISION)).collect();
    assert_eq!(stand.bind("root", &grants).await.unwrap().len(), 100);
    stand.unbind("root", &grants).await.unwrap();
    assert_eq!(stand.bound("root", VISION).await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn of_many_who_make_the_same_grant_one_does() {
    let stand = Stand::with_workspaces(&["vision"]).await;
    let grants = [grant("user:bob", "editor", VISION)];
    let (a, b, c, d) = tokio::join!(
        stand.bind("root", &grants),
        stand.bind("root", &grants),
        stand.bind("user:admin", &grants),
        stand.bind("user:admin", &grants)
    );
    let all = [a, b, c, d];
    assert_eq!(all.iter().filter(|answer| answer.is_ok()).count(), 1);
    for refused in all.into_iter().filter(Result::is_err) {
        assert_eq!(why(refused), reason(Code::AlreadyExists, "ALREADY_EXISTS"));
    }
    let (a, b) = tokio::join!(stand.unbind("root", &grants), stand.unbind("root", &grants));
    assert_ne!(a.is_ok(), b.is_ok());
    assert_eq!(why(if a.is_ok() { b } else { a }).0, Code::NotFound);
}

#[tokio::test]
async fn nothing_is_bound_for_who_or_where_is_gone_meanwhile() {
    let stand = Stand::with_workspaces(&["vision"]).await;
    let workspace = stand.ground.world().workspace_by_name("vision").unwrap().uid;
    for (gone, named) in
        [(RecordKey::User(user_id(3)), "user:bob"), (RecordKey::Workspace(workspace), "workspaces/vision")]
    {
        stand.ground.write([Record::User(user(3, "bob"))], []).await;
        stand.ground.store.before_next_commit(txn([], [gone]));
        let refused = stand.bind("root", &[grant("user:bob", "editor", VISION)]).await;
        assert!(stand.ground.store.has_meddled());
        assert_eq!(metadata(refused.clone(), "resource"), named);
        assert_eq!(why(refused).0, Code::NotFound);
    }
    assert_eq!(stand.ground.world().binding_by_id(&reeve_model::BindingId::from_uuid(uuid::Uuid::nil())), None);
}

#[tokio::test]
async fn a_workspace_that_takes_the_name_of_another_starts_without_its_bindings() {
    let stand = Stand::with_workspaces(&["vision"]).await;
    let first = stand.bind("root", &[grant("user:bob", "editor", VISION)]).await.unwrap();
    let workspace = stand.ground.world().workspace_by_name("vision").unwrap().uid;
    stand.ground.write([], [RecordKey::Workspace(workspace)]).await;
    stand.ground.remove("private/policy/workspace-name/vision").await;
    stand.create("vision", "root").await.unwrap();
    assert_eq!(stand.bound("root", VISION).await.unwrap(), Vec::<String>::new());
    let second = stand.bind("root", &[grant("user:bob", "editor", VISION)]).await.unwrap();
    assert_ne!(first[0].uid, second[0].uid);
}

#[tokio::test]
async fn a_user_who_was_just_created_elsewhere_can_be_bound() {
    let stand = Stand::with_workspaces(&["vision"]).await;
    for number in 0..20 {
        // committed, and not waited for
        let name = format!("fresh-{number}");
        let record = Record::User(user(500 + number, &name));
        reeve_store::Store::commit(stand.ground.store.inner.as_ref(), txn([record], [])).await.unwrap();
        stand.bind("root", &[grant(&format!("user:{name}"), "editor", VISION)]).await.unwrap();
    }
}

#[tokio::test]
async fn a_request_says_what_it_did_with_a_token() {
    let stand = Stand::with_workspaces(&["vision"]).await;
    let request = api::BindRequest { grants: vec![grant("user:bob", "editor", VISION)] };
    let answer = stand.bindings().bind(asked_by("root", request)).await.unwrap().into_inner();
    let requirement = reeve_api::api::consistency::Requirement::AtLeastAsFresh(answer.consistency_token);
    let request = api::ListBindingsRequest {
        resource: VISION.to_owned(),
        consistency: Some(reeve_api::api::Consistency { requirement: Some(requirement) }),
        ..Default::default()
    };
    let listed = stand.bindings().list_bindings(asked_by("root", request)).await.unwrap().into_inner();
    assert_eq!(listed.bindings, answer.bindings);
}
