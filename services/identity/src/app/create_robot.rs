//! Creating a robot.

use prost::Message as _;
use reeve_chassis::{Failure, Granted};
use reeve_model::{ConsistencyToken, RobotId, RobotName};
use reeve_owner::{Attempt, PublishedTxn};
use reeve_store::Txn;
use reeve_world::{Record, Robot};

use crate::keys;
use crate::service::Shared;
use crate::stored::{NameClaim, SCHEMA};

/// Creates a robot, without a token and without permissions.
///
/// # Errors
/// [`Failure::AlreadyExists`]; [`Failure::Unavailable`].
pub(crate) async fn create_robot(
    _: &Granted,
    shared: &Shared,
    name: RobotName,
    description: String,
) -> Result<(Robot, ConsistencyToken), Failure> {
    let now = shared.clock.now();
    let robot = Robot { uid: RobotId::new(now, shared.entropy()), name, description, create_time: now };
    let attempt = async || {
        let name = keys::robot_name(&robot.name.fold());
        if shared.writer.get(&name).await?.is_some() {
            return Err(Failure::already_exists(format!("robot:{}", robot.name)));
        }
        let claim = NameClaim { schema: SCHEMA, uid: robot.uid.to_string() };
        let txn = Txn::new().create(name, claim.encode_to_vec()).publish_new(&Record::Robot(robot.clone()));
        Ok(Attempt { txn, answer: () })
    };
    let ((), proof) = shared.writer.transact(attempt).await?;
    Ok((robot, proof))
}
