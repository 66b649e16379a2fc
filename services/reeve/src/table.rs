//! Aligned columns of text.

use std::borrow::Cow;
use std::fmt::Write as _;

/// What stands between two columns.
const GAP: &str = "  ";

/// Rows of cells, each column as wide as its widest cell.
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
    indent: &'static str,
}

impl Table {
    /// A table with a heading.
    pub(crate) fn headed(heading: &[&str]) -> Self {
        Self { rows: vec![heading.iter().map(|&cell| cell.to_owned()).collect()], indent: "" }
    }

    /// A table of names and values.
    pub(crate) fn bare() -> Self {
        Self { rows: Vec::new(), indent: "" }
    }

    /// The same table, moved to the right.
    pub(crate) fn indented(mut self) -> Self {
        self.indent = "  ";
        self
    }

    /// Adds a row.
    pub(crate) fn push<I: IntoIterator<Item: Into<String>>>(&mut self, cells: I) {
        self.rows.push(cells.into_iter().map(|cell| plain(&cell.into()).into_owned()).collect());
    }

    /// Adds a row with a name and a value, unless the value is empty.
    pub(crate) fn detail(mut self, name: &str, value: impl Into<String>) -> Self {
        let value = value.into();
        if !value.is_empty() {
            self.push([name.to_owned(), value]);
        }
        self
    }

    /// The lines, each ended.
    pub(crate) fn render(&self) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| self.rows.iter().filter_map(|row| row.get(column)).map(|c| c.chars().count()).max();
        let widths = (0..columns).map(|column| width(column).unwrap_or(0)).collect::<Vec<_>>();
        let mut text = String::new();
        for row in &self.rows {
            let mut line = String::new();
            for (cell, width) in row.iter().zip(&widths) {
                let _ = write!(line, "{cell:<width$}{GAP}");
            }
            let _ = writeln!(text, "{}{}", self.indent, line.trim_end());
        }
        text
    }
}

/// The text with control characters written out, so that nobody's note can move another person's cursor or turn the line.
pub(crate) fn plain(text: &str) -> Cow<'_, str> {
    if !text.contains(disturbs) {
        return Cow::Borrowed(text);
    }
    let written_out = |c: char| if disturbs(c) { c.escape_default().collect::<String>() } else { c.to_string() };
    Cow::Owned(text.chars().map(written_out).collect())
}

/// Whether a character does something to the text around it: controls, line separators, and what turns the direction of
/// writing (Unicode Standard Annex 9).
pub(crate) fn disturbs(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// At most `chars` characters of the text, an ellipsis in the place of the rest.
pub(crate) fn clipped(text: &str, chars: usize) -> Cow<'_, str> {
    match text.char_indices().nth(chars) {
        None => Cow::Borrowed(text),
        Some((cut, _)) => Cow::Owned(format!("{}…", text.get(..cut).unwrap_or(text))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_lines_end_with_text() {
        let mut table = Table::headed(&["NAME", "NOTE"]);
        table.push(["é", "x"]);
        table.push(["longer", ""]);
        assert_eq!(table.render(), "NAME    NOTE\né       x\nlonger\n");
    }

    #[test]
    fn a_control_character_cannot_reach_the_terminal() {
        let table = Table::bare().detail("note", "\u{1b}[2Jgone\nnext");
        assert_eq!(table.render(), "note  \\u{1b}[2Jgone\\nnext\n");
        assert_eq!(plain("a\u{202e}b\u{9b}1m\u{2028}é"), "a\\u{202e}b\\u{9b}1m\\u{2028}é");
    }

    #[test]
    fn long_text_is_clipped_at_a_character() {
        assert_eq!(clipped("ééé", 3), "ééé");
        assert_eq!(clipped("éééé", 3), "ééé…");
    }
}
