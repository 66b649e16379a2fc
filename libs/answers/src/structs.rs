//! `google.protobuf.Struct` and config values. A `Struct` has no integers and no order of keys; text has both.

use prost_types::value::Kind;
use prost_types::{ListValue, Struct, Value as WireValue};
use reeve_config_policy::{MAX_DEPTH, MAX_NODES, Map, Number, Value};

/// A `Struct` that is larger than any config may be; it is refused where the bound is met, before more is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TooLarge {
    /// Nested too deeply.
    #[error("is nested more than {MAX_DEPTH} levels deep")]
    Deep,
    /// Too many values.
    #[error("holds more than {MAX_NODES} values")]
    Nodes,
}

/// The value of an object.
pub(crate) fn from_struct(object: &Struct) -> Result<Value, TooLarge> {
    map(object, 0, &mut MAX_NODES.saturating_sub(1))
}

fn map(object: &Struct, depth: usize, room: &mut usize) -> Result<Value, TooLarge> {
    if object.fields.len() > *room {
        return Err(TooLarge::Nodes);
    }
    let field = |(key, field): (&String, &WireValue)| Ok((key.clone(), value(field, depth + 1, room)?));
    object.fields.iter().map(field).collect::<Result<Map, TooLarge>>().map(Value::Map)
}

/// `room` is how many values more there may be.
fn value(wire: &WireValue, depth: usize, room: &mut usize) -> Result<Value, TooLarge> {
    if depth > MAX_DEPTH {
        return Err(TooLarge::Deep);
    }
    *room = room.checked_sub(1).ok_or(TooLarge::Nodes)?;
    Ok(match &wire.kind {
        None | Some(Kind::NullValue(_)) => Value::Null,
        Some(Kind::BoolValue(truth)) => Value::Bool(*truth),
        Some(Kind::NumberValue(number)) => Value::Number(Number::from_f64(*number)),
        Some(Kind::StringValue(text)) => Value::String(text.clone()),
        Some(Kind::ListValue(list)) => {
            Value::List(list.values.iter().map(|item| value(item, depth + 1, room)).collect::<Result<_, _>>()?)
        }
        Some(Kind::StructValue(object)) => map(object, depth, room)?,
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

#[cfg(test)]
mod tests {
    use super::*;

    fn one() -> WireValue {
        WireValue { kind: Some(Kind::NumberValue(1.0)) }
    }

    #[test]
    fn an_object_of_too_many_values_is_refused_as_it_is_read() {
        let flat = |count: usize| Struct { fields: (0..count).map(|at| (at.to_string(), one())).collect() };
        // the object itself is a value too
        assert!(from_struct(&flat(MAX_NODES - 1)).is_ok());
        assert_eq!(from_struct(&flat(MAX_NODES)), Err(TooLarge::Nodes));
        let listed = |count: usize| {
            let list = WireValue { kind: Some(Kind::ListValue(ListValue { values: vec![one(); count] })) };
            Struct { fields: [("a".to_owned(), list)].into() }
        };
        assert!(from_struct(&listed(MAX_NODES - 2)).is_ok());
        assert_eq!(from_struct(&listed(MAX_NODES - 1)), Err(TooLarge::Nodes));
    }

    #[test]
    fn an_object_that_is_nested_too_deeply_is_refused() {
        let nest = |inner: Struct, _| {
            let value = WireValue { kind: Some(Kind::StructValue(inner)) };
            Struct { fields: [("a".to_owned(), value)].into() }
        };
        assert!(from_struct(&(0..MAX_DEPTH).fold(Struct::default(), nest)).is_ok());
        assert_eq!(from_struct(&(0..=MAX_DEPTH).fold(Struct::default(), nest)), Err(TooLarge::Deep));
    }
}
