//! The schedule of signing keys: when each signs, until when it is believed, and when the next is due.

use std::time::Duration;

use reeve_model::Timestamp;

use crate::signing_key::SigningKey;

/// When one key signs and is believed. Written once with the key, never changed: there is no state between which a crash
/// could fall.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KeyWindow {
    /// From here on it signs, if it is the newest that does.
    pub sign_from: Timestamp,
    /// From here on it signs no more, even when no newer key was made.
    pub sign_until: Timestamp,
    /// From here on its signatures are not believed.
    pub verify_until: Timestamp,
}

impl KeyWindow {
    fn signs_at(self, now: Timestamp) -> bool {
        self.sign_from <= now && now < self.sign_until
    }
}

/// How often keys change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeySchedule {
    /// A new key starts to sign this long after the one before it.
    pub rotate_every: Duration,
    /// A key is written this long before it signs, so that every verifier has it.
    pub publish_ahead: Duration,
    /// The longest life of a token that these keys sign.
    pub token_life: Duration,
}

impl Default for KeySchedule {
    /// Every 30 days, written 10 minutes ahead, for tokens of up to 30 days.
    fn default() -> Self {
        Self {
            rotate_every: Duration::from_hours(30 * 24),
            publish_ahead: Duration::from_mins(10),
            token_life: Duration::from_hours(30 * 24),
        }
    }
}

impl KeySchedule {
    /// The window of the key that has to be written now beside those of `windows`, if one has to be.
    ///
    /// Where no key signs now, one is made that signs at once: the first of a cluster, the one after a time without, and the one
    /// that is needed when others were made by a clock that was ahead. Those wait for their time, and are not counted.
    pub fn due(&self, windows: impl IntoIterator<Item = KeyWindow>, now: Timestamp) -> Option<KeyWindow> {
        let published_by = now.plus(self.publish_ahead);
        let known: Vec<KeyWindow> = windows.into_iter().filter(|window| window.sign_from <= published_by).collect();
        if !known.iter().any(|window| window.signs_at(now)) {
            return Some(self.window(now));
        }
        let newest = known.into_iter().map(|window| window.sign_from).max()?;
        let next_from = newest.plus(self.rotate_every);
        (published_by >= next_from).then(|| self.window(next_from.max(published_by)))
    }

    /// The window of a key that an operator asks for out of turn: it signs as soon as every verifier can have it.
    pub fn asked_for(&self, now: Timestamp) -> KeyWindow {
        self.window(now.plus(self.publish_ahead))
    }

    /// Signing goes on for a second period, so that a store that cannot be written does not stop every sign-in at once.
    fn window(&self, sign_from: Timestamp) -> KeyWindow {
        let sign_until = sign_from.plus(self.rotate_every).plus(self.rotate_every);
        KeyWindow { sign_from, sign_until, verify_until: sign_until.plus(self.token_life) }
    }
}

/// The key that signs at `now`: the newest whose `sign_from` is past. Of two equally new ones, the one with the greater
/// id, so that every replica takes the same.
pub fn signer<'a>(keys: impl IntoIterator<Item = &'a SigningKey>, now: Timestamp) -> Option<&'a SigningKey> {
    keys.into_iter()
        .filter(|key| key.window().signs_at(now))
        .max_by(|a, b| (a.window().sign_from, a.public().id()).cmp(&(b.window().sign_from, b.public().id())))
}
