//! What the core is told: which subject holds which role where, and until when.

use reeve_model::{BindingId, GroupId, Subject, Timestamp};

use crate::BuiltinRole;

/// One binding of a subject on a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The binding it comes from.
    pub binding: BindingId,
    /// The role it gives.
    pub role: BuiltinRole,
    /// The instant at which it ends; without one it does not end by itself.
    pub expire_time: Option<Timestamp>,
}

impl Grant {
    /// Whether it exists at `now`: it has ended at its very instant.
    pub fn live_at(&self, now: Timestamp) -> bool {
        self.expire_time.is_none_or(|end| now < end)
    }

    /// Whether it lasts at least until `until`; none means without end.
    pub fn lasts_until(&self, until: Option<Timestamp>) -> bool {
        match (self.expire_time, until) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(end), Some(until)) => until <= end,
        }
    }
}

/// An index of live bindings by resource, then by subject.
///
/// Two steps, so that a decision for somebody with many groups looks a resource up once.
pub trait Grants {
    /// What is bound on one resource.
    type Bound: Bound + ?Sized;

    /// What is bound on exactly the resource with this path (`cluster`, `workspaces/vision`); none if nothing is.
    fn at(&self, resource: &str) -> Option<&Self::Bound>;
}

/// The bindings on one resource, by subject.
pub trait Bound {
    /// The bindings of exactly `subject`, in a stable order; empty if there are none.
    fn of(&self, subject: &Subject) -> &[Grant];
}

/// The role that a subject holds on `cluster` without a binding: `clusterAdmin` for the members of the group of administrators.
pub fn implied_role(subject: &Subject) -> Option<BuiltinRole> {
    (*subject == Subject::Group(GroupId::ADMINS)).then_some(BuiltinRole::ClusterAdmin)
}
