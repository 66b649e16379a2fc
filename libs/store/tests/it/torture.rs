//! A process that writes is killed again and again: what it was told is durable is there, whole and in order.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;

use reeve_model::{Entropy, Revision, SeededEntropy};
use reeve_store::contract::Observer;
use reeve_store::{Embedded, EmbeddedOptions, Key, OpenError, Store, Txn, WatchedChange};
use tempfile::TempDir;

use crate::subject::{clock, open};

/// How often the process is killed when `REEVE_KILLS` does not say.
const KILLS: u32 = 25;
/// Where the process that is killed finds its store.
const DIR_VARIABLE: &str = "REEVE_TORTURE_DIR";
/// How many write at a time: what a group commit gathers.
const WORKERS: usize = 6;
/// How many of a worker's steps are kept.
const KEPT: u64 = 5;

/// The value that a worker writes at a step; its length varies, so that pages split and merge.
fn value(worker: usize, step: u64) -> Vec<u8> {
    let length = usize::try_from(step * 977 % 3001).unwrap();
    format!("{worker}:{step}:").into_bytes().into_iter().chain(std::iter::repeat_n(b'.', length)).collect()
}

/// The step that a value was written at.
fn step_of(value: &[u8]) -> u64 {
    String::from_utf8_lossy(value).split(':').nth(1).unwrap().parse().unwrap()
}

/// One step of a worker: three keys that are always equal, two that all workers write, a list of the last steps.
fn step(worker: usize, step: u64) -> Txn {
    let key = |name: &str| Key::new(format!("w/{worker}/{name}"));
    let value = value(worker, step);
    let mut txn = Txn::new().put(key("a"), value.clone()).put(key("b"), value.clone()).put(key("c"), value.clone());
    txn = txn.put(Key::new("shared/x"), value.clone()).put(Key::new("shared/y"), value);
    txn = txn.create(key(&format!("step/{step:012}")), "x");
    if step > KEPT { txn.delete(key(&format!("step/{:012}", step - KEPT))) } else { txn }
}

async fn last_step(store: &Embedded, worker: usize) -> u64 {
    let found = store.get(&Key::new(format!("w/{worker}/a"))).await.unwrap();
    found.map_or(0, |found| step_of(&found.value))
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    // The parent kills this process; it does not stop reading before.
    out.write_all(format!("\n{line}\n").as_bytes()).unwrap();
    out.flush().unwrap();
}

/// Not a test: what the tests below start as a process of its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the process that the torture kills"]
async fn victim() {
    let Some(dir) = std::env::var_os(DIR_VARIABLE) else { return };
    say("opening");
    let store = Arc::new(open(Path::new(&dir), &clock(), EmbeddedOptions::default()).unwrap());
    say("open");
    let mut workers = Vec::new();
    for worker in 0..WORKERS {
        let store = store.clone();
        workers.push(tokio::spawn(async move {
            let from = last_step(&store, worker).await + 1;
            for next in from.. {
                let committed = store.commit(step(worker, next)).await.unwrap();
                say(&format!("ack {worker} {next} {}", committed.revision));
            }
        }));
    }
    for worker in workers {
        worker.await.unwrap();
    }
}

/// A running victim, and what it has said.
struct Victim {
    process: Child,
    lines: std::io::Lines<BufReader<ChildStdout>>,
    /// By worker: the last step it was told is durable, and its revision.
    acknowledged: BTreeMap<usize, (u64, u64)>,
}

impl Victim {
    fn start(dir: &Path) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "torture::victim", "--ignored", "--nocapture", "--test-threads=1"])
            .env(DIR_VARIABLE, dir)
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        Self { process, lines, acknowledged: BTreeMap::new() }
    }

    /// Reads a line; false at the end.
    fn hear(&mut self, line: Option<std::io::Result<String>>) -> bool {
        let Some(line) = line else { return false };
        let line = line.unwrap();
        if let Some(said) = line.strip_prefix("ack ") {
            let numbers: Vec<u64> = said.split(' ').map(|number| number.parse().unwrap()).collect();
            let [worker, step, revision] = numbers[..] else { panic!("`{line}`") };
            self.acknowledged.insert(usize::try_from(worker).unwrap(), (step, revision));
        }
        true
    }

    /// Reads on until a line that starts like this.
    fn await_line(&mut self, start: &str) {
        loop {
            let line = self.lines.next().expect("the victim ended by itself");
            let found = line.as_ref().is_ok_and(|line| line.starts_with(start));
            self.hear(Some(line));
            if found {
                return;
            }
        }
    }

    /// SIGKILL, then what was still in the pipe, then the end of the process.
    fn kill(mut self) -> BTreeMap<usize, (u64, u64)> {
        self.process.kill().unwrap();
        loop {
            let line = self.lines.next();
            if !self.hear(line) {
                break;
            }
        }
        let status = self.process.wait().unwrap();
        assert!(!status.success(), "the victim was killed, and did not end by itself");
        self.acknowledged
    }
}

/// When a victim is killed: while it starts or repairs, at its first writes, or in full work.
fn await_moment(victim: &mut Victim, entropy: &dyn Entropy) {
    let random = || u64::from(u32::from_le_bytes(entropy.bytes::<4>()));
    match random() % 8 {
        0 => {
            victim.await_line("opening");
            spin(random() % 3_000_000);
        }
        1 => {
            victim.await_line("open");
            spin(random() % 1_000_000);
        }
        _ => {
            for _ in 0..=random() % 80 {
                victim.await_line("ack ");
            }
            spin(random() % 300_000);
        }
    }
}

/// Goes on working for a while that is different each time.
fn spin(turns: u64) {
    for turn in 0..turns {
        std::hint::black_box(turn);
        std::hint::spin_loop();
    }
}

/// What earlier rounds found.
struct Found {
    steps: BTreeMap<usize, u64>,
    revision: Revision,
}

/// Opens what the victim left, and checks everything it was told, and everything that holds between keys.
async fn check(dir: &Path, acknowledged: &BTreeMap<usize, (u64, u64)>, before: &Found) -> Found {
    let store = open(dir, &clock(), EmbeddedOptions::default()).unwrap();
    let page = store.list("", None, 1000, None).await.unwrap();
    assert!(!page.more);
    let state: BTreeMap<&str, (&[u8], u64)> =
        page.items.iter().map(|item| (item.key.as_str(), (&*item.value, item.mod_revision.get()))).collect();
    assert!(page.revision >= before.revision, "the revision went back to {} from {}", page.revision, before.revision);
    assert_eq!(state.get("shared/x"), state.get("shared/y"), "a torn transaction");
    let mut steps = BTreeMap::new();
    for worker in 0..WORKERS {
        let get = |name: &str| state.get(format!("w/{worker}/{name}").as_str()).copied();
        let earlier = before.steps.get(&worker).copied().unwrap_or(0);
        let told = acknowledged.get(&worker);
        let (held, at) = get("a").unwrap_or((b"0:0:", 0));
        let found = step_of(held);
        let at_least = told.map_or(earlier, |(step, _)| *step);
        assert!(found >= at_least, "worker {worker} was told of {at_least}, and is at {found}");
        assert!(found <= at_least + 1, "worker {worker} is at {found}, and was told of {at_least} last");
        if let Some((step, revision)) = told.filter(|(step, _)| *step == found) {
            assert_eq!(at, *revision, "step {step} of worker {worker} has another revision");
        }
        if found > 0 {
            assert_eq!(held, value(worker, found), "worker {worker}");
            assert_eq!((get("a"), get("a")), (get("b"), get("c")), "a torn transaction of worker {worker}");
        }
        let kept = state.keys().filter(|key| key.starts_with(&format!("w/{worker}/step/"))).count() as u64;
        assert_eq!(kept, found.min(KEPT), "the steps of worker {worker} at {found}");
        steps.insert(worker, found);
    }
    check_history(&store, before.revision, page.revision, &before.steps, &steps).await;
    store.close();
    Found { steps, revision: page.revision }
}

/// A watch from where the last round ended sees each step since then once, in order, each at one revision.
async fn check_history(
    store: &Embedded,
    from: Revision,
    to: Revision,
    before: &BTreeMap<usize, u64>,
    steps: &BTreeMap<usize, u64>,
) {
    let mut observer = Observer::new(store, "w/", from).await;
    observer.reach(to).await;
    assert_eq!(observer.changes.len() as u64, to.get() - from.get(), "revisions without a gap");
    let mut seen = before.clone();
    for (revision, changes) in &observer.changes {
        let puts: Vec<_> = changes
            .iter()
            .filter_map(|change| match change {
                WatchedChange::Put(put) if put.key.as_str().ends_with("/a") => Some(put),
                _ => None,
            })
            .collect();
        let [put] = puts[..] else { panic!("{revision} is the step of one worker") };
        let worker: usize = put.key.as_str().split('/').nth(1).unwrap().parse().unwrap();
        let last = seen.entry(worker).or_insert(0);
        assert_eq!(step_of(&put.value), *last + 1, "worker {worker} at {revision}");
        *last += 1;
    }
    for (worker, step) in steps {
        assert_eq!(seen.get(worker).copied().unwrap_or(0), *step, "worker {worker}");
    }
}

fn kills() -> u32 {
    std::env::var("REEVE_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(KILLS)
}

#[tokio::test]
async fn nothing_acknowledged_is_lost_when_the_process_is_killed() {
    let dir = TempDir::new().unwrap();
    let path: PathBuf = dir.path().join("store");
    let entropy: Arc<dyn Entropy> = Arc::new(SeededEntropy::new(u64::from(std::process::id())));
    let mut found = Found { steps: BTreeMap::new(), revision: Revision::ZERO };
    for round in 0..kills() {
        let mut victim = Victim::start(&path);
        await_moment(&mut victim, &*entropy);
        let acknowledged = victim.kill();
        let told = acknowledged.len();
        found = check(&path, &acknowledged, &found).await;
        if round % 100 == 99 {
            println!("{} kills, revision {}, {told} workers told last", round + 1, found.revision);
        }
    }
    assert!(found.revision > Revision::ZERO, "something was written between the kills");
}

#[tokio::test]
async fn a_store_that_another_process_has_open_is_refused_until_that_is_gone() {
    let dir = TempDir::new().unwrap();
    let mut victim = Victim::start(dir.path());
    victim.await_line("open");
    victim.await_line("ack ");
    let error = open(dir.path(), &clock(), EmbeddedOptions::default()).unwrap_err();
    assert!(matches!(error, OpenError::AlreadyOpen { .. }), "{error:?}");
    victim.kill();
    open(dir.path(), &clock(), EmbeddedOptions::default()).unwrap();
}
