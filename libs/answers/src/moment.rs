//! One snapshot and one instant: all that a call is answered from.

use std::time::Duration;

use reeve_chassis::{Authority, Caller, Failure};
use reeve_model::{Resource, Revision, Timestamp};
use reeve_rbac::Permission;
use reeve_replica::View;
use reeve_world::World;

use crate::bearer::Bearer;

/// What a call is answered from. Only [`Reader`](crate::Reader) makes one, and only for a caller who is authenticated in it.
#[derive(Clone)]
pub struct Moment {
    view: View,
    now: Timestamp,
    caller: Caller,
    bearer: Bearer,
}

impl Moment {
    pub(crate) fn new(view: View, now: Timestamp, caller: Caller, bearer: Bearer) -> Self {
        Self { view, now, caller, bearer }
    }

    /// Who asks, as this moment knows them.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    pub(crate) fn bearer(&self) -> &Bearer {
        &self.bearer
    }

    /// The records.
    pub fn world(&self) -> &World {
        self.view.world()
    }

    /// The revision that they show.
    pub fn revision(&self) -> Revision {
        self.view.revision()
    }

    /// The instant, by which grants end.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// How long before the call the revision was known to be the store's.
    pub fn age(&self) -> Duration {
        self.view.age()
    }

    /// The age as answers carry it.
    pub fn age_message(&self) -> prost_types::Duration {
        let age = self.age();
        prost_types::Duration {
            seconds: i64::try_from(age.as_secs()).unwrap_or(i64::MAX),
            nanos: i32::try_from(age.subsec_nanos()).unwrap_or(0),
        }
    }
}

impl Authority for Moment {
    fn holds(&self, caller: &Caller, permission: Permission, resource: &Resource) -> Result<bool, Failure> {
        Ok(self.world().holds(&caller.principal, permission, resource, self.now))
    }

    fn may_know(&self, caller: &Caller, resource: &Resource) -> bool {
        self.world().holds(&caller.principal, Permission::WORKSPACE_VIEW, resource, self.now)
    }
}
