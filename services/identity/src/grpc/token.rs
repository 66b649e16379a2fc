//! `TokenService`.

use reeve_api::identity as api;
use reeve_api::identity::token_service_server::TokenService;
use reeve_chassis::need;
use reeve_model::Resource;
use tonic::{Request, Response, Status};

use super::encode::timestamp;
use super::read::{required, ttl};
use crate::IdentityService;
use crate::app::create_token::{Minted, create_token};
use crate::rows::CREATE_TOKEN;

#[tonic::async_trait]
impl TokenService for IdentityService {
    async fn create_token(
        &self,
        request: Request<api::CreateTokenRequest>,
    ) -> Result<Response<api::CreateTokenResponse>, Status> {
        let moment = self.moment_for_write(request.metadata()).await?;
        let granted = need(request.extensions(), &CREATE_TOKEN, &moment, &Resource::cluster())?;
        let request = request.get_ref();
        let robot = required("robot", &request.robot)?;
        let ttl = ttl(request.ttl.as_ref())?;
        let Minted { token, expire_time, proof } = create_token(&granted, &moment, &self.shared, robot, ttl).await?;
        Ok(Response::new(api::CreateTokenResponse {
            token: token.expose().to_owned(),
            expire_time: expire_time.map(timestamp),
            consistency_token: proof.to_string(),
        }))
    }
}
