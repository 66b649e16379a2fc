//! `DeleteConfigPolicy`: removes the policy of one workload type at one scope.

use reeve_answers::Moment;
use reeve_chassis::{Failure, Granted};
use reeve_config_policy::WorkloadType;
use reeve_model::ConsistencyToken;
use reeve_owner::Attempt;
use reeve_store::Txn;
use reeve_world::RecordKey;

use super::set_config_policy::check_etag;
use super::{App, PolicyScope};
use crate::keys;

impl App {
    /// Removes a policy; with an etag, only if it is the one that the caller has seen.
    pub(crate) async fn delete_config_policy(
        &self,
        granted: &Granted,
        moment: &Moment,
        (scope, workload): (PolicyScope, WorkloadType),
        etag: Option<&str>,
    ) -> Result<ConsistencyToken, Failure> {
        let key = RecordKey::ConfigPolicy(scope.workspace(moment.world())?, workload);
        let write = async || {
            let found = self.policy(&key).await?;
            let (old, read) = found.ok_or_else(|| Failure::not_found(scope.policy_name(workload)))?;
            check_etag(&scope, workload, Some(&old), etag)?;
            let txn = Txn::new().remove(&read).put(keys::config_policies(workload), granted.method());
            Ok(Attempt { txn, answer: () })
        };
        self.writer.transact(write).await.map(|((), token)| token)
    }
}
