//! What commands answer, and how they exit.

use reeve::Exit;
use reeve_api::admission::{AdmitResponse, Denial, DenialReason, Verdict};
use reeve_api::api::consistency::Requirement;
use reeve_api::policy::workload_config::Form;

use crate::fake::Fake;
use crate::person::Person;

pub(crate) async fn root() -> (Fake, Person) {
    let fake = Fake::default();
    fake.state().tokens.insert("root-token".to_owned(), "root".to_owned());
    let person = Person::at(&fake.serve().await).with("REEVE_TOKEN", "root-token");
    (fake, person)
}

#[tokio::test]
async fn a_server_that_cannot_be_reached_exits_4() {
    let mut somebody = Person::at("http://127.0.0.1:9").with("REEVE_TOKEN", "x");
    let outcome = somebody.run(&["whoami"]).await;
    assert_eq!(outcome.exit, Exit::Unreachable);
    assert!(outcome.stderr.contains("http://127.0.0.1:9") && outcome.stderr.contains("refused"), "{outcome:?}");

    let (_, mut root) = root().await;
    assert_eq!(root.run(&["user", "activate", "bob"]).await.exit, Exit::Unreachable);
}

#[tokio::test]
async fn what_cannot_be_sent_is_refused_before_the_server_is_asked() {
    let mut somebody = Person::at("http://127.0.0.1:9").with("REEVE_TOKEN", "x");
    for (arguments, text) in [
        (&["--server", "https://reeve:7300", "whoami"][..], "TLS"),
        (&["--server", "reeve:7300", "whoami"], "unix:/PATH"),
        (&["admit", "-w", "vision", "-t", "task", "-f", "/nonexistent.yaml"], "`/nonexistent.yaml`"),
        (&["config-policy", "set", "task", "-f", "/nonexistent.yaml"], "`/nonexistent.yaml`"),
        (&["access-token", "create", "--robot", "ci", "--ttl", "720"], "720h"),
        (&["binding", "add", "editor", "user:bob", "-w", "vision", "--on", "cluster"], "--on"),
        (&["workspace", "set-agent-user", "vision"], "--agent-uid"),
        (&["user"], "Usage"),
        (&["nonsense"], "nonsense"),
    ] {
        let outcome = somebody.run(arguments).await;
        assert_eq!(outcome.exit, Exit::Usage, "{arguments:?} {outcome:?}");
        assert!(outcome.stderr.contains(text), "{arguments:?} {outcome:?}");
    }
    let outcome = somebody.piping(*b"a: \xff").run(&["admit", "-w", "v", "-t", "task", "-f", "-"]).await;
    assert!(outcome.exit == Exit::Usage && outcome.stderr.contains("standard input"), "{outcome:?}");
}

#[tokio::test]
async fn a_new_password_is_asked_for_twice() {
    let (fake, mut root) = root().await;
    let outcome = root.typing(&["Abcdefg1", "Abcdefg2"]).run(&["user", "create", "bob"]).await;
    assert_eq!(outcome.exit, Exit::No);
    assert!(fake.state().created.is_empty());
    let outcome = root.typing(&["Abcdefg1", "Abcdefg1"]).run(&["user", "create", "bob", "--admin"]).await;
    assert_eq!(outcome.stdout, "created user bob\n", "{outcome:?}");
    assert!(fake.state().created[0].admin && fake.state().created[0].password == "Abcdefg1");
}

#[tokio::test]
async fn every_wrong_field_has_a_line_and_the_exit_is_1() {
    let (_, mut root) = root().await;
    let outcome = root.piping(*b"abcdefgh").run(&["user", "create", "x", "--password-stdin"]).await;
    assert_eq!(outcome.exit, Exit::No);
    assert!(outcome.stderr.contains("  username: must be 2 to 128 characters\n"), "{outcome:?}");
    assert!(outcome.stderr.contains("  password: must have a number\n"), "{outcome:?}");
    assert!(outcome.stdout.is_empty());
}

#[tokio::test]
async fn a_refusal_says_what_to_do_next() {
    let (_, mut root) = root().await;
    let outcome = root.run(&["user", "deactivate", "root"]).await;
    assert_eq!(outcome.exit, Exit::No);
    assert!(outcome.stderr.contains("reason: LAST_ADMIN\nnext: make another administrator"), "{outcome:?}");
}

#[tokio::test]
async fn a_list_is_read_to_its_end_in_every_form() {
    let (_, mut root) = root().await;
    let outcome = root.run(&["user", "list"]).await;
    let lines = outcome.stdout.lines().collect::<Vec<_>>();
    assert_eq!(lines.len(), 3, "{outcome:?}");
    assert!(lines[1].starts_with("alice") && lines[2].starts_with("bob"), "{outcome:?}");

    let outcome = root.run(&["user", "list", "-o", "json"]).await;
    assert!(outcome.stdout.contains("\"username\": \"bob\"") && outcome.stdout.contains("\"nextPageToken\": \"\""));
    assert!(outcome.stdout.contains("\"revision\": \"7\""), "{outcome:?}");
    let outcome = root.run(&["-o", "yaml", "user", "list"]).await;
    assert!(outcome.stdout.contains("username: bob"), "{outcome:?}");
}

#[tokio::test]
async fn a_read_sees_the_last_write_and_a_new_store_is_no_error() {
    let (fake, mut root) = root().await;
    root.piping(*b"Abcdefg1").run(&["user", "create", "bob", "--password-stdin"]).await;
    assert_eq!(root.run(&["whoami"]).await.exit, Exit::Yes);
    let asked = fake.state().consistency.last().cloned().flatten().unwrap().requirement;
    assert_eq!(asked, Some(Requirement::AtLeastAsFresh("create".to_owned())));

    fake.state().foreign.push("create".to_owned());
    for _ in 0..2 {
        assert_eq!(root.run(&["whoami"]).await.exit, Exit::Yes);
        assert_eq!(fake.state().consistency.last().cloned().flatten(), None);
    }
    assert_eq!(fake.state().consistency.len(), 4);
}

#[tokio::test]
async fn a_decision_is_the_exit_status() {
    let (fake, mut root) = root().await;
    let outcome = root.run(&["can", "workload.submit", "-w", "vision", "--as", "user:bob"]).await;
    assert_eq!((outcome.exit, outcome.stdout.as_str()), (Exit::Yes, "yes: role editor on workspaces/vision\n"));
    assert_eq!(fake.state().checked[0].resource, "workspaces/vision");
    assert_eq!(fake.state().checked[0].principal, "user:bob");
    let outcome = root.run(&["can", "user.administer", "-o", "json"]).await;
    assert_eq!(outcome.exit, Exit::No);
    assert!(outcome.stdout.contains("\"allowed\": false"), "{outcome:?}");
    assert_eq!(fake.state().checked[1].resource, "cluster");
}

#[tokio::test]
async fn an_admission_through_a_socket_is_the_exit_status() {
    let (fake, mut root) = root().await;
    let socket = fake.serve_on(&root.home.path().join("sidecar.sock"));
    let admit = ["--server", &socket, "admit", "-w", "vision", "-t", "experiment", "-f", "-"];
    fake.state().verdict = AdmitResponse { verdict: Verdict::Allow.into(), ..AdmitResponse::default() };
    let outcome = root.piping(*b"name: mnist\n").run(&admit).await;
    assert_eq!(outcome.exit, Exit::Yes, "{outcome:?}");
    assert!(outcome.stdout.starts_with("ADMITTED  root may submit experiment to workspaces/vision (revision 42)\n"));
    let sent = fake.state().admitted[0].config.clone().and_then(|config| config.form);
    assert_eq!(sent, Some(Form::Text("name: mnist\n".to_owned())));

    fake.state().verdict = AdmitResponse {
        verdict: Verdict::Deny.into(),
        reasons: vec![Denial { code: DenialReason::Permission.into(), message: "no role there".to_owned() }],
        ..AdmitResponse::default()
    };
    let outcome = root.piping(*b"{}").run(&admit).await;
    assert_eq!(outcome.exit, Exit::No);
    assert!(outcome.stdout.contains("no role there"), "{outcome:?}");
}

#[tokio::test]
async fn an_answer_without_a_verdict_is_a_refusal() {
    let (_, mut root) = root().await;
    let outcome = root.piping(*b"{}").run(&["admit", "-w", "vision", "-t", "task", "-f", "-", "-o", "json"]).await;
    assert_eq!(outcome.exit, Exit::No, "{outcome:?}");
}

#[tokio::test]
async fn help_version_and_completions_need_no_server_and_no_home() {
    let mut somebody = Person::at("http://127.0.0.1:9").with("HOME", "");
    let version = somebody.run(&["--version"]).await;
    assert_eq!((version.exit, version.stdout), (Exit::Yes, format!("reeve {}\n", env!("CARGO_PKG_VERSION"))));
    let help = somebody.run(&["user", "create", "--help"]).await;
    assert!(help.exit == Exit::Yes && help.stdout.contains("Examples:"), "{help:?}");
    for shell in ["bash", "zsh", "fish"] {
        let script = somebody.run(&["completion", shell]).await;
        assert!(script.exit == Exit::Yes && script.stdout.contains("config-policy"), "{shell}");
    }
}
