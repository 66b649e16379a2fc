//! A submission: its text, its format, and the value it holds.

use crate::emit::emit;
use crate::input_error::{InputError, InputErrors};
use crate::json::{self, NotRead};
use crate::node::{Node, NodeKind};
use crate::value::Value;
use crate::yaml;

/// The largest document, in bytes; aliases expanded, the result of a merge included.
pub const MAX_BYTES: usize = 1024 * 1024;
/// The deepest nesting of lists and maps; the outermost map is 1.
pub const MAX_DEPTH: usize = 64;
/// The most values in a document (lists, maps and scalars; keys are not counted), aliases expanded.
pub const MAX_NODES: usize = 10_000;

/// How a document is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// YAML 1.2.
    Yaml,
    /// JSON (RFC 8259).
    Json,
}

/// A parsed submission: the value, the text it came in, and the format of that text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    root: Node,
    value: Value,
    text: String,
    format: Format,
}

impl Document {
    /// A document for a value that came without text.
    ///
    /// # Errors
    /// A value that is no map, exceeds a bound, or holds what the format cannot write (`.inf` in JSON).
    pub fn from_value(value: Value, format: Format) -> Result<Self, InputErrors> {
        let text = write_bounded(&value, format)?;
        let root = match format {
            Format::Yaml => yaml::read(&text)?.unwrap_or_else(Node::empty_map),
            Format::Json => match json::read(&text) {
                Ok(root) => root,
                Err(NotRead::Refused(errors)) => return Err(errors),
                Err(NotRead::NotJson) => return Err(document_error("the value cannot be written as JSON".to_owned())),
            },
        };
        Self::new(root, text, format)
    }

    /// What the document holds; always a map.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// How the text is written.
    pub fn format(&self) -> Format {
        self.format
    }

    /// The text as it came in.
    pub fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn root(&self) -> &Node {
        &self.root
    }

    fn new(root: Node, text: String, format: Format) -> Result<Self, InputErrors> {
        if !matches!(root.kind, NodeKind::Map(_)) {
            return Err(InputErrors::from(InputError {
                path: String::new(),
                line: root.at.line,
                column: root.at.column,
                message: format!("the document must be a map, not {}", root.type_name()),
            }));
        }
        Ok(Self { value: root.value(), root, text, format })
    }
}

/// Reads a config: YAML 1.2 core schema or JSON, one document, a map at the top; an empty text is an empty map.
///
/// # Errors
/// Text that is not UTF-8 or no document; a bound exceeded; keys that are no text, keys twice, `<<`, custom tags and
/// numbers that look octal: each with line and column.
pub fn parse_config(text: &[u8]) -> Result<Document, InputErrors> {
    if text.len() > MAX_BYTES {
        return Err(document_error(format!("the document is {} bytes, more than {MAX_BYTES}", text.len())));
    }
    let text = std::str::from_utf8(text).map_err(|error| {
        let valid = String::from_utf8_lossy(text.get(..error.valid_up_to()).unwrap_or_default());
        let (lines, last) =
            valid.rsplit_once('\n').map_or((0, &*valid), |(above, last)| (1 + above.matches('\n').count(), last));
        InputErrors::from(InputError {
            path: String::new(),
            line: u32::try_from(1 + lines).unwrap_or(u32::MAX),
            column: u32::try_from(1 + last.chars().count()).unwrap_or(u32::MAX),
            message: "the document is not UTF-8".to_owned(),
        })
    })?;
    if text.trim_start().starts_with('{') {
        match json::read(text) {
            Ok(root) => return Document::new(root, text.to_owned(), Format::Json),
            Err(NotRead::Refused(errors)) => return Err(errors),
            Err(NotRead::NotJson) => {}
        }
    }
    let root = yaml::read(text)?.unwrap_or_else(Node::empty_map);
    Document::new(root, text.to_owned(), Format::Yaml)
}

/// The text of a value that must stay within the bounds of a document.
pub(crate) fn write_bounded(value: &Value, format: Format) -> Result<String, InputErrors> {
    let mut size = Size::default();
    size.add(value, 0);
    if size.depth > MAX_DEPTH {
        return Err(document_error(format!("lists and maps of the result lie more than {MAX_DEPTH} deep")));
    }
    if size.nodes > MAX_NODES {
        return Err(document_error(format!("the result holds {} values, more than {MAX_NODES}", size.nodes)));
    }
    if format == Format::Json && size.has_special_numbers {
        return Err(document_error("the result holds `.inf` or `.nan`, which JSON cannot write: use YAML".to_owned()));
    }
    let text = emit(value, format);
    if text.len() > MAX_BYTES {
        return Err(document_error(format!("the result is {} bytes, more than {MAX_BYTES}", text.len())));
    }
    Ok(text)
}

#[derive(Default)]
struct Size {
    nodes: usize,
    depth: usize,
    has_special_numbers: bool,
}

impl Size {
    fn add(&mut self, value: &Value, outside: usize) {
        self.nodes += 1;
        if outside > MAX_DEPTH {
            return;
        }
        match value {
            Value::List(items) => {
                self.depth = self.depth.max(outside + 1);
                for item in items {
                    self.add(item, outside + 1);
                }
            }
            Value::Map(map) => {
                self.depth = self.depth.max(outside + 1);
                for (_, item) in map.iter() {
                    self.add(item, outside + 1);
                }
            }
            Value::Number(number) => self.has_special_numbers |= !number.is_finite(),
            Value::Null | Value::Bool(_) | Value::String(_) => {}
        }
    }
}

fn document_error(message: String) -> InputErrors {
    InputErrors::from(InputError { path: String::new(), line: 0, column: 0, message })
}
