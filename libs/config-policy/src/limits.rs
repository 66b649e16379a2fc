//! Checking an effective config against every limit that holds.

use crate::constraints::{Limit, MAX_SLOTS, PRIORITY_LIMIT, priority_strictness, slots_strictness};
use crate::path::shown;
use crate::policy::WorkloadType;
use crate::resolution::Violation;
use crate::scope::{Applicable, PriorityOrder, Settings};
use crate::traced::{Origin, Shape, Traced};
use crate::value::Value;

/// The fields of `resources` that `max_slots` bounds.
const SLOT_FIELDS: [&str; 3] = ["slots", "slots_per_trial", "max_slots"];
/// The slots of a trial that says nothing.
const DEFAULT_SLOTS_PER_TRIAL: i128 = 1;

/// A failed limit, and who set the value that fails it.
#[derive(Debug)]
pub(crate) struct Finding {
    pub(crate) violation: Violation,
    pub(crate) origin: Origin,
}

/// Every limit that a config fails: one finding for each field and each scope that set a limit on it.
pub(crate) fn findings(
    workload: WorkloadType,
    config: &Traced,
    policies: &Applicable<'_>,
    settings: &Settings,
) -> Vec<Finding> {
    let mut checker = Checker { config, policies, found: Vec::new() };
    let slots = policies.limits(|constraints| constraints.max_slots);
    for limit in slots.in_force(settings.limit_precedence, slots_strictness) {
        checker.check_slots(workload, limit);
    }
    if settings.priority_order != PriorityOrder::None {
        let priorities = policies.limits(|constraints| constraints.priority_limit);
        for limit in priorities.in_force(settings.limit_precedence, priority_strictness(settings.priority_order)) {
            checker.check_priority(limit, settings.priority_order);
        }
    }
    checker.found
}

/// Whether a priority is higher than the limit allows; equal is allowed.
pub(crate) fn breaks_priority(priority: i128, limit: i64, order: PriorityOrder) -> bool {
    match order {
        PriorityOrder::LowerIsHigher => priority < i128::from(limit),
        PriorityOrder::HigherIsHigher => priority > i128::from(limit),
        PriorityOrder::None => false,
    }
}

/// Whether an experiment runs several trials: its searcher is there and is not `single`.
pub(crate) fn is_search(config: &Traced) -> bool {
    let Some(searcher) = config.field("searcher").filter(|searcher| !searcher.is_null()) else { return false };
    searcher.field("name").and_then(Traced::text) != Some("single")
}

struct Checker<'a> {
    config: &'a Traced,
    policies: &'a Applicable<'a>,
    found: Vec<Finding>,
}

/// What stands under a limit.
enum Bounded<'a> {
    Unset,
    Integer(i128, &'a Traced),
    WrongType(&'a Traced),
}

impl Checker<'_> {
    fn check_slots(&mut self, workload: WorkloadType, limit: Limit) {
        if self.resources_unreadable(limit, MAX_SLOTS) {
            return;
        }
        let resources = self.config.field("resources");
        for name in SLOT_FIELDS {
            let path = format!("resources.{name}");
            match bounded(resources.and_then(|resources| resources.field(name))) {
                Bounded::WrongType(value) => self.refuse_type(&path, "an integer", value, limit, MAX_SLOTS),
                Bounded::Integer(slots, value) if slots < 0 => {
                    let message = format!("`{path}` is `{}`: slots cannot be negative", as_written(value));
                    self.note(&path, value, limit, MAX_SLOTS, message);
                }
                Bounded::Integer(slots, value) if slots > i128::from(limit.value) => {
                    let message = format!(
                        "`{path}` is `{}`, more than the `{}` allowed by `{MAX_SLOTS}`",
                        as_written(value),
                        limit.value
                    );
                    self.note(&path, value, limit, MAX_SLOTS, message);
                }
                Bounded::Unset | Bounded::Integer(..) => {}
            }
        }
        if workload == WorkloadType::Experiment && is_search(self.config) {
            self.check_search(resources, limit);
        }
    }

    /// Without a `max_slots` of its own, a search may use its slots as often as it has trials at once.
    fn check_search(&mut self, resources: Option<&Traced>, limit: Limit) {
        let of = |name| bounded(resources.and_then(|resources| resources.field(name)));
        if !matches!(of("max_slots"), Bounded::Unset) {
            return;
        }
        let slots = match of("slots_per_trial") {
            Bounded::Unset => DEFAULT_SLOTS_PER_TRIAL,
            Bounded::Integer(slots, _) if slots >= 0 => slots,
            // a violation already
            Bounded::Integer(..) | Bounded::WrongType(_) => return,
        };
        let searcher = self.config.field("searcher");
        let field = searcher.and_then(|searcher| searcher.field("max_concurrent_trials"));
        let trials = match bounded(field) {
            Bounded::Integer(trials, _) if trials > 0 => Some(trials),
            Bounded::Integer(..) | Bounded::Unset | Bounded::WrongType(_) => None,
        };
        let used = slots.saturating_mul(trials.unwrap_or(i128::MAX));
        if used <= i128::from(limit.value) {
            return;
        }
        let allowed = limit.value;
        let message = match trials {
            Some(trials) => format!(
                "the search may use `{used}` slots (`{slots}` for each of `{trials}` trials at once), more than the \
                 `{allowed}` allowed by `{MAX_SLOTS}`: set `resources.max_slots` or `searcher.max_concurrent_trials`"
            ),
            None => format!(
                "the search may use any number of slots, more than the `{allowed}` allowed by `{MAX_SLOTS}`: set \
                 `resources.max_slots` or `searcher.max_concurrent_trials`"
            ),
        };
        let setter =
            field.filter(|field| !field.is_null()).or_else(|| searcher.and_then(|s| s.field("name"))).or(searcher);
        let origin = setter.map_or(Origin::User, |setter| setter.origin);
        let value = field.map(Traced::value);
        self.push("searcher.max_concurrent_trials", value, origin, limit, MAX_SLOTS, message);
    }

    fn check_priority(&mut self, limit: Limit, order: PriorityOrder) {
        if self.resources_unreadable(limit, PRIORITY_LIMIT) {
            return;
        }
        let resources = self.config.field("resources");
        let path = "resources.priority";
        match bounded(resources.and_then(|resources| resources.field("priority"))) {
            Bounded::Integer(priority, value) if breaks_priority(priority, limit.value, order) => {
                let message = format!(
                    "`{path}` is `{}`, a higher priority than the `{}` allowed by `{PRIORITY_LIMIT}`",
                    as_written(value),
                    limit.value
                );
                self.note(path, value, limit, PRIORITY_LIMIT, message);
            }
            Bounded::WrongType(value) => self.refuse_type(path, "an integer", value, limit, PRIORITY_LIMIT),
            Bounded::Integer(..) | Bounded::Unset => {}
        }
    }

    /// `resources` is no map: nothing under the limit can be read.
    fn resources_unreadable(&mut self, limit: Limit, name: &'static str) -> bool {
        let Some(resources) = self.config.field("resources") else { return false };
        if resources.is_null() || matches!(resources.shape, Shape::Map(_)) {
            return false;
        }
        self.refuse_type("resources", "a map", resources, limit, name);
        true
    }

    fn refuse_type(&mut self, path: &str, expected: &str, value: &Traced, limit: Limit, name: &'static str) {
        let found = value.value();
        let message = format!("`{path}` is {}, and `{name}` bounds it: it must be {expected}", found.type_name());
        self.push(path, Some(found), value.origin, limit, name, message);
    }

    fn note(&mut self, path: &str, value: &Traced, limit: Limit, name: &'static str, message: String) {
        self.push(path, Some(value.value()), value.origin, limit, name, message);
    }

    fn push(
        &mut self,
        path: &str,
        value: Option<Value>,
        origin: Origin,
        limit: Limit,
        limit_name: &'static str,
        message: String,
    ) {
        let (scope, version) = self.policies.attribution(limit.level);
        let message = format!("{message} (policy of {scope}, version {version})");
        let limit = Value::from(limit.value);
        let violation = Violation { path: path.to_owned(), value, limit, limit_name, scope, version, message };
        self.found.push(Finding { violation, origin });
    }
}

/// What stands under a limit; null is nothing.
fn bounded(field: Option<&Traced>) -> Bounded<'_> {
    let Some(field) = field.filter(|field| !field.is_null()) else { return Bounded::Unset };
    match &field.shape {
        Shape::Leaf(Value::Number(number)) => {
            number.as_integer().map_or(Bounded::WrongType(field), |integer| Bounded::Integer(integer, field))
        }
        _ => Bounded::WrongType(field),
    }
}

/// An integer with all its digits, however many.
fn as_written(value: &Traced) -> String {
    match &value.shape {
        Shape::Leaf(Value::Number(number)) => shown(number.text()),
        _ => String::new(),
    }
}
