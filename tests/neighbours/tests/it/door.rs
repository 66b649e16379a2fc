//! Who may say where to look, what they have to say, and that it is no more than that.

use std::time::Duration;

use reeve_api::neighbour::ReconcileRequest;
use reeve_api::neighbour::neighbour_service_client::NeighbourServiceClient;
use reeve_chassis::Owner;
use reeve_credentials::ServiceTokens;
use reeve_model::{Clock as _, ConsistencyToken, StoreId};
use reeve_owner::Parent;
use reeve_store::{Key, Store as _, Txn};
use reeve_world::RecordKey;
use tonic::{Code, Request, Status};
use tonic_types::StatusExt as _;

use crate::cluster::{Cluster, Reconciling, Telling, key};

async fn cluster() -> Cluster {
    Cluster::start(Telling::Never, Reconciling::Off).await
}

/// Asks `owner`, with a token of whatever kind.
async fn ask(cluster: &Cluster, owner: Owner, token: &str, after: &str, subject: &str) -> Result<String, Status> {
    let mut request = Request::new(ReconcileRequest { after: after.to_owned(), subject: subject.to_owned() });
    if !token.is_empty() {
        request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    }
    let mut client = NeighbourServiceClient::new(cluster.channel(owner));
    Ok(client.reconcile(request).await?.into_inner().consistency_token)
}

fn service_token(cluster: &Cluster, audience: &str) -> String {
    cluster.tokens.mint(audience, cluster.clock.now()).expose().to_owned()
}

fn why(refused: &Status) -> (Code, String) {
    (refused.code(), refused.get_details_error_info().unwrap().reason)
}

#[tokio::test]
async fn nobody_but_a_service_of_the_cluster_may() {
    let cluster = cluster().await;
    cluster.create_user("alice").await.unwrap();
    let alice = Parent::User(cluster.world().await.user_by_name("alice").unwrap().uid).to_string();
    let after = cluster.token().await.to_string();
    let before = cluster.everything().await;
    for owner in Owner::ALL {
        let another = Owner::ALL.into_iter().find(|other| *other != owner).unwrap();
        let foreign = ServiceTokens::new(key(2), Vec::new());
        let foreign = foreign.mint(owner.name(), cluster.clock.now()).expose().to_owned();
        for (token, reason) in [
            (String::new(), "TOKEN_MISSING"),
            (cluster.root_token.clone(), "TOKEN_MALFORMED"),
            (service_token(&cluster, another.name()), "TOKEN_MALFORMED"),
            (service_token(&cluster, ""), "TOKEN_MALFORMED"),
            (foreign, "TOKEN_MALFORMED"),
            ("reeve_svc_".to_owned(), "TOKEN_MALFORMED"),
        ] {
            let refused = ask(&cluster, owner, &token, &after, &alice).await.unwrap_err();
            assert_eq!(why(&refused), (Code::Unauthenticated, reason.to_owned()), "{owner} {token}");
        }
        let old = service_token(&cluster, owner.name());
        cluster.clock.set_wall(cluster.clock.now().plus(Duration::from_mins(2)));
        let refused = ask(&cluster, owner, &old, &after, &alice).await.unwrap_err();
        assert_eq!(why(&refused), (Code::Unauthenticated, "TOKEN_EXPIRED".to_owned()), "{owner}");
    }
    assert_eq!(cluster.everything().await, before);
}

#[tokio::test]
async fn a_service_token_opens_nothing_else() {
    let cluster = cluster().await;
    let token = service_token(&cluster, "policy");
    let mut request = Request::new(reeve_api::policy::ListWorkspacesRequest::default());
    request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    let mut client =
        reeve_api::policy::workspace_service_client::WorkspaceServiceClient::new(cluster.channel(Owner::Policy));
    let refused = client.list_workspaces(request).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated);
}

#[tokio::test]
async fn everything_that_is_wrong_with_a_request_is_told_at_once() {
    let cluster = cluster().await;
    let uid = "01890a5d-ac96-774b-bcce-b302099a8057";
    for subject in ["", "alice", "user/alice", "session/01890a5d-ac96-774b-bcce-b302099a8057", &uid.to_uppercase()] {
        for after in ["", "rt1.x", "7"] {
            let token = service_token(&cluster, "policy");
            let refused = ask(&cluster, Owner::Policy, &token, after, subject).await.unwrap_err();
            assert_eq!(refused.code(), Code::InvalidArgument);
            let wrong = refused.get_details_bad_request().unwrap().field_violations;
            let fields: Vec<_> = wrong.into_iter().map(|violation| violation.field).collect();
            assert_eq!(fields, ["after", "subject"]);
        }
    }
}

#[tokio::test]
async fn a_state_of_another_store_or_one_that_does_not_come_is_refused() {
    let cluster = cluster().await;
    let subject = "user/01890a5d-ac96-774b-bcce-b302099a8057";
    let now = cluster.token().await;
    let other = ConsistencyToken { store: StoreId { epoch: now.store.epoch + 1, ..now.store }, ..now };
    let token = service_token(&cluster, "policy");
    let refused = ask(&cluster, Owner::Policy, &token, &other.to_string(), subject).await.unwrap_err();
    assert_eq!(why(&refused), (Code::FailedPrecondition, "FOREIGN_TOKEN".to_owned()));
    let future = ConsistencyToken { revision: reeve_model::Revision::new(now.revision.get() + 1_000_000), ..now };
    let refused = ask(&cluster, Owner::Policy, &token, &future.to_string(), subject).await.unwrap_err();
    assert_eq!(why(&refused), (Code::Unavailable, "NOT_SYNCED".to_owned()));
}

#[tokio::test]
async fn whoever_holds_a_token_can_do_no_harm_with_it() {
    let cluster = cluster().await;
    cluster.create_user("alice").await.unwrap();
    cluster.create_workspace("vision").await.unwrap();
    cluster.reconcile_all().await;
    cluster.join("vision", "user:alice").await.unwrap();
    cluster.bind("user:alice", "editor", "workspaces/vision").await.unwrap();
    cluster.link("alice", 1000).await.unwrap();
    cluster.set_gid("vision").await.unwrap();
    let world = cluster.world().await;
    let subjects = [
        Parent::User(world.user_by_name("alice").unwrap().uid),
        Parent::Group(world.group_by_name("vision").unwrap().uid),
        Parent::Group(reeve_model::GroupId::ADMINS),
        Parent::Workspace(world.workspace_by_name("vision").unwrap().uid),
        Parent::parse("user/01890a5d-ac96-774b-bcce-b302099a8057").unwrap(),
        Parent::parse("workspace/01890a5d-ac96-774b-bcce-b302099a8057").unwrap(),
    ];
    let (before, after) = (cluster.everything().await, cluster.token().await.to_string());
    for owner in Owner::ALL {
        for subject in subjects {
            let token = service_token(&cluster, owner.name());
            ask(&cluster, owner, &token, &after, &subject.to_string()).await.unwrap();
        }
    }
    assert_eq!(cluster.everything().await, before);
}

#[tokio::test]
async fn it_is_looked_at_a_state_at_least_as_new_as_was_asked_for() {
    let cluster = cluster().await;
    for name in ["alice", "bob", "carol"] {
        cluster.create_user(name).await.unwrap();
        cluster.link(name, 1000).await.unwrap();
        let uid = cluster.world().await.user_by_name(name).unwrap().uid;
        // committed, and nobody was waited for
        let gone = Txn::new().delete(Key::new(RecordKey::User(uid).to_string()));
        let revision = cluster.store.commit(gone).await.unwrap().revision;
        let after = ConsistencyToken { store: cluster.store.id(), revision }.to_string();
        let token = service_token(&cluster, "agentmap");
        let answer = ask(&cluster, Owner::Agentmap, &token, &after, &Parent::User(uid).to_string()).await.unwrap();
        assert!(ConsistencyToken::parse(&answer).unwrap().revision > revision);
        let link = Key::new(RecordKey::UserLink(uid).to_string());
        assert_eq!(cluster.store.get(&link).await.unwrap(), None);
    }
}
