//! Brings a parsed document into the shape it merges in, and holds a policy to its schema while doing so.

use crate::builder::MAX_ERRORS;
use crate::input_error::InputError;
use crate::keyed;
use crate::node::{Entry, Node, NodeKind, Position};
use crate::path::{Path, shown};
use crate::schema::{Field, Kind, Union, field};
use crate::shapes::{anything, fits_whole, hyperparameters, item, labels, leaf, listed, map, per_device};
use crate::traced::{Devices, Item, ItemOrder, Traced, device_index};

/// Whose document it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Author {
    /// Unknown fields pass, and what does not fit the schema merges as what it is.
    User,
    /// Everything must fit the schema.
    Policy,
}

/// Shapes one document; what is wrong with it is collected.
pub(crate) struct Shaper {
    author: Author,
    pub(crate) path: Path,
    pub(crate) errors: Vec<InputError>,
}

impl Shaper {
    pub(crate) fn new(author: Author) -> Self {
        Self { author, path: Path::root(), errors: Vec::new() }
    }

    /// The shape of a value under its schema. Everything in it comes from the user until it is stamped otherwise.
    pub(crate) fn shape(&mut self, node: &Node, kind: &'static Kind) -> Traced {
        if node.is_null() {
            return leaf(node);
        }
        let shaped = match kind {
            Kind::Any => Some(anything(node)),
            Kind::Fields(fields) => self.fields(node, fields),
            Kind::Union(union) => self.union(node, union),
            Kind::Keyed(keyed) => keyed::items(self, node, keyed),
            Kind::Variables => self.devices(node, Self::variables),
            Kind::Image => self.devices(node, |_, node| node.text().map(|_| leaf(node))),
            Kind::Hyperparameters => hyperparameters(node),
            Kind::Labels => labels(node),
            Kind::List(item) => self.list(node, item),
            Kind::Bool
            | Kind::Integer
            | Kind::Number
            | Kind::Text
            | Kind::TextOrTexts
            | Kind::ByteSize
            | Kind::Length => fits_whole(node, kind).then(|| leaf(node)),
        };
        shaped.unwrap_or_else(|| {
            self.require(node.at, || format!("must be {}, not {}", kind.expected(), node.type_name()));
            anything(node)
        })
    }

    /// Refuses what neither a policy nor a user may write.
    pub(crate) fn refuse(&mut self, at: Position, message: String) {
        if self.errors.len() < MAX_ERRORS {
            let path = self.path.as_str().to_owned();
            self.errors.push(InputError { path, line: at.line, column: at.column, message });
        }
    }

    /// Refuses what a policy may not write.
    pub(crate) fn require(&mut self, at: Position, message: impl FnOnce() -> String) {
        if self.author == Author::Policy {
            self.refuse(at, message());
        }
    }

    /// Shapes a value one step further down the path.
    pub(crate) fn at_field<T>(&mut self, key: &str, inside: impl FnOnce(&mut Self) -> T) -> T {
        let back = self.path.push_field(key);
        let result = inside(self);
        self.path.back(back);
        result
    }

    pub(crate) fn at_index<T>(&mut self, index: usize, inside: impl FnOnce(&mut Self) -> T) -> T {
        let back = self.path.push_index(index);
        let result = inside(self);
        self.path.back(back);
        result
    }

    /// The entry's shape where the field is known; an unknown field of a policy is refused.
    pub(crate) fn entry(
        &mut self,
        entry: &Entry,
        kind: Option<&'static Kind>,
        known: impl FnOnce() -> String,
    ) -> Traced {
        self.at_field(&entry.key, |shaper| {
            if kind.is_none() {
                shaper.require(entry.at, || {
                    format!("the field `{}` is not known; known here: {}", shown(&entry.key), known())
                });
            }
            shaper.shape(&entry.node, kind.unwrap_or(&Kind::Any))
        })
    }

    fn fields(&mut self, node: &Node, fields: &'static [Field]) -> Option<Traced> {
        let NodeKind::Map(entries) = &node.kind else { return None };
        let shaped = entries
            .iter()
            .map(|e| (e.key.clone(), self.entry(e, field(fields, &e.key), || names(fields.iter().map(|f| f.name)))))
            .collect();
        Some(map(shaped, None))
    }

    fn union(&mut self, node: &Node, union: &'static Union) -> Option<Traced> {
        let NodeKind::Map(entries) = &node.kind else { return None };
        let tag = node.field(union.tag).filter(|tag| !tag.is_null());
        let kind = tag.and_then(Node::text);
        let own = kind.and_then(|kind| union.fields_of(kind));
        if let Some(tag) = tag
            && own.is_none()
        {
            self.at_field(union.tag, |shaper| {
                shaper
                    .require(tag.at, || format!("must be one of {}", names(union.kinds.iter().map(|(name, _)| *name))));
            });
        }
        let shaped = entries.iter().map(|entry| {
            let known = if entry.key == union.tag {
                Some(&Kind::Any)
            } else if tag.is_some() && own.is_some() {
                field(union.common, &entry.key).or_else(|| own.and_then(|own| field(own, &entry.key)))
            } else {
                union.field_of_any(&entry.key)
            };
            let expected = || {
                let own = own.unwrap_or_default().iter().map(|field| field.name);
                names(std::iter::once(union.tag).chain(union.common.iter().map(|field| field.name)).chain(own))
            };
            (entry.key.clone(), self.entry(entry, known, expected))
        });
        let shaped = shaped.collect();
        Some(map(shaped, Some(union)))
    }

    fn list(&mut self, node: &Node, item: &'static Kind) -> Option<Traced> {
        let NodeKind::List(items) = &node.kind else { return None };
        for (index, node) in items.iter().enumerate() {
            self.at_index(index, |shaper| _ = shaper.shape(node, item));
        }
        Some(leaf(node))
    }

    fn devices(&mut self, node: &Node, each: fn(&mut Self, &Node) -> Option<Traced>) -> Option<Traced> {
        let NodeKind::Map(entries) = &node.kind else {
            let value = each(self, node)?;
            let each = [Some(value.clone()), Some(value.clone()), Some(value)];
            return Some(per_device(Devices { each, plain: true, others: Vec::new() }));
        };
        let mut shaped = Devices { each: [None, None, None], plain: false, others: Vec::new() };
        for entry in entries {
            let Some(slot) = device_index(&entry.key).and_then(|index| shaped.each.get_mut(index)) else {
                self.at_field(&entry.key, |shaper| {
                    shaper.require(entry.at, || "must be one of `cpu`, `cuda`, `rocm`".to_owned());
                });
                shaped.others.push((entry.key.clone(), entry.node.value()));
                continue;
            };
            let value = self.at_field(&entry.key, |shaper| {
                if slot.is_some() {
                    shaper.refuse(entry.at, "`gpu` means `cuda`: give one of them".to_owned());
                }
                if entry.node.is_null() {
                    return leaf(&entry.node);
                }
                each(shaper, &entry.node).unwrap_or_else(|| {
                    shaper.require(entry.node.at, || format!("must not be {}", entry.node.type_name()));
                    anything(&entry.node)
                })
            });
            *slot = Some(value);
        }
        Some(per_device(shaped))
    }

    /// `NAME=value` texts; of one variable the last stays.
    fn variables(&mut self, node: &Node) -> Option<Traced> {
        let NodeKind::List(nodes) = &node.kind else { return None };
        if self.author == Author::User && nodes.iter().any(|node| node.text().is_none()) {
            return None;
        }
        let mut items: Vec<Item> = Vec::with_capacity(nodes.len());
        for (index, node) in nodes.iter().enumerate() {
            let text = node.text().unwrap_or_default();
            let name = text.split_once('=').map(|(name, _)| name);
            if name.is_none_or(str::is_empty) {
                self.at_index(index, |shaper| {
                    shaper.require(node.at, || "must be text of the form `NAME=value`".to_owned());
                });
            }
            items.push(item(name.unwrap_or(text), node));
        }
        let last: std::collections::HashMap<String, usize> =
            items.iter().enumerate().map(|(index, item)| (item.key.clone(), index)).collect();
        let mut index = 0;
        items.retain(|item| {
            index += 1;
            last.get(&item.key) == Some(&(index - 1))
        });
        Some(listed(items, ItemOrder::WinnerLast))
    }
}

/// Names as a message lists them.
pub(crate) fn names<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
