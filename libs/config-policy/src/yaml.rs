//! Reads YAML by the 1.2 core schema (§10.3), strictly: what YAML 1.1 and 1.2 read differently is refused.

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Tag};

use crate::builder::{Builder, Expects};
use crate::input_error::{InputError, InputErrors};
use crate::node::{Node, Position};
use crate::number::{Number, NumberKind, looks_octal};
use crate::path::shown;
use crate::value::Value;

/// The tree of a YAML text; `None` where nothing is written in it.
pub(crate) fn read(text: &str) -> Result<Option<Node>, InputErrors> {
    let mut builder = Builder::default();
    let mut parser = Parser::new_from_str(text);
    let mut documents = 0_usize;
    while let Some(event) = parser.next_event() {
        let step = match event {
            Ok((Event::DocumentStart(_), span)) => {
                documents += 1;
                if documents > 1 {
                    Err(builder.error(position(span.start), "only one document is allowed"))
                } else {
                    Ok(())
                }
            }
            Ok((event, span)) => take(&mut builder, event, position(span.start)),
            // the scanner has a bound of its own, and runs ahead of the builder's in flow style
            Err(error) if error.info() == "recursion limit exceeded" => {
                Err(builder.too_deep(position(*error.marker())))
            }
            Err(error) => Err(builder.error(position(*error.marker()), error.info())),
        };
        if let Err(error) = step {
            return Err(builder.fail(error));
        }
    }
    builder.finish()
}

fn take(builder: &mut Builder, event: Event<'_>, at: Position) -> Result<(), InputError> {
    match event {
        Event::Scalar(text, style, anchor, tag) => {
            let plain = style == ScalarStyle::Plain;
            if plain && tag.is_none() && text.is_empty() && builder.expects() == Expects::Root {
                return Ok(());
            }
            if plain && text == "<<" && builder.expects() == Expects::Key {
                builder.refuse(at, "merge keys (`<<`) are not read: write the fields out");
            }
            let value = match scalar(&text, plain, tag.as_deref()) {
                Ok(value) => value,
                Err(message) => {
                    builder.refuse(at, message);
                    Value::String(String::new())
                }
            };
            builder.scalar(at, anchor, value, text.len())
        }
        Event::SequenceStart(anchor, tag) => {
            expect_collection_tag(builder, at, tag.as_deref(), "seq");
            builder.open_list(at, anchor)
        }
        Event::MappingStart(anchor, tag) => {
            expect_collection_tag(builder, at, tag.as_deref(), "map");
            builder.open_map(at, anchor)
        }
        Event::SequenceEnd | Event::MappingEnd => {
            builder.close();
            Ok(())
        }
        Event::Alias(id) => builder.alias(at, id),
        Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) | Event::DocumentEnd => Ok(()),
    }
}

fn scalar(text: &str, plain: bool, tag: Option<&Tag>) -> Result<Value, String> {
    let Some(tag) = tag else {
        return if plain { resolve_plain(text) } else { Ok(Value::String(text.to_owned())) };
    };
    if !tag.is_yaml_core_schema() {
        return Err(custom_tag(tag));
    }
    if tag.suffix == "str" {
        return Ok(Value::String(text.to_owned()));
    }
    let value = resolve_plain(text)?;
    let fits = match tag.suffix.as_str() {
        "null" => value == Value::Null,
        "bool" => matches!(value, Value::Bool(_)),
        "int" => matches!(&value, Value::Number(number) if number.kind() == NumberKind::Integer),
        "float" => matches!(&value, Value::Number(number) if number.kind() == NumberKind::Float),
        _ => return Err(custom_tag(tag)),
    };
    if fits { Ok(value) } else { Err(format!("`{}` does not fit its tag `!!{}`", shown(text), tag.suffix)) }
}

fn expect_collection_tag(builder: &mut Builder, at: Position, tag: Option<&Tag>, expected: &str) {
    if let Some(tag) = tag
        && !(tag.is_yaml_core_schema() && tag.suffix == expected)
    {
        builder.refuse(at, custom_tag(tag));
    }
}

fn custom_tag(tag: &Tag) -> String {
    format!("the tag `{}` is not known: only the tags of the YAML core schema are read", shown(&tag.to_string()))
}

/// What a scalar without quotes is under the core schema.
pub(crate) fn resolve_plain(text: &str) -> Result<Value, String> {
    Ok(match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        _ if looks_octal(text) => {
            return Err(format!(
                "`{}` looks like an octal number: drop the leading zeros, or put it in quotes if it is text",
                shown(text)
            ));
        }
        _ => match Number::parse(text) {
            Some(number) => Value::Number(number),
            None if is_overlong(text) => {
                return Err(format!("`{}` has more than 128 bits: put it in quotes if it is text", shown(text)));
            }
            None => Value::String(text.to_owned()),
        },
    })
}

/// An integer with a base prefix that no number holds here.
fn is_overlong(text: &str) -> bool {
    let all = |digits: &str, base| !digits.is_empty() && digits.chars().all(|char| char.is_digit(base));
    text.strip_prefix("0x").is_some_and(|digits| all(digits, 16))
        || text.strip_prefix("0o").is_some_and(|digits| all(digits, 8))
}

fn position(marker: Marker) -> Position {
    let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    Position { line: number(marker.line()), column: number(marker.col()).saturating_add(1) }
}
