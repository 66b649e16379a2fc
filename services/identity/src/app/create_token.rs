//! Making a token for a robot.

use std::time::Duration;

use prost::Message as _;
use reeve_answers::Moment;
use reeve_chassis::{Failure, Granted};
use reeve_credentials::{SecretString, TokenHash, mint_robot};
use reeve_model::{ConsistencyToken, PrincipalId, Timestamp};
use reeve_owner::{Attempt, PublishedTxn};
use reeve_store::Txn;
use reeve_world::{Record, Token, TokenPrincipal};

use crate::escalation::Conveyance;
use crate::service::Shared;
use crate::stored::{RobotToken, SCHEMA};
use crate::{accounts, keys};

/// A token, shown once.
pub(crate) struct Minted {
    pub(crate) token: SecretString,
    pub(crate) expire_time: Option<Timestamp>,
    pub(crate) proof: ConsistencyToken,
}

/// Makes a token for a robot that holds nothing that the caller lacks.
///
/// # Errors
/// [`Failure::NotFound`]; [`Failure::Escalation`]; [`Failure::Unavailable`].
pub(crate) async fn create_token(
    granted: &Granted,
    moment: &Moment,
    shared: &Shared,
    robot: &str,
    ttl: Option<Duration>,
) -> Result<Minted, Failure> {
    let token = mint_robot(shared.entropy());
    let hash = TokenHash::of(token.expose());
    let create_time = shared.clock.now();
    let expire_time = ttl.map(|ttl| create_time.plus(ttl));
    let attempt = async || {
        let found = accounts::robot_named(&shared.writer, robot).await?;
        let found = found.ok_or_else(|| Failure::not_found(format!("robot:{robot}")))?;
        let uid = found.value.uid;
        let moment = shared.reader.again(moment, granted).await?;
        // The token may outlive what the caller holds: only what lasts as long may be conveyed.
        let (world, caller) = (moment.world(), &granted.caller().principal);
        let conveyance = Conveyance { world, caller, now: moment.now(), until: expire_time };
        conveyance.of_everything(&PrincipalId::Robot(uid))?;
        let record = Record::Token(Token { hash, principal: TokenPrincipal::Robot(uid), expire_time, create_time });
        let own = RobotToken { schema: SCHEMA, expire_time_ms: expire_time.map_or(0, Timestamp::as_millis) };
        let txn = Txn::new()
            .expect(&found.read.key, Some(&found.read))
            .create(keys::robot_token(uid, &hash), own.encode_to_vec())
            .publish_new(&record);
        Ok(Attempt { txn, answer: () })
    };
    let ((), proof) = shared.writer.transact(attempt).await?;
    Ok(Minted { token, expire_time, proof })
}
