//! Paths of fields as people read and write them: dotted, keys with dots quoted, items of keyed lists in brackets.

use std::fmt::Write as _;

/// The most characters of a piece of somebody's text that a message repeats.
const MAX_SHOWN: usize = 100;

/// The path of a field, grown step by step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Path(String);

impl Path {
    pub(crate) fn root() -> Self {
        Self::default()
    }

    /// Steps to a field of the map here; the answer takes [`Path::back`] to where it was.
    pub(crate) fn push_field(&mut self, key: &str) -> usize {
        let before = self.0.len();
        if before > 0 {
            self.0.push('.');
        }
        if is_plain(key) {
            self.0.push_str(key);
        } else {
            write_quoted(&mut self.0, key);
        }
        before
    }

    /// Steps to an item of the keyed list here, to a variable, or to a label.
    pub(crate) fn push_item(&mut self, key: &str) -> usize {
        let before = self.0.len();
        self.0.push('[');
        if key.is_empty() || key.contains(['[', ']', '"', '\\']) || key.contains(char::is_control) {
            write_quoted(&mut self.0, key);
        } else {
            self.0.push_str(key);
        }
        self.0.push(']');
        before
    }

    /// Steps to an item of the plain list here, counted from 0.
    pub(crate) fn push_index(&mut self, index: usize) -> usize {
        let before = self.0.len();
        // writing to a string cannot fail
        let _ = write!(self.0, "[{index}]");
        before
    }

    /// Steps back to where a step began.
    pub(crate) fn back(&mut self, before: usize) {
        self.0.truncate(before);
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn into_string(self) -> String {
        self.0
    }
}

fn is_plain(key: &str) -> bool {
    !key.is_empty() && !key.contains(['.', '[', ']', '"', '\\', ' ']) && !key.contains(char::is_control)
}

fn write_quoted(out: &mut String, key: &str) {
    out.push('"');
    for char in key.chars() {
        match char {
            '"' | '\\' => out.extend(['\\', char]),
            control if control.is_control() => out.extend(control.escape_unicode()),
            other => out.push(other),
        }
    }
    out.push('"');
}

/// Somebody's text as a message repeats it: cut at [`MAX_SHOWN`] characters.
pub(crate) fn shown(text: &str) -> String {
    match text.char_indices().nth(MAX_SHOWN) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_would_be_ambiguous_are_quoted() {
        let mut path = Path::root();
        path.push_field("a");
        path.push_field("b.c");
        path.push_item("/data");
        path.push_field("x\"y");
        let before = path.push_index(3);
        assert_eq!(path.as_str(), r#"a."b.c"[/data]."x\"y"[3]"#);
        path.back(before);
        assert_eq!(path.as_str(), r#"a."b.c"[/data]."x\"y""#);
    }
}
