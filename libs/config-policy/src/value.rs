//! The values that configs and policies are made of.

use crate::number::Number;

/// A value of the YAML 1.2 core schema. `==` is exact: numbers by their text, maps with the order of their keys;
/// [`Value::same_as`] compares what is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Nothing, written out.
    Null,
    /// True or false.
    Bool(bool),
    /// An integer or floating-point number, as written.
    Number(Number),
    /// Text.
    String(String),
    /// An ordered list.
    List(Vec<Value>),
    /// Fields by name, in the order they were written.
    Map(Map),
}

/// Fields by name, in the order they were written; no name twice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Map(Vec<(String, Value)>);

impl Value {
    /// The same type and meaning: numbers by value (`0x10` is `16`, `1` is not `1.0`), maps in any order of keys.
    pub fn same_as(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Number(one), Self::Number(two)) => one.same_as(two),
            (Self::List(one), Self::List(two)) => {
                one.len() == two.len() && one.iter().zip(two).all(|(a, b)| a.same_as(b))
            }
            (Self::Map(one), Self::Map(two)) => {
                one.len() == two.len() && one.iter().all(|(key, value)| two.get(key).is_some_and(|b| value.same_as(b)))
            }
            _ => self == other,
        }
    }

    /// The word for its type in messages.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number(number) => match number.kind() {
                crate::number::NumberKind::Integer => "an integer",
                crate::number::NumberKind::Float => "a floating-point number",
            },
            Self::String(_) => "text",
            Self::List(_) => "a list",
            Self::Map(_) => "a map",
        }
    }

    /// The text, where it is text.
    pub fn as_str(&self) -> Option<&str> {
        if let Self::String(text) = self { Some(text) } else { None }
    }

    /// The fields, where it is a map.
    pub fn as_map(&self) -> Option<&Map> {
        if let Self::Map(map) = self { Some(map) } else { None }
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Number(value.into())
    }
}

impl Map {
    /// The value of a field.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.0.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// The fields in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&str, &Value)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value))
    }

    /// How many fields it has.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether it has no fields.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Fields whose names the caller knows to be distinct.
    pub(crate) fn from_distinct(entries: Vec<(String, Value)>) -> Self {
        Self(entries)
    }
}

/// Of fields given twice the last value stays, at the first one's place.
impl FromIterator<(String, Value)> for Map {
    fn from_iter<I: IntoIterator<Item = (String, Value)>>(entries: I) -> Self {
        let mut places = std::collections::HashMap::new();
        let mut kept: Vec<(String, Value)> = Vec::new();
        for (key, value) in entries {
            let place = *places.entry(key.clone()).or_insert(kept.len());
            match kept.get_mut(place) {
                Some(entry) => entry.1 = value,
                None => kept.push((key, value)),
            }
        }
        Self(kept)
    }
}

impl IntoIterator for Map {
    type Item = (String, Value);
    type IntoIter = std::vec::IntoIter<Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}
