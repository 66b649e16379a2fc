//! Pages of a list: complete, in the order of immutable ids, each object once whatever is written meanwhile.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reeve_model::Violations;
use uuid::Uuid;

/// Objects of a page when the request does not say.
pub const DEFAULT_PAGE_SIZE: usize = 100;
/// Most objects of a page.
pub const MAX_PAGE_SIZE: usize = 1000;

/// Which page is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// Most objects of it.
    pub size: usize,
    /// The id that it begins after; none for the first.
    pub after: Option<Uuid>,
}

impl Page {
    /// Reads `page_size` and `page_token`; notes what is wrong with them.
    pub fn read(page_size: i32, page_token: &str, violations: &mut Violations) -> Option<Self> {
        let size = match usize::try_from(page_size) {
            Ok(0) => Some(DEFAULT_PAGE_SIZE),
            Ok(size) if size <= MAX_PAGE_SIZE => Some(size),
            _ => {
                violations.add("page_size", format!("{page_size} is not a page size: it is 0 to {MAX_PAGE_SIZE}"));
                None
            }
        };
        let after = match page_token {
            "" => Some(None),
            token => violations.take("page_token", parse_token(token)).map(Some),
        };
        Some(Self { size: size?, after: after? })
    }

    /// Takes one page of `items`, which begin after [`Page::after`]; and the token of the next one, empty if there is none.
    pub fn take<T>(&self, items: impl Iterator<Item = T>, id: impl Fn(&T) -> Uuid) -> (Vec<T>, String) {
        let mut taken: Vec<T> = items.take(self.size + 1).collect();
        let more = taken.len() > self.size;
        taken.truncate(self.size);
        let next =
            if more { taken.last().map(|last| next_page_token(&id(last))).unwrap_or_default() } else { String::new() };
        (taken, next)
    }
}

fn parse_token(token: &str) -> Result<Uuid, &'static str> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok();
    bytes
        .and_then(|bytes| Uuid::from_slice(&bytes).ok())
        .ok_or("not a page token: give `next_page_token` of the page before")
}

/// The token of the page after `last`.
pub fn next_page_token(last: &Uuid) -> String {
    URL_SAFE_NO_PAD.encode(last.as_bytes())
}

/// Whether a documented field contains the filter, case-insensitively; an empty filter keeps everything.
pub fn filter_matches(filter: &str, fields: &[&str]) -> bool {
    let wanted = filter.trim().to_lowercase();
    wanted.is_empty() || fields.iter().any(|field| field.to_lowercase().contains(&wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_each_other_and_the_last_has_no_token() {
        let ids: Vec<Uuid> = (1..=5).map(Uuid::from_u128).collect();
        let (mut seen, mut token) = (Vec::new(), String::new());
        loop {
            let page = Page::read(2, &token, &mut Violations::new()).unwrap();
            let rest = ids.iter().copied().filter(|id| page.after.is_none_or(|after| *id > after));
            let (items, next) = page.take(rest, |id| *id);
            seen.extend(items);
            if next.is_empty() {
                break;
            }
            token = next;
        }
        assert_eq!(seen, ids);
    }

    #[test]
    fn a_bad_size_and_a_bad_token_are_both_named() {
        let mut violations = Violations::new();
        assert_eq!(Page::read(1001, "x", &mut violations), None);
        let fields: Vec<_> = violations.into_vec().into_iter().map(|violation| violation.field).collect();
        assert_eq!(fields, ["page_size", "page_token"]);
        assert_eq!(Page::read(-1, "", &mut Violations::new()), None);
    }
}
