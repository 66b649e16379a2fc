//! Writes values: block-style YAML that a person can read, or indented JSON.

use std::fmt::Write as _;

use crate::document::Format;
use crate::value::{Map, Value};
use crate::yaml::resolve_plain;

/// Spaces for each level.
const INDENT: usize = 2;
/// The longest key that stands on one line with its value; YAML bounds implicit keys at 1024 characters (§7.4.2).
const MAX_IMPLICIT_KEY: usize = 512;

/// Writes a value. Reading the text gives the same value again, key order kept; YAML keeps a number's text, JSON writes
/// it in its own grammar. JSON has no `.inf` and `.nan`: they become text there.
pub fn emit(value: &Value, format: Format) -> String {
    let mut out = String::new();
    match format {
        Format::Yaml => {
            match value {
                Value::Map(map) if !map.is_empty() => yaml_map(&mut out, map, 0),
                Value::List(items) if !items.is_empty() => yaml_list(&mut out, items, 0),
                scalar => yaml_inline(&mut out, scalar, INDENT),
            }
            if !out.ends_with('\n') {
                out.push('\n');
            }
        }
        Format::Json => {
            json(&mut out, value, 0);
            out.push('\n');
        }
    }
    out
}

/// A map whose first key continues the line that `out` ends with; ends with a line break.
fn yaml_map(out: &mut String, map: &Map, indent: usize) {
    for (index, (key, value)) in map.iter().enumerate() {
        if index > 0 {
            pad(out, indent);
        }
        let key = yaml_key(key);
        if key.len() > MAX_IMPLICIT_KEY {
            out.push_str("? ");
            out.push_str(&key);
            out.push('\n');
            pad(out, indent);
            out.push(':');
        } else {
            out.push_str(&key);
            out.push(':');
        }
        match value {
            Value::Map(inner) if !inner.is_empty() => {
                out.push('\n');
                pad(out, indent + INDENT);
                yaml_map(out, inner, indent + INDENT);
            }
            Value::List(items) if !items.is_empty() => {
                out.push('\n');
                pad(out, indent + INDENT);
                yaml_list(out, items, indent + INDENT);
            }
            scalar => {
                out.push(' ');
                yaml_inline(out, scalar, indent + INDENT);
                end_line(out);
            }
        }
    }
}

/// A list whose first item continues the line that `out` ends with; ends with a line break.
fn yaml_list(out: &mut String, items: &[Value], indent: usize) {
    for (index, value) in items.iter().enumerate() {
        if index > 0 {
            pad(out, indent);
        }
        out.push_str("- ");
        match value {
            Value::Map(inner) if !inner.is_empty() => yaml_map(out, inner, indent + INDENT),
            Value::List(inner) if !inner.is_empty() => yaml_list(out, inner, indent + INDENT),
            scalar => {
                yaml_inline(out, scalar, indent + INDENT);
                end_line(out);
            }
        }
    }
}

fn yaml_inline(out: &mut String, value: &Value, indent: usize) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(number) => out.push_str(number.text()),
        Value::String(text) if is_plain_safe(text) => out.push_str(text),
        Value::String(text) if is_block_safe(text) => yaml_block(out, text, indent),
        Value::String(text) => quote(out, text),
        Value::List(_) => out.push_str("[]"),
        Value::Map(_) => out.push_str("{}"),
    }
}

/// A literal block scalar (§8.1.2).
fn yaml_block(out: &mut String, text: &str, indent: usize) {
    let body = text.strip_suffix('\n');
    out.push_str(if body.is_some() { "|\n" } else { "|-\n" });
    for line in body.unwrap_or(text).split('\n') {
        if !line.is_empty() {
            pad(out, indent);
            out.push_str(line);
        }
        out.push('\n');
    }
}

fn yaml_key(key: &str) -> String {
    let mut out = String::new();
    if is_plain_safe(key) {
        out.push_str(key);
    } else {
        quote(&mut out, key);
    }
    out
}

/// Text that reads as the same text without quotes, under YAML 1.1 as well: no word or number of either.
fn is_plain_safe(text: &str) -> bool {
    let mut chars = text.chars();
    let starts_well = match chars.next() {
        Some('-') => text.trim_start_matches('-').starts_with(|char: char| char.is_ascii_alphabetic()),
        Some(first) => first.is_alphabetic() || matches!(first, '/' | '_'),
        None => false,
    };
    let words = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"];
    starts_well
        && !text.ends_with([' ', ':'])
        && !text.contains(": ")
        && !text.contains(" #")
        && text.chars().all(|char| matches!(char, ' '..='~') || char.is_alphanumeric())
        && !words.iter().any(|word| text.eq_ignore_ascii_case(word))
        && resolve_plain(text).is_ok_and(|value| matches!(value, Value::String(_)))
}

/// Text of several lines that a literal block keeps as it is.
fn is_block_safe(text: &str) -> bool {
    let body = text.strip_suffix('\n').unwrap_or(text);
    body.contains('\n')
        && !text.starts_with([' ', '\t', '\n'])
        && !body.ends_with('\n')
        && body.split('\n').all(|line| line.is_empty() || !line.trim_matches([' ', '\t']).is_empty())
        && !body.contains("\n\t")
        && text.chars().all(|char| matches!(char, ' '..='~' | '\n' | '\t') || char.is_alphanumeric())
}

fn json(out: &mut String, value: &Value, indent: usize) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(number) => match number.json_text() {
            Some(text) => out.push_str(&text),
            None => quote(out, number.text()),
        },
        Value::String(text) => quote(out, text),
        Value::List(items) if items.is_empty() => out.push_str("[]"),
        Value::Map(map) if map.is_empty() => out.push_str("{}"),
        Value::List(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                json_line(out, index, indent + INDENT);
                json(out, item, indent + INDENT);
            }
            out.push('\n');
            pad(out, indent);
            out.push(']');
        }
        Value::Map(map) => {
            out.push('{');
            for (index, (key, item)) in map.iter().enumerate() {
                json_line(out, index, indent + INDENT);
                quote(out, key);
                out.push_str(": ");
                json(out, item, indent + INDENT);
            }
            out.push('\n');
            pad(out, indent);
            out.push('}');
        }
    }
}

fn json_line(out: &mut String, index: usize, indent: usize) {
    out.push_str(if index > 0 { ",\n" } else { "\n" });
    pad(out, indent);
}

/// A double-quoted string that JSON and YAML read alike.
fn quote(out: &mut String, text: &str) {
    out.push('"');
    for char in text.chars() {
        match char {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\0'..='\u{1f}' | '\u{7f}'..='\u{a0}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => {
                // writing to a string cannot fail
                let _ = write!(out, "\\u{:04x}", u32::from(char));
            }
            other => out.push(other),
        }
    }
    out.push('"');
}

fn end_line(out: &mut String) {
    if !out.ends_with('\n') {
        out.push('\n');
    }
}

fn pad(out: &mut String, indent: usize) {
    out.extend(std::iter::repeat_n(' ', indent));
}
