//! Lists whose items have keys: normal forms of keys, and items written as one text.

use std::collections::HashSet;

use crate::node::{Node, NodeKind};
use crate::number::Number;
use crate::path::shown;
use crate::schema::{KeyForm, Keyed, Shorthand, field};
use crate::shaper::{Shaper, names};
use crate::shapes::listed;
use crate::traced::{Item, ItemOrder, Origin, Traced};
use crate::value::{Map, Value};

/// How mounts are shared with the host.
const PROPAGATIONS: [&str; 6] = ["private", "rprivate", "shared", "rshared", "slave", "rslave"];

/// The items of a list, in order; an item without its key, or a key twice, is refused whoever wrote it.
pub(crate) fn items(shaper: &mut Shaper, node: &Node, keyed: &'static Keyed) -> Option<Traced> {
    let NodeKind::List(nodes) = &node.kind else { return None };
    let mut seen = HashSet::new();
    let mut items = Vec::with_capacity(nodes.len());
    for (index, node) in nodes.iter().enumerate() {
        shaper.at_index(index, |shaper| match item(shaper, node, keyed) {
            Ok(item) => {
                if !seen.insert(item.key.clone()) {
                    let key = shown(&item.key);
                    shaper.refuse(node.at, format!("the `{}` `{key}` stands twice in one list", keyed.key));
                }
                items.push(item);
            }
            Err(message) => shaper.refuse(node.at, message),
        });
    }
    Some(listed(items, ItemOrder::WinnerFirst))
}

fn item(shaper: &mut Shaper, node: &Node, keyed: &'static Keyed) -> Result<Item, String> {
    let written = node.value();
    let fields = match (&node.kind, keyed.shorthand, node.text()) {
        (NodeKind::Map(entries), _, _) => {
            for entry in entries {
                let known = || names(keyed.fields.iter().map(|field| field.name));
                shaper.entry(entry, field(keyed.fields, &entry.key), known);
            }
            written.as_map().cloned().unwrap_or_default()
        }
        (_, Some(shorthand), Some(text)) => expand(shorthand, text)?,
        _ => return Err(format!("must be a map with the field `{}`, not {}", keyed.key, node.type_name())),
    };
    let key = match fields.get(keyed.key) {
        None | Some(Value::Null) => return Err(format!("must have the field `{}`, its key in the list", keyed.key)),
        Some(key) => normal_key(keyed.form, key)
            .ok_or_else(|| format!("`{}` must be {}, not {}", keyed.key, expected(keyed.form), key.type_name()))?,
    };
    let meaning = fields.into_iter().map(|(name, value)| {
        let value = if name == keyed.key { Value::String(key.clone()) } else { value };
        (name, value)
    });
    Ok(Item { meaning: Value::Map(Map::from_distinct(meaning.collect())), key, written, origin: Origin::User })
}

fn expected(form: KeyForm) -> &'static str {
    match form {
        KeyForm::Path | KeyForm::Text => "text",
        KeyForm::Port => "a port number",
    }
}

fn normal_key(form: KeyForm, key: &Value) -> Option<String> {
    match (form, key) {
        (KeyForm::Path, Value::String(path)) => Some(clean_path(path)),
        (KeyForm::Text, Value::String(text)) => Some(text.clone()),
        (KeyForm::Port, Value::Number(number)) => number.as_integer().map(|port| port.to_string()),
        (KeyForm::Port, Value::String(text)) => Number::parse(text)?.as_integer().map(|port| port.to_string()),
        _ => None,
    }
}

/// A path without empty steps, `.` and `..`, by its text alone.
fn clean_path(path: &str) -> String {
    let absolute = path.starts_with('/');
    let mut steps: Vec<&str> = Vec::new();
    for step in path.split('/') {
        match step {
            "" | "." => {}
            ".." if steps.last().is_some_and(|last| *last != "..") => _ = steps.pop(),
            ".." if absolute => {}
            _ => steps.push(step),
        }
    }
    let joined = steps.join("/");
    match (absolute, joined.is_empty()) {
        (true, _) => format!("/{joined}"),
        (false, true) => ".".to_owned(),
        (false, false) => joined,
    }
}

/// An item that was written as one text, written out.
fn expand(shorthand: Shorthand, text: &str) -> Result<Map, String> {
    let mut parts = text.split(':');
    let (Some(host), Some(container), mode, None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return Err(format!("`{}` must be of the form `{}`", shown(text), form(shorthand)));
    };
    if host.is_empty() || container.is_empty() {
        return Err(format!("`{}` must be of the form `{}`", shown(text), form(shorthand)));
    }
    let given = |name: &str, value: &str| (name.to_owned(), Value::String(value.to_owned()));
    let mut fields = vec![given("host_path", host), given("container_path", container)];
    match shorthand {
        Shorthand::Device => fields.extend(mode.map(|mode| given("mode", mode))),
        Shorthand::Mount => {
            for option in mode.into_iter().flat_map(|mode| mode.split(',')) {
                match option {
                    "ro" => fields.push(("read_only".to_owned(), Value::Bool(true))),
                    "rw" => fields.push(("read_only".to_owned(), Value::Bool(false))),
                    _ if PROPAGATIONS.contains(&option) => fields.push(given("propagation", option)),
                    _ => return Err(format!("`{}` must be of the form `{}`", shown(text), form(shorthand))),
                }
            }
        }
    }
    Ok(fields.into_iter().collect())
}

fn form(shorthand: Shorthand) -> &'static str {
    match shorthand {
        Shorthand::Mount => "host:container[:ro|rw]",
        Shorthand::Device => "host:container[:mode]",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_compare_by_where_they_lead() {
        let cases = [
            ("/data/", "/data"),
            ("//a/./b", "/a/b"),
            ("/a/../b", "/b"),
            ("/..", "/"),
            ("a/", "a"),
            ("../x/..", ".."),
            ("./", "."),
        ];
        for (path, clean) in cases {
            assert_eq!(clean_path(path), clean, "{path}");
        }
    }
}
