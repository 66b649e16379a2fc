//! Reads JSON (RFC 8259) with positions.

use crate::builder::{Builder, Expects};
use crate::input_error::{InputError, InputErrors};
use crate::node::{Node, Position};
use crate::number::Number;
use crate::value::Value;

/// Why a text was not read as JSON.
pub(crate) enum NotRead {
    /// It is not JSON; it may still be YAML.
    NotJson,
    /// It is JSON that no document may be.
    Refused(InputErrors),
}

/// What may come next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    Value,
    /// A value, or the end of the list that was just opened.
    FirstItem,
    /// A key, or the end of the map that was just opened.
    FirstKey,
    Key,
    CommaOrEnd,
    Nothing,
}

/// The tree of a JSON text.
pub(crate) fn read(text: &str) -> Result<Node, NotRead> {
    let mut reader = Reader { rest: text, at: Position { line: 1, column: 1 }, builder: Builder::default() };
    match reader.read_all() {
        Ok(()) => match reader.builder.finish() {
            Ok(Some(node)) => Ok(node),
            Ok(None) => Err(NotRead::NotJson),
            Err(errors) => Err(NotRead::Refused(errors)),
        },
        Err(Stop::NotJson) => Err(NotRead::NotJson),
        Err(Stop::Refused(error)) => Err(NotRead::Refused(reader.builder.fail(error))),
    }
}

struct Reader<'a> {
    rest: &'a str,
    at: Position,
    builder: Builder,
}

enum Stop {
    NotJson,
    Refused(InputError),
}

impl From<InputError> for Stop {
    fn from(error: InputError) -> Self {
        Self::Refused(error)
    }
}

impl<'a> Reader<'a> {
    fn read_all(&mut self) -> Result<(), Stop> {
        let mut next = Next::Value;
        loop {
            self.skip_space();
            let Some(char) = self.rest.chars().next() else {
                return if next == Next::Nothing { Ok(()) } else { Err(Stop::NotJson) };
            };
            next = self.step(next, char)?;
        }
    }

    fn step(&mut self, next: Next, char: char) -> Result<Next, Stop> {
        let at = self.at;
        match (next, char) {
            (Next::Value | Next::FirstItem, '{') => {
                self.advance(1);
                self.builder.open_map(at, 0)?;
                Ok(Next::FirstKey)
            }
            (Next::Value | Next::FirstItem, '[') => {
                self.advance(1);
                self.builder.open_list(at, 0)?;
                Ok(Next::FirstItem)
            }
            (Next::FirstItem, ']') | (Next::FirstKey, '}') => Ok(self.close()),
            (Next::CommaOrEnd, ']') if self.builder.expects() == Expects::Item => Ok(self.close()),
            (Next::CommaOrEnd, '}') if self.builder.expects() == Expects::Key => Ok(self.close()),
            (Next::CommaOrEnd, ',') => {
                self.advance(1);
                Ok(if self.builder.expects() == Expects::Key { Next::Key } else { Next::Value })
            }
            (Next::Key | Next::FirstKey, '"') => {
                self.string(at)?;
                self.skip_space();
                if !self.rest.starts_with(':') {
                    return Err(Stop::NotJson);
                }
                self.advance(1);
                Ok(Next::Value)
            }
            (Next::Value | Next::FirstItem, '"') => {
                self.string(at)?;
                Ok(self.after_value())
            }
            (Next::Value | Next::FirstItem, _) => {
                self.word(at)?;
                Ok(self.after_value())
            }
            _ => Err(Stop::NotJson),
        }
    }

    fn close(&mut self) -> Next {
        self.advance(1);
        self.builder.close();
        self.after_value()
    }

    fn after_value(&self) -> Next {
        if self.builder.expects() == Expects::Nothing { Next::Nothing } else { Next::CommaOrEnd }
    }

    fn string(&mut self, at: Position) -> Result<(), Stop> {
        let mut escaped = false;
        let end = self.rest.char_indices().skip(1).find(|&(_, char)| {
            let closes = char == '"' && !escaped;
            escaped = char == '\\' && !escaped;
            closes
        });
        let (end, _) = end.ok_or(Stop::NotJson)?;
        let token = self.advance(end + 1);
        let text: String = serde_json::from_str(token).map_err(|_| Stop::NotJson)?;
        let bytes = text.len();
        Ok(self.builder.scalar(at, 0, Value::String(text), bytes)?)
    }

    fn word(&mut self, at: Position) -> Result<(), Stop> {
        let end = self.rest.find([',', ']', '}', ' ', '\t', '\r', '\n']).unwrap_or(self.rest.len());
        let token = self.advance(end);
        let value = match token {
            "null" => Value::Null,
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            number if is_number(number) => Number::parse(number).map(Value::Number).ok_or(Stop::NotJson)?,
            _ => return Err(Stop::NotJson),
        };
        Ok(self.builder.scalar(at, 0, value, token.len())?)
    }

    fn skip_space(&mut self) {
        let end = self.rest.find(|char| !matches!(char, ' ' | '\t' | '\r' | '\n')).unwrap_or(self.rest.len());
        self.advance(end);
    }

    /// Takes `bytes` off the text and moves the position past them.
    fn advance(&mut self, bytes: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at_checked(bytes).unwrap_or((self.rest, ""));
        for char in taken.chars() {
            if char == '\n' {
                self.at = Position { line: self.at.line.saturating_add(1), column: 1 };
            } else {
                self.at.column = self.at.column.saturating_add(1);
            }
        }
        self.rest = rest;
        taken
    }
}

/// RFC 8259 §6.
fn is_number(text: &str) -> bool {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) =
        unsigned.split_once(['e', 'E']).map_or((unsigned, None), |(mantissa, exponent)| (mantissa, Some(exponent)));
    let (whole, fraction) =
        mantissa.split_once('.').map_or((mantissa, None), |(whole, fraction)| (whole, Some(fraction)));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits(whole)
        && (whole.len() == 1 || !whole.starts_with('0'))
        && fraction.is_none_or(digits)
        && exponent.is_none_or(|exponent| digits(exponent.strip_prefix(['+', '-']).unwrap_or(exponent)))
}
