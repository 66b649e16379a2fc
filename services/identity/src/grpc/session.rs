//! `SessionService`.

use reeve_answers::Purpose;
use reeve_api::identity as api;
use reeve_api::identity::session_service_server::SessionService;
use reeve_chassis::{Unauthenticated, own, public};
use reeve_credentials::{EmptyPasswords, SecretString, parse_refresh};
use reeve_model::Violations;
use tonic::{Request, Response, Status};

use super::encode::{session_tokens, timestamp};
use super::read::{all_right, free_text, required};
use crate::app::{login, logout, refresh, who_am_i};
use crate::rows::{LOGIN, LOGOUT, REFRESH, WHO_AM_I};
use crate::{IdentityService, app};

/// Most characters of what a session is listed as.
const MAX_CLIENT_CHARS: usize = 128;

#[tonic::async_trait]
impl SessionService for IdentityService {
    async fn login(&self, request: Request<api::LoginRequest>) -> Result<Response<api::LoginResponse>, Status> {
        let anyone = public(&LOGIN)?;
        let api::LoginRequest { username, password, client } = request.into_inner();
        let password = SecretString::from(password);
        let mut violations = Violations::new();
        if username.trim().is_empty() {
            violations.add("username", "it is required");
        }
        if password.expose().is_empty() && self.shared.passwords.empty == EmptyPasswords::Refused {
            violations.add("password", "it is required");
        }
        let client = free_text("client", &client, MAX_CLIENT_CHARS, &mut violations);
        all_right(violations)?;
        let login = login::Login { username, password, client };
        let login::LoggedIn { user, tokens, proof } = login::login(&anyone, &self.shared, login).await?;
        Ok(Response::new(api::LoginResponse {
            tokens: Some(session_tokens(&tokens)),
            username: user.username.to_string(),
            consistency_token: proof.to_string(),
        }))
    }

    async fn refresh(&self, request: Request<api::RefreshRequest>) -> Result<Response<api::RefreshResponse>, Status> {
        let anyone = public(&REFRESH)?;
        let text = SecretString::from(request.into_inner().refresh_token);
        required("refresh_token", text.expose())?;
        let token =
            parse_refresh(text.expose()).map_err(|_| reeve_chassis::Failure::from(Unauthenticated::TokenMalformed))?;
        let tokens = refresh::refresh(&anyone, &self.shared, token).await?;
        Ok(Response::new(api::RefreshResponse { tokens: Some(session_tokens(&tokens)) }))
    }

    async fn logout(&self, request: Request<api::LogoutRequest>) -> Result<Response<api::LogoutResponse>, Status> {
        let granted = own(request.extensions(), &LOGOUT)?;
        let proof = logout::logout(&granted, &self.shared).await?;
        Ok(Response::new(api::LogoutResponse { consistency_token: proof.to_string() }))
    }

    async fn who_am_i(&self, request: Request<api::WhoAmIRequest>) -> Result<Response<api::WhoAmIResponse>, Status> {
        let granted = own(request.extensions(), &WHO_AM_I)?;
        let consistency = request.get_ref().consistency.as_ref();
        let moment = self.shared.reader.at(request.metadata(), consistency, Purpose::Administration).await?;
        let app::who_am_i::Oneself { principal, uid, display_name, groups, cluster_admin, token_expire_time } =
            who_am_i::who_am_i(&granted, &moment);
        let token_expire_time = token_expire_time.map(timestamp);
        Ok(Response::new(api::WhoAmIResponse {
            principal,
            uid,
            display_name,
            groups,
            cluster_admin,
            token_expire_time,
        }))
    }
}
