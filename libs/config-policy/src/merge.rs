//! Merging two configs, the winner's over the loser's, by their shapes.

use std::collections::{HashMap, HashSet};

use crate::schema::Union;
use crate::traced::{Devices, Fields, ItemOrder, Items, Origin, Shape, Traced};
use crate::value::Value;

/// Merges, and notes whether a value was displaced by one of another shape or kind: what it had shielded from lower
/// layers is then open to them again, so the layers have to be laid once more.
#[derive(Debug, Default)]
pub(crate) struct Merger {
    pub(crate) displaced: bool,
}

impl Merger {
    /// Total and deterministic: where the shapes differ, the winner's stands.
    pub(crate) fn merge(&mut self, winner: Traced, loser: Traced) -> Traced {
        match (winner.shape, loser.shape) {
            (Shape::Map(ours), Shape::Map(theirs)) => self.merge_maps(ours, winner.origin, theirs, loser.origin),
            (Shape::Items(ours), Shape::Items(theirs)) => {
                Traced { origin: winner.origin, shape: Shape::Items(merge_items(ours, theirs)) }
            }
            (Shape::Devices(ours), Shape::Devices(theirs)) => {
                let devices = self.merge_devices(*ours, *theirs);
                Traced { origin: winner.origin, shape: Shape::Devices(Box::new(devices)) }
            }
            (Shape::Leaf(ours), Shape::Leaf(_)) => Traced { origin: winner.origin, shape: Shape::Leaf(ours) },
            (shape, _) => {
                self.displaced = true;
                Traced { origin: winner.origin, shape }
            }
        }
    }

    fn merge_maps(&mut self, winner: Fields, winner_origin: Origin, mut loser: Fields, loser_origin: Origin) -> Traced {
        let union = winner.union.or(loser.union);
        // A map is attributed to whoever made it one, or gave it its kind, against the user.
        let mut origin = if loser_origin.yields_to_user() { winner_origin } else { loser_origin };
        if let Some(union) = union
            && self.drop_other_kind(union, &winner, &mut loser)
        {
            origin = winner_origin;
        }
        let mut places: HashMap<String, usize> = HashMap::with_capacity(loser.entries.len());
        let mut entries: Vec<(String, Option<Traced>)> = Vec::with_capacity(loser.entries.len());
        for (key, value) in loser.entries {
            places.insert(key.clone(), entries.len());
            entries.push((key, Some(value)));
        }
        for (key, ours) in winner.entries {
            match places.get(&key).and_then(|&place| entries.get_mut(place)) {
                Some((_, slot)) => {
                    *slot = Some(match slot.take() {
                        Some(theirs) => self.merge(ours, theirs),
                        None => ours,
                    });
                }
                None => entries.push((key, Some(ours))),
            }
        }
        let entries = entries.into_iter().filter_map(|(key, value)| value.map(|value| (key, value))).collect();
        Traced { origin, shape: Shape::Map(Fields { entries, union }) }
    }

    /// Drops the loser's fields that the winner's kind does not have; answers whether the winner changed the kind.
    fn drop_other_kind(&mut self, union: &'static Union, winner: &Fields, loser: &mut Fields) -> bool {
        let Some(ours) = tag_of(union, winner) else { return false };
        let theirs = tag_of(union, loser);
        if theirs.is_some_and(|theirs| same_tag(ours, theirs)) {
            return false;
        }
        self.displaced = true;
        let Some(kind) = ours.text() else { return true };
        if theirs.is_some_and(|theirs| theirs.text().is_some()) {
            loser.entries.retain(|(name, _)| union.is_common(name));
        } else if let Some(fields) = union.fields_of(kind) {
            // Without a kind of its own the loser keeps what may belong to the winner's.
            loser.entries.retain(|(name, _)| {
                union.field_of_any(name).is_none()
                    || union.is_common(name)
                    || crate::schema::field(fields, name).is_some()
            });
        }
        true
    }

    fn merge_devices(&mut self, winner: Devices, loser: Devices) -> Devices {
        let mut theirs = loser.each.into_iter();
        let mut others = winner.others;
        for (key, value) in loser.others {
            if !others.iter().any(|(name, _)| *name == key) {
                others.push((key, value));
            }
        }
        let each = winner.each.map(|ours| match (ours, theirs.next().flatten()) {
            (Some(ours), Some(theirs)) => Some(self.merge(ours, theirs)),
            (ours, theirs) => ours.or(theirs),
        });
        Devices { each, plain: winner.plain && loser.plain, others }
    }
}

/// The tag's value, null included.
fn tag_of<'a>(union: &Union, fields: &'a Fields) -> Option<&'a Traced> {
    fields.entries.iter().find(|(key, _)| key == union.tag).map(|(_, value)| value)
}

fn same_tag(one: &Traced, two: &Traced) -> bool {
    match (&one.shape, &two.shape) {
        (Shape::Leaf(Value::String(a)), Shape::Leaf(Value::String(b))) => a == b,
        (Shape::Leaf(a), Shape::Leaf(b)) => a.same_as(b),
        _ => false,
    }
}

fn merge_items(winner: Items, loser: Items) -> Items {
    let order = winner.order;
    let keys: HashSet<&str> = winner.items.iter().map(|item| item.key.as_str()).collect();
    let rest: Vec<_> = loser.items.into_iter().filter(|item| !keys.contains(item.key.as_str())).collect();
    let (mut first, second) = match order {
        ItemOrder::WinnerFirst => (winner.items, rest),
        ItemOrder::WinnerLast => (rest, winner.items),
    };
    first.extend(second);
    Items { items: first, order }
}
