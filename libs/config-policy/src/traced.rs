//! Configs in the shape they merge in, every value with where it comes from.

use crate::policy::Section;
use crate::schema::Union;
use crate::value::Value;

/// Who wrote a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    User,
    Policy(Source),
}

/// A section of one of the policies that apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Source {
    pub(crate) section: Section,
    pub(crate) level: Level,
}

/// Which of the policies that apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    Cluster,
    Workspace,
}

impl Origin {
    pub(crate) fn is_invariant(self) -> bool {
        matches!(self, Self::Policy(Source { section: Section::InvariantConfig, .. }))
    }

    /// Whether a value from here yields to what the user says.
    pub(crate) fn yields_to_user(self) -> bool {
        matches!(self, Self::User | Self::Policy(Source { section: Section::Defaults, .. }))
    }
}

/// A value in the shape it merges in.
#[derive(Clone, Debug)]
pub(crate) struct Traced {
    pub(crate) origin: Origin,
    pub(crate) shape: Shape,
}

/// The shapes that merge differently.
#[derive(Clone, Debug)]
pub(crate) enum Shape {
    /// What is replaced whole: scalars, null, plain lists, hyperparameters.
    Leaf(Value),
    Map(Fields),
    Items(Items),
    Devices(Box<Devices>),
}

/// The fields of a map; no name twice.
#[derive(Clone, Debug)]
pub(crate) struct Fields {
    pub(crate) entries: Vec<(String, Traced)>,
    /// The union it is a value of.
    pub(crate) union: Option<&'static Union>,
}

/// A list whose items have keys; no key twice.
#[derive(Clone, Debug)]
pub(crate) struct Items {
    pub(crate) items: Vec<Item>,
    pub(crate) order: ItemOrder,
}

/// An item, replaced whole.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    /// The key in its normal form.
    pub(crate) key: String,
    /// The item as somebody wrote it.
    pub(crate) written: Value,
    /// The item with shorthands written out and the key in its normal form.
    pub(crate) meaning: Value,
    pub(crate) origin: Origin,
}

/// Whose items come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ItemOrder {
    WinnerFirst,
    WinnerLast,
}

/// What is given per device; plainly written it is the same for all of them.
#[derive(Clone, Debug)]
pub(crate) struct Devices {
    /// In the order of [`DEVICE_NAMES`]: [`Shape::Items`] of variables, or an image as [`Shape::Leaf`].
    pub(crate) each: [Option<Traced>; 3],
    /// Whether somebody wrote it for all devices at once.
    pub(crate) plain: bool,
    /// A user's fields that name no device.
    pub(crate) others: Vec<(String, Value)>,
}

/// The devices that images and variables are given for.
pub(crate) const DEVICE_NAMES: [&str; 3] = ["cpu", "cuda", "rocm"];

/// The place of a device in [`DEVICE_NAMES`]; `gpu` is the old name of `cuda`.
pub(crate) fn device_index(name: &str) -> Option<usize> {
    let name = if name == "gpu" { "cuda" } else { name };
    DEVICE_NAMES.iter().position(|device| *device == name)
}

impl Traced {
    pub(crate) fn leaf(origin: Origin, value: Value) -> Self {
        Self { origin, shape: Shape::Leaf(value) }
    }

    pub(crate) fn empty_map(origin: Origin) -> Self {
        Self { origin, shape: Shape::Map(Fields { entries: Vec::new(), union: None }) }
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(self.shape, Shape::Leaf(Value::Null))
    }

    /// The same with everything in it coming from one origin.
    pub(crate) fn stamped(mut self, origin: Origin) -> Self {
        self.stamp(origin);
        self
    }

    fn stamp(&mut self, origin: Origin) {
        self.origin = origin;
        match &mut self.shape {
            Shape::Leaf(_) => {}
            Shape::Map(fields) => fields.entries.iter_mut().for_each(|(_, value)| value.stamp(origin)),
            Shape::Items(items) => items.items.iter_mut().for_each(|item| item.origin = origin),
            Shape::Devices(devices) => devices.each.iter_mut().flatten().for_each(|value| value.stamp(origin)),
        }
    }

    /// The field of this name, where it is a map that has it.
    pub(crate) fn field(&self, name: &str) -> Option<&Self> {
        match &self.shape {
            Shape::Map(fields) => fields.entries.iter().find(|(key, _)| key == name).map(|(_, value)| value),
            _ => None,
        }
    }

    /// The text, where it is text.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.shape {
            Shape::Leaf(value) => value.as_str(),
            _ => None,
        }
    }

    /// The value written out.
    pub(crate) fn value(&self) -> Value {
        crate::rebuild::rebuild(self, None)
    }
}

impl Items {
    /// The same keys with the same meanings, in whatever order.
    pub(crate) fn same_set(&self, other: &Self) -> bool {
        let index = other.by_key();
        self.items.len() == other.items.len()
            && self.items.iter().all(|item| index.get(item.key.as_str()).is_some_and(|b| item.same_as(b)))
    }

    pub(crate) fn by_key(&self) -> std::collections::HashMap<&str, &Item> {
        self.items.iter().map(|item| (item.key.as_str(), item)).collect()
    }

    /// The items as they are written.
    pub(crate) fn written(&self) -> Value {
        Value::List(self.items.iter().map(|item| item.written.clone()).collect())
    }
}

impl Item {
    pub(crate) fn same_as(&self, other: &Self) -> bool {
        self.meaning.same_as(&other.meaning)
    }
}

impl Devices {
    /// What every device has, where it is the same for all and can be written for all at once.
    pub(crate) fn uniform(&self) -> Option<&Traced> {
        let [Some(first), Some(second), Some(third)] = &self.each else { return None };
        let same = match (&first.shape, &second.shape, &third.shape) {
            (Shape::Items(a), Shape::Items(b), Shape::Items(c)) => a.same_list(b) && a.same_list(c),
            (Shape::Leaf(Value::String(a)), Shape::Leaf(Value::String(b)), Shape::Leaf(Value::String(c))) => {
                a == b && a == c
            }
            _ => false,
        };
        (same && self.others.is_empty()).then_some(first)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.each.iter().all(Option::is_none) && self.others.is_empty()
    }
}

impl Items {
    fn same_list(&self, other: &Self) -> bool {
        self.items.len() == other.items.len()
            && self.items.iter().zip(&other.items).all(|(a, b)| a.key == b.key && a.same_as(b))
    }
}
