//! `google.protobuf.Struct` and config values. A `Struct` has no integers and no order of keys; text has both.

use prost_types::value::Kind;
use prost_types::{ListValue, Struct, Value as WireValue};
use reeve_config_policy::{MAX_DEPTH, Map, Number, Value};

/// A `Struct` that is nested more deeply than any config may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is nested more than {MAX_DEPTH} levels deep")]
pub(crate) struct TooDeep;

/// The value of an object.
pub(crate) fn from_struct(object: &Struct) -> Result<Value, TooDeep> {
    map(object, 0)
}

fn map(object: &Struct, depth: usize) -> Result<Value, TooDeep> {
    let field = |(key, field): (&String, &WireValue)| Ok((key.clone(), value(field, depth + 1)?));
    object.fields.iter().map(field).collect::<Result<Map, TooDeep>>().map(Value::Map)
}

fn value(wire: &WireValue, depth: usize) -> Result<Value, TooDeep> {
    if depth > MAX_DEPTH {
        return Err(TooDeep);
    }
    Ok(match &wire.kind {
        None | Some(Kind::NullValue(_)) => Value::Null,
        Some(Kind::BoolValue(truth)) => Value::Bool(*truth),
        Some(Kind::NumberValue(number)) => Value::Number(Number::from_f64(*number)),
        Some(Kind::StringValue(text)) => Value::String(text.clone()),
        Some(Kind::ListValue(list)) => {
            Value::List(list.values.iter().map(|item| value(item, depth + 1)).collect::<Result<_, _>>()?)
        }
        Some(Kind::StructValue(object)) => map(object, depth)?,
    })
}

/// The object of a value; a config is always a map.
pub(crate) fn to_struct(value: &Value) -> Struct {
    match value {
        Value::Map(map) => {
            Struct { fields: map.iter().map(|(key, value)| (key.to_owned(), to_value(value))).collect() }
        }
        _ => Struct::default(),
    }
}

fn to_value(value: &Value) -> WireValue {
    let kind = match value {
        Value::Null => Kind::NullValue(0),
        Value::Bool(truth) => Kind::BoolValue(*truth),
        Value::Number(number) => Kind::NumberValue(number.as_f64()),
        Value::String(text) => Kind::StringValue(text.clone()),
        Value::List(items) => Kind::ListValue(ListValue { values: items.iter().map(to_value).collect() }),
        Value::Map(_) => Kind::StructValue(to_struct(value)),
    };
    WireValue { kind: Some(kind) }
}
