//! Whose a bearer token is. What a replica that is behind does not know yet is waited for, and never said to have ended.

use reeve_chassis::{Authenticate, Caller, Failure, Unauthenticated, Via};
use reeve_credentials::TokenHash;
use reeve_model::Consistency;
use reeve_replica::View;
use reeve_world::{AuthenticateError, Outlook, RecordKey};

use crate::bearer::Bearer;
use crate::{Moment, Purpose, Reader};

impl Reader {
    /// A moment as fresh as asked for, in which the holder of `bearer` is authenticated.
    pub(crate) async fn of(
        &self,
        bearer: Bearer,
        consistency: Consistency,
        purpose: Purpose,
    ) -> Result<Moment, Failure> {
        let arrived = self.replica.clock().monotonic();
        let view = self.view_at(consistency, purpose).await?;
        match self.identify(view, &bearer) {
            Ok(moment) => Ok(moment),
            // what the store itself does not know by now is not on its way
            Err(error) if consistency == Consistency::FullyConsistent => Err(refused(error)),
            Err(error) => self.after_news(&bearer, purpose, arrived, error).await,
        }
    }

    /// Authenticates one more bearer in the same moment.
    pub(crate) fn also(&self, moment: &Moment, bearer: &str) -> Result<(), Failure> {
        let found = moment.world().authenticate(bearer, &self.rules, moment.now());
        found.map(drop).map_err(refused)
    }

    /// Whether a newer state may accept a token that this one does not for `error`.
    pub(crate) fn outlook(&self, error: AuthenticateError, bearer: &Bearer) -> Outlook {
        let gone = match error {
            AuthenticateError::UnknownToken => RecordKey::Token(TokenHash::of(bearer.expose())),
            AuthenticateError::UnknownUser(user) => RecordKey::User(user),
            _ => return error.outlook(),
        };
        if self.replica.saw_removed(&gone) { Outlook::Final } else { error.outlook() }
    }

    /// The moment of `view` and now, for the holder of `bearer`.
    pub(crate) fn identify(&self, view: View, bearer: &Bearer) -> Result<Moment, AuthenticateError> {
        let now = self.replica.clock().now();
        let found = view.world().authenticate(bearer.expose(), &self.rules, now)?;
        let caller = Caller {
            name: view.world().principal_name(&found.principal),
            principal: found.principal,
            session: found.session,
            token_expire_time: found.expire_time,
            via: Via::Network,
        };
        Ok(Moment::new(view, now, caller, bearer.clone()))
    }
}

#[tonic::async_trait]
impl Authenticate for Reader {
    async fn authenticate(&self, bearer: &str) -> Result<Caller, Failure> {
        let moment = self.of(Bearer::new(bearer), Consistency::MinimizeLatency, Purpose::Decision).await?;
        Ok(moment.caller().clone())
    }
}

/// What a state for which nothing is on its way says of a token that it does not accept.
pub(crate) fn refused(error: AuthenticateError) -> Failure {
    Failure::Unauthenticated(match error {
        AuthenticateError::Unknown | AuthenticateError::UnknownKey | AuthenticateError::UnknownToken => {
            Unauthenticated::TokenMalformed
        }
        AuthenticateError::Expired => Unauthenticated::TokenExpired,
        // a user who is gone for good, or a token of a state that a restore has undone
        AuthenticateError::Revoked | AuthenticateError::UnknownUser(_) | AuthenticateError::Newer => {
            Unauthenticated::TokenRevoked
        }
        AuthenticateError::SessionEnded => Unauthenticated::SessionEnded,
        AuthenticateError::UserInactive | AuthenticateError::NotYetActive => Unauthenticated::UserInactive,
    })
}
