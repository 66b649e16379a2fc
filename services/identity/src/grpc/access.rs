//! `AccessService`.

use reeve_api::identity as api;
use reeve_api::identity::access_service_server::AccessService;
use reeve_chassis::public;
use tonic::{Request, Response, Status};

use crate::IdentityService;
use crate::rows::GET_SERVER_INFO;

/// The one way to sign in: a username and a password.
const BASIC: &str = "basic";

#[tonic::async_trait]
impl AccessService for IdentityService {
    async fn get_server_info(
        &self,
        _: Request<api::GetServerInfoRequest>,
    ) -> Result<Response<api::GetServerInfoResponse>, Status> {
        public(&GET_SERVER_INFO)?;
        Ok(Response::new(api::GetServerInfoResponse {
            version: self.shared.version.to_owned(),
            access_state: api::AccessState::Active.into(),
            login_methods: vec![BASIC.to_owned()],
            store_kind: self.shared.store_kind.to_owned(),
            issuer: self.shared.config.issuer.clone(),
        }))
    }
}
