//! The checker of histories: it has nothing against what a store and its replicas may do, and finds every planted fault.

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;
use proptest::sample::Index;
use reeve_e2e::history::{
    Asked, Bounds, Change, Decision, Disturbance, History, Outcome, State, Violation, Write, check,
};

const BOUNDS: Bounds = Bounds { calm: Duration::from_secs(1), always: Duration::from_secs(5) };
const KEYS: usize = 4;
const REPLICAS: usize = 3;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn key(at: usize) -> String {
    format!("binding/{at}")
}

/// One thing that happens.
#[derive(Clone, Debug)]
enum Step {
    /// A write, sent and answered some ms before and after it takes effect.
    Write {
        key: usize,
        to: State,
        fate: Fate,
        before: u64,
        after: u64,
    },
    /// A decision by a replica that may not have seen everything.
    Decide {
        replica: usize,
        keys: BTreeSet<usize>,
        asked: Fresh,
        sees: Index,
        after: u64,
    },
    /// Somebody writes something else.
    Elsewhere,
    /// A write that nobody heard of again takes effect after all.
    Lands,
    Passes {
        ms: u64,
    },
}

#[derive(Clone, Copy, Debug)]
enum Fate {
    Acknowledged,
    DoneUnheard,
    PerhapsLater,
    NeverDone,
}

#[derive(Clone, Copy, Debug)]
enum Fresh {
    Any,
    AtLeast,
    Newest,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let fate = prop_oneof![
        6 => Just(Fate::Acknowledged),
        1 => Just(Fate::DoneUnheard),
        1 => Just(Fate::PerhapsLater),
        1 => Just(Fate::NeverDone),
    ];
    let fresh = prop_oneof![3 => Just(Fresh::Any), 2 => Just(Fresh::AtLeast), 1 => Just(Fresh::Newest)];
    let to = prop_oneof![Just(State::On), Just(State::Off)];
    let write = (0..KEYS, to, fate, 0..40_u64, 0..40_u64);
    let decide = (0..REPLICAS, prop::collection::btree_set(0..KEYS, 1..3), fresh, any::<Index>(), 0..40_u64);
    let step = prop_oneof![
        4 => write.prop_map(|(key, to, fate, before, after)| Step::Write { key, to, fate, before, after }),
        6 => decide.prop_map(|(replica, keys, asked, sees, after)| Step::Decide { replica, keys, asked, sees, after }),
        1 => Just(Step::Elsewhere),
        1 => Just(Step::Lands),
        2 => (1..700_u64).prop_map(|ms| Step::Passes { ms }),
    ];
    prop::collection::vec(step, 1..120)
}

/// A store with one order of writes, and replicas that follow it within the bound.
#[derive(Default)]
struct Simulated {
    now: u64,
    revision: u64,
    on: BTreeSet<String>,
    replicas: [u64; REPLICAS],
    pending: Vec<(String, State)>,
    history: History,
}

impl Simulated {
    fn run(steps: Vec<Step>) -> History {
        let mut simulated = Self { now: 1_000, ..Self::default() };
        for step in steps {
            simulated.now += 1;
            simulated.step(step);
        }
        simulated.history.until = simulated.revision;
        simulated.history.listed = simulated.on;
        simulated.history
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Passes { ms } => self.now += ms,
            Step::Elsewhere => self.revision += 1,
            Step::Lands => {
                if let Some((key, to)) = self.pending.pop() {
                    self.takes_effect(&key, to);
                }
            }
            Step::Write { key: at, to, fate, before, after } => {
                let key = key(at);
                let outcome = match fate {
                    Fate::NeverDone => Outcome::Unknown,
                    Fate::PerhapsLater => {
                        self.pending.push((key.clone(), to));
                        Outcome::Unknown
                    }
                    Fate::DoneUnheard => {
                        self.takes_effect(&key, to);
                        Outcome::Unknown
                    }
                    Fate::Acknowledged if self.takes_effect(&key, to) => Outcome::Acknowledged(self.revision),
                    // half of the keys are of the kind where asking again does no harm
                    Fate::Acknowledged if at % 2 == 0 => Outcome::Confirmed(self.revision),
                    Fate::Acknowledged => Outcome::Refused,
                };
                let (began, ended) = (ms(self.now - before), ms(self.now + after));
                self.history.writes.push(Write { client: "w".to_owned(), key, to, began, ended, outcome });
            }
            Step::Decide { replica, keys, asked, sees, after } => self.decide(replica, &keys, asked, sees, after),
        }
    }

    fn takes_effect(&mut self, key: &str, to: State) -> bool {
        let changed = if to == State::On { self.on.insert(key.to_owned()) } else { self.on.remove(key) };
        if changed {
            self.revision += 1;
            self.history.order.push(Change { revision: self.revision, key: key.to_owned(), to });
        }
        changed
    }

    /// The newest revision acknowledged or seen so long ago.
    fn known(&self, ago: Duration) -> u64 {
        let by = ms(self.now).saturating_sub(ago);
        let writes = self.history.writes.iter().filter_map(|write| match write.outcome {
            Outcome::Acknowledged(revision) | Outcome::Confirmed(revision) if write.ended < by => Some(revision),
            _ => None,
        });
        let decisions = self.history.decisions.iter().filter(|found| found.ended < by).map(|found| found.at);
        writes.chain(decisions).max().unwrap_or(0)
    }

    fn decide(&mut self, replica: usize, keys: &BTreeSet<usize>, asked: Fresh, sees: Index, after: u64) {
        let asked = match asked {
            Fresh::Any => Asked::Any,
            Fresh::AtLeast => Asked::AtLeast(sees.index(usize::try_from(self.revision).unwrap() + 1) as u64),
            Fresh::Newest => Asked::Newest,
        };
        let wanted = match asked {
            Asked::Any => self.known(BOUNDS.calm),
            Asked::AtLeast(revision) => revision.max(self.known(BOUNDS.calm)),
            Asked::Newest => self.known(Duration::ZERO),
        };
        let least = self.replicas[replica].max(wanted);
        let at = least + sees.index(usize::try_from(self.revision - least).unwrap() + 1) as u64;
        self.replicas[replica] = at;
        let keys: Vec<String> = keys.iter().copied().map(key).collect();
        let allowed = keys.iter().all(|key| on_at(&self.history.order, key, at));
        let (began, ended) = (ms(self.now), ms(self.now + after));
        self.history.decisions.push(Decision { client: "d".to_owned(), keys, began, ended, asked, at, allowed });
    }
}

fn on_at(order: &[Change], key: &str, at: u64) -> bool {
    let last = order.iter().rfind(|change| change.key == key && change.revision <= at);
    last.is_some_and(|change| change.to == State::On)
}

/// A fault that is put into a history.
#[derive(Clone, Copy, Debug)]
enum Fault {
    LostWrite,
    NotSo,
    UnaskedChange,
    RefusedDone,
    WrongAnswer,
    OlderThanToken,
    OlderThanNewest,
    Future,
    Listing,
    SwappedRevisions,
    RevokedAllowed,
    TwoAtOnce,
}

const FAULTS: [Fault; 12] = [
    Fault::LostWrite,
    Fault::NotSo,
    Fault::UnaskedChange,
    Fault::RefusedDone,
    Fault::WrongAnswer,
    Fault::OlderThanToken,
    Fault::OlderThanNewest,
    Fault::Future,
    Fault::Listing,
    Fault::SwappedRevisions,
    Fault::RevokedAllowed,
    Fault::TwoAtOnce,
];

/// Any of those that fit.
fn some<T>(found: Vec<T>, which: Index) -> Option<T> {
    if found.is_empty() { None } else { Some(found).map(|mut found| found.swap_remove(which.index(found.len()))) }
}

fn acknowledged(history: &History) -> Vec<(usize, u64)> {
    let each = history.writes.iter().enumerate();
    let with_revision = each.filter_map(|(at, write)| match write.outcome {
        Outcome::Acknowledged(revision) => Some((at, revision)),
        _ => None,
    });
    with_revision.collect()
}

/// Lets two writes, one after the other, take effect in the other order.
fn swap_two_apart(history: &mut History, which: Index) -> Option<()> {
    let writes = acknowledged(history);
    let apart = writes.iter().flat_map(|a| writes.iter().map(move |b| (*a, *b)));
    let apart = apart.filter(|((a, _), (b, _))| history.writes[*a].ended < history.writes[*b].began);
    let ((a, first), (b, second)) = some(apart.collect(), which)?;
    history.writes[a].outcome = Outcome::Acknowledged(second);
    history.writes[b].outcome = Outcome::Acknowledged(first);
    let (to_first, to_second) = (history.writes[b].clone(), history.writes[a].clone());
    for change in &mut history.order {
        if change.revision == first {
            (change.key, change.to) = (to_first.key.clone(), to_first.to);
        } else if change.revision == second {
            (change.key, change.to) = (to_second.key.clone(), to_second.to);
        }
    }
    Some(())
}

impl Fault {
    /// Puts it in, where the history has a place for it; whether it has.
    fn plant(self, history: &mut History, which: Index) -> Option<()> {
        match self {
            Self::LostWrite => {
                let (_, revision) = some(acknowledged(history), which)?;
                history.order.retain(|change| change.revision != revision);
            }
            Self::NotSo => {
                // of a key that nobody ever turned on
                let key = "binding/never".to_owned();
                let confirmed = |write: &Write| matches!(write.outcome, Outcome::Confirmed(_));
                let found = (0..history.writes.len()).filter(|at| confirmed(&history.writes[*at])).collect();
                let write = &mut history.writes[some(found, which)?];
                (write.key, write.to) = (key, State::On);
            }
            Self::UnaskedChange => {
                history.until += 1;
                history.order.push(Change { revision: history.until, key: "binding/x".to_owned(), to: State::On });
                history.listed.insert("binding/x".to_owned());
            }
            Self::RefusedDone => {
                let (at, _) = some(acknowledged(history), which)?;
                // somebody else of whom nobody heard could have done it
                let write = history.writes[at].clone();
                let other = |other: &Write| {
                    let outcome = matches!(other.outcome, Outcome::Unknown | Outcome::Confirmed(_));
                    other.key == write.key && outcome
                };
                (!history.writes.iter().any(other)).then_some(())?;
                history.writes[at].outcome = Outcome::Refused;
            }
            Self::WrongAnswer => {
                let at = some((0..history.decisions.len()).collect(), which)?;
                history.decisions[at].allowed ^= true;
            }
            Self::OlderThanToken => {
                let at = some((0..history.decisions.len()).collect(), which)?;
                history.decisions[at].asked = Asked::AtLeast(history.decisions[at].at + 1);
            }
            Self::OlderThanNewest => {
                let (at, revision) = some(acknowledged(history), which)?;
                let began = history.writes[at].ended + ms(1);
                let keys = vec![key(0)];
                let allowed = on_at(&history.order, &keys[0], revision - 1);
                let client = "planted".to_owned();
                let (ended, asked, at) = (began, Asked::Newest, revision - 1);
                history.decisions.push(Decision { client, keys, began, ended, asked, at, allowed });
            }
            Self::Future => {
                let at = some((0..history.decisions.len()).collect(), which)?;
                history.decisions[at].at = history.until + 1;
            }
            Self::Listing => {
                let key = key(which.index(KEYS));
                if !history.listed.remove(&key) {
                    history.listed.insert(key);
                }
            }
            Self::SwappedRevisions => swap_two_apart(history, which)?,
            Self::RevokedAllowed => {
                let off = acknowledged(history).into_iter().filter(|(at, _)| history.writes[*at].to == State::Off);
                let (at, revision) = some(off.collect(), which)?;
                let write = history.writes[at].clone();
                let began = write.ended + BOUNDS.calm + ms(1);
                // the state just before it, in which it was on
                let (keys, at, allowed) = (vec![write.key], revision - 1, true);
                let (client, ended, asked) = ("planted".to_owned(), began, Asked::Any);
                history.decisions.push(Decision { client, keys, began, ended, asked, at, allowed });
            }
            Self::TwoAtOnce => {
                let change = some(history.order.clone(), which)?;
                let at = history.order.iter().position(|found| *found == change)?;
                history.order.insert(at, change);
            }
        }
        Some(())
    }

    fn is(self, violation: &Violation) -> bool {
        match self {
            Self::LostWrite | Self::NotSo => matches!(violation, Violation::Lost(_)),
            Self::UnaskedChange | Self::RefusedDone => matches!(violation, Violation::Unasked(_)),
            Self::WrongAnswer => matches!(violation, Violation::Wrong(_)),
            Self::OlderThanToken | Self::OlderThanNewest => matches!(violation, Violation::TooOld { .. }),
            Self::Future => matches!(violation, Violation::Future(_)),
            Self::Listing => matches!(violation, Violation::Listed { .. }),
            Self::SwappedRevisions => matches!(violation, Violation::Disordered { .. }),
            Self::RevokedAllowed => matches!(violation, Violation::Revoked { .. }),
            Self::TwoAtOnce => matches!(violation, Violation::BadOrder(_)),
        }
    }
}

proptest! {
    #[test]
    fn what_a_store_and_its_replicas_may_do_is_explained(steps in steps()) {
        let history = Simulated::run(steps);
        let found = check(&history, BOUNDS);
        prop_assert!(found.is_empty(), "{found:?} in {history:?}");
    }

    #[test]
    fn a_planted_fault_is_found(steps in steps(), fault in prop::sample::select(FAULTS.to_vec()), which: Index) {
        let mut history = Simulated::run(steps);
        if fault.plant(&mut history, which).is_some() {
            let found = check(&history, BOUNDS);
            prop_assert!(found.iter().any(|violation| fault.is(violation)), "{fault:?}: {found:?} in {history:?}");
        }
    }
}

/// One binding that is made and taken away again.
fn made_and_taken_away() -> History {
    let write = |to, began, revision| Write {
        client: "admin".to_owned(),
        key: key(0),
        to,
        began: ms(began),
        ended: ms(began + 10),
        outcome: Outcome::Acknowledged(revision),
    };
    let change = |revision, to| Change { revision, key: key(0), to };
    History {
        writes: vec![write(State::On, 0, 5), write(State::Off, 100, 7)],
        order: vec![change(5, State::On), change(7, State::Off)],
        until: 9,
        ..History::default()
    }
}

fn allowed(began: u64, at: u64) -> Decision {
    Decision {
        client: "sidecar".to_owned(),
        keys: vec![key(0)],
        began: ms(began),
        ended: ms(began),
        asked: Asked::Any,
        at,
        allowed: true,
    }
}

#[test]
fn an_old_allow_is_excused_by_a_disturbance_up_to_the_stated_staleness_and_no_longer() {
    let revoked = |began: u64, disturbances: &[(u64, u64)]| {
        let mut history = made_and_taken_away();
        history.decisions.push(allowed(began, 6));
        history.disturbances =
            disturbances.iter().map(|(from, to)| Disturbance { from: ms(*from), to: ms(*to) }).collect();
        check(&history, BOUNDS).iter().any(|found| matches!(found, Violation::Revoked { .. }))
    };
    assert!(!revoked(1_110, &[]), "within a second");
    assert!(revoked(1_111, &[]), "beyond it");
    assert!(!revoked(1_111, &[(500, 700)]), "something was held meanwhile");
    assert!(revoked(1_111, &[(0, 109), (1_112, 2_000)]), "before and after it do not count");
    assert!(!revoked(5_110, &[(500, 700)]) && revoked(5_111, &[(500, 700)]), "never beyond the staleness");
}

#[test]
fn an_unheard_write_explains_one_change_and_not_one_from_before_it() {
    let mut history = made_and_taken_away();
    history.writes[0].outcome = Outcome::Unknown;
    assert_eq!(check(&history, BOUNDS), []);
    let twice = Change { revision: 8, key: key(0), to: State::On };
    history.order.push(twice.clone());
    history.listed.insert(key(0));
    assert_eq!(check(&history, BOUNDS), [Violation::Unasked(twice)]);

    let mut history = made_and_taken_away();
    (history.writes[0].outcome, history.writes[0].began, history.writes[0].ended) =
        (Outcome::Unknown, ms(200), ms(210));
    assert_eq!(check(&history, BOUNDS), [Violation::Unasked(history.order[0].clone())], "it began after revision 7");
}

#[test]
fn a_decision_seen_is_not_gone_back_from() {
    let mut history = made_and_taken_away();
    history.decisions.push(Decision { allowed: false, ..allowed(50, 7) });
    // answered at the revision that a later write was acknowledged with
    let found = check(&history, BOUNDS);
    assert!(matches!(found[..], [Violation::Disordered { after: 7, .. }]), "{found:?}");
}
