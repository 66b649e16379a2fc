//! The cluster keeps an administrator, whatever its administrators do to each other.

use reeve_api::identity::{ActivateUserRequest, CreateUserRequest, WhoAmIRequest};
use tonic::{Code, Status};

use crate::client::Client;
use crate::cluster::{Cluster, PASSWORD};
use crate::deployment::Deployment;
use crate::refusal::{assert_refused, reason};

tests! {
    [
        the_only_administrator_cannot_be_taken_away_but_by_root,
        two_administrators_who_deactivate_each_other_at_once_leave_one,
        a_binding_removed_and_a_user_deactivated_at_once_leave_one,
        many_administrators_who_all_leave_at_once_leave_one,
    ]
    on up = Deployment::Up, apart = Deployment::Apart(Door::Agentmap),
}

/// How often two administrators meet.
const ROUNDS: usize = 50;

async fn make_admin(by: &Client, name: &str) {
    let request = CreateUserRequest {
        username: name.to_owned(),
        password: PASSWORD.to_owned(),
        admin: true,
        ..Default::default()
    };
    by.users().create_user(request).await.unwrap();
}

/// Exactly one of the two writes took effect; the other was refused for what the first one did.
fn one_of<A, B>(first: &Result<A, Status>, second: &Result<B, Status>) -> bool {
    let lost = match (first, second) {
        (Ok(_), Err(lost)) | (Err(lost), Ok(_)) => lost,
        (Ok(_), Ok(_)) => panic!("both took effect"),
        (Err(first), Err(second)) => panic!("neither took effect: {first:?}, {second:?}"),
    };
    let reason = reason(lost);
    let expected = ["LAST_ADMIN", "USER_INACTIVE", "PERMISSION_DENIED", "ESCALATION"];
    assert!(expected.contains(&reason.as_str()), "{lost:?}");
    first.is_ok()
}

async fn the_only_administrator_cannot_be_taken_away_but_by_root(on: Deployment) {
    let cluster = Cluster::start(on).await;
    let admin = cluster.admin().await;
    assert_refused(admin.deactivate("admin").await, Code::FailedPrecondition, "LAST_ADMIN");
    // neither one that is inactive nor a binding that ends by itself makes another
    make_admin(&admin, "second").await;
    admin.deactivate("second").await.unwrap();
    assert_refused(admin.deactivate("admin").await, Code::FailedPrecondition, "LAST_ADMIN");
    assert_refused(admin.unbind("group:admins", "clusterAdmin", "cluster").await, Code::FailedPrecondition, "BUILT_IN");
    cluster.root().await.deactivate("admin").await.unwrap();
}

async fn two_administrators_who_deactivate_each_other_at_once_leave_one(on: Deployment) {
    let cluster = Cluster::start(on).await;
    let admin = cluster.admin().await;
    make_admin(&admin, "one").await;
    make_admin(&admin, "two").await;
    let (mut one, mut two) = (cluster.signed_in("one").await, cluster.signed_in("two").await);
    one.deactivate("admin").await.unwrap();
    let mut first = 0;
    for _ in 0..on.rounds(ROUNDS) {
        let (by_one, by_two) = tokio::join!(one.deactivate("two"), two.deactivate("one"));
        let (left, gone) = if one_of(&by_one, &by_two) { (&one, "two") } else { (&two, "one") };
        first += usize::from(gone == "two");
        let me = left.sessions().who_am_i(WhoAmIRequest::default()).await.unwrap().into_inner();
        assert!(me.cluster_admin, "{me:?}");
        let back = ActivateUserRequest { username: gone.to_owned() };
        left.users().activate_user(back).await.unwrap();
        let again = cluster.signed_in(gone).await;
        *(if gone == "two" { &mut two } else { &mut one }) = again;
    }
    println!("one won {first} of {}", on.rounds(ROUNDS));
}

async fn a_binding_removed_and_a_user_deactivated_at_once_leave_one(on: Deployment) {
    let cluster = Cluster::start(on).await;
    let admin = cluster.admin().await;
    make_admin(&admin, "member").await;
    admin.make_user("bound").await;
    admin.bind("user:bound", "clusterAdmin", "cluster").await.unwrap();
    let (mut member, bound) = (cluster.signed_in("member").await, cluster.signed_in("bound").await);
    member.deactivate("admin").await.unwrap();
    for _ in 0..on.rounds(ROUNDS) {
        let unbind = member.unbind("user:bound", "clusterAdmin", "cluster");
        let (unbound, deactivated) = tokio::join!(unbind, bound.deactivate("member"));
        if one_of(&unbound, &deactivated) {
            member.bind("user:bound", "clusterAdmin", "cluster").await.unwrap();
        } else {
            let back = ActivateUserRequest { username: "member".to_owned() };
            bound.users().activate_user(back).await.unwrap();
            member = cluster.signed_in("member").await;
        }
    }
}

async fn many_administrators_who_all_leave_at_once_leave_one(on: Deployment) {
    let cluster = Cluster::start(on).await;
    let admin = cluster.admin().await;
    for at in 0..8 {
        make_admin(&admin, &format!("admin-{at}")).await;
    }
    let mut leaving = Vec::new();
    for name in (0..8).map(|at| format!("admin-{at}")).chain(["admin".to_owned()]) {
        let client = cluster.signed_in(&name).await;
        leaving.push(async move { client.deactivate(&name).await });
    }
    let left: Vec<_> = leaving.into_iter().map(tokio::spawn).collect();
    let mut refused = Vec::new();
    for leaving in left {
        if let Err(status) = leaving.await.unwrap() {
            refused.push(reason(&status));
        }
    }
    assert_eq!(refused, ["LAST_ADMIN"]);
}
