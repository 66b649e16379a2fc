//! Every method without a token, and with one that may not.

use reeve_api::identity as api;
use reeve_api::identity::access_service_client::AccessServiceClient;
use reeve_chassis::Access;
use reeve_identity::ROWS;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::{Code, Request, Status};

use crate::calls::reason;
use crate::stand::{Ground, Identity};

/// Calls a method by its path with an empty message.
async fn call(identity: &Identity, method: &'static str, token: Option<&str>) -> Result<(), Status> {
    let mut client = tonic::client::Grpc::new(identity.channel.clone());
    client.ready().await.unwrap();
    let mut request = Request::new(api::LogoutRequest {});
    if let Some(token) = token {
        request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    }
    let codec = tonic_prost::ProstCodec::<api::LogoutRequest, api::LogoutResponse>::default();
    client.unary(request, PathAndQuery::from_static(method), codec).await.map(|_| ())
}

#[tokio::test(flavor = "multi_thread")]
async fn no_method_but_the_public_ones_answers_without_a_token() {
    let (_ground, identity) = Ground::started().await;
    let public: Vec<_> = ROWS.iter().filter(|row| row.access == Access::Public).map(|row| row.method).collect();
    assert_eq!(
        public,
        [
            "/reeve.identity.v1.SessionService/Login",
            "/reeve.identity.v1.SessionService/Refresh",
            "/reeve.identity.v1.AccessService/GetServerInfo",
        ]
    );
    for row in ROWS {
        let answer = call(&identity, row.method, None).await;
        if row.access == Access::Public {
            assert_ne!(answer.err().map(|status| status.code()), Some(Code::Unauthenticated), "{}", row.method);
        } else {
            assert_eq!(reason(answer), "TOKEN_MISSING", "{}", row.method);
            assert_eq!(reason(call(&identity, row.method, Some("nonsense")).await), "TOKEN_MALFORMED");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_holds_nothing_is_denied_before_their_request_is_looked_at() {
    let (_ground, identity) = Ground::started().await;
    let plain = identity.login("reeve").await.access_token;
    for row in ROWS.iter().filter(|row| matches!(row.access, Access::Need(..))) {
        let status = call(&identity, row.method, Some(&plain)).await.unwrap_err();
        assert_eq!(
            (status.code(), reason(Err::<(), _>(status)).as_str()),
            (Code::PermissionDenied, "PERMISSION_DENIED")
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_says_who_it_is_and_nothing_secret() {
    let (_ground, identity) = Ground::started().await;
    let mut access = AccessServiceClient::new(identity.channel.clone());
    let info = access.get_server_info(api::GetServerInfoRequest {}).await.unwrap().into_inner();
    assert_eq!(
        info,
        api::GetServerInfoResponse {
            version: "1.2.3".to_owned(),
            access_state: api::AccessState::Active.into(),
            login_methods: vec!["basic".to_owned()],
            store_kind: "embedded".to_owned(),
            issuer: "http://127.0.0.1:7300".to_owned(),
        }
    );
}
