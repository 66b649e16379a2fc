//! `UnlinkUser`: a user's tasks run as the default again.

use reeve_answers::Moment;
use reeve_chassis::{Failure, Granted};
use reeve_model::{ConsistencyToken, Username};
use reeve_owner::Attempt;
use reeve_store::Txn;
use reeve_world::RecordKey;

use super::get_user_link::link_name;
use super::{App, user};
use crate::keys;

impl App {
    /// Removes a user's link.
    pub(crate) async fn unlink_user(
        &self,
        granted: &Granted,
        moment: &Moment,
        username: &Username,
    ) -> Result<ConsistencyToken, Failure> {
        let key = RecordKey::UserLink(user(moment, username)?.uid);
        let write = async || {
            let link = self.existing(&key, &link_name(username)).await?;
            // not compared: what a removal frees is no reason to refuse it
            Ok(Attempt { txn: Txn::new().remove(&link).put(keys::links(), granted.method()), answer: () })
        };
        self.writer.transact(write).await.map(|((), token)| token)
    }
}
