//! Writes a merged config out again, every part that did not change as the user wrote it.

use std::collections::{HashMap, HashSet};

use crate::traced::{DEVICE_NAMES, Devices, Fields, Items, Shape, Traced, device_index};
use crate::value::{Map, Value};

/// What the user wrote in one place: its shape, and the value itself.
pub(crate) type Written<'a> = (&'a Traced, &'a Value);

/// The value of a merged config. The user's keys keep their order and come first.
pub(crate) fn rebuild(after: &Traced, before: Option<Written<'_>>) -> Value {
    match &after.shape {
        Shape::Leaf(value) => match before {
            Some((Traced { shape: Shape::Leaf(old), .. }, written)) if old.same_as(value) => written.clone(),
            _ => value.clone(),
        },
        Shape::Map(fields) => match before {
            Some((Traced { shape: Shape::Map(old), .. }, Value::Map(written))) => map(fields, Some((old, written))),
            _ => map(fields, None),
        },
        Shape::Items(new) => match before {
            Some((Traced { shape: Shape::Items(old), .. }, written)) => {
                if new.same_set(old) {
                    written.clone()
                } else {
                    items(new, old)
                }
            }
            _ => new.written(),
        },
        Shape::Devices(new) => match before {
            Some((Traced { shape: Shape::Devices(old), .. }, written)) => devices(new, old, written),
            _ => new_devices(new),
        },
    }
}

fn map(after: &Fields, before: Option<(&Fields, &Map)>) -> Value {
    let mut entries = Vec::with_capacity(after.entries.len());
    let mut placed = HashSet::new();
    if let Some((old, written)) = before {
        let index: HashMap<&str, &Traced> = after.entries.iter().map(|(key, value)| (key.as_str(), value)).collect();
        for ((key, old), (_, written)) in old.entries.iter().zip(written.iter()) {
            if let Some(new) = index.get(key.as_str()) {
                placed.insert(key.as_str());
                entries.push((key.clone(), rebuild(new, Some((old, written)))));
            }
        }
    }
    let added = after.entries.iter().filter(|(key, _)| !placed.contains(key.as_str()));
    entries.extend(added.map(|(key, value)| (key.clone(), rebuild(value, None))));
    Value::Map(Map::from_distinct(entries))
}

fn items(after: &Items, before: &Items) -> Value {
    let index = before.by_key();
    let written = after.items.iter().map(|item| match index.get(item.key.as_str()) {
        Some(old) if item.same_as(old) => old.written.clone(),
        _ => item.written.clone(),
    });
    Value::List(written.collect())
}

fn devices(after: &Devices, before: &Devices, written: &Value) -> Value {
    if same_devices(after, before) {
        return written.clone();
    }
    if before.plain {
        return match (after.uniform(), before.uniform()) {
            (Some(new), Some(old)) => rebuild(new, Some((old, written))),
            _ => new_devices(after),
        };
    }
    let mut entries = Vec::new();
    let mut placed = [false; 3];
    for (key, written) in written.as_map().into_iter().flat_map(Map::iter) {
        let Some(index) = device_index(key) else {
            entries.push((key.to_owned(), written.clone()));
            continue;
        };
        let new = after.each.get(index).and_then(Option::as_ref);
        let old = before.each.get(index).and_then(Option::as_ref);
        if let Some(new) = new {
            entries.push((key.to_owned(), rebuild(new, old.map(|old| (old, written)))));
        }
        if let Some(slot) = placed.get_mut(index) {
            *slot = true;
        }
    }
    entries.extend(unplaced_devices(after, placed));
    Value::Map(Map::from_distinct(entries))
}

/// The same for every device, in whatever order variables stand.
fn same_devices(one: &Devices, two: &Devices) -> bool {
    one.each.iter().zip(&two.each).all(|(a, b)| match (a, b) {
        (None, None) => true,
        (Some(a), Some(b)) => match (&a.shape, &b.shape) {
            (Shape::Items(a), Shape::Items(b)) => a.same_set(b),
            (Shape::Leaf(a), Shape::Leaf(b)) => a.same_as(b),
            _ => false,
        },
        _ => false,
    })
}

/// What no user wrote: for all devices at once where that says the same.
fn new_devices(devices: &Devices) -> Value {
    if let Some(uniform) = devices.uniform() {
        return rebuild(uniform, None);
    }
    let mut entries: Vec<_> = unplaced_devices(devices, [false; 3]).collect();
    entries.extend(devices.others.iter().cloned());
    Value::Map(Map::from_distinct(entries))
}

fn unplaced_devices(devices: &Devices, placed: [bool; 3]) -> impl Iterator<Item = (String, Value)> {
    DEVICE_NAMES.iter().zip(&devices.each).zip(placed).filter_map(|((name, value), placed)| {
        let value = value.as_ref().filter(|_| !placed)?;
        Some(((*name).to_owned(), rebuild(value, None)))
    })
}
