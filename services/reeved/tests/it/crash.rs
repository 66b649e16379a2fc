//! kill -9 under writes: nothing acknowledged is lost, nothing is half there, and it starts again by itself.
//!
//! `REEVE_KILLS` says how often.

use std::collections::BTreeSet;
use std::hash::{BuildHasher as _, RandomState};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use reeve_api::identity::{GetUserRequest, ListUsersRequest, WhoAmIRequest};
use reeve_api::policy::{GetWorkspaceRequest, ListBindingsRequest, ListWorkspacesRequest};
use tokio::time::timeout;
use tonic::Code;

use crate::client::{Client, PASSWORD};
use crate::process::{Running, up};

/// How often it is killed, unless `REEVE_KILLS` says otherwise.
const KILLS: usize = 15;
/// Who writes at the same time.
const WRITERS: usize = 4;
/// The longest that it is let write.
const LONGEST: Duration = Duration::from_millis(300);
/// After so many kills everything ever acknowledged is looked at, and at the end; else what is new.
const WHOLE_EVERY: usize = 50;
/// Holds what makes the workspaces: a creator of workspaces, whom a workspace must not be without.
const MAKER: &str = "maker";

/// One thing that was written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Write {
    User(String),
    Workspace(String),
    /// An editor of a workspace.
    Binding(String, String),
}

/// What was asked for, and what of that was acknowledged.
#[derive(Default)]
struct Journal {
    asked: BTreeSet<Write>,
    acknowledged: BTreeSet<Write>,
}

async fn write(admin: Client, maker: Client, journal: Arc<Mutex<Journal>>, name: String) {
    for at in 0.. {
        let (user, workspace) = (format!("u-{name}-{at}"), format!("w-{name}-{at}"));
        let binding = Write::Binding(user.clone(), workspace.clone());
        let writes = [Write::User(user.clone()), Write::Workspace(workspace.clone()), binding];
        for write in writes {
            journal.lock().unwrap().asked.insert(write.clone());
            let done = match &write {
                Write::User(name) => admin.make_user(name).await,
                Write::Workspace(name) => maker.make_workspace(name).await,
                Write::Binding(user, workspace) => {
                    maker.bind(&format!("user:{user}"), "editor", &format!("workspaces/{workspace}")).await
                }
            };
            match done {
                Ok(()) => journal.lock().unwrap().acknowledged.insert(write),
                Err(status)
                    if [Code::Unavailable, Code::Unknown, Code::Cancelled, Code::Internal].contains(&status.code()) =>
                {
                    return;
                }
                Err(status) => panic!("{write:?}: {status:?}"),
            };
        }
    }
}

/// Starts it, lets it be written to for a moment, and kills it; what was asked for and acknowledged meanwhile.
async fn killed_under_writes(data: &Path, round: usize, moment: Duration) -> (Journal, Duration) {
    let running = Running::start(up(data)).await;
    let ready_after = running.ready_after;
    let admin = Client::sign_in(running.address(), "admin", PASSWORD).await.unwrap();
    let maker = Client::sign_in(running.address(), MAKER, PASSWORD).await.unwrap();
    let journal = Arc::new(Mutex::new(Journal::default()));
    let writers: Vec<_> = (0..WRITERS)
        .map(|at| tokio::spawn(write(admin.clone(), maker.clone(), journal.clone(), format!("{round}-{at}"))))
        .collect();
    // the moment passes, unless the writers end, which they never do by themselves
    let ended = timeout(moment, std::future::pending::<()>()).await;
    assert!(ended.is_err());
    running.kill();
    for writer in writers {
        writer.await.unwrap();
    }
    let journal = std::mem::take(&mut *journal.lock().unwrap());
    (journal, ready_after)
}

async fn is_there(admin: &Client, write: &Write) -> bool {
    let found = match write {
        Write::User(name) => {
            let request = GetUserRequest { username: name.clone(), consistency: None };
            admin.users().get_user(admin.bearing(request)).await.map(|_| true)
        }
        Write::Workspace(name) => {
            let request = GetWorkspaceRequest { name: name.clone(), consistency: None };
            admin.workspaces().get_workspace(admin.bearing(request)).await.map(|_| true)
        }
        Write::Binding(user, workspace) => {
            let held = holders(admin, workspace).await;
            return held.is_some_and(|held| held.contains(&(format!("user:{user}"), "editor".to_owned())));
        }
    };
    match found {
        Err(status) if status.code() == Code::NotFound => false,
        found => found.unwrap(),
    }
}

/// Who holds which role on a workspace; none where there is no such workspace.
async fn holders(admin: &Client, workspace: &str) -> Option<Vec<(String, String)>> {
    let request = ListBindingsRequest { resource: format!("workspaces/{workspace}"), ..Default::default() };
    match admin.bindings().list_bindings(admin.bearing(request)).await {
        Ok(answer) => {
            let bindings = answer.into_inner().bindings.into_iter();
            Some(bindings.map(|binding| (binding.principal, binding.role)).collect())
        }
        Err(status) if status.code() == Code::NotFound => None,
        Err(status) => panic!("{status:?}"),
    }
}

/// What was acknowledged is there; what was asked for is there whole, or not at all and can be asked for again.
async fn nothing_is_lost_or_half(running: &Running, admin: &Client, maker: &Client, journal: &Journal) {
    for write in &journal.asked {
        let found = is_there(admin, write).await;
        assert!(found || !journal.acknowledged.contains(write), "{write:?} was acknowledged and is lost");
        match (write, found) {
            (Write::User(name), true) => {
                let signed_in = Client::sign_in(running.address(), name, PASSWORD).await;
                let signed_in = signed_in.unwrap_or_else(|status| panic!("{name} is half there: {status:?}"));
                signed_in.sessions().who_am_i(signed_in.bearing(WhoAmIRequest::default())).await.unwrap();
            }
            (Write::User(name), false) => admin.make_user(name).await.unwrap(),
            (Write::Workspace(name), true) => {
                let held = holders(admin, name).await.unwrap();
                let of_maker = (format!("user:{MAKER}"), "workspaceAdmin".to_owned());
                assert!(held.contains(&of_maker), "{name} is half there: {held:?}");
            }
            (Write::Workspace(name), false) => maker.make_workspace(name).await.unwrap(),
            (Write::Binding(user, workspace), false) => {
                maker.bind(&format!("user:{user}"), "editor", &format!("workspaces/{workspace}")).await.unwrap();
            }
            (Write::Binding(..), true) => {}
        }
    }
}

/// Pages through everything: all that was ever acknowledged is there.
async fn all_is_there(admin: &Client, acknowledged: &BTreeSet<Write>) {
    let mut found = BTreeSet::new();
    let mut page_token = String::new();
    loop {
        let request = ListUsersRequest { page_size: 1000, page_token, ..Default::default() };
        let page = admin.users().list_users(admin.bearing(request)).await.unwrap().into_inner();
        found.extend(page.users.into_iter().map(|user| Write::User(user.username)));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    loop {
        let request = ListWorkspacesRequest { page_size: 1000, page_token, ..Default::default() };
        let page = admin.workspaces().list_workspaces(admin.bearing(request)).await.unwrap().into_inner();
        found.extend(page.workspaces.into_iter().map(|workspace| Write::Workspace(workspace.name)));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    let mut made_by = BTreeSet::new();
    loop {
        let request = ListBindingsRequest {
            resource: "cluster".to_owned(),
            below: true,
            page_size: 1000,
            page_token,
            ..Default::default()
        };
        let page = admin.bindings().list_bindings(admin.bearing(request)).await.unwrap().into_inner();
        for binding in page.bindings {
            let Some(workspace) = binding.resource.strip_prefix("workspaces/").map(str::to_owned) else { continue };
            match (binding.principal.strip_prefix("user:"), binding.role.as_str()) {
                (Some(MAKER), "workspaceAdmin") => drop(made_by.insert(workspace)),
                (Some(user), "editor") => drop(found.insert(Write::Binding(user.to_owned(), workspace))),
                _ => {}
            }
        }
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    let lost: Vec<_> = acknowledged.difference(&found).collect();
    assert!(lost.is_empty(), "{} were acknowledged and are lost: {lost:?}", lost.len());
    let half = found
        .iter()
        .filter(|write| matches!(write, Write::Workspace(name) if name != "default" && !made_by.contains(name)));
    assert_eq!(half.collect::<Vec<_>>(), Vec::<&Write>::new(), "workspaces without their creator's binding");
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_moment_under_writes_it_loses_nothing_acknowledged() {
    let kills = std::env::var("REEVE_KILLS").map_or(KILLS, |text| text.parse().expect("REEVE_KILLS is a number"));
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut command = up(&data);
    command.env("REEVE_INITIAL_PASSWORD", PASSWORD);
    let first = Running::start(command).await;
    let admin = Client::sign_in(first.address(), "admin", PASSWORD).await.unwrap();
    admin.make_user(MAKER).await.unwrap();
    admin.bind(&format!("user:{MAKER}"), "workspaceCreator", "cluster").await.unwrap();
    first.kill();

    let random = RandomState::new();
    let mut acknowledged = BTreeSet::new();
    let mut readies = Vec::new();
    let began = Instant::now();
    for round in 0..kills {
        let longest = u64::try_from(LONGEST.as_micros()).unwrap();
        let moment = Duration::from_micros(random.hash_one(round) % longest);
        let (journal, ready_after) = killed_under_writes(&data, round, moment).await;
        readies.push(ready_after);

        let running = Running::start(up(&data)).await;
        readies.push(running.ready_after);
        let admin = Client::sign_in(running.address(), "admin", PASSWORD).await.unwrap();
        let maker = Client::sign_in(running.address(), MAKER, PASSWORD).await.unwrap();
        nothing_is_lost_or_half(&running, &admin, &maker, &journal).await;
        acknowledged.extend(journal.acknowledged);
        if (round + 1) % WHOLE_EVERY == 0 || round + 1 == kills {
            all_is_there(&admin, &acknowledged).await;
        }
        running.kill();
    }
    readies.sort();
    println!(
        "{kills} kills in {:?}: {} writes were acknowledged, none is lost; ready after {:?} (median), {:?} (slowest)",
        began.elapsed(),
        acknowledged.len(),
        readies[readies.len() / 2],
        readies[readies.len() - 1],
    );
}

#[tokio::test]
async fn killed_during_its_first_start_it_starts_again_as_if_it_were_the_first() {
    for at in 0..8_u64 {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let mut command = up(&data);
        command.env("REEVE_INITIAL_PASSWORD", PASSWORD);
        let mut child = command.spawn().unwrap();
        let moment = timeout(Duration::from_millis(at * 8), std::future::pending::<()>()).await;
        assert!(moment.is_err());
        child.kill().unwrap();
        child.wait().unwrap();
        let mut command = up(&data);
        command.env("REEVE_INITIAL_PASSWORD", PASSWORD);
        let running = Running::start(command).await;
        Client::sign_in(running.address(), "admin", PASSWORD).await.unwrap();
    }
}

#[tokio::test]
async fn a_warm_start_is_timed() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let first = Running::start(up(&data)).await;
    println!("first start: ready after {:?}", first.ready_after);
    first.terminate();
    assert!(first.end().await.status.success());
    for _ in 0..5 {
        let warm = Running::start(up(&data)).await;
        println!("warm start: ready after {:?}", warm.ready_after);
        warm.terminate();
        assert!(warm.end().await.status.success());
    }
}
