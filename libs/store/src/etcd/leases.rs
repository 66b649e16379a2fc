//! Leases: etcd's own.

use std::time::Duration;

use super::core::{Core, unexpected};
use super::failure::failure;
use super::pool::Effect;
use crate::{Lease, LeaseId, StoreError, check_lease_ttl};

impl Core {
    /// A new lease. Asked for twice, one of them ends unused.
    pub(super) async fn grant_lease(&self, ttl: Duration) -> Result<Lease, StoreError> {
        let seconds = i64::try_from(check_lease_ttl(ttl)?.as_secs()).unwrap_or(i64::MAX);
        let grant =
            |mut client: etcd_client::Client| async move { client.lease_grant(seconds, None).await.map_err(failure) };
        let granted = self.pool.call(Effect::Repeatable, grant).await?.value;
        // etcd lets no lease live shorter than an election takes.
        let ttl = u64::try_from(granted.ttl()).ok().filter(|ttl| *ttl > 0).ok_or_else(unexpected)?;
        Ok(Lease { id: LeaseId(granted.id()), ttl: Duration::from_secs(ttl) })
    }

    /// Lets a lease live for its whole time again.
    pub(super) async fn keep_lease_alive(&self, lease: LeaseId) -> Result<(), StoreError> {
        // The first answer is waited for; dropping the stream ends it.
        let keep = |mut client: etcd_client::Client| async move {
            client.lease_keep_alive(lease.0).await.map(drop).map_err(failure)
        };
        self.pool.call(Effect::Repeatable, keep).await?;
        Ok(())
    }

    /// Ends a lease.
    pub(super) async fn revoke_lease(&self, lease: LeaseId) -> Result<(), StoreError> {
        let revoke = |mut client: etcd_client::Client| async move {
            client.lease_revoke(lease.0).await.map(drop).map_err(failure)
        };
        self.pool.call(Effect::Once, revoke).await?;
        Ok(())
    }
}
