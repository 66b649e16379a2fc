//! A plain index of bindings, for tests.

use std::collections::HashMap;

use reeve_model::{BindingId, Subject, Timestamp, derived_uuid};
use reeve_rbac::{Bound, BuiltinRole, Grant, Grants};

/// Bindings by resource and subject.
#[derive(Default)]
pub(crate) struct Bindings(HashMap<String, BoundHere>);

/// What is bound on one resource.
#[derive(Default)]
pub(crate) struct BoundHere(HashMap<Subject, Vec<Grant>>);

impl Bindings {
    /// Adds a binding.
    pub(crate) fn bind(&mut self, subject: Subject, role: BuiltinRole, on: &str, expire_time: Option<Timestamp>) {
        let binding = BindingId::from_uuid(derived_uuid(&format!("{subject} {role} {on}")));
        let grants = self.0.entry(on.to_owned()).or_default().0.entry(subject).or_default();
        grants.push(Grant { binding, role, expire_time });
    }
}

impl Grants for Bindings {
    type Bound = BoundHere;

    fn at(&self, resource: &str) -> Option<&BoundHere> {
        self.0.get(resource)
    }
}

impl Bound for BoundHere {
    fn of(&self, subject: &Subject) -> &[Grant] {
        self.0.get(subject).map_or(&[], Vec::as_slice)
    }
}
