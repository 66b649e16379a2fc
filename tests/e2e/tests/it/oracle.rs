//! What the store itself says happened, change by change: read with etcd's own tool, past everything that is Reeve's.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use prost::Message as _;
use reeve_api::world::{Record, record::Kind};
use reeve_e2e::history::{Change, State};
use reeve_test_etcd::{EtcdCluster, keeper};
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::apart::PREFIX;

/// How long etcd may take for all of it.
const PATIENCE: Duration = Duration::from_secs(30);

/// That a user is active.
pub(crate) fn user(name: &str) -> String {
    format!("user/{name}")
}

/// That a user is an editor of a workspace.
pub(crate) fn editor(user: &str, workspace: &str) -> String {
    format!("editor/{user}/{workspace}")
}

/// Every change of users and of editors of workspaces, from the first revision to `until`, at which there is a change.
pub(crate) async fn changes(etcd: &EtcdCluster, until: u64) -> Vec<Change> {
    let mut events = watch(etcd);
    let mut reader = Reader::default();
    let all = timeout(PATIENCE, async {
        while let Some(line) = events.recv().await {
            let answer: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
            for event in answer["Events"].as_array().into_iter().flatten() {
                let revision = event["kv"]["mod_revision"].as_u64().unwrap();
                if revision > until {
                    return;
                }
                reader.read(revision, event);
            }
            if answer["Header"]["revision"].as_u64() >= Some(until) && reader.latest >= until {
                return;
            }
        }
        panic!("etcdctl ended before revision {until}");
    });
    all.await.unwrap_or_else(|_| panic!("revision {until} not seen, {} is the last", reader.latest));
    reader.changes
}

fn watch(etcd: &EtcdCluster) -> mpsc::UnboundedReceiver<String> {
    let mut pending = keeper::spawn("etcdctl");
    let command = pending.command();
    command.env("ETCDCTL_API", "3").arg(format!("--endpoints={}", etcd.endpoints().join(",")));
    command.args(["watch", "--prefix", &format!("{PREFIX}/world/"), "--rev=1", "--write-out=json"]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = pending.start().unwrap();
    let out = child.stdout.take().unwrap();
    let (said, events) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        // until nobody listens any more, or etcdctl ends
        let _told = BufReader::new(out).lines().map_while(Result::ok).try_for_each(|line| said.send(line));
        let _ended = child.kill();
        let _status = child.wait();
    });
    events
}

/// Records as they were written, with what each key held before.
#[derive(Default)]
struct Reader {
    users: BTreeMap<String, String>,
    /// What the record at each key makes true.
    holds: BTreeMap<String, String>,
    on: BTreeSet<String>,
    changes: Vec<Change>,
    latest: u64,
}

impl Reader {
    fn read(&mut self, revision: u64, event: &Value) {
        self.latest = revision;
        let text = |name: &str| event["kv"][name].as_str().map(|text| STANDARD.decode(text).unwrap());
        let key = String::from_utf8(text("key").unwrap()).unwrap();
        let holds = text("value").and_then(|value| self.holds(&key, &value));
        let held = match &holds {
            Some(now) => self.holds.insert(key, now.clone()),
            None => self.holds.remove(&key),
        };
        if held != holds {
            self.change(revision, held, State::Off);
            self.change(revision, holds, State::On);
        }
    }

    /// What a record makes true, if it is one that is followed here.
    fn holds(&mut self, key: &str, value: &[u8]) -> Option<String> {
        let followed = [format!("{PREFIX}/world/user/"), format!("{PREFIX}/world/binding/")];
        followed.iter().find(|prefix| key.starts_with(*prefix))?;
        match Record::decode(value).unwrap().kind? {
            Kind::User(found) => {
                self.users.insert(found.uid, found.username.clone());
                found.active.then(|| user(&found.username))
            }
            Kind::Binding(found) if found.role == "editor" => {
                let name = self.users.get(found.subject.strip_prefix("user:")?)?;
                Some(editor(name, found.resource.strip_prefix("workspaces/")?))
            }
            _ => None,
        }
    }

    fn change(&mut self, revision: u64, key: Option<String>, to: State) {
        let Some(key) = key else { return };
        let changed = if to == State::On { self.on.insert(key.clone()) } else { self.on.remove(&key) };
        assert!(changed, "{key} is twice {to:?} at {revision}");
        self.changes.push(Change { revision, key, to });
    }
}
