//! What was removed lately and never comes back: to know that something is gone is not to wait for it.

use std::collections::{HashSet, VecDeque};

use reeve_world::RecordKey;

/// Most keys that are remembered; the oldest are forgotten first.
const MOST: usize = 20_000;

/// Keys of users and tokens that were removed: their ids are drawn at random, and never again.
#[derive(Debug, Default)]
pub(crate) struct Removed {
    keys: HashSet<String>,
    order: VecDeque<String>,
}

impl Removed {
    /// Remembers `key`, if it is of a kind that never comes back.
    pub(crate) fn note(&mut self, key: &str) {
        let once = matches!(RecordKey::parse(key), Ok(RecordKey::User(_) | RecordKey::Token(_)));
        if once && self.keys.insert(key.to_owned()) {
            self.order.push_back(key.to_owned());
        }
        while self.order.len() > MOST {
            let Some(oldest) = self.order.pop_front() else { break };
            self.keys.remove(&oldest);
        }
    }

    /// Whether `key` was removed, as far as is remembered.
    pub(crate) fn knows(&self, key: &str) -> bool {
        self.keys.contains(key)
    }
}

#[cfg(test)]
mod tests {
    use reeve_model::{GroupId, UserId};
    use uuid::Uuid;

    use super::*;

    fn user(number: usize) -> String {
        let id = 0x7000_8000_0000_0000_0000 + u128::try_from(number).unwrap();
        RecordKey::User(UserId::from_uuid(Uuid::from_u128(id))).to_string()
    }

    #[test]
    fn it_remembers_the_latest_of_what_never_comes_back() {
        let mut removed = Removed::default();
        for number in 0..=MOST {
            removed.note(&user(number));
            removed.note(&user(number));
        }
        assert!(!removed.knows(&user(0)));
        assert!(removed.knows(&user(1)) && removed.knows(&user(MOST)));
        let group = RecordKey::Group(GroupId::ADMINS).to_string();
        removed.note(&group);
        assert!(!removed.knows(&group));
        assert_eq!((removed.keys.len(), removed.order.len()), (MOST, MOST));
    }
}
