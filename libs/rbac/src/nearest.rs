//! Which known name somebody probably meant.

/// Most characters of a given name that are compared or repeated in an error.
const MAX_GIVEN_CHARS: usize = 64;

/// The given name as an error may repeat it: escaped and cut.
pub(crate) fn printable(given: &str) -> String {
    given.chars().take(MAX_GIVEN_CHARS).flat_map(char::escape_default).collect()
}

/// The known item whose name is nearest to `given` by edit distance, case aside, if at most a third of it differs.
pub(crate) fn nearest<T: Copy>(given: &str, known: &[T], name_of: impl Fn(T) -> &'static str) -> Option<T> {
    let given: Vec<char> = given.chars().take(MAX_GIVEN_CHARS).flat_map(char::to_lowercase).collect();
    let scored = known.iter().map(|item| (distance(&given, name_of(*item)), item));
    let (differences, item) = scored.min_by_key(|(differences, _)| *differences)?;
    (differences <= given.len() / 3).then_some(*item)
}

/// Levenshtein's edit distance, one row at a time.
fn distance(given: &[char], known: &str) -> usize {
    let mut row: Vec<usize> = (0..=given.len()).collect();
    for (line, wanted) in known.chars().flat_map(char::to_lowercase).enumerate() {
        let mut diagonal = line;
        let mut left = line + 1;
        let mut cells = row.iter_mut();
        if let Some(first) = cells.next() {
            *first = left;
        }
        for (cell, actual) in cells.zip(given) {
            let above = *cell;
            left = (left + 1).min(above + 1).min(diagonal + usize::from(*actual != wanted));
            diagonal = above;
            *cell = left;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_counts_edits() {
        for (given, known, expected) in [("", "abc", 3), ("abc", "abc", 0), ("kitten", "sitting", 3), ("abc", "", 3)] {
            assert_eq!(distance(&given.chars().collect::<Vec<_>>(), known), expected, "{given} {known}");
        }
    }
}
