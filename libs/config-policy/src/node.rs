//! A parsed document as a tree with positions.

use crate::value::{Map, Value};

/// A place in a text: line and column in characters, both counted from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) line: u32,
    pub(crate) column: u32,
}

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) at: Position,
    pub(crate) kind: NodeKind,
}

/// What a node holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NodeKind {
    /// Null, a boolean, a number or text; never a list or a map.
    Scalar(Value),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// A field of a map and where its key stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) at: Position,
    pub(crate) node: Node,
}

impl Node {
    pub(crate) fn empty_map() -> Self {
        Self { at: Position { line: 1, column: 1 }, kind: NodeKind::Map(Vec::new()) }
    }

    /// The value without positions.
    pub(crate) fn value(&self) -> Value {
        match &self.kind {
            NodeKind::Scalar(value) => value.clone(),
            NodeKind::List(items) => Value::List(items.iter().map(Self::value).collect()),
            NodeKind::Map(entries) => {
                Value::Map(Map::from_distinct(entries.iter().map(|e| (e.key.clone(), e.node.value())).collect()))
            }
        }
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(self.kind, NodeKind::Scalar(Value::Null))
    }

    /// The text, where it is text.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.kind {
            NodeKind::Scalar(Value::String(text)) => Some(text),
            _ => None,
        }
    }

    /// The field of this name, where it is a map that has it.
    pub(crate) fn field(&self, key: &str) -> Option<&Self> {
        match &self.kind {
            NodeKind::Map(entries) => entries.iter().find(|entry| entry.key == key).map(|entry| &entry.node),
            _ => None,
        }
    }

    /// The word for its type in messages.
    pub(crate) fn type_name(&self) -> &'static str {
        match &self.kind {
            NodeKind::Scalar(value) => value.type_name(),
            NodeKind::List(_) => "a list",
            NodeKind::Map(_) => "a map",
        }
    }

    /// How many lists and maps lie inside one another here.
    pub(crate) fn height(&self) -> usize {
        let inside = match &self.kind {
            NodeKind::Scalar(_) => return 0,
            NodeKind::List(items) => items.iter().map(Self::height).max(),
            NodeKind::Map(entries) => entries.iter().map(|entry| entry.node.height()).max(),
        };
        1 + inside.unwrap_or(0)
    }
}
