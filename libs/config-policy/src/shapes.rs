//! The shapes of values that merge as what they are, whatever a schema says of them.

use std::collections::HashSet;

use crate::node::{Node, NodeKind};
use crate::schema::{Kind, Union};
use crate::traced::{Devices, Fields, Item, ItemOrder, Items, Origin, Shape, Traced};
use crate::value::Value;

/// The values of `type` that make a map one hyperparameter.
const HYPERPARAMETER_TYPES: [&str; 5] = ["const", "int", "double", "log", "categorical"];

/// Maps merge by field, everything else is replaced whole.
pub(crate) fn anything(node: &Node) -> Traced {
    match &node.kind {
        NodeKind::Map(entries) => {
            map(entries.iter().map(|entry| (entry.key.clone(), anything(&entry.node))).collect(), None)
        }
        NodeKind::List(_) | NodeKind::Scalar(_) => leaf(node),
    }
}

/// Hyperparameters by name: one is replaced whole, a map that is none holds more of them.
pub(crate) fn hyperparameters(node: &Node) -> Option<Traced> {
    let NodeKind::Map(entries) = &node.kind else { return None };
    let entries = entries.iter().map(|entry| {
        let kind = entry.node.field("type").and_then(Node::text);
        let whole = kind.is_some_and(|kind| HYPERPARAMETER_TYPES.contains(&kind));
        let value = if whole { None } else { hyperparameters(&entry.node) };
        (entry.key.clone(), value.unwrap_or_else(|| leaf(&entry.node)))
    });
    Some(map(entries.collect(), None))
}

/// A set of texts.
pub(crate) fn labels(node: &Node) -> Option<Traced> {
    let NodeKind::List(nodes) = &node.kind else { return None };
    let mut seen = HashSet::new();
    let mut items = Vec::with_capacity(nodes.len());
    for node in nodes {
        let text = node.text()?;
        if seen.insert(text) {
            items.push(item(text, node));
        }
    }
    Some(listed(items, ItemOrder::WinnerLast))
}

/// Whether a value that is replaced whole is of its kind.
pub(crate) fn fits_whole(node: &Node, kind: &Kind) -> bool {
    let integer = |node: &Node| matches!(&node.kind, NodeKind::Scalar(Value::Number(n)) if n.as_integer().is_some());
    let number = |node: &Node| matches!(&node.kind, NodeKind::Scalar(Value::Number(_)));
    match kind {
        Kind::Bool => matches!(node.kind, NodeKind::Scalar(Value::Bool(_))),
        Kind::Integer => integer(node),
        Kind::Number => number(node),
        Kind::Text => node.text().is_some(),
        Kind::ByteSize => integer(node) || node.text().is_some(),
        Kind::TextOrTexts => match &node.kind {
            NodeKind::List(items) => items.iter().all(|item| item.text().is_some()),
            _ => node.text().is_some(),
        },
        Kind::Length => match &node.kind {
            NodeKind::Map(entries) => {
                matches!(entries.as_slice(), [unit] if number(&unit.node)
                    && matches!(unit.key.as_str(), "batches" | "records" | "epochs"))
            }
            _ => integer(node),
        },
        _ => true,
    }
}

pub(crate) fn leaf(node: &Node) -> Traced {
    Traced::leaf(Origin::User, node.value())
}

pub(crate) fn listed(items: Vec<Item>, order: ItemOrder) -> Traced {
    Traced { origin: Origin::User, shape: Shape::Items(Items { items, order }) }
}

/// An item that is its own key, or whose key is a part of its text.
pub(crate) fn item(key: &str, node: &Node) -> Item {
    let written = node.value();
    Item { key: key.to_owned(), meaning: written.clone(), written, origin: Origin::User }
}

pub(crate) fn map(entries: Vec<(String, Traced)>, union: Option<&'static Union>) -> Traced {
    Traced { origin: Origin::User, shape: Shape::Map(Fields { entries, union }) }
}

pub(crate) fn per_device(devices: Devices) -> Traced {
    Traced { origin: Origin::User, shape: Shape::Devices(Box::new(devices)) }
}
