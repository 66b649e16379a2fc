//! `SetConfigPolicy`: replaces the policy of one workload type at one scope.

use std::sync::Arc;

use reeve_answers::Moment;
use reeve_chassis::{Failure, Granted, PreconditionReason, UnavailableReason};
use reeve_config_policy::{Attributed, LimitPrecedence, Policy, Scope, Settings, WorkloadType};
use reeve_model::{ConsistencyToken, WorkspaceId};
use reeve_owner::{Attempt, OWN_WRITE_WAIT, PublishedTxn};
use reeve_replica::{Snapshot, etag};
use reeve_store::{Txn, Versioned};
use reeve_world::{ConfigPolicy, Record, RecordKey};

use super::policy_check::{Findings, check_cluster, check_workspace, told_conflicts};
use super::{App, PolicyScope};
use crate::keys;

/// A policy that is to be set.
pub(crate) struct NewPolicy {
    pub(crate) scope: PolicyScope,
    pub(crate) workload: WorkloadType,
    pub(crate) document: String,
    /// What the document says.
    pub(crate) policy: Arc<Policy>,
    pub(crate) limit_precedence: LimitPrecedence,
    /// The etag of what is replaced, where the caller says.
    pub(crate) etag: Option<String>,
    /// Whether a cluster's policy is set although workspaces' contradict it.
    pub(crate) allow_conflicts: bool,
}

/// A policy that was set, and what it leads to.
pub(crate) struct PolicySet {
    pub(crate) record: ConfigPolicy,
    pub(crate) warnings: Vec<String>,
    pub(crate) conflicts: Vec<String>,
}

impl App {
    /// Sets a policy.
    pub(crate) async fn set_config_policy(
        &self,
        granted: &Granted,
        moment: &Moment,
        new: NewPolicy,
    ) -> Result<(PolicySet, ConsistencyToken), Failure> {
        let workspace = new.scope.workspace(moment.world())?;
        let key = RecordKey::ConfigPolicy(workspace, new.workload);
        self.writer
            .transact(async || {
                let found = self.policy(&key).await?;
                check_etag(&new.scope, new.workload, found.as_ref().map(|(old, _)| old), new.etag.as_deref())?;
                let record = ConfigPolicy {
                    workspace,
                    workload: new.workload,
                    document: new.document.clone(),
                    limit_precedence: new.limit_precedence,
                    version: found.as_ref().map_or(0, |(old, _)| old.version).saturating_add(1),
                    author: granted.caller().principal,
                    update_time: self.clock.now(),
                };
                let (txn, findings) = match workspace {
                    Some(uid) => self.beside_cluster(&new, uid, record.version).await?,
                    None => self.above_workspaces(&new, record.version).await?,
                };
                let published = Record::ConfigPolicy(record.clone());
                let txn = match &found {
                    Some((_, read)) => txn.publish_over(read, &published),
                    None => txn.publish_new(&published),
                };
                let conflicts = told_conflicts(&findings.conflicts);
                let answer = PolicySet { record, warnings: findings.warnings, conflicts };
                Ok(Attempt { txn, answer })
            })
            .await
    }

    /// The policy that stands at a key.
    pub(super) async fn policy(&self, key: &RecordKey) -> Result<Option<(ConfigPolicy, Versioned)>, Failure> {
        match self.writer.record(key).await? {
            None => Ok(None),
            Some((Record::ConfigPolicy(policy), read)) => Ok(Some((policy, read))),
            Some(_) => Err(Failure::internal("another record stands at the key of a config policy")),
        }
    }

    /// Checks a workspace's policy with the cluster's; the transaction holds only while the cluster's stays as it is, and the
    /// workspace exists.
    async fn beside_cluster(
        &self,
        new: &NewPolicy,
        workspace: WorkspaceId,
        version: u64,
    ) -> Result<(Txn, Findings), Failure> {
        let parent = RecordKey::Workspace(workspace);
        let (_, parent) = self.writer.record(&parent).await?.ok_or_else(|| Failure::not_found(new.scope.resource()))?;
        let cluster_key = RecordKey::ConfigPolicy(None, new.workload);
        let cluster = self.policy(&cluster_key).await?;
        let precedence = cluster.as_ref().map_or(LimitPrecedence::default(), |(policy, _)| policy.limit_precedence);
        let parsed = match &cluster {
            None => None,
            Some((record, _)) => {
                let parsed = Policy::parse(&record.document, new.workload).map_err(|error| {
                    Failure::precondition(PreconditionReason::PolicyContradiction, "cluster", error)
                })?;
                Some((parsed, record.version))
            }
        };
        let above =
            parsed.as_ref().map(|(policy, version)| Attributed { policy, scope: Scope::Cluster, version: *version });
        let own = Attributed { policy: &new.policy, scope: new.scope.attributed(), version };
        let findings = check_workspace(new.workload, above, own, &self.settings(precedence))?;
        let cluster_key = reeve_store::Key::new(cluster_key.to_string());
        let txn = Txn::new()
            .expect(&parent.key, Some(&parent))
            .expect(&cluster_key, cluster.as_ref().map(|(_, read)| read))
            // not compared here: workspaces' policies do not contradict each other
            .put(keys::config_policies(new.workload), workspace.to_string());
        Ok((txn, findings))
    }

    /// Checks the cluster's policy with every workspace's; the transaction holds only while no policy of the workload type
    /// changes.
    async fn above_workspaces(&self, new: &NewPolicy, version: u64) -> Result<(Txn, Findings), Failure> {
        let guard_key = keys::config_policies(new.workload);
        let guard = self.writer.get(&guard_key).await?;
        let snapshot = self.snapshot_with(guard.as_ref()).await?;
        let (policy, workload) = (Arc::clone(&new.policy), new.workload);
        let settings = self.settings(new.limit_precedence);
        // thousands of policies may be checked: not where calls are answered
        let findings =
            tokio::task::spawn_blocking(move || check_cluster(workload, &policy, version, snapshot.world(), &settings));
        let findings = findings.await.map_err(Failure::internal)??;
        if !findings.conflicts.is_empty() && !new.allow_conflicts {
            let violations = findings.conflicts;
            return Err(Failure::Precondition { reason: PreconditionReason::PolicyConflict, violations });
        }
        Ok((Txn::new().expect(&guard_key, guard.as_ref()).put(guard_key, "cluster"), findings))
    }

    /// A snapshot with every policy that was written up to the guard's revision. None was written after it, if the guard is
    /// unchanged.
    async fn snapshot_with(&self, guard: Option<&Versioned>) -> Result<Arc<Snapshot>, Failure> {
        let not_synced = || Failure::Unavailable {
            reason: UnavailableReason::NotSynced,
            message: "this replica has not reached the latest config policy: try again".to_owned(),
            retry_after: None,
        };
        let replica = self.writer.replica();
        if let Some(guard) = guard {
            replica.reach(guard.mod_revision, OWN_WRITE_WAIT).await.map_err(|_| not_synced())?;
        }
        replica.latest().ok_or_else(not_synced)
    }

    /// What policies are checked under: the precedence of the cluster's policy, the order of the configuration.
    fn settings(&self, limit_precedence: LimitPrecedence) -> Settings {
        let configured = self.answers.settings();
        Settings {
            limit_precedence,
            priority_order: configured.priority_order,
            default_priority: configured.default_priority,
        }
    }
}

/// Checks that the policy is still the one that the caller has seen.
///
/// # Errors
/// [`Failure::EtagMismatch`], also where there is no policy any more.
pub(super) fn check_etag(
    scope: &PolicyScope,
    workload: WorkloadType,
    stored: Option<&ConfigPolicy>,
    given: Option<&str>,
) -> Result<(), Failure> {
    let Some(given) = given else { return Ok(()) };
    let stored = stored.map(|policy| etag(&Record::ConfigPolicy(policy.clone())));
    if stored.as_deref() == Some(given) {
        return Ok(());
    }
    Err(Failure::EtagMismatch { resource: scope.policy_name(workload) })
}
