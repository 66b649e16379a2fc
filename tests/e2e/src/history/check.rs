//! Holds a history to its laws.

use std::collections::{BTreeMap, BTreeSet};

use super::{Asked, Bounds, Change, Decision, History, Moment, Outcome, State, Violation, Write};

/// Everything that a history has against it; nothing if one order of writes explains it.
///
/// - An acknowledged write stands in the store's order at the revision it was acknowledged with, and what was confirmed was so
///   by then; every change there was asked for and not refused; and what began after something was acknowledged comes after it.
/// - What is listed in the end is what the changes add up to.
/// - A decision is made at a state at least as new as it asked for, and says what that state says.
/// - Nothing is allowed longer than `bounds` after its revocation was acknowledged, token or none.
pub fn check(history: &History, bounds: Bounds) -> Vec<Violation> {
    let mut violations = Vec::new();
    let truth = Truth::of(history, &mut violations);
    let known = Known::of(history);
    explained(history, &truth, &known, &mut violations);
    truth.listed(history, &mut violations);
    let revocations = revocations(history, &truth);
    for decision in &history.decisions {
        let wanted = match decision.asked {
            Asked::Any => 0,
            Asked::AtLeast(revision) => revision,
            Asked::Newest => known.before(decision.began),
        };
        if decision.at < wanted {
            violations.push(Violation::TooOld { decision: decision.clone(), wanted });
        }
        if decision.at > history.until {
            violations.push(Violation::Future(decision.clone()));
        } else if decision.allowed != decision.keys.iter().all(|key| truth.at(key, decision.at) == State::On) {
            violations.push(Violation::Wrong(decision.clone()));
        }
        heeded(decision, &revocations, history, bounds, &mut violations);
    }
    violations
}

/// The states of every key, by the store's own order.
struct Truth<'a>(BTreeMap<&'a str, Vec<&'a Change>>);

impl<'a> Truth<'a> {
    fn of(history: &'a History, violations: &mut Vec<Violation>) -> Self {
        let mut keys: BTreeMap<&str, Vec<&Change>> = BTreeMap::new();
        let mut latest = 0;
        for change in &history.order {
            let of_key = keys.entry(&change.key).or_default();
            let twice = of_key.last().is_some_and(|before| before.revision == change.revision);
            if twice || change.revision < latest || change.revision > history.until {
                violations.push(Violation::BadOrder(change.clone()));
                continue;
            }
            latest = change.revision;
            of_key.push(change);
        }
        Self(keys)
    }

    fn at(&self, key: &str, revision: u64) -> State {
        let changes = self.0.get(key).map_or(&[][..], Vec::as_slice);
        let seen = changes.partition_point(|change| change.revision <= revision);
        seen.checked_sub(1).and_then(|last| changes.get(last)).map_or(State::Off, |change| change.to)
    }

    /// The last revision up to this one at which a key became this.
    fn became(&self, key: &str, revision: u64, to: State) -> Option<u64> {
        let changes = self.0.get(key).map_or(&[][..], Vec::as_slice);
        changes.iter().rev().find(|change| change.revision <= revision && change.to == to).map(|change| change.revision)
    }

    /// Whether a key was this at any revision from the one to the other.
    fn was(&self, key: &str, from: u64, until: u64, state: State) -> bool {
        self.at(key, from) == state || self.became(key, until, state).is_some_and(|at| at > from)
    }

    fn has(&self, key: &str, revision: u64, to: State) -> bool {
        let changes = self.0.get(key).map_or(&[][..], Vec::as_slice);
        changes
            .binary_search_by_key(&revision, |change| change.revision)
            .is_ok_and(|at| changes.get(at).is_some_and(|change| change.to == to))
    }

    fn listed(&self, history: &History, violations: &mut Vec<Violation>) {
        let keys = self.0.keys().copied().chain(history.listed.iter().map(String::as_str)).collect::<BTreeSet<_>>();
        for key in keys {
            let expected = self.at(key, u64::MAX);
            if (expected == State::On) != history.listed.contains(key) {
                violations.push(Violation::Listed { key: key.to_owned(), expected });
            }
        }
    }
}

/// Which revision had been acknowledged or seen by when.
struct Known(Vec<(Moment, u64)>);

impl Known {
    fn of(history: &History) -> Self {
        let acknowledged = history.writes.iter().filter_map(|write| Some((write.ended, acknowledged(write)?)));
        let seen = history.decisions.iter().map(|decision| (decision.ended, decision.at));
        let mut known: Vec<(Moment, u64)> = acknowledged.chain(seen).collect();
        known.sort_unstable();
        let mut highest = 0;
        for (_, revision) in &mut known {
            highest = highest.max(*revision);
            *revision = highest;
        }
        Self(known)
    }

    /// The highest revision that somebody knew of before `moment`.
    fn before(&self, moment: Moment) -> u64 {
        let ended = self.0.partition_point(|(at, _)| *at < moment);
        ended.checked_sub(1).and_then(|last| self.0.get(last)).map_or(0, |(_, revision)| *revision)
    }
}

fn acknowledged(write: &Write) -> Option<u64> {
    match write.outcome {
        Outcome::Acknowledged(revision) | Outcome::Confirmed(revision) => Some(revision),
        Outcome::Refused | Outcome::Unknown => None,
    }
}

/// Acknowledged writes stand in the order, and every change of the order is one of them or one that nobody heard of again.
fn explained(history: &History, truth: &Truth<'_>, known: &Known, violations: &mut Vec<Violation>) {
    let mut said = BTreeSet::new();
    let mut unknown: BTreeMap<(&str, State), Vec<u64>> = BTreeMap::new();
    for write in &history.writes {
        let after = known.before(write.began);
        match write.outcome {
            Outcome::Refused => {}
            Outcome::Unknown => unknown.entry((&write.key, write.to)).or_default().push(after),
            Outcome::Confirmed(revision) => {
                if !truth.was(&write.key, after, revision, write.to) {
                    violations.push(Violation::Lost(write.clone()));
                }
                if truth.has(&write.key, revision, write.to) {
                    said.insert((revision, write.key.as_str()));
                }
                if revision < after {
                    violations.push(Violation::Disordered { write: write.clone(), after });
                }
            }
            Outcome::Acknowledged(revision) => {
                let first = said.insert((revision, write.key.as_str()));
                if !first || !truth.has(&write.key, revision, write.to) {
                    violations.push(Violation::Lost(write.clone()));
                }
                if revision <= after {
                    violations.push(Violation::Disordered { write: write.clone(), after });
                }
            }
        }
    }
    for change in &history.order {
        if said.contains(&(change.revision, change.key.as_str())) {
            continue;
        }
        let candidates = unknown.entry((&change.key, change.to)).or_default();
        // changes come by revision, so that whoever could have made this one could have made every later one: any will do
        match candidates.iter().position(|after| *after < change.revision) {
            Some(at) => drop(candidates.swap_remove(at)),
            None => violations.push(Violation::Unasked(change.clone())),
        }
    }
}

type Revocations<'a> = BTreeMap<&'a str, Vec<(u64, &'a Write)>>;

fn revocations<'a>(history: &'a History, truth: &Truth<'_>) -> Revocations<'a> {
    let mut found: Revocations<'a> = BTreeMap::new();
    for write in history.writes.iter().filter(|write| write.to == State::Off) {
        let revision = match write.outcome {
            // it may have been on again when that was said
            Outcome::Confirmed(revision) => truth.became(&write.key, revision, State::Off),
            _ => acknowledged(write),
        };
        if let Some(revision) = revision {
            found.entry(&write.key).or_default().push((revision, write));
        }
    }
    for writes in found.values_mut() {
        writes.sort_unstable_by_key(|(revision, _)| *revision);
    }
    found
}

/// An allow at a state before a revocation may come only so long after it.
fn heeded(
    decision: &Decision,
    revocations: &Revocations<'_>,
    history: &History,
    bounds: Bounds,
    violations: &mut Vec<Violation>,
) {
    if !decision.allowed {
        return;
    }
    for writes in decision.keys.iter().filter_map(|key| revocations.get(key.as_str())) {
        let unseen = writes.split_at(writes.partition_point(|(revision, _)| *revision <= decision.at)).1;
        let late = unseen.iter().find_map(|(_, write)| {
            let after = decision.began.checked_sub(write.ended)?;
            let disturbed = |from: Moment, to: Moment| from <= decision.began && write.ended <= to;
            let calm = !history.disturbances.iter().any(|found| disturbed(found.from, found.to));
            let bound = if calm { bounds.calm } else { bounds.always };
            (after > bound).then(|| Violation::Revoked { decision: decision.clone(), write: (*write).clone(), after })
        });
        violations.extend(late);
    }
}
