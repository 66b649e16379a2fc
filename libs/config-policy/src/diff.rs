//! What differs between the config a user wrote and what it became, leaf by leaf.

use std::collections::HashMap;

use crate::path::Path;
use crate::traced::{DEVICE_NAMES, Devices, Fields, Items, Origin, Shape, Source, Traced};
use crate::value::Value;

/// One leaf that differs, and the policy section that made it so.
#[derive(Debug)]
pub(crate) struct Difference {
    pub(crate) path: String,
    pub(crate) from: Option<Value>,
    pub(crate) to: Option<Value>,
    pub(crate) source: Source,
}

/// Every difference, in the order of the effective config.
pub(crate) fn differences(before: &Traced, after: &Traced) -> Vec<Difference> {
    let mut differ = Differ { path: Path::root(), found: Vec::new() };
    differ.compare(Some(before), after);
    differ.found
}

struct Differ {
    path: Path,
    found: Vec<Difference>,
}

impl Differ {
    fn compare(&mut self, before: Option<&Traced>, after: &Traced) {
        match (before.map(|before| &before.shape), &after.shape) {
            (Some(Shape::Leaf(old)), Shape::Leaf(new)) if old.same_as(new) => {}
            (Some(Shape::Map(old)), Shape::Map(new)) => self.compare_maps(Some(old), new, after.origin),
            (None, Shape::Map(new)) if !new.entries.is_empty() => self.compare_maps(None, new, after.origin),
            (Some(Shape::Items(old)), Shape::Items(new)) => self.compare_items(Some(old), new, after.origin),
            (None, Shape::Items(new)) if !new.items.is_empty() => self.compare_items(None, new, after.origin),
            (Some(Shape::Devices(old)), Shape::Devices(new)) => self.compare_devices(Some(old), new),
            (None, Shape::Devices(new)) if !new.is_empty() => self.compare_devices(None, new),
            _ => self.note(before.map(Traced::value), Some(after.value()), after.origin),
        }
    }

    fn compare_maps(&mut self, before: Option<&Fields>, after: &Fields, origin: Origin) {
        let entries = before.map(|fields| fields.entries.as_slice()).unwrap_or_default();
        let mut old: HashMap<&str, &Traced> = entries.iter().map(|(key, value)| (key.as_str(), value)).collect();
        for (key, value) in &after.entries {
            let back = self.path.push_field(key);
            self.compare(old.remove(key.as_str()), value);
            self.path.back(back);
        }
        for (key, value) in entries.iter().filter(|(key, _)| old.contains_key(key.as_str())) {
            let back = self.path.push_field(key);
            self.remove(value, origin);
            self.path.back(back);
        }
    }

    fn compare_items(&mut self, before: Option<&Items>, after: &Items, origin: Origin) {
        let mut old = before.map(Items::by_key).unwrap_or_default();
        for item in &after.items {
            let from = old.remove(item.key.as_str());
            if from.is_some_and(|from| from.same_as(item)) {
                continue;
            }
            let back = self.path.push_item(&item.key);
            self.note(from.map(|from| from.written.clone()), Some(item.written.clone()), item.origin);
            self.path.back(back);
        }
        for item in before.iter().flat_map(|items| &items.items).filter(|item| old.contains_key(item.key.as_str())) {
            let back = self.path.push_item(&item.key);
            self.note(Some(item.written.clone()), None, origin);
            self.path.back(back);
        }
    }

    /// What is the same for all devices, before and after, is one difference.
    fn compare_devices(&mut self, before: Option<&Devices>, after: &Devices) {
        let old = before.filter(|devices| !devices.is_empty());
        if let Some(new) = after.uniform() {
            match old {
                None => return self.compare(None, new),
                Some(devices) => {
                    if let Some(old) = devices.uniform() {
                        return self.compare(Some(old), new);
                    }
                }
            }
        }
        for (index, name) in DEVICE_NAMES.iter().enumerate() {
            let from = before.and_then(|devices| devices.each.get(index)).and_then(Option::as_ref);
            let Some(new) = after.each.get(index).and_then(Option::as_ref) else { continue };
            let back = self.path.push_field(name);
            self.compare(from, new);
            self.path.back(back);
        }
    }

    /// Notes every leaf of a value that is gone.
    fn remove(&mut self, value: &Traced, origin: Origin) {
        match &value.shape {
            Shape::Map(fields) if !fields.entries.is_empty() => {
                for (key, value) in &fields.entries {
                    let back = self.path.push_field(key);
                    self.remove(value, origin);
                    self.path.back(back);
                }
            }
            _ => self.note(Some(value.value()), None, origin),
        }
    }

    fn note(&mut self, from: Option<Value>, to: Option<Value>, origin: Origin) {
        // what the user wrote is never a difference to what the user wrote
        if let Origin::Policy(source) = origin {
            self.found.push(Difference { path: self.path.as_str().to_owned(), from, to, source });
        }
    }
}
