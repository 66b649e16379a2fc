//! Caps: what a user left unset and a limit would otherwise refuse is set to the limit.

use crate::constraints::{Limit, priority_strictness, slots_strictness};
use crate::limits::{breaks_priority, is_search};
use crate::policy::{Section, WorkloadType};
use crate::scope::{Applicable, Settings};
use crate::traced::{Origin, Shape, Source, Traced};
use crate::value::Value;

/// Sets what the limits cap; answers whether `resources` itself had to be made for it in place of a null.
pub(crate) fn apply(
    workload: WorkloadType,
    config: &mut Traced,
    policies: &Applicable<'_>,
    settings: &Settings,
) -> bool {
    let mut displaced = false;
    if workload == WorkloadType::Experiment && is_search(config) {
        let limits = policies.limits(|constraints| constraints.max_slots);
        if let Some(limit) = limits.strictest(settings.limit_precedence, slots_strictness) {
            displaced |= set_unset(config, "max_slots", limit);
        }
    }
    if let Some(default) = settings.default_priority {
        let limits = policies.limits(|constraints| constraints.priority_limit);
        let strictness = priority_strictness(settings.priority_order);
        if let Some(limit) = limits.strictest(settings.limit_precedence, strictness)
            && breaks_priority(i128::from(default), limit.value, settings.priority_order)
        {
            displaced |= set_unset(config, "priority", limit);
        }
    }
    displaced
}

/// Sets a field of `resources` where nothing stands; a null that an invariant pins stands. Answers whether a null in
/// place of `resources` gave way.
fn set_unset(config: &mut Traced, name: &str, limit: Limit) -> bool {
    let origin = Origin::Policy(Source { section: Section::Constraints, level: limit.level });
    let mut displaced = false;
    let Some(resources) = field_or_insert(config, "resources", || Traced::empty_map(origin)) else { return false };
    if is_unset(resources) {
        *resources = Traced::empty_map(origin);
        displaced = true;
    }
    let set = || Traced::leaf(origin, Value::from(limit.value));
    if let Some(field) = field_or_insert(resources, name, set)
        && is_unset(field)
    {
        *field = set();
    }
    displaced
}

fn is_unset(value: &Traced) -> bool {
    value.is_null() && !value.origin.is_invariant()
}

/// The field of a map, inserted where it is missing; `None` where the value is no map.
fn field_or_insert<'a>(map: &'a mut Traced, name: &str, missing: impl FnOnce() -> Traced) -> Option<&'a mut Traced> {
    let Shape::Map(fields) = &mut map.shape else { return None };
    let place = fields.entries.iter().position(|(key, _)| key == name).unwrap_or(fields.entries.len());
    if place == fields.entries.len() {
        fields.entries.push((name.to_owned(), missing()));
    }
    fields.entries.get_mut(place).map(|(_, value)| value)
}
